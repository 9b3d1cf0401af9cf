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
// first, equal ranks by ID, equal IDs as they come; where the first is to be kept, equal ranks as they come. So numbers, and all that is
// made of them, do not depend on the order of the records otherwise.
type records struct {
	ids    []string // by number
	prints []uint64 // for SimHash
	number []uint32 // of the record at each place in the stream
	old    old      // records of earlier runs; they come before all others
}

func readRecords(sigs iter.Seq2[Signature, error], o Near) (*records, error) {
	type row struct {
		id    string
		rank  float64 // the first
		print uint64
	}
	var rows []row
	var more []float64 // the other ranks
	ranked, first := o.ranked()
	others := max(0, len(ranked)-1)
	for s, err := range sigs {
		if err != nil {
			return nil, err
		}
		if len(rows) == 1<<31-1 {
			return nil, fmt.Errorf("more than %d records in one near-duplicate pass: split the source", len(rows))
		}
		v := row{id: s.ID, print: s.Print}
		if len(ranked) > 0 {
			v.rank, more = s.Ranks[0], append(more, s.Ranks[1:]...)
		}
		rows = append(rows, v)
	}
	order := make([]uint32, len(rows))
	for i := range order {
		order[i] = uint32(i)
	}
	if len(ranked) > 0 {
		slices.SortFunc(order, func(a, b uint32) int {
			c := cmp.Compare(rows[b].rank, rows[a].rank)
			for i := 0; c == 0 && i < others; i++ {
				c = cmp.Compare(more[int(b)*others+i], more[int(a)*others+i])
			}
			if c == 0 && !first {
				c = cmp.Compare(rows[a].id, rows[b].id)
			}
			return cmp.Or(c, cmp.Compare(a, b))
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

// candidates are the pairs that share a band's hash, in order: of the records, and of old ones, which get the numbers before theirs,
// with them. It holds memory bytes of bands and reads the signatures several times where there are many.
func candidates(sigs iter.Seq2[Signature, error], r *records, o Near, memory int) ([]pair, error) {
	var packed []uint64 // pairs
	var met []meeting
	grown := 1 << 16
	err := banded(sigs, r.number, o, memory, func(band int, entries []entry) (err error) {
		packed = r.collide(packed, entries, o)
		if len(packed) > grown {
			slices.Sort(packed)
			packed = slices.Compact(packed)
			grown = max(grown, 2*len(packed))
		}
		met, err = r.old.meet(met, band, entries)
		return err
	})
	if err != nil {
		return nil, err
	}
	slices.Sort(packed)
	packed = slices.Compact(packed)
	pairs, err := r.oldPairs(met, o)
	if err != nil {
		return nil, err
	}
	pairs = slices.Grow(pairs, len(packed))
	shift := uint32(len(r.old.numbers))
	for _, p := range packed {
		a, b := uint32(p>>32), uint32(p)
		pairs = append(pairs, pair{a + shift, b + shift, r.alike(a, b)})
	}
	return pairs, nil
}

// alike is the similarity of two candidates as far as their signatures tell: for SimHash, the share of equal bits.
func (r *records) alike(a, b uint32) float64 {
	if r.prints == nil {
		return 1
	}
	return equalBits(r.prints[a], r.prints[b])
}

func equalBits(a, b uint64) float64 { return 1 - float64(bits.OnesCount64(a^b))/64 }

// nobody is the number of a record that is left out.
const nobody = 1<<32 - 1

// banded calls f with the entries of each band in turn, sorted; number has the number of the record at each place of the signatures.
// It holds memory bytes of entries, but one band at least, and reads the signatures as often as that takes.
func banded(sigs iter.Seq2[Signature, error], number []uint32, o Near, memory int, f func(band int, entries []entry) error) error {
	bands, _ := o.Layout()
	together := max(1, min(bands, memory/(16*max(len(number), 1))))
	buckets := make([][]entry, together)
	for from := 0; from < bands; from += together {
		for i := range buckets {
			buckets[i] = buckets[i][:0]
		}
		row := 0
		for s, err := range sigs {
			if err != nil {
				return err
			}
			if row == len(number) {
				return fmt.Errorf("signatures grow while they are read: %w", dataset.ErrMalformed)
			}
			n := number[row]
			row++
			if n == nobody {
				continue
			}
			for i := range min(together, max(0, len(s.Bands)-from)) {
				if buckets[i] == nil {
					buckets[i] = make([]entry, 0, len(number))
				}
				buckets[i] = append(buckets[i], entry{s.Bands[from+i], n})
			}
		}
		if row != len(number) {
			return fmt.Errorf("%d signatures of %d when they are read again: %w", row, len(number), dataset.ErrMalformed)
		}
		for i, b := range buckets[:min(together, bands-from)] {
			sortEntries(b)
			if err := f(from+i, b); err != nil {
				return err
			}
		}
	}
	return nil
}

// collide appends the pairs of one band's buckets.
func (r *records) collide(packed []uint64, band []entry, o Near) []uint64 {
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
