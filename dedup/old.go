package dedup

import (
	"cmp"
	"math/bits"
	"slices"
)

// old is the kept records of earlier passes that one pass is compared with. Of all of them, which files count through by age, those
// that are candidates get numbers, in the same order.
type old struct {
	files   []*Kept
	numbers []uint64 // the place among all, by number
	grown   int      // meetings above which those that are there twice are removed again
}

// A meeting is an old record, by its place among all, and a record of the pass that share a band's hash.
type meeting struct {
	old uint64
	new uint32
}

// meet appends the meetings in one band, whose entries are sorted: of a record, with the maxGroup oldest that have its hash.
func (k *old) meet(met []meeting, band int, entries []entry) ([]meeting, error) {
	if len(k.files) == 0 {
		return met, nil
	}
	seen := make([]uint8, len(entries))
	base := uint64(0)
	for _, f := range k.files {
		at := 0
		for e, err := range f.band(band) {
			if err != nil {
				return nil, err
			}
			for at < len(entries) && entries[at].hash < e.hash {
				at++
			}
			for i := at; i < len(entries) && entries[i].hash == e.hash; i++ {
				if seen[i] < maxGroup {
					seen[i]++
					met = append(met, meeting{base + uint64(e.number), entries[i].number})
				}
			}
		}
		base += f.records
	}
	if len(met) > max(k.grown, 1<<16) {
		met = distinct(met)
		k.grown = 2 * len(met)
	}
	return met, nil
}

func distinct(met []meeting) []meeting {
	slices.SortFunc(met, func(a, b meeting) int { return cmp.Or(cmp.Compare(a.old, b.old), cmp.Compare(a.new, b.new)) })
	return slices.Compact(met)
}

// oldPairs gives the old records that were met numbers and returns the pairs with them. Fingerprints decide here, as they do among
// the records of a pass.
func (r *records) oldPairs(met []meeting, o Near) (pairs []pair, err error) {
	var print uint64
	numbers := r.old.numbers[:0]
	met = distinct(met)
	for i, m := range met {
		p := pair{b: m.new, similarity: 1}
		if r.prints != nil {
			if i == 0 || met[i-1].old != m.old {
				v, err := r.old.placed(m.old)
				if err != nil {
					return nil, err
				}
				print = v.print
			}
			if bits.OnesCount64(print^r.prints[m.new]) > o.Distance {
				continue
			}
			p.similarity = equalBits(print, r.prints[m.new])
		}
		if n := len(numbers); n == 0 || numbers[n-1] != m.old {
			numbers = append(numbers, m.old)
		}
		p.a = uint32(len(numbers) - 1)
		pairs = append(pairs, p)
	}
	for i := range pairs {
		pairs[i].b += uint32(len(numbers))
	}
	r.old.numbers = numbers
	return pairs, nil
}

// body reads an old record.
func (k *old) body(n uint32) (body, error) { return k.placed(k.numbers[n]) }

// placed reads the record at a place among all.
func (k *old) placed(at uint64) (body, error) {
	for _, f := range k.files {
		if at < f.records {
			return f.body(uint32(at))
		}
		at -= f.records
	}
	panic("dedup: an old record beyond the last file")
}
