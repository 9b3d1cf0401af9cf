package ngram

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/zeebo/xxh3"
)

// Options sets a fit. In numbers 0 is the default.
type Options struct {
	Order int    `json:"order,omitempty" doc:"words of the longest n-gram, 2 to 5" default:"5"`
	Prune []int  `json:"prune,omitempty" doc:"of each order, n-grams seen so often or less are left out; the last value goes for the orders that follow, the first must be 0" default:"0,0,1"`
	Held  int    `json:"held,omitempty" doc:"one text in so many is held out" default:"10"`
	Seed  uint64 `json:"seed,omitempty" doc:"of what is held out"`
	Limit int64  `json:"limit,omitempty" doc:"bytes of memory that the fit may take" default:"2 GiB"`
	Names bool   `json:"-"` // keep the words, for [Trainer.WriteARPA]
}

// WithDefaults fills in what is 0, and one pruning for every order.
func (o Options) WithDefaults() Options {
	o.Order = cmp.Or(o.Order, MaxOrder)
	if len(o.Prune) == 0 {
		o.Prune = []int{0, 0, 1}
	}
	o.Prune = slices.Clone(o.Prune)
	for len(o.Prune) < o.Order {
		o.Prune = append(o.Prune, o.Prune[len(o.Prune)-1])
	}
	o.Prune = o.Prune[:max(1, min(o.Order, len(o.Prune)))]
	o.Held = cmp.Or(o.Held, 10)
	o.Limit = cmp.Or(o.Limit, 2<<30)
	return o
}

// Validate says what is wrong with the options.
func (o Options) Validate() error {
	o = o.WithDefaults()
	if o.Order < 2 || o.Order > MaxOrder {
		return fmt.Errorf("order is %d: must be 2 to %d", o.Order, MaxOrder)
	}
	if o.Held < 2 {
		return fmt.Errorf("held is %d: must be at least 2", o.Held)
	}
	if o.Prune[0] != 0 || !slices.IsSorted(o.Prune) {
		return fmt.Errorf("prune is %v: must begin with 0 and not fall", o.Prune)
	}
	if o.Limit < minLimit {
		return fmt.Errorf("limit is %d bytes: must be at least %d", o.Limit, minLimit)
	}
	return nil
}

// The errors of a fit.
var (
	ErrFew   = errors.New("too few texts")
	ErrLarge = errors.New("the model does not fit in the memory it may take")
)

const (
	minLimit  = 8 << 20
	maxTokens = 1<<32 - 1    // of all texts: counts have 32 bits
	wordBytes = 48           // that a word takes of memory, beside its letters
	gramBytes = 4 * MaxOrder // and an n-gram that is counted
)

// Words by number.
const (
	idUnknown = iota
	idBegin
	idEnd
)

// A Scratch is a place for what does not fit into memory, such as a temporary file.
type Scratch interface {
	io.ReaderAt
	io.WriterAt
}

// A gram is an n-gram of the highest order by its words' numbers, the last word first.
type gram [MaxOrder]uint32

// A Trainer takes texts and fits a model. Its memory is the options' limit and what the words take; the rest is on scratch.
type Trainer struct {
	o       Options
	ids     map[uint64]uint32 // of words' hashes
	hashes  []uint64          // of words by number
	names   []string          // of words by number, if asked for
	letters int64             // bytes of names
	grams   []gram
	most    int // grams in memory
	counts  spill
	held    *shelf
	tokens  uint64
	texts   int
	whole   []part  // all counts in one
	tables  []table // of the orders, once fitted
	root    context // what single words sum up to
	fit     Fit
	unknown float64 // log10 p of a word that was not seen
}

// NewTrainer returns a trainer without texts, whose options are valid. Counts go to one scratch, what is held out to the other.
func NewTrainer(o Options, counts, held Scratch) *Trainer {
	o = o.WithDefaults()
	t := &Trainer{o: o, ids: make(map[uint64]uint32), hashes: []uint64{0, hashBegin, hashEnd}, names: []string{"<unk>", "<s>", "</s>"}}
	t.counts.s, t.held = counts, newShelf(held)
	t.most = int(min(o.Limit/4/gramBytes, 8<<20))
	return t
}

// Add takes up a text: its lines, or the whole, among what is held out.
func (t *Trainer) Add(text string) error {
	if xxh3.HashStringSeed(text, t.o.Seed)>>32%uint64(t.o.Held) == 0 {
		return t.held.put(text)
	}
	t.texts++
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		g := gram{}
		for i := range g[:t.o.Order] {
			g[i] = idBegin
		}
		any := false
		for i := 0; ; {
			hash, start, end := next(line, i)
			if start == len(line) {
				break
			}
			if err := t.count(&g, t.id(hash, line[start:end])); err != nil {
				return err
			}
			any, i = true, end
		}
		if any {
			if err := t.count(&g, idEnd); err != nil {
				return err
			}
		}
	}
	return nil
}

// id returns the number of a word.
func (t *Trainer) id(hash uint64, word string) uint32 {
	if id, ok := t.ids[hash]; ok {
		return id
	}
	id := uint32(len(t.hashes))
	t.ids[hash] = id
	t.hashes = append(t.hashes, hash)
	if t.o.Names {
		t.names = append(t.names, spelled(word))
		t.letters += int64(len(word)) + 16
	}
	return id
}

// count moves g on by a word and counts it.
func (t *Trainer) count(g *gram, id uint32) error {
	copy(g[1:t.o.Order], g[:t.o.Order-1])
	g[0] = id
	if t.tokens++; t.tokens > maxTokens {
		return fmt.Errorf("%w: more than %d words", ErrLarge, uint64(maxTokens))
	}
	t.grams = append(t.grams, *g)
	if len(t.grams) < t.most {
		return nil
	}
	if words := int64(len(t.hashes))*wordBytes + t.letters; words > t.o.Limit/2 {
		return fmt.Errorf("%w: %d different words take %d MB of the %d MB allowed", ErrLarge, len(t.hashes), words>>20, t.o.Limit>>20)
	}
	return t.flush()
}

// flush writes the n-grams in memory to scratch, sorted and counted.
func (t *Trainer) flush() error {
	if len(t.grams) == 0 {
		return nil
	}
	slices.SortFunc(t.grams, compare)
	err := t.counts.write(func(w *bufio.Writer) error {
		out := writer{w: w, order: t.o.Order}
		for i := 0; i < len(t.grams); {
			n := i + 1
			for n < len(t.grams) && t.grams[n] == t.grams[i] {
				n++
			}
			if err := out.put(&t.grams[i], uint64(n-i)); err != nil {
				return err
			}
			i = n
		}
		return nil
	})
	t.grams = t.grams[:0]
	return err
}

// compare orders n-grams by their last words, then by the words before.
func compare(a, b gram) int {
	for i := range a {
		if a[i] != b[i] {
			if a[i] < b[i] {
				return -1
			}
			return 1
		}
	}
	return 0
}
