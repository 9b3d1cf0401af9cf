package dedup

import (
	"iter"
	"sync"

	"temper/dataset"
)

// A Signature is what clusters are found by.
type Signature struct {
	ID    string    // of the record
	Bands []uint64  // the hashes of its bands; none for a record without units
	Ranks []float64 // one a preference of Near.Keep: the record with the larger is kept, by the first that differs
	Print uint64    // the fingerprint, for SimHash
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
	keep       []preference
	rows       int
	masks      []uint64 // for SimHash
	sketcher   *sketcher
	cutter     cutter
	text       []byte
	units, set []uint64
}

func newSigner(o Near) *signer {
	s := &signer{o: o, cutter: cutter{unit: o.Unit}}
	s.keep, _ = o.ranked()
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
	sig := Signature{ID: rec.ID, Ranks: make([]float64, len(s.keep))}
	for i, p := range s.keep {
		sig.Ranks[i] = p.rank(rec)
	}
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
