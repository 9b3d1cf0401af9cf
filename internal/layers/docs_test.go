package layers

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// TestPagesNameFiles: every file and folder of the code that a page names is there.
func TestPagesNameFiles(t *testing.T) {
	pages, err := filepath.Glob(root + "/docs/*.md")
	if err != nil || len(pages) == 0 {
		t.Fatalf("%d pages: %v", len(pages), err)
	}
	named := regexp.MustCompile("`((?:[a-z0-9_]+/)+[a-z0-9_]+\\.go|internal/[a-z/]+)`")
	n := 0
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range named.FindAllSubmatch(text, -1) {
			n++
			if _, err := os.Stat(filepath.Join(root, string(m[1]))); err != nil {
				t.Errorf("%s names %s: %v", filepath.Base(page), m[1], err)
			}
		}
	}
	if n == 0 {
		t.Error("no page names a file")
	}
}
