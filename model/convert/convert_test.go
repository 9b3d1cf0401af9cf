package convert

import (
	"bytes"
	"context"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"temper/internal/kernel"
	"temper/lora"
	"temper/model"
)

const tiny = "../tiny/tiny.gguf"

func none(int64, int64) {}

// converted is the base at path in another form, with what became of its tensors.
func converted(t *testing.T, path, form string) (out string, changes []Change) {
	t.Helper()
	to, err := ParseTarget(form)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close() //nolint:errcheck // only read
	return written(t, s, to, to.Folder())
}

// written is s in another form: a folder or a GGUF file.
func written(t *testing.T, s *Source, to Target, folder bool) (out string, changes []Change) {
	t.Helper()
	out = filepath.Join(t.TempDir(), "base")
	err := os.Mkdir(out, 0o755)
	if err == nil && folder {
		changes, err = s.ToFolder(context.Background(), out, to, none)
	} else if err == nil {
		var b bytes.Buffer
		out = filepath.Join(out, "base.gguf")
		if changes, err = s.ToGGUF(context.Background(), &b, to, none); err == nil {
			err = os.WriteFile(out, b.Bytes(), 0o644)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return out, changes
}

// open opens a base for the test.
func open(t *testing.T, path string) *model.Model {
	t.Helper()
	m, err := model.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() }) //nolint:errcheck // only read
	return m
}

// logits are those of a fixed text, with an adapter or nil.
func logits(t *testing.T, m *model.Model, a *lora.Adapter) (out []float32) {
	t.Helper()
	for row, err := range m.Logits([]int32{5, 100, 7, 2000, 31, 31, 8, 11, 22, 33, 44, 55, 66, 77, 88, 99, 110, 121, 132, 143, 154, 165, 176, 187}, a) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, row...)
	}
	return out
}

func distance(a, b []float32) (d float64) {
	for i := range a {
		d = max(d, math.Abs(float64(a[i]-b[i])))
	}
	return d
}

// TestForms: in every form the base still answers: its logits are off by no more than the form's bits explain, and the error said is
// that of the weights, measured again on the models as they are opened.
func TestForms(t *testing.T) {
	base := open(t, tiny)
	want := logits(t, base, nil)
	worst := map[string]float64{"f32": 1e-9, "f16": 0.01, "bf16": 0.1, "q8_0": 1e-9, "q6_k": 0.5, "q5_0": 1.5, "q5_1": 1.5, "q5_k": 1.5, "int8": 0.5}
	for _, form := range Names {
		t.Run(form, func(t *testing.T) {
			out, changes := converted(t, tiny, form)
			m := open(t, out)
			limit := worst[form]
			if limit == 0 {
				limit = 4
			}
			if d := distance(logits(t, m, nil), want); d > limit {
				t.Errorf("logits are off by %g", d)
			}
			var squares, n float64
			for i := range m.Layers {
				for k := range m.Layers[i].Linear {
					if k == int(model.Q) || k == int(model.K) { // in another order in folders
						continue
					}
					got, from := m.Layers[i].Linear[k], base.Layers[i].Linear[k]
					a, b := make([]float32, got.Cols), make([]float32, got.Cols)
					var one float64
					for r := range got.Rows {
						got.Row(a, r, 0, got.Cols)
						from.Row(b, r, 0, got.Cols)
						for c := range a {
							one += (float64(a[c]) - float64(b[c])) * (float64(a[c]) - float64(b[c]))
						}
					}
					count := float64(got.Rows * got.Cols)
					squares, n = squares+one, n+count
					if said := find(t, changes, got.Name).RMSE; math.Abs(said-math.Sqrt(one/count)) > 1e-9 {
						t.Errorf("%s: error said %g, is %g", got.Name, said, math.Sqrt(one/count))
					}
				}
			}
			t.Logf("RMSE %.3g", math.Sqrt(squares/n))
		})
	}
}

func find(t *testing.T, changes []Change, name string) Change {
	t.Helper()
	for _, c := range changes {
		if c.Name == name {
			return c
		}
	}
	t.Fatalf("no word of %s", name)
	return Change{}
}

// TestThere: a folder made of a file is the same model: it gives the file's logits, and so does a file made of the folder.
func TestThere(t *testing.T) {
	for _, form := range []string{"nf4", "nf4-dq", "int8"} {
		folder, _ := converted(t, tiny, form)
		in := logits(t, open(t, folder), nil)
		file, _ := converted(t, folder, "f16")
		back := open(t, file)
		if d := distance(logits(t, back, nil), in); d > 0.02 {
			t.Errorf("%s: logits of the file are off by %g", form, d)
		}
		first := open(t, tiny)
		text := "func main() { return 42 } // größer\n"
		if got, want := back.Tokenizer.Encode(text, true), first.Tokenizer.Encode(text, true); !slices.Equal(got, want) {
			t.Errorf("%s: %v, not %v", form, got, want)
		}
	}
}

// TestThreads: the same bytes and the same error for 1, 2 and 7 threads.
func TestThreads(t *testing.T) {
	defer kernel.SetThreads(0)
	var want []byte
	var said Change
	for _, n := range []int{1, 2, 7} {
		kernel.SetThreads(n)
		out, changes := converted(t, tiny, "q5_1")
		got, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		if n == 1 {
			want, said = got, Total(changes)
		}
		if !bytes.Equal(got, want) || Total(changes) != said {
			t.Errorf("%d threads give other bytes, or another error: %+v, %+v", n, Total(changes), said)
		}
	}
}
