package recipe

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A classifier's file becomes part of the recipe, and one that is no model is refused.
func TestClassifierFile(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"m.json": "{}", "recipe.yaml": "name: x\ncollect: [{text: {root: .}}]\nfilter:\n  - classifier: {file: m.json}\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Load(filepath.Join(dir, "recipe.yaml"), nil); err == nil || !strings.Contains(err.Error(), "filter[0]: classifier: model: is no model") {
		t.Errorf("error %v", err)
	}
}

// Lists of words in files become part of the recipe; a file that is missing, empty or too large is named with its key.
func TestLists(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("bad.txt", "# a comment\ndarn\n\n  go to hell \n")
	write("empty.txt", "# nothing\n")
	write("large.txt", strings.Repeat("word\n", maxList/5+1))
	recipe := func(file string) string {
		write("recipe.yaml", "name: x\ncollect: [{text: {root: .}}]\nfilter:\n  - bad_words: {words: [heck], file: "+file+"}\n")
		return filepath.Join(dir, "recipe.yaml")
	}
	r, err := Load(recipe("bad.txt"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if b := r.Filter[0].BadWords; !slices.Equal(b.Words, []string{"heck", "darn", "go to hell"}) || b.File != "" {
		t.Errorf("got %q, file %q", b.Words, b.File)
	}
	for file, want := range map[string]string{"empty.txt": "has no words", "large.txt": "at most", "none.txt": "no such file"} {
		if _, err := Load(recipe(file), nil); err == nil || !strings.Contains(err.Error(), "filter[0].bad_words.file") || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v", file, err)
		}
	}
}
