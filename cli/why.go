package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"temper/collect"
	"temper/dataset"
	"temper/web"
)

type dataWhy struct {
	oneDataset
	Row     string   `arg:"" help:"The row's id, or its first characters."`
	Sources []string `placeholder:"FOLDER" help:"Where the source files lie now. Default: where the recipe read them."`
}

// Help is shown below the flags.
func (c *dataWhy) Help() string {
	return "Examples:\n  temper data why go-docs 3f2a91c0\n  temper data why go-docs@0123456789ab 3f2a91c0 --json"
}

// Run traces a row to its bytes and rules.
func (c *dataWhy) Run(a *app) error {
	v, err := c.open(a, c.Dataset)
	if err != nil {
		return err
	}
	row, err := v.find(a, c.Row)
	if err != nil {
		return err
	}
	source, err := traced(a.ctx, keeping{sources{}, v.store}, row.Source, row.Meta["charset"], append(slices.Clone(c.Sources), rootsOf(v.Recipe)...))
	if err != nil {
		return err
	}
	if c.JSON {
		return a.printJSON(map[string]any{"dataset": v.Name, "version": v.Version, "row": row, "source": source, "stages": v.Stages})
	}
	pairs := [][2]string{{"row", row.ID + " of " + v.Name + "@" + v.Version}, {"source", where(row.Source)}, {"sha256", row.Source.SHA256}}
	for _, p := range row.Parents {
		pairs = append(pairs, [2]string{"made of", p})
	}
	pairs = append(pairs, [2]string{"cluster", row.Cluster}, [2]string{"verdict", "kept"})
	if row.Verdict != nil {
		pairs[len(pairs)-1][1] = "dropped by " + row.Verdict.String()
	}
	printPairs(a, pairs)
	printTrace(a, source)
	return printChecks(a, row)
}

// keeping are sources, and what was kept of them on a store by its digest.
type keeping struct {
	sources
	store dataset.Store
}

// Open implements collect.Files.
func (k keeping) Open(ctx context.Context, uri string) (dataset.Object, error) {
	if digest, ok := strings.CutPrefix(uri, collect.RowsScheme); ok && len(digest) > 2 {
		if obj, err := k.store.Open(ctx, dataset.Ref{SHA256: digest, Ext: collect.KeptExt}.Key()); err == nil {
			return obj, nil
		}
	}
	return k.sources.Open(ctx, uri)
}

// find returns the row whose id is prefix, or begins with it, if it is only one. The first is found by the files' bloom filters; for
// the second their ids are read, and nothing else.
func (v version) find(a *app, prefix string) (dataset.Row, error) {
	files := v.files()
	row, ok, err := dataset.FindDatasetRow(a.ctx, v.store, v.dir, files, prefix)
	if err != nil || ok {
		return row, err
	}
	var found []string
	for id, err := range dataset.DatasetIDs(a.ctx, v.store, v.dir, files) {
		if err != nil {
			return dataset.Row{}, err
		}
		if strings.HasPrefix(id, prefix) {
			if found = append(found, id); len(found) == 2 {
				break
			}
		}
	}
	switch len(found) {
	case 0:
		return dataset.Row{}, fmt.Errorf("%s@%s has no row %s (temper data show lists rows): %w", v.Name, v.Version, prefix, errInput)
	case 1:
		row, _, err := dataset.FindDatasetRow(a.ctx, v.store, v.dir, files, found[0])
		return row, err
	}
	return dataset.Row{}, fmt.Errorf("%s is the beginning of several rows' ids, %s and %s among them: give more of it: %w", prefix, found[0], found[1], errInput)
}

// printPairs prints names and values; what has no value is left out.
func printPairs(a *app, pairs [][2]string) {
	for _, p := range pairs {
		if p[1] != "" {
			fmt.Fprintf(a.out, "%-8s %s\n", p[0], printable(p[1]))
		}
	}
}

// printTrace prints the source's own bytes.
func printTrace(a *app, t trace) {
	if t.Note != "" {
		fmt.Fprintf(a.out, "\nthe source's bytes: %s\n", printable(t.Note))
		return
	}
	fmt.Fprintf(a.out, "\nthe source's bytes, in %s\n", printable(t.Path))
	for line := range strings.SplitSeq(strings.TrimSuffix(t.Bytes, "\n"), "\n") {
		fmt.Fprintf(a.out, "  | %s\n", printable(line))
	}
	if t.Left > 0 {
		fmt.Fprintf(a.out, "  and %s bytes more\n", web.Count(t.Left))
	}
}

// printChecks prints what was measured and what every rule said of it.
func printChecks(a *app, row dataset.Row) error {
	signals := a.table("SIGNAL", "VALUE")
	for _, k := range sortedKeys(row.Signals) {
		signals.row(k, value(row.Signals[k]))
	}
	if err := signals.flushBelow(); err != nil {
		return err
	}
	rules := a.table("RULE", ">VALUE", "MUST BE", "", "DETAIL")
	for _, ch := range row.Checks {
		said := "passed"
		if ch.Drop {
			said = "DROPPED"
		}
		rules.row(ch.Rule, value(ch.Value), ch.Op+" "+value(ch.Threshold), said, ch.Detail)
	}
	return rules.flushBelow()
}

type adapterWhy struct{ oneAdapter }

// Help is shown below the flags.
func (c *adapterWhy) Help() string {
	return "Examples:\n  temper adapter why go-docs\n  temper adapter why go-docs@0123456789ab --json"
}

// A sourceFile is a file that training rows came from.
type sourceFile struct {
	URI    string `json:"uri"`
	SHA256 string `json:"sha256,omitempty"`
	Rows   int64  `json:"rows"`
}

// listedSources is how many source files are listed for people.
const listedSources = 20

// Run traces an adapter to its training, its dataset version, its recipe, its stages and its sources.
func (c *adapterWhy) Run(a *app) error {
	s, card, err := c.open(a)
	if err != nil {
		return err
	}
	name, at, _ := strings.Cut(card.Dataset, "@")
	m, err := dataset.LoadManifest(a.ctx, s, name, at)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s@%s was trained on %s, which is no longer on %s: %w", card.Name, card.Version, card.Dataset, s, err)
	}
	if err != nil {
		return err
	}
	v := version{m, s, dataset.DatasetDir(m.Name, m.Version)}
	files, err := v.sources(a)
	if err != nil {
		return err
	}
	if c.JSON {
		return a.printJSON(map[string]any{"name": card.Name, "version": card.Version, "base": card.Base, "dataset": card.Dataset,
			"training": card.Stage, "stages": m.Stages, "recipe": rawJSON(m.Recipe), "sources": files})
	}
	printPairs(a, [][2]string{{"adapter", card.Name + "@" + card.Version}, {"base", card.Base.Name + ", sha256 " + card.Base.SHA256},
		{"dataset", card.Dataset + ", " + web.Count(m.Records) + " records"}, {"manifest", v.dir + "/manifest.json"}, {"training", "stage " + card.Stage}})
	if err := v.printStages(a); err != nil {
		return err
	}
	printRecipe(a, m.Recipe)
	t := a.table(">ROWS", "SOURCE FILE OF THE TRAINING ROWS", "SHA256")
	for i, f := range files {
		if i == listedSources {
			t.row("", fmt.Sprintf("and %s more files; --json lists all", web.Count(int64(len(files)-i))))
			break
		}
		t.row(web.Count(f.Rows), f.URI, fmt.Sprintf("%.12s", f.SHA256))
	}
	return t.flushBelow()
}

// sources counts the training rows by the file they came from, the file of most rows first.
func (v version) sources(a *app) ([]sourceFile, error) {
	rows, err := v.rows(a, "train")
	if err != nil {
		return nil, err
	}
	count := map[sourceFile]int64{}
	for row, err := range rows {
		if err != nil {
			return nil, err
		}
		count[sourceFile{URI: row.Source.URI, SHA256: row.Source.SHA256}]++
	}
	files := make([]sourceFile, 0, len(count))
	for f, n := range count {
		f.Rows = n
		files = append(files, f)
	}
	slices.SortFunc(files, func(a, b sourceFile) int {
		return cmp.Or(cmp.Compare(b.Rows, a.Rows), strings.Compare(a.URI, b.URI), strings.Compare(a.SHA256, b.SHA256))
	})
	return files, nil
}

// printStages lists the stages a version came from.
func (v version) printStages(a *app) error {
	t := a.table("STAGE", "ENGINE", "KEY", ">IN", ">OUT", ">DROPPED")
	for _, key := range v.Stages {
		st, found, err := dataset.LoadStage(a.ctx, v.store, key)
		if err != nil {
			return err
		}
		if found {
			t.row(st.Name, st.Engine, fmt.Sprintf("%.12s", key), web.Count(st.Counts.In), web.Count(st.Counts.Out), web.Count(st.Counts.Dropped))
		}
	}
	return t.flushBelow()
}

// printRecipe prints a recipe.
func printRecipe(a *app, recipe string) {
	fmt.Fprintln(a.out, "\nthe dataset's recipe")
	for line := range strings.SplitSeq(strings.TrimSpace(web.RecipeText(recipe)), "\n") {
		fmt.Fprintf(a.out, "  %s\n", printable(line))
	}
}

// rawJSON is text as the JSON it is, or as a string where it is none.
func rawJSON(text string) any {
	if json.Valid([]byte(text)) {
		return json.RawMessage(text)
	}
	return text
}
