package gguf

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// rewritten is the bytes of f written anew, with other pairs beside its own and of tensors [from,to).
func rewritten(t *testing.T, f *File, from, to int, more ...Pair) []byte {
	t.Helper()
	pairs := more
	for _, k := range f.Keys {
		raw, _ := f.Raw(k)
		pairs = append(pairs, Pair{k, raw})
	}
	var infos []Info
	for _, w := range f.Tensors[from:to] {
		infos = append(infos, Info{w.Name, w.Type, f.Dims(w.Name)})
	}
	var b bytes.Buffer
	w, err := NewWriter(&b, pairs, infos)
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range f.Tensors[from:to] {
		half := len(one.Data) / 2
		if _, err := w.Write(one.Data[:half]); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(one.Data[half:]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestRewrite: a file written anew from what was read has the same bytes.
func TestRewrite(t *testing.T) {
	f, err := Open(tiny)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	want, err := os.ReadFile(tiny)
	if err != nil {
		t.Fatal(err)
	}
	if got := rewritten(t, f, 0, len(f.Tensors)); !bytes.Equal(got, want) {
		t.Errorf("%d bytes that differ from the %d read", len(got), len(want))
	}
}

// TestValues: each kind of value reads back.
func TestValues(t *testing.T) {
	var b bytes.Buffer
	w, err := NewWriter(&b, []Pair{{"u", Uint32(7)}, {"f", Float32(0.5)}, {"b", Bool(true)}, {"s", Text("x")}, {"ss", Texts([]string{"", "y"})},
		{"is", Int32s([]int32{-1})}, {"fs", Float32s([]float32{2})}, {"general.alignment", Uint32(64)}}, nil)
	if err != nil || w.Close() != nil {
		t.Fatal(err, w.Close())
	}
	f, err := Parse(b.Bytes(), "values")
	if err != nil {
		t.Fatal(err)
	}
	u, _ := f.Uint("u")
	x, _ := f.Float("f")
	ok, _ := f.Bool("b")
	s, _ := f.String("s")
	ss, _ := f.Strings("ss")
	is, _ := f.Ints("is")
	fs, _ := f.Floats("fs")
	if u != 7 || x != 0.5 || !ok || s != "x" || len(ss) != 2 || ss[1] != "y" || is[0] != -1 || fs[0] != 2 || len(f.Keys) != 7 {
		t.Errorf("got %v %v %v %q %q %v %v, keys %v", u, x, ok, s, ss, is, fs, f.Keys)
	}
}

// TestSplit: a model in three files is the same model; a part that is missing, of another place or twice is refused.
func TestSplit(t *testing.T) {
	whole, err := Open(tiny)
	if err != nil {
		t.Fatal(err)
	}
	defer whole.Close()
	dir, n := t.TempDir(), len(whole.Tensors)
	name := func(i int) string {
		return filepath.Join(dir, []string{"m-00001-of-00003.gguf", "m-00002-of-00003.gguf", "m-00003-of-00003.gguf"}[i])
	}
	put := func(i, no, from, to int) {
		b := rewritten(t, whole, from, to, Pair{"split.no", Uint32(uint32(no))}, Pair{"split.count", Uint32(3)}, Pair{"split.tensors.count", Uint32(uint32(n))})
		if err := os.WriteFile(name(i), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	put(0, 0, 0, 0)
	put(1, 1, 0, 5)
	if _, err := Open(name(0)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a part is missing: %v", err)
	}
	put(2, 2, 5, n)
	f, err := Open(name(0))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if len(f.Tensors) != n || len(f.Parts) != 3 {
		t.Fatalf("%d tensors in %d parts", len(f.Tensors), len(f.Parts))
	}
	for _, want := range whole.Tensors {
		if got, ok := f.Tensor(want.Name); !ok || got.Rows != want.Rows || !bytes.Equal(got.Data, want.Data) {
			t.Errorf("tensor %s differs", want.Name)
		}
	}
	if _, err := Open(name(1)); !errors.Is(err, ErrFormat) {
		t.Errorf("not the first: %v", err)
	}
	for what, put := range map[string]func(){"another place": func() { put(2, 1, 5, n) }, "twice": func() { put(2, 2, 4, n) }, "too few": func() { put(2, 2, 6, n) }} {
		put()
		if _, err := Open(name(0)); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: %v", what, err)
		}
	}
}
