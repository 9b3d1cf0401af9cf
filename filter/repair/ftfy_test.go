package repair

import (
	"encoding/json"
	"os"
	"path/filepath"
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

// TestFtfy holds that ftfy's own cases come out as its authors say, but for those they call failures of their own: the whole
// repair with plain typography, as ftfy does it by default, and the repair of encodings alone.
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
			if c.Expect != "pass" {
				continue
			}
			all++
			encoding := c.Fixed
			if c.FixedEncoding != "" {
				encoding = c.FixedEncoding
			}
			whole, decoded := fixed(t, c.Original, Options{Plain: true}), apply(c.Original, mojibake(c.Original))
			if whole == c.Fixed && decoded == encoding {
				pass++
				continue
			}
			t.Errorf("%s: %s\n  of   %q\n  got  %q, %q\n  want %q, %q", filepath.Base(f), c.Label, c.Original, whole, decoded, c.Fixed, encoding)
		}
	}
	t.Logf("%d of %d", pass, all)
	if all < 80 {
		t.Errorf("%d cases, want at least 80", all)
	}
}

// NeMo Curator's UnicodeReformatter, which is ftfy, gives the same on its own cases (commit 1e2e4275). Its other modifiers
// (fewer empty lines, no URLs) are none of repair.
func TestNeMoModifiers(t *testing.T) {
	b, err := os.ReadFile(filepath.Join(shared(t, "vectors"), "nemo_modifiers.json"))
	if err != nil {
		t.Fatal(err)
	}
	var v struct {
		Cases []struct {
			Modifier        string
			Input, Expected []string
		}
	}
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	texts := 0
	for _, c := range v.Cases {
		if c.Modifier != "UnicodeReformatter(uncurl_quotes=True)" {
			continue
		}
		for i, in := range c.Input {
			texts++
			if got := fixed(t, in, Options{Plain: true}); got != c.Expected[i] {
				t.Errorf("%q became %q, want %q", in, got, c.Expected[i])
			}
		}
	}
	if texts < 5 {
		t.Errorf("%d texts, want at least 5", texts)
	}
}
