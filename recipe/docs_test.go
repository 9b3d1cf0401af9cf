package recipe

import (
	"os"
	"strings"
	"testing"
)

// The recipe on the page about the filter's rules is one.
func TestCurationPage(t *testing.T) {
	b, err := os.ReadFile("../docs/curation.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(b), "```yaml\n")
	text, _, ok := strings.Cut(rest, "```")
	if !ok {
		t.Fatal("the page has no recipe")
	}
	if _, err := Parse("docs/curation.md", []byte(text), nil); err != nil {
		t.Error(err)
	}
}
