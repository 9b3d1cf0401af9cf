// Package linear tells good texts from bad ones by a logistic regression over hashed n-grams of words, as fastText's
// classifiers do without their hidden layer: small, fast, and fitted in seconds from two sets of examples.
//
// A text's features are its words and pairs of words in small letters, each counted in the bucket that its hash of 64 bits
// gives; the counts are made 1 + log, and the vector is scaled to length 1. The score is 1/(1+exp(-(w·x+b))).
//
// Sources: Joulin et al. 2017, arXiv:1607.01759 (linear text classification, hashed n-grams); Weinberger et al. 2009,
// arXiv:0902.2206 (hashing); Duchi et al. 2011 (AdaGrad); its use for quality: Brown et al. 2020, arXiv:2005.14165, appendix A.
package linear

import (
	"math"
	"unicode"
	"unicode/utf8"

	"github.com/zeebo/xxh3"
)

// Bits is the logarithm of the number of buckets, and maxWords how much of a text is looked at.
const (
	Bits     = 16
	buckets  = 1 << Bits
	maxWords = 20_000
)

// A Model is a fitted classifier. Weights are bytes times Scale.
type Model struct {
	Weights []int8  `json:"-"` // buckets of them
	Scale   float64 `json:"scale"`
	Bias    float64 `json:"bias"`
	Fit     Fit     `json:"fit"`
}

// A Fit says what a model was fitted on, and how well it tells texts that it did not see.
type Fit struct {
	Good     int     `json:"good"`      // texts fitted on
	Bad      int     `json:"bad"`       //
	HeldGood int     `json:"held_good"` // texts held out
	HeldBad  int     `json:"held_bad"`  //
	AUC      float64 `json:"auc"`       // of the held-out: the chance that a good text scores above a bad one
	Accuracy float64 `json:"accuracy"`  // of the held-out at a score of 0.5, the mean of both sides'
	Seed     uint64  `json:"seed"`
}

// A Scorer scores texts by a model; it keeps its memory from text to text.
type Scorer struct {
	model  *Model
	vector vector
}

// NewScorer returns a scorer of m.
func NewScorer(m *Model) *Scorer { return &Scorer{model: m} }

// Score returns how good text is, 0 to 1.
func (s *Scorer) Score(text string) float64 {
	s.vector.read(text)
	sum := 0.0
	for i, b := range s.vector.buckets {
		sum += s.vector.values[i] * float64(s.model.Weights[b])
	}
	return logistic(sum*s.model.Scale + s.model.Bias)
}

func logistic(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

// A vector is the features of a text: buckets, each once, in the order of first occurrence, and their values.
type vector struct {
	buckets []uint32
	values  []float64
	at      []uint16 // where in buckets each may be; so nothing need be cleared
	word    []byte
}

// read makes v the vector of text.
func (v *vector) read(text string) {
	if v.at == nil {
		v.at = make([]uint16, buckets)
	}
	v.buckets, v.values = v.buckets[:0], v.values[:0]
	before := uint64(0)
	for words := 0; text != "" && words < maxWords; words++ {
		n := v.next(text)
		text = text[n:]
		if len(v.word) == 0 {
			break
		}
		h := xxh3.Hash(v.word)
		v.count(h)
		if words > 0 {
			v.count(before*0x9e3779b97f4a7c15 + h)
		}
		before = h
	}
	length := 0.0
	for i, c := range v.values {
		v.values[i] = 1 + math.Log(c)
		length += v.values[i] * v.values[i]
	}
	length = math.Sqrt(length)
	for i := range v.values {
		v.values[i] /= length
	}
}

// next puts the first word of text, in small letters, or the first sign that is no space, into v.word, and returns the bytes that it took.
func (v *vector) next(text string) (n int) {
	v.word = v.word[:0]
	for n < len(text) {
		r, size := utf8.DecodeRuneInString(text[n:])
		switch {
		case unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r):
			v.word = utf8.AppendRune(v.word, unicode.ToLower(r))
		case len(v.word) > 0:
			return n
		case !unicode.IsSpace(r):
			v.word = utf8.AppendRune(v.word, r)
			return n + size
		}
		n += size
	}
	return n
}

func (v *vector) count(h uint64) {
	b := uint32(h>>(64-Bits)) ^ uint32(h&(buckets-1))
	i := int(v.at[b])
	if i >= len(v.buckets) || v.buckets[i] != b {
		i = len(v.buckets)
		v.at[b] = uint16(i)
		v.buckets, v.values = append(v.buckets, b), append(v.values, 0)
	}
	v.values[i]++
}
