// Package ngram measures how usual a text is: its perplexity under an n-gram model of words with modified Kneser–Ney
// smoothing, which Temper fits on texts of the user's own.
//
// A line of text is a sentence, <s> w1 … wk </s>, of words as next reads them: small letters, 0 for every digit, signs by
// themselves. The model's probabilities are those of interpolated modified Kneser–Ney, order by order:
//
//	p(w|c) = (a(cw) - D(a(cw)))/a(c·) + γ(c)·p(w|c'),   γ(c) = (Σ D(a(cx)) + pruned)/a(c·)
//
// where a is the count for the highest order and for what begins with <s>, and else the number of words seen before; D has three
// values an order, by counts of counts; c' is c without its first word. Words that were not seen have the share of one of |V| at the
// lowest order. N-grams that are seen as often as an order's pruning says, or less, are left out and their mass goes to γ.
//
// Perplexity is 10^(-log10 p/n) over the words and line ends of a text; an unknown word counts as such.
//
// Sources: Kneser and Ney 1995; Chen and Goodman 1998, TR-10-98, §3 (modified Kneser–Ney, equation 26); Heafield et al. 2013,
// "Scalable modified Kneser-Ney language model estimation" (counts, pruning, unknown words); Wenzek et al. 2020, arXiv:1911.00359
// (perplexity as a measure of quality; head, middle and tail).
package ngram

import (
	"math"
	"math/bits"
	"slices"
	"sort"
	"strings"
)

// MaxOrder is the longest n-gram, words.
const MaxOrder = 5

// The words that no text has, by hash; those of text have the highest bit set.
const (
	hashBegin = 1 // <s>
	hashEnd   = 2 // </s>
)

// A Model is a fitted model. It may be read by any number of goroutines.
type Model struct {
	Fit         Fit       // what it was fitted on, and how it does on what it did not see
	Percentiles []float64 // perplexities below which 1, 2, … 99 % of the sample's texts lie; nil: no sample
	unknown     float64   // log10 p of a word that was not seen
	levels      []level   // of orders 1, 2, …
}

// A level is the n-grams of one order: a hash table with linear probing, whose slots hold 40 bits of an n-gram's key and
// the codes of its log10 probability and its log10 γ, 12 bits each. A slot of 0 is free, and one is.
type level struct {
	slots    []uint64
	probs    []float32 // log10, at most 1<<codeBits
	backoffs []float32
}

const (
	codeBits = 12
	codeMask = 1<<codeBits - 1
	markBits = 40
)

// mark is what a slot holds of a key: bits that its place does not say.
func mark(key uint64) uint64 { return max(1, key&(1<<markBits-1)) }

// place returns where the search for a key begins among n slots.
func place(key uint64, n int) int {
	hi, _ := bits.Mul64(key, uint64(n))
	return int(hi)
}

// find returns the log10 probability and the log10 γ of an n-gram.
func (l *level) find(key uint64) (prob, backoff float32, ok bool) {
	want := mark(key)
	for i := place(key, len(l.slots)); ; {
		s := l.slots[i]
		if s == 0 {
			return 0, 0, false
		}
		if s>>(2*codeBits) == want {
			return l.probs[s>>codeBits&codeMask], l.backoffs[s&codeMask], true
		}
		if i++; i == len(l.slots) {
			i = 0
		}
	}
}

// begin is the key of an n-gram of one word; extend is that of one with a word more before it.
func begin(word uint64) uint64 { return extend(0x9E3779B97F4A7C15, word) }

func extend(key, word uint64) uint64 {
	hi, lo := bits.Mul64(key^word, 0xA0761D6478BD642F^bits.RotateLeft64(word, 23))
	return hi ^ lo ^ key
}

// A Scorer scores texts by a model; it is for one goroutine.
type Scorer struct {
	m       *Model
	words   [MaxOrder]uint64  // the last words, the last first
	backoff [MaxOrder]float32 // of the n-grams of 1, 2, … words that end here and the model has
	known   int               // how many those are, less than the order
}

// NewScorer returns a scorer of m.
func NewScorer(m *Model) *Scorer { return &Scorer{m: m} }

// A Sum is what a text scores.
type Sum struct {
	Log10   float64 // of the probability of all its lines
	Words   int     // words and line ends
	Unknown int     // words that the model has not seen
}

// Perplexity is 10^(-Log10/Words), 0 for no words.
func (s Sum) Perplexity() float64 {
	if s.Words == 0 {
		return 0
	}
	return math.Pow(10, -s.Log10/float64(s.Words))
}

// Score returns what text scores: every line with a word in it is a sentence.
func (s *Scorer) Score(text string) (sum Sum) {
	for text != "" {
		line := text
		if i := strings.IndexByte(text, '\n'); i >= 0 {
			line, text = text[:i], text[i+1:]
		} else {
			text = ""
		}
		any := false
		for i := 0; ; {
			hash, start, end := next(line, i)
			if start == len(line) {
				break
			}
			if !any {
				s.open()
				any = true
			}
			s.step(hash, &sum)
			i = end
		}
		if any {
			s.step(hashEnd, &sum)
		}
	}
	return sum
}

// open begins a sentence.
func (s *Scorer) open() {
	s.words[0], s.known = hashBegin, 1
	_, s.backoff[0], _ = s.m.levels[0].find(begin(hashBegin))
}

// step adds the log10 probability of a word after those before it.
func (s *Scorer) step(word uint64, sum *Sum) {
	sum.Words++
	key := begin(word)
	prob, backoff, ok := s.m.levels[0].find(key)
	p, found := float64(prob), 1
	if !ok {
		p, found = s.m.unknown, 0
		sum.Unknown++
	}
	ends := [MaxOrder]float32{backoff}
	for ok && found <= s.known {
		key = extend(key, s.words[found-1])
		prob, backoff, longer := s.m.levels[found].find(key)
		if !longer {
			break
		}
		p, ends[found] = float64(prob), backoff
		found++
	}
	for _, b := range s.backoff[min(max(found, 1)-1, s.known):s.known] {
		p += float64(b)
	}
	sum.Log10 += p
	s.known = min(found, len(s.m.levels)-1)
	s.backoff = ends
	copy(s.words[1:], s.words[:MaxOrder-1])
	s.words[0] = word
}

// Percentile returns which percentile of the sample a perplexity lies at, 0 to 100; 50 without a sample.
func (m *Model) Percentile(perplexity float64) float64 {
	if len(m.Percentiles) == 0 {
		return 50
	}
	i := sort.SearchFloat64s(m.Percentiles, perplexity)
	return 100 * float64(i) / float64(len(m.Percentiles)+1)
}

// percentiles returns the 99 values that part sorted ones in 100 shares, each the one at its rank rounded up; nil for none.
func percentiles(sorted []float64) (out []float64) {
	for i := 1; i < 100 && len(sorted) > 0; i++ {
		out = append(out, sorted[(len(sorted)*i+99)/100-1])
	}
	return out
}

// Calibrate takes the perplexities of a sample's texts, of which it keeps the percentiles; name says whose they are.
func (m *Model) Calibrate(perplexities []float64, name string) {
	slices.Sort(perplexities)
	m.Percentiles, m.Fit.Sample = percentiles(perplexities), name
}

// Bytes is the size of the model in memory.
func (m *Model) Bytes() (n int64) {
	for _, l := range m.levels {
		n += 8*int64(len(l.slots)) + 4*int64(len(l.probs)+len(l.backoffs))
	}
	return n
}
