package ngram

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// A memory is a scratch in memory.
type memory struct{ b []byte }

func (m *memory) ReadAt(p []byte, at int64) (int, error) { return bytes.NewReader(m.b).ReadAt(p, at) }

func (m *memory) WriteAt(p []byte, at int64) (int, error) {
	if need := int(at) + len(p); need > len(m.b) {
		m.b = append(m.b, make([]byte, need-len(m.b))...)
	}
	return copy(m.b[at:], p), nil
}

// corpus returns texts of a few lines, of words that follow each other in a lopsided way.
func corpus(seed uint64, texts int) (out []string) {
	r := rand.New(rand.NewPCG(seed, 1))
	words := strings.Fields("the a of to in harbour boat night morning water quiet lay was came went old new and but , . wind sea stone")
	for i := range texts {
		var b strings.Builder
		for range 1 + r.IntN(3) {
			at := r.IntN(len(words))
			for range 2 + r.IntN(9) {
				b.WriteString(words[at] + " ")
				at = (at*7 + 1 + r.IntN(4)*r.IntN(4)) % len(words)
			}
			b.WriteString("\n")
		}
		fmt.Fprintf(&b, "w%c", 'a'+i%26)
		out = append(out, b.String())
	}
	return out
}

// train returns a fitted trainer and its model.
func train(t testing.TB, o Options, texts []string) (*Trainer, *Model) {
	t.Helper()
	if err := o.Validate(); err != nil {
		t.Fatal(err)
	}
	tr := NewTrainer(o, &memory{}, &memory{})
	for _, s := range texts {
		if err := tr.Add(s); err != nil {
			t.Fatal(err)
		}
	}
	m, err := tr.Fit()
	if err != nil {
		t.Fatal(err)
	}
	return tr, m
}

// fittedOn returns the texts that are not held out.
func fittedOn(o Options, texts []string) (out []string) {
	for _, s := range texts {
		tr := NewTrainer(o, &memory{}, &memory{})
		tr.Add(s)
		if tr.held.n == 0 {
			out = append(out, s)
		}
	}
	return out
}

// logOf is the log10 probability of a word after a sentence's beginning.
func logOf(m *Model, before []string, word string) float64 {
	s := NewScorer(m)
	s.open()
	var skip, sum Sum
	for _, w := range before {
		h, _, _ := next(w, 0)
		s.step(h, &skip)
	}
	h := uint64(hashEnd)
	if word != "</s>" {
		h, _, _ = next(word, 0)
	}
	s.step(h, &sum)
	return sum.Log10
}

// The probabilities are those of an independent implementation of the definitions, with and without pruning, for each order.
func TestDefinition(t *testing.T) {
	texts := corpus(3, 150)
	for _, o := range []Options{{Order: 2, Prune: []int{0}}, {Order: 3, Prune: []int{0}}, {Order: 5, Prune: []int{0}}, {Order: 5}, {Order: 4, Prune: []int{0, 1, 1, 2}}} {
		_, m := train(t, o, texts)
		or := newOracle(o.WithDefaults(), fittedOn(o, texts))
		r := rand.New(rand.NewPCG(5, 6))
		for range 400 {
			before, word := sentence(r, or)
			got, want := logOf(m, before, word), math.Log10(or.prob(append([]string{"<s>"}, before...), word, o.WithDefaults().Order))
			if math.Abs(got-want) > 1e-5 {
				t.Fatalf("%+v: log10 p(%s|%v) = %v, want %v", o, word, before, got, want)
			}
		}
	}
}

// sentence returns the beginning of a sentence that is like those of the corpus, and a word, now and then an unknown one.
func sentence(r *rand.Rand, o *oracle) (before []string, word string) {
	line := o.lines[r.IntN(len(o.lines))]
	n := r.IntN(len(line))
	before, word = slices.Clone(line[:n]), line[n]
	if r.IntN(3) == 0 {
		word = o.words[r.IntN(len(o.words))]
	}
	if r.IntN(10) == 0 {
		word = "unheard"
	}
	if n > 0 && r.IntN(5) == 0 {
		before[r.IntN(n)] = o.words[r.IntN(len(o.words))]
	}
	return before, word
}

// After any context the probabilities of all words and of one that is unknown sum up to 1.
func TestSum(t *testing.T) {
	texts := corpus(8, 200)
	o := Options{}
	_, m := train(t, o, texts)
	or := newOracle(o.WithDefaults(), fittedOn(o, texts))
	r := rand.New(rand.NewPCG(9, 9))
	for range 50 {
		before, _ := sentence(r, or)
		sum := math.Pow(10, logOf(m, before, "unheard"))
		for _, w := range or.words {
			sum += math.Pow(10, logOf(m, before, w))
		}
		if math.Abs(sum-1) > 1e-5 {
			t.Errorf("after %v the probabilities sum up to %v", before, sum)
		}
	}
}

// The same texts in another order, and with so little memory that counts go to scratch in many parts, give the same bytes.
func TestSameBytes(t *testing.T) {
	texts := corpus(4, 2000)
	file := func(o Options, texts []string, most int) []byte {
		tr := NewTrainer(o, &memory{}, &memory{})
		if most > 0 {
			tr.most = most
		}
		for _, s := range texts {
			if err := tr.Add(s); err != nil {
				t.Fatal(err)
			}
		}
		m, err := tr.Fit()
		if err != nil {
			t.Fatal(err)
		}
		if most > 0 && len(tr.counts.parts) < 3 {
			t.Fatalf("only %d parts", len(tr.counts.parts))
		}
		var b bytes.Buffer
		if err := m.Write(&b); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	want := file(Options{}, texts, 0)
	if got := file(Options{}, texts, 1000); !bytes.Equal(got, want) {
		t.Errorf("counts in parts give %d other bytes than the %d", len(got), len(want))
	}
	slices.Reverse(texts)
	if got := file(Options{}, texts, 777); !bytes.Equal(got, want) {
		t.Errorf("texts in another order give %d other bytes than the %d", len(got), len(want))
	}
}

// What was held out is more usual than its words at random, and than words that nobody knows; a model's file reads back as it was.
func TestPerplexity(t *testing.T) {
	texts := corpus(11, 1500)
	_, m := train(t, Options{}, texts)
	var b bytes.Buffer
	if err := m.Write(&b); err != nil {
		t.Fatal(err)
	}
	back, err := Read(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	s := NewScorer(back)
	fresh, mixed := corpus(12, 1)[0], strings.Fields(corpus(12, 1)[0])
	rand.New(rand.NewPCG(1, 1)).Shuffle(len(mixed), func(i, j int) { mixed[i], mixed[j] = mixed[j], mixed[i] })
	usual, unusual := s.Score(fresh).Perplexity(), s.Score(strings.Join(mixed, " ")).Perplexity()
	strange := s.Score("zu zv zy zx").Perplexity()
	if !(usual < unusual && unusual < strange) {
		t.Errorf("perplexity %v, of mixed words %v, of unknown ones %v: should rise", usual, unusual, strange)
	}
	if sum := s.Score("zu the\n\n zv"); sum.Words != 5 || sum.Unknown != 2 {
		t.Errorf("%+v", sum)
	}
	if v := s.Score(" \n\t").Perplexity(); v != 0 {
		t.Errorf("no words have a perplexity of %v", v)
	}
	if a, b := NewScorer(m).Score(fresh), s.Score(fresh); a != b {
		t.Errorf("read back it scores %+v, not %+v", b, a)
	}
	if f := m.Fit; f.Held+f.Texts != len(texts) || !(f.Ppl > 1 && f.Ppl < 30) || len(m.Percentiles) != 99 || f.Sample != "held" {
		t.Errorf("%+v, %d percentiles", f, len(m.Percentiles))
	}
	if lo, hi := m.Percentile(0), m.Percentile(1e9); lo != 0 || hi != 99 {
		t.Errorf("percentiles %v and %v", lo, hi)
	}
}

// Words are read in small letters, with 0 for digits and each sign by itself; where no spaces are written, letter by letter.
func TestWords(t *testing.T) {
	for in, want := range map[string]string{
		"The Cat's 3.14 -- ÉTÉ": "the|cat|'|s|0|.|00|-|-|été", "\u3000日本語 x": "日|本|語|x", "ภาษา ไทย": "ภ|า|ษ|า|ไ|ท|ย",
		"a\x00b\u00a0c\xff": "a|b|c|\uFFFD", "e\u0301tude \u0301": "e\u0301tude|\u0301", "": "",
		strings.Repeat("x", 300): strings.Repeat("x", 256) + "|" + strings.Repeat("x", 44),
	} {
		var got []string
		for i := 0; ; {
			_, start, end := next(in, i)
			if start == len(in) {
				break
			}
			got = append(got, spelled(in[start:end]))
			i = end
		}
		if s := strings.Join(got, "|"); s != want {
			t.Errorf("%q: %q, want %q", in, s, want)
		}
	}
}

// Options that cannot be and texts that are too few are errors that say so; so are models that the memory does not hold.
func TestErrors(t *testing.T) {
	for _, o := range []Options{{Order: 1}, {Order: 6}, {Held: 1}, {Prune: []int{1}}, {Prune: []int{0, 2, 1}}, {Limit: 1}} {
		if err := o.Validate(); err == nil {
			t.Errorf("%+v is valid", o)
		}
	}
	if _, err := NewTrainer(Options{}, &memory{}, &memory{}).Fit(); !errors.Is(err, ErrFew) {
		t.Errorf("nothing to fit on: %v", err)
	}
	tr := NewTrainer(Options{Limit: minLimit}, &memory{}, &memory{})
	r := rand.New(rand.NewPCG(1, 2))
	var err error
	for range 200 {
		var b strings.Builder
		for range 3000 {
			fmt.Fprintf(&b, "%c%c%c%c ", 'a'+r.IntN(26), 'a'+r.IntN(26), 'a'+r.IntN(26), 'a'+r.IntN(26))
		}
		if err = tr.Add(b.String()); err != nil {
			break
		}
	}
	if !errors.Is(err, ErrLarge) {
		t.Errorf("600,000 words of 456,976 in 8 MB: %v", err)
	}
}

// FuzzRead: whatever bytes a file has, it is an error or a model that gives any text a perplexity.
func FuzzRead(f *testing.F) {
	_, m := train(f, Options{Order: 2}, corpus(1, 30))
	var b bytes.Buffer
	if err := m.Write(&b); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add(b.Bytes()[:b.Len()/2])
	f.Add([]byte(format))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := Read(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			return
		}
		if s := NewScorer(m).Score("The boat was in the harbour.\nnew"); s.Words != 10 || math.IsNaN(s.Log10) {
			t.Errorf("%+v", s)
		}
	})
}

// FuzzNext: words are read to the end of any text, each further on.
func FuzzNext(f *testing.F) {
	f.Add("The Cat's 3.14 日本語 ภาษา e\u0301\xff\x00")
	f.Fuzz(func(t *testing.T, text string) {
		for i := 0; i < len(text); {
			hash, start, end := next(text, i)
			if start == len(text) {
				return
			}
			if start < i || end <= start || end > len(text) || hash < 1<<63 {
				t.Fatalf("%q from %d: %d to %d, hash %x", text, i, start, end, hash)
			}
			if again, _, _ := next(text[start:end], 0); again != hash {
				t.Fatalf("%q: the word %q has the hash %x by itself, not %x", text, text[start:end], again, hash)
			}
			i = end
		}
	})
}
