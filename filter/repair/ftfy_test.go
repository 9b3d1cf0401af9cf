package repair

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"temper/dataset"
)

// shared returns the folder of shared test data, or skips.
func shared(t testing.TB, name string) string {
	t.Helper()
	dir := os.Getenv("TEMPER_SHARED")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "data")
	}
	dir = filepath.Join(dir, name)
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("no test data %s: set TEMPER_SHARED to the folder that has %s", dir, name)
	}
	return dir
}

// fixed returns text with all its edits applied.
func fixed(t testing.TB, text string, o Options) string {
	t.Helper()
	out, err := dataset.Apply(text, Edits(text, o))
	if err != nil {
		t.Fatalf("edits of %q do not apply: %v", text, err)
	}
	return out
}

// bolder is the case in which we differ: its name was meant to be Dråber, which is what we make of it. ftfy leaves it
// for its decision is about the whole text, which has a dash that Latin-1 lacks.
const bolder = "Bremer/Mccoy – DrÃ¥ber"

// TestFtfy holds how many of ftfy's own cases come out as its authors say. Not counted are those they call failures of
// their own; quotes, which ftfy also straightens, count either way.
func TestFtfy(t *testing.T) {
	dir := shared(t, "ftfy")
	files, _ := filepath.Glob(filepath.Join(dir, "*.json"))
	pass, all := 0, 0
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		var cases []struct {
			Label, Original, Fixed, Expect string
			FixedEncoding                  string `json:"fixed-encoding"`
		}
		if err := json.Unmarshal(b, &cases); err != nil {
			t.Fatal(err)
		}
		for _, c := range cases {
			if c.Expect != "pass" || c.Original == bolder {
				continue
			}
			all++
			got := fixed(t, c.Original, Options{})
			if straight(got) == straight(c.Fixed) || got == c.FixedEncoding {
				pass++
			} else {
				t.Logf("%s: %s\n  of   %q\n  got  %q\n  want %q", filepath.Base(f), c.Label, c.Original, got, c.Fixed)
			}
		}
	}
	t.Logf("%d of %d", pass, all)
	if pass < all || all < 80 {
		t.Errorf("%d of %d cases pass, want all of at least 80", pass, all)
	}
}

// straight replaces typographic quotes by plain ones.
func straight(s string) string {
	return strings.NewReplacer("“", `"`, "”", `"`, "‘", "'", "’", "'").Replace(s)
}
