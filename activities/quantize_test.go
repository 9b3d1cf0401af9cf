package activities

import (
	"archive/tar"
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"temper/dataset"
	"temper/internal/quant"
	"temper/internal/store"
	"temper/model/tiny"
)

// TestBaseInAnotherForm: a base is turned into a form once, whoever asks; what is trained over is that, the adapter's card says so, and
// the next training over the same form finds it.
func TestBaseInAnotherForm(t *testing.T) {
	s := store.NewMem()
	w := newWorld(t, s)
	for form, kind := range map[string]quant.Type{"q5_0": quant.Q5_0, "nf4-dq": quant.NF4} {
		name := BaseIn(tiny.Name, form)
		if b, path, err := LookUp(w.a).local(t.Context(), name); err != nil || path != "" || b != (Base{Name: name}) {
			t.Errorf("%s before it is made: %+v at %q, %v", form, b, path, err)
		}
		first := must(w, w.a.FetchBase, FetchInput{Base: name})
		elsewhere := newWorld(t, s)
		if b, path, err := LookUp(elsewhere.a).local(t.Context(), name); err != nil || path != "" || b.Ref != first.Ref || *b.Form != *first.Form {
			t.Errorf("%s, made elsewhere: %+v at %q, %v", form, b, path, err)
		}
		again := must(elsewhere, elsewhere.a.FetchBase, FetchInput{Base: name})
		if first.Name != name || again.Ref != first.Ref || *again.Form != *first.Form {
			t.Errorf("%s: %+v, then %+v", form, first, again)
		}
		f := first.Form
		if f.To != form || f.Of != tiny.SHA256 || first.Ref.SHA256 == tiny.SHA256 || !(f.RMSE > 0 && f.RMSE < f.Signal/5 && f.RMSE < f.Max) {
			t.Errorf("%s: %+v", form, f)
		}
		for _, w := range []*world{w, elsewhere} { // made here, and brought from the store
			m, err := w.a.open(t.Context(), first)
			if err != nil {
				t.Fatal(err)
			}
			if got := m.Layers[1].Linear[0].Type; got != kind {
				t.Errorf("%s: layers are in %v", form, got)
			}
			if b, path, err := LookUp(w.a).local(t.Context(), name); err != nil || b.Ref != first.Ref || *b.Form != *first.Form {
				t.Errorf("%s, opened: %+v, %v", form, b, err)
			} else if _, err := os.Stat(path); err != nil {
				t.Errorf("%s, opened: %v", form, err)
			}
		}
		in := w.training()
		in.Base = first
		trained := must(w, w.a.Train, in)
		card, err := LoadAdapter(t.Context(), s, in.Name, trained.Version)
		if err != nil || card.Base.SHA256 != first.Ref.SHA256 || card.Base.Form == nil || *card.Base.Form != *f {
			t.Errorf("%s: the card says %+v: %v", form, card.Base, err)
		}
		if again := must(elsewhere, elsewhere.a.Train, in); !again.Stage.Cached {
			t.Errorf("%s: trained again", form)
		}
	}
	if _, err := do(w, w.a.FetchBase, FetchInput{Base: tiny.Name + "#q9"}); err == nil {
		t.Error("a form that is none: no error")
	}
}

// TestForms: names of forms go with a base and come apart again; a path that holds the sign is a path.
func TestForms(t *testing.T) {
	for _, tt := range [][3]string{{"tiny", "q4_0", "tiny#q4_0"}, {"tiny", "keep", "tiny"}, {"tiny", "", "tiny"}, {"/a#b/c.gguf", "nf4", "/a#b/c.gguf#nf4"}} {
		if got := BaseIn(tt[0], tt[1]); got != tt[2] {
			t.Errorf("%s in %s is %s, want %s", tt[0], tt[1], got, tt[2])
		}
		if base, form := CutForm(tt[2]); base != tt[0] || form != strings.TrimPrefix(tt[1], AsFound) {
			t.Errorf("%s is %s in %s", tt[2], base, form)
		}
	}
	if base, form := CutForm("/a#b.gguf"); base != "/a#b.gguf" || form != "" {
		t.Errorf("a path: %s in %s", base, form)
	}
}

// TestUnpackRefuses: an archive of anything but a base's files is refused, and leaves nothing.
func TestUnpackRefuses(t *testing.T) {
	for what, h := range map[string]tar.Header{
		"a path outside": {Typeflag: tar.TypeReg, Name: "../x"},
		"a folder":       {Typeflag: tar.TypeDir, Name: "x"},
		"a link":         {Typeflag: tar.TypeSymlink, Name: "x", Linkname: "/etc/hosts"},
		"a hidden file":  {Typeflag: tar.TypeReg, Name: ".x"},
	} {
		var b bytes.Buffer
		out := tar.NewWriter(&b)
		if err := errors.Join(out.WriteHeader(&h), out.Close()); err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		path := filepath.Join(dir, "a"+archiveExt)
		if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := unpack(path, filepath.Join(dir, "a")); !errors.Is(err, dataset.ErrMalformed) {
			t.Errorf("%s: error is %v", what, err)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
			t.Errorf("%s: leaves %v, %v", what, left, err)
		}
	}
}
