package dataset

import (
	"bytes"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

// TestArrowRoundTrip: records written as Arrow IPC read back as they were, and the same records give the same bytes.
func TestArrowRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		recs, err := gather(Kept(stream(rapid.SliceOfN(rapid.Custom(anyRow), 0, 8).Draw(t, "rows"))))
		if err != nil {
			t.Fatal(err)
		}
		var a, b bytes.Buffer
		if n, err := WriteArrow(&a, stream(recs)); err != nil || n != int64(len(recs)) {
			t.Fatalf("wrote %d of %d: %v", n, len(recs), err)
		}
		if _, err := WriteArrow(&b, stream(recs)); err != nil || !bytes.Equal(a.Bytes(), b.Bytes()) {
			t.Fatalf("the same records gave other bytes (%v)", err)
		}
		got, err := gather(ReadArrow(bytes.NewReader(a.Bytes()), int64(a.Len())))
		if d := cmp.Diff(recs, got, cmpopts.EquateEmpty()); err != nil || d != "" {
			t.Fatalf("%v, want -, got +:\n%s", err, d)
		}
	})
}

// TestArrowBatches: more records than a batch holds read back in order.
func TestArrowBatches(t *testing.T) {
	for _, n := range []int{arrowBatch - 1, arrowBatch, 2*arrowBatch + 1} {
		recs := make([]Record, n)
		for i := range recs {
			recs[i] = Record{ID: RecordID("u", int64(i), "")}
		}
		var b bytes.Buffer
		if _, err := WriteArrow(&b, stream(recs)); err != nil {
			t.Fatal(err)
		}
		got, err := gather(ReadArrow(bytes.NewReader(b.Bytes()), int64(b.Len())))
		if d := cmp.Diff(recs, got); err != nil || d != "" {
			t.Errorf("%d records: %v %s", n, err, d)
		}
	}
}

// TestArrowBroken: a cut or changed file is malformed or reads on; it never panics, and a lost source is not bad data.
func TestArrowBroken(t *testing.T) {
	var b bytes.Buffer
	if _, err := WriteArrow(&b, stream([]Record{{ID: "a", Text: "x", Messages: []Message{{"user", "q"}}}, {ID: "b"}})); err != nil {
		t.Fatal(err)
	}
	file := b.Bytes()
	for n := range len(file) {
		if _, err := gather(ReadArrow(bytes.NewReader(file[:n]), int64(n))); !errors.Is(err, ErrMalformed) {
			t.Errorf("first %d bytes: got %v, want ErrMalformed", n, err)
		}
	}
	broken := errors.New("broken")
	if _, err := gather(ReadArrow(brokenAt{broken}, 1000)); !errors.Is(err, broken) || errors.Is(err, ErrMalformed) {
		t.Errorf("got %v, want broken, and not malformed", err)
	}
}
