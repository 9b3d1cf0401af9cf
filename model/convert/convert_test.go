package convert

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"temper/dataset"
	"temper/internal/gguf"
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

// bosBase is the tiny base as a GGUF file that has BOS put before every text.
func bosBase(t *testing.T) string {
	t.Helper()
	s, err := Open(tiny)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close() //nolint:errcheck // only read
	pairs := s.pairs(Target{Keep: true})
	for i, p := range pairs {
		if p.Key == "tokenizer.ggml.add_bos_token" {
			pairs[i].Value = gguf.Bool(true)
		}
	}
	var infos []gguf.Info
	for _, w := range s.gguf.Tensors {
		infos = append(infos, gguf.Info{Name: w.Name, Type: w.Type, Dims: s.gguf.Dims(w.Name)})
	}
	var b bytes.Buffer
	w, err := gguf.NewWriter(&b, pairs, infos)
	for _, one := range s.gguf.Tensors {
		if err == nil {
			_, err = w.Write(one.Data)
		}
	}
	path := filepath.Join(t.TempDir(), "bos.gguf")
	if err == nil {
		err = os.WriteFile(path, b.Bytes(), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// TestEnds: the tokens around a text, whether BOS is put before it, and the chat template are the base's in a folder made of it and
// in a file made of the folder, also where the folder names its template default among others.
func TestEnds(t *testing.T) {
	for _, path := range []string{tiny, bosBase(t)} {
		base := open(t, path)
		ids, err := base.Chat.Prompt([]dataset.Message{{Role: "user", Content: "hi"}})
		if err != nil {
			t.Fatal(err)
		}
		same := func(what, path string) {
			t.Helper()
			m := open(t, path)
			bos, _ := m.Tokenizer.BOS()
			wantBOS, _ := base.Tokenizer.BOS()
			eos, _ := m.Tokenizer.EOS()
			wantEOS, _ := base.Tokenizer.EOS()
			if bos != wantBOS || eos != wantEOS || m.Tokenizer.AddBOS() != base.Tokenizer.AddBOS() {
				t.Errorf("%s: BOS %d, EOS %d, added %v; want %d, %d, %v", what, bos, eos, m.Tokenizer.AddBOS(), wantBOS, wantEOS, base.Tokenizer.AddBOS())
			}
			if got, err := m.Chat.Prompt([]dataset.Message{{Role: "user", Content: "hi"}}); err != nil || !slices.Equal(got, ids) {
				t.Errorf("%s: a prompt is %v, %v; want %v", what, got, err, ids)
			}
		}
		folder, _ := converted(t, path, "int8")
		same("the folder", folder)
		file, _ := converted(t, folder, "f16")
		same("the file of the folder", file)

		settings := filepath.Join(folder, "tokenizer_config.json")
		b, err := os.ReadFile(settings)
		var c map[string]any
		if err == nil {
			err = json.Unmarshal(b, &c)
		}
		c["chat_template"] = []map[string]any{{"name": "tool_use", "template": "no"}, {"name": "default", "template": c["chat_template"]}}
		if err == nil {
			err = writeJSON(settings, c)
		}
		if err != nil {
			t.Fatal(err)
		}
		file, _ = converted(t, folder, "f16")
		same("the file of the folder with several templates", file)
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
