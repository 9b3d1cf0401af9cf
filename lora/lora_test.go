package lora

import (
	"bytes"
	"errors"
	"flag"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"temper/dataset"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var modules = []Module{
	{"model.layers.0.self_attn.q_proj", 6, 8}, {"model.layers.0.self_attn.k_proj", 6, 4}, {"model.layers.0.mlp.down_proj", 10, 6},
	{"model.layers.2.self_attn.q_proj", 6, 8}, {"model.layers.10.self_attn.q_proj", 6, 8},
}

func adapter(t testing.TB, o Options) *Adapter {
	t.Helper()
	a, err := New(modules, o, 7)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// TestNew holds the start: B 0, A within ±1/√in and spread over it, and each value a function of seed, name and index alone.
func TestNew(t *testing.T) {
	a := adapter(t, Options{Rank: 300})
	for _, p := range a.Pairs {
		bound, sum := 1/math.Sqrt(float64(p.In)), 0.0
		for _, v := range p.A {
			if math.Abs(float64(v)) > bound {
				t.Fatalf("%s: %g is beyond %g", p.Name, v, bound)
			}
			sum += float64(v) * float64(v)
		}
		if got, want := sum/float64(len(p.A)), bound*bound/3; math.Abs(got-want) > 0.1*want {
			t.Errorf("%s: variance %g, want %g", p.Name, got, want)
		}
		if slices.ContainsFunc(p.B, func(v float32) bool { return v != 0 }) {
			t.Errorf("%s: B is not 0", p.Name)
		}
	}
	alone, err := New(modules[2:3], Options{Rank: 300}, 7)
	if err != nil {
		t.Fatal(err)
	}
	if want, _ := a.Pair(modules[2].Name); !slices.Equal(alone.Pairs[0].A, want.A) {
		t.Error("other modules change a module's start")
	}
	if other, _ := New(modules, Options{Rank: 300}, 8); slices.Equal(other.Pairs[0].A, a.Pairs[0].A) {
		t.Error("another seed gives the same start")
	}
}

// TestTargets holds which modules each choice adapts, and that unknown ones are refused.
func TestTargets(t *testing.T) {
	for targets, want := range map[string]int{"": 5, "all-linear": 5, "attention": 4, "q_proj": 3, "k_proj, down_proj": 2} {
		if got := len(adapter(t, Options{Targets: targets}).Pairs); got != want {
			t.Errorf("%q adapts %d modules, want %d", targets, got, want)
		}
	}
	for says, o := range map[string]Options{"lm_head": {Targets: "lm_head"}, "it has q_proj,k_proj,down_proj": {Targets: "qkv_proj"},
		"rank is -1": {Rank: -1}, "alpha is NaN": {Alpha: math.NaN()}, "dropout is 1": {Dropout: 1}} {
		if _, err := New(modules, o, 0); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("error is %v; it should say %q", err, says)
		}
	}
}

// filled is an adapter whose B is not 0.
func filled(t testing.TB) *Adapter {
	a := adapter(t, Options{Rank: 2, Alpha: 3})
	a.Base = "a base"
	for _, p := range a.Pairs {
		fillUniform(p.B, 1, 9, p.Name)
	}
	return a
}

// TestMerge holds that adapting is merging: W·x + s·B·A·x = (W + s·B·A)·x.
func TestMerge(t *testing.T) {
	a := filled(t)
	p := a.Pairs[2]
	w, x := make([]float32, p.Out*p.In), make([]float32, 3*p.In)
	fillUniform(w, 1, 1, "w")
	fillUniform(x, 1, 1, "x")
	times := func(w []float32) []float64 {
		var y []float64
		for n := range 3 {
			for o := range p.Out {
				s := 0.0
				for i := range p.In {
					s += float64(w[o*p.In+i]) * float64(x[n*p.In+i])
				}
				y = append(y, s)
			}
		}
		return y
	}
	want := times(w)
	for i, v := range p.Forward(x, 3, a.Scale()) {
		want[i] += float64(v)
	}
	p.Merge(w, a.Scale())
	for i, got := range times(w) {
		if math.Abs(got-want[i]) > 1e-5 {
			t.Errorf("y[%d] is %g merged, %g adapted", i, got, want[i])
		}
	}
}

// TestScale holds α/r and, rank-stabilised, α/√r.
func TestScale(t *testing.T) {
	a := Adapter{Rank: 16, Alpha: 32}
	if a.Scale() != 2 {
		t.Errorf("scale is %g, want 2", a.Scale())
	}
	if a.RankRoot = true; a.Scale() != 8 {
		t.Errorf("rank-stabilised scale is %g, want 8", a.Scale())
	}
}

// TestFiles holds the PEFT directory to its golden bytes, and that it reads back as it was.
func TestFiles(t *testing.T) {
	a := filled(t)
	files, err := a.Files()
	if err != nil {
		t.Fatal(err)
	}
	for name, got := range files {
		path := filepath.Join("testdata", name)
		if *update {
			if err := os.WriteFile(path, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s differs from its golden file", name)
		}
	}
	dir := t.TempDir()
	if err := a.Write(dir); err != nil {
		t.Fatal(err)
	}
	back, err := Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(back, a) {
		t.Errorf("read back:\n%+v\nwrote:\n%+v", back, a)
	}
}

// TestParseRefuses holds that what we cannot compute, and what is broken, is refused by name.
func TestParseRefuses(t *testing.T) {
	files, err := filled(t).Files()
	if err != nil {
		t.Fatal(err)
	}
	head, weights := string(files[ConfigFile]), files[WeightsFile]
	for _, tt := range []struct {
		says, old, new string
		malformed      bool
	}{
		{"use_dora is set", `"use_dora": false`, `"use_dora": true`, true},
		{"for rank 4", `"rank_pattern": {}`, `"rank_pattern": {"q_proj": 4}`, true},
		{"rank 2.5", `"rank_pattern": {}`, `"rank_pattern": {"q_proj": 2.5}`, true},
		{"no regular expression", `"alpha_pattern": {}`, `"alpha_pattern": {"(": 4}`, true},
		{"at most 262144 are read", `"rank_pattern": {}`, `"rank_pattern": {"` + strings.Repeat(".{999}", 200) + `": 2, "` + strings.Repeat(".{999}", 100) + `": 2}`, true},
		{"there is no matrix base_model.model.lm_head.weight", `"modules_to_save": null`, `"modules_to_save": ["lm_head"]`, true},
		{`this build trains embed_tokens,lm_head whole`, `"modules_to_save": null`, `"modules_to_save": ["score"]`, false},
		{"ensure_weight_tying", `"bias"`, `"ensure_weight_tying": true, "bias"`, false},
		{`peft_type is "IA3"`, `"LORA"`, `"IA3"`, false},
		{"rank 0", `"r": 2`, `"r": 0`, true},
		{"for rank 3", `"r": 2`, `"r": 3`, true},
		{ConfigFile, `{`, `[`, true},
	} {
		_, err := Parse([]byte(strings.Replace(head, tt.old, tt.new, 1)), weights)
		if err == nil || !strings.Contains(err.Error(), tt.says) || errors.Is(err, dataset.ErrMalformed) != tt.malformed {
			t.Errorf("%s: error is %v", tt.new, err)
		}
	}
	if _, err := Parse([]byte(head), weights[:len(weights)-4]); !errors.Is(err, dataset.ErrMalformed) {
		t.Errorf("truncated weights: error is %v", err)
	}
}

// TestFits holds that an adapter of another model is refused, naming the module.
func TestFits(t *testing.T) {
	a := filled(t)
	if err := a.Fits(modules); err != nil {
		t.Error(err)
	}
	for _, other := range [][]Module{modules[1:], {{modules[0].Name, 6, 9}}} {
		if err := a.Fits(other); err == nil || !strings.Contains(err.Error(), modules[0].Name) {
			t.Errorf("error is %v; it should name %s", err, modules[0].Name)
		}
	}
}

func FuzzParse(f *testing.F) {
	files, err := filled(f).Files()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(files[ConfigFile], files[WeightsFile])
	f.Add([]byte(`{"peft_type":"LORA","r":1}`), files[WeightsFile][:50])
	for _, a := range []*Adapter{stretched(f), withEnds(f)} {
		if files, err = a.Files(); err != nil {
			f.Fatal(err)
		}
		f.Add(files[ConfigFile], files[WeightsFile])
	}
	f.Fuzz(func(t *testing.T, head, weights []byte) {
		a, err := Parse(head, weights)
		if err != nil {
			return
		}
		files, err := a.Files()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Parse(files[ConfigFile], files[WeightsFile]); err != nil {
			t.Errorf("what was read does not write and read back: %v", err)
		}
	})
}
