package dedup

import (
	"math"
	"math/bits"
	"unicode"
	"unicode/utf8"

	"github.com/zeebo/xxh3"

	"temper/dataset"
)

// Evals is an index of evaluation items. It is safe for concurrent use.
type Evals struct {
	o        Decontaminate
	items    []item
	byText   map[uint64]int32 // the hash of a question's words, to the item
	passages []passage
	runs     map[uint64]part // the hash of NGram words, to where they are from
	whole    map[uint64]int32
	seeds    map[uint64][]int32 // the hash of seedWords words, to the items of at least seeded words that have them
	maybe    bitset             // the keys of the three
	lengths  []bool             // of the runs of words that are keys
	rarity   map[uint64]float64 // of a word: log(1+items/items with it)
	skipped  int
}

// A part is a question, or the answer of that place.
type part struct{ item, answer int32 }

// A passage is a text that questions are about, by the hashes of its runs of passageWords words.
type passage map[uint64]bool

const (
	seedWords    = 5
	seeded       = 13  // words from which a question may be found in part
	maxSeeded    = 500 // items; words that more of them have are no seed
	passageWords = 4
	wholeWords   = 12 // a question of so many words must be there whole
	enoughWords  = 40 // from so many words on, Score is enough of it
)

// NewEvals indexes items: the question and the answer of every record. What is asked with several answers is one question.
func NewEvals(items dataset.Records, o Decontaminate) (*Evals, error) {
	e := &Evals{o: o.WithDefaults(), byText: map[uint64]int32{}, runs: map[uint64]part{}, whole: map[uint64]int32{}, seeds: map[uint64][]int32{}, rarity: map[uint64]float64{}}
	passages := map[string]int32{}
	for rec, err := range items {
		if err != nil {
			return nil, err
		}
		question, text, about := partsOf(rec)
		a := answer{id: rec.ID, text: text, words: hashesOf(wordSpans(text)), passage: -1}
		if about != "" {
			n, there := passages[about]
			if !there {
				n = int32(len(e.passages))
				passages[about] = n
				e.passages = append(e.passages, newPassage(about))
			}
			a.passage = n
		}
		e.add(question, a)
	}
	e.index()
	return e, nil
}

// Skipped is the number of records that cannot be looked for: a question of fewer than Short words without an answer, or an answer of
// fewer than NGram words without a question.
func (e *Evals) Skipped() int { return e.skipped }

// add adds one record's question and answer.
func (e *Evals) add(question string, a answer) {
	words := hashesOf(wordSpans(question))
	if len(words) < e.o.Short && len(a.words) == 0 || len(words) == 0 && len(a.words) < e.o.NGram {
		e.skipped++
		return
	}
	key := runHash(words)
	n, there := e.byText[key]
	if !there {
		n = int32(len(e.items))
		e.byText[key] = n
		e.items = append(e.items, item{text: question, words: words})
	}
	e.items[n].answers = append(e.items[n].answers, a)
}

// index makes the keys of all items.
func (e *Evals) index() {
	e.lengths = make([]bool, max(e.o.NGram, seedWords)+1)
	e.lengths[e.o.NGram] = true
	e.lengths[seedWords] = e.o.Score < 1
	for n := range e.items {
		it := &e.items[n]
		if k := len(it.words); k > 0 && k < e.o.NGram {
			e.whole[runHash(it.words)] = int32(n)
			e.lengths[k] = true
		}
		e.addRuns(it.words, part{int32(n), -1})
		for i, a := range it.answers {
			e.addRuns(a.words, part{int32(n), int32(i)})
		}
		e.addSeeds(int32(n))
		seen := map[uint64]bool{}
		for _, w := range it.words {
			if !seen[w] {
				seen[w] = true
				e.rarity[w]++
			}
		}
	}
	for w, in := range e.rarity {
		e.rarity[w] = math.Log(1 + float64(len(e.items))/in)
	}
	e.maybe = newBitset(len(e.runs) + len(e.whole) + len(e.seeds))
	for h := range e.runs {
		e.maybe.add(h)
	}
	for h := range e.whole {
		e.maybe.add(h)
	}
	for h, in := range e.seeds {
		if len(in) > maxSeeded {
			delete(e.seeds, h)
			continue
		}
		e.maybe.add(h)
	}
	for n := range e.items {
		e.items[n].weight = e.weigh(e.items[n].words)
	}
}

func (e *Evals) addRuns(words []uint64, p part) {
	for i := 0; i+e.o.NGram <= len(words); i++ {
		h := runHash(words[i : i+e.o.NGram])
		if _, there := e.runs[h]; !there {
			e.runs[h] = p
		}
	}
}

func (e *Evals) addSeeds(n int32) {
	words := e.items[n].words
	if len(words) < seeded || e.o.Score == 1 {
		return
	}
	for i := 0; i+seedWords <= len(words); i++ {
		h := runHash(words[i : i+seedWords])
		if in := e.seeds[h]; len(in) <= maxSeeded && (len(in) == 0 || in[len(in)-1] != n) {
			e.seeds[h] = append(in, n)
		}
	}
}

// weigh is the sum of the words' rarities. One that no question has is as rare as one that one question has.
func (e *Evals) weigh(words []uint64) (sum float64) {
	for _, w := range words {
		sum += e.weight(w)
	}
	return sum
}

func (e *Evals) weight(word uint64) float64 {
	if r, ok := e.rarity[word]; ok {
		return r
	}
	return math.Log(1 + float64(len(e.items)))
}

func newPassage(text string) passage {
	words := hashesOf(wordSpans(text))
	p := passage{}
	for i := 0; i+passageWords <= len(words); i++ {
		p[runHash(words[i:i+passageWords])] = true
	}
	return p
}

// A bitset tells what is surely not in a set of hashes.
type bitset []uint64

func newBitset(n int) bitset { return make(bitset, max(1, 1<<bits.Len(uint(n))/4)) } // 16 to 32 bits each

func (b bitset) add(h uint64)      { b[h>>6&uint64(len(b)-1)] |= 1 << (h & 63) }
func (b bitset) has(h uint64) bool { return b[h>>6&uint64(len(b)-1)]>>(h&63)&1 != 0 }

// A wordSpan is a word's hash and where it stands.
type wordSpan struct {
	hash     uint64
	from, to int
}

// wordSpans are the words of a text.
func wordSpans(text string) []wordSpan {
	out := make([]wordSpan, 0, len(text)/5)
	var word []byte
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRuneInString(text[i:])
		if !isWord(r) {
			i += n
			continue
		}
		from := i
		word = word[:0]
		for alone := isIdeograph(r); isWord(r); {
			word = utf8.AppendRune(word, unicode.ToLower(r))
			i += n
			if r, n = utf8.DecodeRuneInString(text[i:]); n == 0 || alone || isIdeograph(r) {
				break
			}
		}
		out = append(out, wordSpan{xxh3.Hash(word), from, i})
	}
	return out
}

func isIdeograph(r rune) bool {
	return r >= 0x3040 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana)
}

func hashesOf(spans []wordSpan) []uint64 {
	out := make([]uint64, len(spans))
	for i, s := range spans {
		out[i] = s.hash
	}
	return out
}

// runHash hashes a run of words.
func runHash(words []uint64) uint64 {
	h := uint64(0)
	for _, w := range words {
		h = h*shingleTimes + w
	}
	return runKey(h, len(words))
}

// runKey ends the hash of a run of n words.
func runKey(h uint64, n int) uint64 { return mix(h + uint64(n)*wordSeed) }
