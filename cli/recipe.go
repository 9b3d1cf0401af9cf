package cli

import (
	"errors"
	"fmt"

	"temper/recipe"
)

// loadRecipe reads a recipe; what is wrong with it is wrong input.
func loadRecipe(path string, sets []string) (*recipe.Recipe, error) {
	r, err := recipe.Load(path, sets)
	var wrong recipe.Problems
	if err != nil && !errors.As(err, &wrong) {
		return nil, fmt.Errorf("%w: %w", errInput, err)
	}
	return r, err
}

type recipeCommand struct {
	Check  recipeCheck  `cmd:"" help:"Say what is wrong, as file:line:column: key: what; exit status 2."`
	Show   recipeShow   `cmd:"" help:"The recipe with all defaults filled in."`
	Schema recipeSchema `cmd:"" help:"JSON Schema of recipes, for editors."`
}

type recipeCheck struct {
	File string   `arg:"" help:"The recipe, a YAML file."`
	Set  []string `sep:"none" placeholder:"KEY=VALUE" help:"Override a key of the recipe."`
	JSON bool     `name:"json" help:"Print one JSON object a problem."`
}

// Help is shown below the flags.
func (c *recipeCheck) Help() string {
	return "Examples:\n  temper recipe check examples/go-docs/recipe.yaml\n  temper recipe check recipe.yaml --set tune.train.lr=1e-4 --json"
}

// Run checks.
func (c *recipeCheck) Run(a *app) error {
	r, err := loadRecipe(c.File, c.Set)
	var wrong recipe.Problems
	if c.JSON && errors.As(err, &wrong) {
		for _, p := range wrong {
			if err := a.printJSON(p); err != nil {
				return err
			}
		}
		return err
	}
	if err != nil || c.JSON {
		return err
	}
	fmt.Fprintf(a.out, "%s: recipe %s is right\n", c.File, r.Name)
	return nil
}

type recipeShow struct {
	File string   `arg:"" help:"The recipe, a YAML file."`
	Set  []string `sep:"none" placeholder:"KEY=VALUE" help:"Override a key of the recipe."`
	JSON bool     `name:"json" help:"As JSON: what manifests and histories hold."`
}

// Help is shown below the flags.
func (c *recipeShow) Help() string {
	return "Examples:\n  temper recipe show examples/go-docs/recipe.yaml\n  temper recipe show recipe.yaml --set filter.language.min=0.8"
}

// Run shows.
func (c *recipeShow) Run(a *app) error {
	r, err := loadRecipe(c.File, c.Set)
	if err != nil {
		return err
	}
	if c.JSON {
		return a.printJSON(r)
	}
	_, err = fmt.Fprint(a.out, r.YAML())
	return err
}

type recipeSchema struct{}

// Help is shown below the flags.
func (c *recipeSchema) Help() string {
	return "Put `# yaml-language-server: $schema=recipe.schema.json` at the top of a recipe, and an editor completes and checks its keys.\n\nExamples:\n  temper recipe schema\n  temper recipe schema > recipe.schema.json"
}

// Run prints the schema.
func (c *recipeSchema) Run(a *app) error {
	b, err := recipe.Schema()
	if err != nil {
		return err
	}
	_, err = a.out.Write(b)
	return err
}
