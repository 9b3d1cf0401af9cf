package dedup

import (
	"cmp"
	"fmt"
	"iter"
	"math/bits"
	"slices"

	"temper/dataset"
)

// records is what is held of every record while clusters are found. A record's number is its place by preference: the larger rank
// first, equal ranks by ID, equal IDs as they come; where the first is to be kept, all as they come. So numbers, and all that is
// made of them, do not depend on the order of the records.
type records struct {
	ids    []string // by number
	prints []uint64 // for SimHash
	number []uint32 // of the record at each place in the stream
}

func readRecords(sigs iter.Seq2[Signature, error], o Near) (*records, error) {
	type row struct {
		id    string
		rank  float64
		print uint64
	}
	var rows []row
	for s, err := range sigs {
		if err != nil {
			return nil, err
		}
		if len(rows) == 1<<31-1 {
			return nil, fmt.Errorf("more than %d records in one near-duplicate pass: split the source", len(rows))
		}
		rows = append(rows, row{s.ID, s.Rank, s.Print})
	}
	order := make([]uint32, len(rows))
	for i := range order {
		order[i] = uint32(i)
	}
	if o.Keep != "first" {
		slices.SortFunc(order, func(a, b uint32) int {
			return cmp.Or(cmp.Compare(rows[b].rank, rows[a].rank), cmp.Compare(rows[a].id, rows[b].id), cmp.Compare(a, b))
		})
	}
	r := &records{ids: make([]string, len(rows)), number: make([]uint32, len(rows))}
	if o.Method == methodSimHash {
		r.prints = make([]uint64, len(rows))
	}
	for n, at := range order {
		r.ids[n], r.number[at] = rows[at].id, uint32(n)
		if r.prints != nil {
			r.prints[n] = rows[at].print
		}
	}
	return r, nil
}

// A pair is two records' numbers, the smaller first, and how alike they are.
type pair struct {
	a, b       uint32
	similarity float64
}

// maxGroup bounds the records of one band's bucket that are compared with all of the others; beyond it each is compared with the
// ones of the smallest numbers only, which finds the cluster all the same where they are alike.
const maxGroup = 64

// bandMemory is how many bytes the hashes of the bands that are taken in one go may have: signatures are read as often as it takes.
const bandMemory = 64 << 20

// candidates are the pairs that share a band's hash, in order. It holds memory bytes of bands and reads the signatures several times where there are many.
func candidates(sigs iter.Seq2[Signature, error], r *records, o Near, memory int) ([]pair, error) {
	bands, _ := o.Layout()
	n := len(r.ids)
	together := max(1, min(bands, memory/(16*max(n, 1))))
	var packed []uint64 // pairs
	buckets := make([][]entry, together)
	for from := 0; from < bands; from += together {
		for i := range buckets {
			buckets[i] = buckets[i][:0]
		}
		row := 0
		for s, err := range sigs {
			if err != nil {
				return nil, err
			}
			if row == n {
				return nil, fmt.Errorf("signatures grow while they are read: %w", dataset.ErrMalformed)
			}
			for i := range min(together, max(0, len(s.Bands)-from)) {
				if buckets[i] == nil {
					buckets[i] = make([]entry, 0, n)
				}
				buckets[i] = append(buckets[i], entry{s.Bands[from+i], r.number[row]})
			}
			row++
		}
		if row != n {
			return nil, fmt.Errorf("%d signatures of %d when they are read again: %w", row, n, dataset.ErrMalformed)
		}
		for _, b := range buckets {
			packed = r.collide(packed, b, o)
		}
		slices.Sort(packed)
		packed = slices.Compact(packed)
	}
	pairs := make([]pair, len(packed))
	for i, p := range packed {
		pairs[i] = pair{uint32(p >> 32), uint32(p), 1}
		if r.prints != nil {
			pairs[i].similarity = 1 - float64(bits.OnesCount64(r.prints[pairs[i].a]^r.prints[pairs[i].b]))/64
		}
	}
	return pairs, nil
}

// collide appends the pairs of one band's buckets.
func (r *records) collide(packed []uint64, band []entry, o Near) []uint64 {
	sortEntries(band)
	for len(band) > 0 {
		n := 1
		for n < len(band) && band[n].hash == band[0].hash {
			n++
		}
		for i := range n {
			for j := range min(i, maxGroup) {
				a, b := band[j].number, band[i].number
				if r.prints == nil || bits.OnesCount64(r.prints[a]^r.prints[b]) <= o.Distance {
					packed = append(packed, uint64(a)<<32|uint64(b))
				}
			}
		}
		band = band[n:]
	}
	return packed
}

// An entry is the hash of one band of one record.
type entry struct {
	hash   uint64
	number uint32
}

// sortEntries sorts by hash, then number.
func sortEntries(band []entry) {
	slices.SortFunc(band, func(a, b entry) int {
		if a.hash != b.hash {
			if a.hash < b.hash {
				return -1
			}
			return 1
		}
		return int(a.number) - int(b.number)
	})
}
