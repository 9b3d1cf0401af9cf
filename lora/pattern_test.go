package lora

import (
	"encoding/json"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// patterned is an adapter of three ranks and three scales.
func patterned(t testing.TB, root bool) *Adapter {
	t.Helper()
	layers := []Module{{"model.layers.0.self_attn.q_proj", 8, 6}, {"model.layers.0.mlp.up_proj", 8, 10}, {"model.layers.1.self_attn.q_proj", 8, 6}}
	a, err := New(layers, Options{Rank: 3, Alpha: 6, RSLoRA: root, RankPattern: []string{`layers\.1\..*=5`, `.*q_proj = 2`, "q_proj=9"}, AlphaPattern: []string{"up_proj=1.5"}}, 4)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range a.Pairs {
		fillUniform(p.B, 1, uint64(i), "b")
	}
	return a
}

// TestPatterns holds which rank and scale each module gets: the first expression that matches its name or its end after a dot.
func TestPatterns(t *testing.T) {
	a := patterned(t, false)
	var ranks []int
	var scales []float32
	for _, p := range a.Pairs {
		ranks, scales = append(ranks, p.Rank()), append(scales, a.ScaleOf(p))
	}
	if want := []int{2, 3, 5}; !slices.Equal(ranks, want) {
		t.Errorf("ranks are %v, want %v", ranks, want)
	}
	if want := []float32{3, 0.5, 1.2}; !slices.Equal(scales, want) {
		t.Errorf("scales are %v, want %v", scales, want)
	}
	root := patterned(t, true)
	if got, want := root.ScaleOf(root.Pairs[2]), float32(6/math.Sqrt(5)); got != want {
		t.Errorf("rank-stabilised scale is %g, want %g", got, want)
	}
	for says, o := range map[string]Options{
		"rank_pattern: \"q_proj\" is not REGEX=NUMBER":  {RankPattern: []string{"q_proj"}},
		"rank_pattern: \"(=4\": \"(\" is no regular":    {RankPattern: []string{"(=4"}},
		"rank_pattern: \"q=0\": a rank must be 1":       {RankPattern: []string{"q=0"}},
		"rank_pattern: \"q=1.5\": a rank must be 1":     {RankPattern: []string{"q=1.5"}},
		"alpha_pattern: \"q=-1\": an alpha must be abo": {AlphaPattern: []string{"q=-1"}},
	} {
		if err := o.WithDefaults().Validate(); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("error is %v; it should say %q", err, says)
		}
	}
}

// TestPatternsInFiles holds that ranks and alphas of single modules are written as PEFT reads them, and read back.
func TestPatternsInFiles(t *testing.T) {
	for _, root := range []bool{false, true} {
		a := patterned(t, root)
		files, err := a.Files()
		if err != nil {
			t.Fatal(err)
		}
		back, err := Parse(files[ConfigFile], files[WeightsFile])
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(back, a) {
			t.Errorf("read back:\n%+v\nwrote:\n%+v", back, a)
		}
		var c struct {
			Ranks map[string]int `json:"rank_pattern"`
			Root  bool           `json:"use_rslora"`
		}
		if err := json.Unmarshal(files[ConfigFile], &c); err != nil || c.Root != root || len(c.Ranks) != 2 || c.Ranks[`model\.layers\.1\.self_attn\.q_proj`] != 5 {
			t.Errorf("the file has %+v, %v", c, err)
		}
	}
}

// TestUniform holds that an adapter widened to one rank computes the same to rounding, and is what it was when narrowed again.
func TestUniform(t *testing.T) {
	for _, root := range []bool{false, true} {
		a := patterned(t, root)
		u := a.Uniform()
		x := make([]float32, 3*8)
		fillUniform(x, 1, 1, "x")
		for i, p := range a.Pairs {
			w := u.Pairs[i]
			if w.Rank() != 5 || u.Rank != 5 {
				t.Fatalf("pair %d has rank %d", i, w.Rank())
			}
			got, want := w.Forward(x, 3, u.ScaleOf(w)), p.Forward(x, 3, a.ScaleOf(p))
			for k := range want {
				if math.Abs(float64(got[k]-want[k])) > 1e-5 {
					t.Errorf("pair %d: %g, want %g", i, got[k], want[k])
				}
			}
		}
		if back := u.Narrow(a); !reflect.DeepEqual(back, a) {
			t.Errorf("narrowed:\n%+v\nwas:\n%+v", back, a)
		}
	}
	plain := filled(t)
	if plain.Uniform() != plain {
		t.Error("an adapter of one rank is copied")
	}
}

func FuzzPattern(f *testing.F) {
	f.Add(`{"q_proj": 4, ".*up": 2.5}`)
	f.Add(`null`)
	f.Fuzz(func(t *testing.T, s string) {
		var p, again pattern
		if json.Unmarshal([]byte(s), &p) != nil {
			return
		}
		b, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(b, &again); err != nil || len(again) != len(p) {
			t.Errorf("%s is written as %s: %v", s, b, err)
		}
	})
}
