package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestIndexOfTwo: of two runs over one index at once, the one that ends last says so and spoils nothing.
func TestIndexOfTwo(t *testing.T) {
	path := filepath.Join(t.TempDir(), "seen.known")
	c, a := &dedupCommand{Index: path}, &app{ctx: t.Context()}
	for _, there := range []bool{false, true} {
		first, err := c.seen()
		if err != nil {
			t.Fatal(err)
		}
		second, err := c.seen()
		if err != nil {
			t.Fatal(err)
		}
		first.grown, second.grown = first.known, second.known
		if err := first.remember(a); err != nil {
			t.Fatal(err)
		}
		before, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := second.remember(a); err == nil || !strings.Contains(err.Error(), "was changed by another run") {
			t.Errorf("index there before: %v: %v", there, err)
		}
		if after, err := os.ReadFile(path); err != nil || !bytes.Equal(after, before) {
			t.Errorf("index there before: %v: it is another, %v", there, err)
		}
	}
}
