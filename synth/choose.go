package synth

import (
	"cmp"
	"container/heap"
	"slices"

	"github.com/zeebo/xxh3"

	"temper/dataset"
)

// hashOf is a record's place in an even choice.
func hashOf(seed uint64, id string) uint64 { return xxh3.HashStringSeed(id, seed) }

// choose yields the n records whose hashes are smallest, in the order they came; all of them, as they come, if n is 0.
func choose(in dataset.Records, n int, seed uint64) dataset.Records {
	if n == 0 {
		return in
	}
	return func(yield func(dataset.Record, error) bool) {
		var best smallest
		at := 0
		for rec, err := range in {
			if err != nil {
				yield(dataset.Record{}, err)
				return
			}
			heap.Push(&best, chosen{hashOf(seed, rec.ID), at, rec})
			if at++; at > n {
				heap.Pop(&best)
			}
		}
		slices.SortFunc(best, func(a, b chosen) int { return cmp.Compare(a.at, b.at) })
		for _, c := range best {
			if !yield(c.rec, nil) {
				return
			}
		}
	}
}

// A chosen is a record with its hash and its number.
type chosen struct {
	hash uint64
	at   int
	rec  dataset.Record
}

// smallest is a heap with the record to give up first on top.
type smallest []chosen

func (s smallest) Len() int { return len(s) }
func (s smallest) Less(i, j int) bool {
	return cmp.Or(cmp.Compare(s[j].hash, s[i].hash), cmp.Compare(s[j].at, s[i].at)) < 0
}
func (s smallest) Swap(i, j int) { s[i], s[j] = s[j], s[i] }
func (s *smallest) Push(c any)   { *s = append(*s, c.(chosen)) }
func (s *smallest) Pop() any {
	last := (*s)[len(*s)-1]
	*s = (*s)[:len(*s)-1]
	return last
}
