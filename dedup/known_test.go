package dedup

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"temper/dataset"
)

// TestKnown: an index knows what was added to it and nothing else, is the same after it was written and read, and one that is cut
// short is refused.
func TestKnown(t *testing.T) {
	none := &Known{}
	k, err := none.Add(all(texted("a", "b", "a")))
	if err != nil || k.Len() != 2 || none.Len() != 0 {
		t.Fatalf("%d known, %d in the old one, %v", k.Len(), none.Len(), err)
	}
	var b bytes.Buffer
	if n, err := WriteKnown(&b, k); err != nil || n != 2 {
		t.Fatal(n, err)
	}
	back, err := ReadKnown(bytes.NewReader(b.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := dropped(t, KnownNotes(all(texted("b", "c", "a")), back)), []string{"r0<", "r2<"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	for cut := range b.Len() {
		if _, err := ReadKnown(bytes.NewReader(b.Bytes()[:cut])); !errors.Is(err, dataset.ErrMalformed) {
			t.Fatalf("an index cut at %d: %v", cut, err)
		}
	}
}

// TestKnownKept: an index names the files of what was kept, by the options they were kept with, before and after it is written, and
// without its hashes being read; one that names none is as it was before there were any.
func TestKnownKept(t *testing.T) {
	plain := &Known{hashes: make([][16]byte, 1)}
	files := []dataset.Ref{{SHA256: "ab", Bytes: 5, Records: 2, Ext: ".kept"}, {SHA256: "cd", Bytes: 7, Records: 1, Ext: ".kept"}}
	k := plain.WithKept("x", files).WithKept("y", files[:1]).WithKept("x", files[1:])
	b := writtenKnown(t, k)
	back, err := ReadKnown(bytes.NewReader(b))
	if err != nil || !slices.Equal(back.Keys(), []string{"x", "y"}) || !slices.Equal(back.Kept("x"), files[1:]) || back.Kept("z") != nil {
		t.Fatalf("%v, %v", back, err)
	}
	if got, err := KeptIn(bytes.NewReader(b[:len(b)-16]), "y"); err != nil || !slices.Equal(got, files[:1]) {
		t.Errorf("%v, %v", got, err)
	}
	for cut := range b {
		if _, err := ReadKnown(bytes.NewReader(b[:cut])); !errors.Is(err, dataset.ErrMalformed) {
			t.Fatalf("an index cut at %d: %v", cut, err)
		}
	}
	if none := writtenKnown(t, k.WithKept("x", nil).WithKept("y", nil)); !bytes.Equal(none, writtenKnown(t, plain)) || bytes.Equal(none, b) {
		t.Error("an index without kept records is not as it was")
	}
}

func writtenKnown(t testing.TB, k *Known) []byte {
	t.Helper()
	var b bytes.Buffer
	if _, err := WriteKnown(&b, k); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// FuzzReadKnown: what is no index is malformed; what is one is written back as it was.
func FuzzReadKnown(f *testing.F) {
	k, err := (&Known{}).Add(all(texted("a", "b")))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(writtenKnown(f, k))
	f.Add(writtenKnown(f, k.WithKept("x", []dataset.Ref{{SHA256: "ab", Bytes: 5, Records: 2, Ext: ".kept"}})))
	f.Add([]byte(knownMagic + "\xff\xff\xff\x7f\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, in []byte) {
		k, err := ReadKnown(bytes.NewReader(in))
		if err != nil {
			if !errors.Is(err, dataset.ErrMalformed) {
				t.Fatal(err)
			}
			return
		}
		var out bytes.Buffer
		if _, err := WriteKnown(&out, k); err != nil || !bytes.Equal(out.Bytes(), in) {
			t.Errorf("%x is written as %x, %v", in, out.Bytes(), err)
		}
	})
}
