package recipe_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"temper/examples"
	"temper/recipe"
)

// TestJSONReadsBack: the JSON that manifests hold of a recipe is the recipe.
func TestJSONReadsBack(t *testing.T) {
	want, err := recipe.Parse("recipe.yaml", examples.GoDocs, nil)
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got recipe.Recipe
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(*want, got); d != "" {
		t.Errorf("want -, got +:\n%s", d)
	}
}
