package dedup

import (
	"iter"
	"math"
	"strconv"
	"strings"
	"sync"
	"time"

	"temper/dataset"
)

// A Signature is what clusters are found by.
type Signature struct {
	ID    string   // of the record
	Bands []uint64 // the hashes of its bands; none for a record without units
	Rank  float64  // the larger is kept
	Print uint64   // the fingerprint, for SimHash
}

// Sign yields the signatures of records, in order: k = bands·rows MinHash values by fast similarity sketching, or a SimHash
// fingerprint. They are the same for any number of workers.
func Sign(in dataset.Records, o Near, workers int) iter.Seq2[Signature, error] {
	o = o.WithDefaults()
	if workers <= 1 {
		s := newSigner(o)
		return func(yield func(Signature, error) bool) {
			for rec, err := range in {
				var sig Signature
				if err == nil {
					sig = s.sign(rec)
				}
				if !yield(sig, err) || err != nil {
					return
				}
			}
		}
	}
	signers := sync.Pool{New: func() any { return newSigner(o) }}
	return dataset.Map(in, workers, func(rec dataset.Record) (Signature, error) {
		s := signers.Get().(*signer)
		defer signers.Put(s)
		return s.sign(rec), nil
	})
}

// A signer keeps its buffers between records.
type signer struct {
	o          Near
	rows       int
	masks      []uint64 // for SimHash
	sketcher   *sketcher
	cutter     cutter
	text       []byte
	units, set []uint64
}

func newSigner(o Near) *signer {
	s := &signer{o: o, cutter: cutter{unit: o.Unit}}
	if o.Method == methodSimHash {
		s.masks = tables(o.Distance)
		return s
	}
	bands, rows := o.Layout()
	s.rows, s.sketcher = rows, newSketcher(bands*rows, o.Seed)
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
	s.units = s.cutter.hashes(s.units[:0], s.text)
	s.set = shingles(s.set[:0], s.units, s.o.Shingle)
}

func (s *signer) sign(rec dataset.Record) Signature {
	s.hashShingles(rec)
	sig := Signature{ID: rec.ID, Rank: rank(rec, s.o.Keep)}
	switch {
	case len(s.set) == 0:
	case s.sketcher != nil:
		values := s.sketcher.sketch(s.set)
		sig.Bands = bandHashes(make([]uint64, 0, len(values)/s.rows), values, s.rows)
	default:
		sig.Print = simHash(s.set, s.o.Seed)
		sig.Bands = make([]uint64, len(s.masks))
		for i, m := range s.masks {
			sig.Bands[i] = mix(sig.Print & m)
		}
	}
	return sig
}

// rank is by what a keeper is chosen: the larger is kept. A record without the field, or with another kind of value in it, comes last.
func rank(rec dataset.Record, keep string) float64 {
	by, field, _ := strings.Cut(keep, ":")
	v, sign := math.NaN(), 1.0
	switch by {
	case "first":
		return 0
	case "longest", "shortest":
		n := len(rec.Text)
		for _, m := range rec.Messages {
			n += len(m.Content)
		}
		v = float64(n)
	case "best", "least":
		if n, err := strconv.ParseFloat(rec.Meta[field], 64); err == nil {
			v = n
		}
	case "newest", "oldest":
		for _, layout := range []string{time.RFC3339, "2006-01-02 15:04:05", time.DateOnly} {
			if t, err := time.Parse(layout, rec.Meta[field]); err == nil {
				v = float64(t.UnixMilli())
				break
			}
		}
	}
	if by == "shortest" || by == "least" || by == "oldest" {
		sign = -1
	}
	if math.IsNaN(v) {
		return math.Inf(-1)
	}
	return sign * v
}
