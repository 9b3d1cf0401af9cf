package dedup

import (
	"cmp"
	"fmt"
	"slices"

	"temper/dataset"
)

// verifyMemory is how many bytes the shingles that are held at once may have: records are streamed as often as it takes.
const verifyMemory = 96 << 20

// verify replaces the similarity of candidates by the true one and removes those below the threshold. Candidates are taken cluster
// by cluster, so that few records are held twice; it holds memory bytes of shingles.
func verify(restart func() dataset.Records, r *records, pairs []pair, o Near, memory int) ([]pair, error) {
	root := roots(len(r.ids), pairs)
	slices.SortFunc(pairs, func(x, y pair) int {
		return cmp.Or(cmp.Compare(root[x.a], root[y.a]), cmp.Compare(x.a, y.a), cmp.Compare(x.b, y.b))
	})
	var alike []pair
	place := make([]int32, len(r.ids)) // of a record's shingles in sets, from 1
	signer := newSigner(o)
	for len(pairs) > 0 {
		held, bytes, end := 0, 0, 0
		take := func(n uint32) {
			if place[n] == 0 {
				held++
				place[n], bytes = int32(held), bytes+8*int(r.shingles[n])
			}
		}
		for ; end < len(pairs) && (end == 0 || bytes < memory); end++ {
			take(pairs[end].a)
			take(pairs[end].b)
		}
		sets, err := shinglesOf(restart(), r, place, held, signer)
		if err != nil {
			return nil, err
		}
		for _, p := range pairs[:end] {
			if p.similarity = jaccard(sets[place[p.a]-1], sets[place[p.b]-1]); p.similarity >= o.Similarity {
				alike = append(alike, p)
			}
		}
		clear(place)
		pairs = pairs[end:]
	}
	slices.SortFunc(alike, func(x, y pair) int { return cmp.Or(cmp.Compare(x.a, y.a), cmp.Compare(x.b, y.b)) })
	return alike, nil
}

// shinglesOf are the sorted shingles of the records that have a place.
func shinglesOf(in dataset.Records, r *records, place []int32, held int, s *signer) ([][]uint64, error) {
	sets := make([][]uint64, held)
	row := 0
	for rec, err := range in {
		if err != nil {
			return nil, err
		}
		if row < len(r.number) {
			if n := r.number[row]; r.ids[n] != rec.ID {
				return nil, fmt.Errorf("record %d is %.80s, its signature is of %.80s: %w", row, rec.ID, r.ids[n], dataset.ErrMalformed)
			} else if place[n] != 0 {
				sets[place[n]-1] = slices.Clone(s.shingleSet(rec))
			}
		}
		row++
	}
	if row != len(r.number) {
		return nil, fmt.Errorf("%d signatures for %d records: %w", len(r.number), row, dataset.ErrMalformed)
	}
	return sets, nil
}

// roots maps each record to the smallest number of its connected component.
func roots(n int, pairs []pair) []uint32 {
	root := make([]uint32, n)
	for i := range root {
		root[i] = uint32(i)
	}
	find := func(i uint32) uint32 {
		for root[i] != i {
			root[i] = root[root[i]]
			i = root[i]
		}
		return i
	}
	for _, p := range pairs {
		a, b := find(p.a), find(p.b)
		root[max(a, b)] = min(a, b)
	}
	for i := range root {
		root[i] = find(uint32(i))
	}
	return root
}
