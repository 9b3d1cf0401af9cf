package dedup

import (
	"encoding/json"
	"fmt"
	"iter"
	"math"
	"strconv"
	"strings"

	"github.com/zeebo/xxh3"

	"temper/dataset"
)

// Near removes near duplicates: MinHash signatures (Broder 1997), candidates by bands (Leskovec et al., Mining of Massive
// Datasets, §3.4), verified by the true Jaccard similarity of the word shingles.
type Near struct {
	Similarity float64 `json:"similarity,omitempty" doc:"Jaccard similarity of the word shingles from which two records are duplicates, above 0 and at most 1" default:"0.8"`
	Verify     *bool   `json:"verify,omitempty" doc:"compare the shingles of candidates themselves, not only their signatures" default:"true"`
	Keep       string  `json:"keep,omitempty" doc:"which of a cluster is kept: longest, first, or best:FIELD (the largest number in that meta field)" default:"longest"`
	Shingle    int     `json:"shingle,omitempty" doc:"words of a shingle" default:"5"`
	Seed       uint64  `json:"seed,omitempty" doc:"of the hash functions" default:"0"`
}

// WithDefaults fills in what is absent.
func (o Near) WithDefaults() Near {
	if o.Similarity == 0 {
		o.Similarity = 0.8
	}
	if o.Verify == nil {
		yes := true
		o.Verify = &yes
	}
	if o.Keep == "" {
		o.Keep = "longest"
	}
	if o.Shingle == 0 {
		o.Shingle = 5
	}
	return o
}

// Validate says what is wrong with o, after WithDefaults.
func (o Near) Validate() error {
	switch {
	case !(o.Similarity > 0 && o.Similarity <= 1):
		return fmt.Errorf("near.similarity is %g; it must be above 0 and at most 1", o.Similarity)
	case o.Shingle < 1 || o.Shingle > 64:
		return fmt.Errorf("near.shingle is %d words; it must be 1 to 64", o.Shingle)
	case o.Keep != "longest" && o.Keep != "first" && (!strings.HasPrefix(o.Keep, "best:") || o.Keep == "best:"):
		return fmt.Errorf("near.keep is %q; it must be longest, first or best:FIELD", o.Keep)
	}
	return nil
}

// digest names the options that signatures depend on.
func (o Near) digest() uint64 {
	o = o.WithDefaults()
	bands, rows := o.Bands()
	b, _ := json.Marshal([]any{o.Shingle, o.Seed, bands, rows, o.Keep})
	return xxh3.Hash(b)
}

// wantedRecall is the share of pairs at the threshold that the bands must find.
const wantedRecall = 0.98

// Bands are the number of bands and of rows a band: of those that find wantedRecall of the pairs at the threshold with at most 256
// hash values, the ones with the most rows, for those yield the fewest false candidates.
func (o Near) Bands() (bands, rows int) {
	s := o.WithDefaults().Similarity
	for rows = 16; rows > 1; rows-- {
		if bands = bandsFor(s, rows); bands*rows <= 256 {
			return bands, rows
		}
	}
	return min(256, bandsFor(s, 1)), 1
}

// bandsFor is how many bands of rows values find wantedRecall of the pairs of similarity s.
func bandsFor(s float64, rows int) int {
	p := math.Pow(s, float64(rows))
	if p >= 1 {
		return 1
	}
	return int(min(1e6, math.Ceil(math.Log(1-wantedRecall)/math.Log(1-p))))
}

// Recall is the share of pairs of a similarity that become candidates: 1-(1-s^rows)^bands, the S-curve.
func (o Near) Recall(similarity float64) float64 {
	bands, rows := o.Bands()
	return 1 - math.Pow(1-math.Pow(similarity, float64(rows)), float64(bands))
}

// A Signature is what clusters are found by: a record's ID, the hashes of its bands, and by what a keeper is chosen.
type Signature struct {
	ID    string
	Bands []uint64 // none for a record without words
	Rank  float64  // the larger is kept; ties go to the earlier record
}

// Sign yields the signatures of records, in order.
//
// The k = bands·rows MinHash values come from one permutation (Li, Owen and Zhang 2012): each shingle's hash falls in one of k
// bins, a bin keeps its smallest, and empty bins borrow from a bin chosen by hashing (optimal densification, Shrivastava 2017), so
// that a text costs one hash a shingle. Equal values at a bin have the probability of the Jaccard similarity.
func Sign(in dataset.Records, o Near) iter.Seq2[Signature, error] {
	o = o.WithDefaults()
	return func(yield func(Signature, error) bool) {
		s := newSigner(o)
		for rec, err := range in {
			if err != nil {
				yield(Signature{}, err)
				return
			}
			if !yield(s.sign(rec), nil) {
				return
			}
		}
	}
}

// A signer keeps its buffers between records.
type signer struct {
	o           Near
	bands, rows int
	bins        []uint64
	order       [][]int32 // for each bin, where it borrows when it is empty, in order of preference
	text, word  []byte
	words, set  []uint64
}

// borrows is how many bins an empty one asks by table; after them the next ones.
const borrows = 16

func newSigner(o Near) *signer {
	s := &signer{o: o}
	s.bands, s.rows = o.Bands()
	k := s.bands * s.rows
	s.bins = make([]uint64, k)
	s.order = make([][]int32, k)
	for i := range s.order {
		s.order[i] = make([]int32, borrows)
		for j := range borrows {
			s.order[i][j] = int32(mix(uint64(i)<<32|uint64(j)+o.Seed*0x9e3779b97f4a7c15) % uint64(k))
		}
	}
	return s
}

// shingleSet is a record's set of shingle hashes, sorted. It is valid until the next call.
func (s *signer) shingleSet(rec dataset.Record) []uint64 {
	s.hashShingles(rec)
	s.set = setOf(s.set)
	return s.set
}

func (s *signer) hashShingles(rec dataset.Record) {
	s.text = append(s.text[:0], rec.Text...)
	for _, m := range rec.Messages {
		s.text = append(append(s.text, '\n'), m.Content...)
	}
	s.words, s.word = words(s.words[:0], s.text, s.word)
	s.set = shingles(s.set[:0], s.words, s.o.Shingle)
}

func (s *signer) sign(rec dataset.Record) Signature {
	s.hashShingles(rec)
	sig := Signature{ID: rec.ID, Rank: s.rank(rec)}
	if len(s.set) == 0 {
		return sig
	}
	const empty = math.MaxUint64
	k := uint64(len(s.bins))
	for i := range s.bins {
		s.bins[i] = empty
	}
	seed := mix(s.o.Seed + 0x632be59bd9b4e019)
	for _, h := range s.set {
		h = mix(h ^ seed)
		bin := h >> 32 * k >> 32 // the high half chooses the bin, the whole is the value
		if h < s.bins[bin] {
			s.bins[bin] = h
		}
	}
	sig.Bands = make([]uint64, s.bands)
	for b := range sig.Bands {
		h := uint64(b) + 1
		for r := range s.rows {
			h = mix(h*0x9e3779b97f4a7c15 + s.value(b*s.rows+r))
		}
		sig.Bands[b] = h
	}
	return sig
}

// value is a bin's smallest hash, borrowed if the bin is empty.
func (s *signer) value(bin int) uint64 {
	if v := s.bins[bin]; v != math.MaxUint64 {
		return v
	}
	for _, i := range s.order[bin] {
		if v := s.bins[i]; v != math.MaxUint64 {
			return v
		}
	}
	for i := 1; ; i++ { // at least one bin is not empty
		if v := s.bins[(bin+i)%len(s.bins)]; v != math.MaxUint64 {
			return v
		}
	}
}

// rank is by what a keeper is chosen.
func (s *signer) rank(rec dataset.Record) float64 {
	switch field, best := strings.CutPrefix(s.o.Keep, "best:"); {
	case best:
		v, err := strconv.ParseFloat(rec.Meta[field], 64)
		if err != nil || math.IsNaN(v) {
			return math.Inf(-1)
		}
		return v
	case s.o.Keep == "first":
		return 0
	}
	n := len(rec.Text)
	for _, m := range rec.Messages {
		n += len(m.Content)
	}
	return float64(n)
}
