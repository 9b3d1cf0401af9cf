package finetune

import (
	"bytes"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"temper/dataset"
)

// file is a bytes.Buffer one can seek in, for the Arrow writer.
func write(t testing.TB, tokens Tokens) []byte {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "t.arrow"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := WriteTokens(f, tokens); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(f.Name())
	if err != nil {
		t.Fatal(err)
	}
	return b
}

var twoSequences = Tokens{Vocab: 100, Sequences: []Sequence{
	{IDs: []int32{1, 2, 3, 4, 5}, Trained: []bool{false, true, true, false, true}, Starts: []int32{0, 3}, Samples: []string{"a", "ü"}},
	{IDs: []int32{99}, Trained: []bool{true}, Starts: []int32{0}, Samples: []string{""}},
}}

// TestTokensRoundTrip holds that what is written reads back, that the bytes are a function of the tokens, and the counts.
func TestTokensRoundTrip(t *testing.T) {
	b := write(t, twoSequences)
	got, err := ReadTokens(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, twoSequences) {
		t.Errorf("read %+v, wrote %+v", got, twoSequences)
	}
	if !bytes.Equal(b, write(t, twoSequences)) {
		t.Error("two writes give other bytes")
	}
	if tokens, trained := got.Counts(); tokens != 6 || trained != 3 {
		t.Errorf("%d tokens, %d trained; want 6 and 3: the first of a sample has nothing before it", tokens, trained)
	}
	if none, err := ReadTokens(bytes.NewReader(write(t, Tokens{Vocab: 5}))); err != nil || len(none.Sequences) != 0 {
		t.Errorf("a file of no sequences: %+v, %v", none, err)
	}
}

// TestReadTokensRefuses holds that a file that is broken, or not ours, is ErrMalformed and says where.
func TestReadTokensRefuses(t *testing.T) {
	good := write(t, twoSequences)
	change := func(f func(*Sequence)) []byte {
		s := twoSequences.Sequences[0]
		s.IDs, s.Trained, s.Starts, s.Samples = slices.Clone(s.IDs), slices.Clone(s.Trained), slices.Clone(s.Starts), slices.Clone(s.Samples)
		f(&s)
		return write(t, Tokens{Vocab: 100, Sequences: []Sequence{s}})
	}
	for _, tt := range []struct {
		name, says string
		bytes      []byte
	}{
		{"nothing", "token file", nil},
		{"half", "token file", good[:len(good)/2]},
		{"text", "token file", []byte(strings.Repeat("ids: 1 2 3\n", 100))},
		{"an id beyond the vocabulary", "token 100 at position 1", change(func(s *Sequence) { s.IDs[1] = 100 })},
		{"a short mask", "a mask of 4 for 5", change(func(s *Sequence) { s.Trained = s.Trained[:4] })},
		{"starts out of order", "sample 1 starts at 0", change(func(s *Sequence) { s.Starts[1] = 0 })},
		{"no start", "does not start at 0", change(func(s *Sequence) { s.Starts = nil })},
		{"unnamed samples", "1 names for 2", change(func(s *Sequence) { s.Samples = s.Samples[:1] })},
	} {
		_, err := ReadTokens(bytes.NewReader(tt.bytes))
		if !errors.Is(err, dataset.ErrMalformed) || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: error is %v; it should say %q", tt.name, err, tt.says)
		}
	}
}

func FuzzReadTokens(f *testing.F) {
	good := write(f, twoSequences)
	f.Add(good)
	f.Add(good[:len(good)-9])
	f.Fuzz(func(t *testing.T, b []byte) {
		tokens, err := ReadTokens(bytes.NewReader(b))
		if err != nil {
			if !errors.Is(err, dataset.ErrMalformed) {
				t.Errorf("error is not ErrMalformed: %v", err)
			}
			return
		}
		again, err := ReadTokens(bytes.NewReader(write(t, tokens)))
		if err != nil || again.digest() != tokens.digest() {
			t.Errorf("what was read does not write and read back: %v", err)
		}
	})
}

func FuzzReadCheckpoint(f *testing.F) {
	c := &Checkpoint{State: State{Version: checkpointVersion, Step: 3, Floats: []int{2, 0, 1}, Codes: []int{2}},
		floats: [][]float32{{1, 2}, {}, {3}}, codes: [][]byte{{5, 6}}}
	var b bytes.Buffer
	if _, err := c.WriteTo(&b); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add(b.Bytes()[:20])
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := ReadCheckpoint(b)
		if err != nil {
			if !errors.Is(err, dataset.ErrMalformed) {
				t.Errorf("error is not ErrMalformed: %v", err)
			}
			return
		}
		if _, err := c.WriteTo(io.Discard); err != nil {
			t.Error(err)
		}
	})
}

// TestCheckpointRoundTrip holds that a checkpoint reads back to the bit and that one flipped bit of any byte is found.
func TestCheckpointRoundTrip(t *testing.T) {
	c := &Checkpoint{State: State{Version: checkpointVersion, Step: 3, Steps: 9, Tokens: 70, Job: "x", Watch: watch{Sum: 0.1, Weight: 1, Good: 2}, Best: best{Step: 2, Loss: 1.5}, Floats: []int{2, 0, 2, 2}, Codes: []int{3, 0}},
		floats: [][]float32{{1, float32(math.Inf(1))}, {}, {-0.5, 1e-42}, {0, 5}}, codes: [][]byte{{1, 2, 3}, {}}}
	var b bytes.Buffer
	n, err := c.WriteTo(&b)
	if err != nil || n != int64(b.Len()) {
		t.Fatalf("wrote %d of %d bytes: %v", n, b.Len(), err)
	}
	got, err := ReadCheckpoint(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	read := &Checkpoint{State: got.State, floats: [][]float32{{0, 0}, {}, {0, 0}, {0, 0}}, codes: [][]byte{{0, 0, 0}, {}}}
	if err := got.into(read.floats, read.codes); err != nil || !reflect.DeepEqual(read, c) {
		t.Errorf("read %+v, wrote %+v: %v", read, c, err)
	}
	var again bytes.Buffer
	if _, err := got.WriteTo(&again); err != nil || !bytes.Equal(again.Bytes(), b.Bytes()) {
		t.Errorf("written again it has other bytes: %v", err)
	}
	for at := range b.Len() {
		flipped := slices.Clone(b.Bytes())
		flipped[at] ^= 1
		if _, err := ReadCheckpoint(flipped); !errors.Is(err, dataset.ErrMalformed) {
			t.Errorf("bit of byte %d flipped: error is %v", at, err)
		}
	}
}

// TestPack holds the laws of packing: no sample is split or lost, none comes twice, no sequence is too long, and first-fit
// leaves no two neighbours that would fit together.
func TestPack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		length := rapid.IntRange(1, 40).Draw(t, "length")
		sizes := rapid.SliceOfN(rapid.IntRange(1, length), 0, 300).Draw(t, "sizes")
		p := packer{length: length, one: rapid.Bool().Draw(t, "one")}
		var out []Sequence
		for i, n := range sizes {
			s := Sample{ID: string(rune('a' + i%26)), IDs: make([]int32, n), Trained: make([]bool, n)}
			for k := range s.IDs {
				s.IDs[k] = int32(i)
			}
			if q, ok := p.add(s); ok {
				out = append(out, q)
			}
		}
		out = append(out, p.rest()...)
		seen := map[int32]bool{}
		for _, q := range out {
			if len(q.IDs) > length || len(q.Trained) != len(q.IDs) || len(q.Samples) != len(q.Starts) || p.one && len(q.Starts) != 1 {
				t.Fatalf("sequence %+v of at most %d", q, length)
			}
			for i := range q.Starts {
				from, to := q.sample(i)
				id := q.IDs[from]
				if seen[id] || to-from != sizes[id] || slices.ContainsFunc(q.IDs[from:to], func(v int32) bool { return v != id }) {
					t.Fatalf("sample %d is split or comes twice", id)
				}
				seen[id] = true
			}
		}
		if len(seen) != len(sizes) {
			t.Fatalf("%d of %d samples came out", len(seen), len(sizes))
		}
		if !p.one && len(out) <= openBins {
			for i := 1; i < len(out); i++ {
				if len(out[i-1].IDs)+len(out[i].IDs) <= length {
					t.Fatalf("sequences %d and %d would fit one", i-1, i)
				}
			}
		}
	})
}

// TestWindows holds the fixed stream's rule: consecutive windows, tokens 2 to T trained, the rest left out.
func TestWindows(t *testing.T) {
	w := Windows([]int32{1, 2, 3, 4, 5, 6, 7}, 3, 10)
	if len(w.Sequences) != 2 || !slices.Equal(w.Sequences[1].IDs, []int32{4, 5, 6}) || !slices.Equal(w.Sequences[0].Trained, []bool{false, true, true}) {
		t.Errorf("windows are %+v", w.Sequences)
	}
	if _, trained := w.Counts(); trained != 4 {
		t.Errorf("%d trained tokens, want 4", trained)
	}
}
