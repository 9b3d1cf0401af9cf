package tokenizer

import (
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
)

// slowly merges by the definition: the lowest rank of all pairs, the leftmost of equals, until there is none.
func slowly(p *pairs, parts []int32) []int32 {
	for {
		best, at, made := int32(none), -1, int32(0)
		for i := 0; i+1 < len(parts); i++ {
			if rank, id := p.get(parts[i], parts[i+1]); rank < best {
				best, at, made = rank, i, id
			}
		}
		if at < 0 {
			return parts
		}
		parts[at] = made
		parts = slices.Delete(parts, at+1, at+2)
	}
}

// TestMerge: words of any length merge as the definition says, by scanning and by the heap, with ranks shared by pairs too.
func TestMerge(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	var m merger
	for range 300 {
		p := newPairs(60)
		for i := range 60 {
			p.add(r.Int32N(20), r.Int32N(20), int32(i/(1+r.IntN(3))), r.Int32N(20))
		}
		for _, n := range []int{0, 1, 2, 3, shortWord - 1, shortWord, shortWord + 1, 200} {
			parts := make([]int32, n)
			for i := range parts {
				parts[i] = r.Int32N(20)
			}
			want := slowly(p, slices.Clone(parts))
			if got := m.merge(p, slices.Clone(parts)); !slices.Equal(got, want) {
				t.Fatalf("%d parts: %v, want %v", n, got, want)
			}
			if n > 0 {
				if got := m.long(p, slices.Clone(parts)); !slices.Equal(got, want) {
					t.Fatalf("%d parts by the heap: %v, want %v", n, got, want)
				}
			}
		}
	}
}

// TestParallel: any number of goroutines get the ids one gets, with words remembered and forgotten on the way.
func TestParallel(t *testing.T) {
	tok := tinyBase(t)
	r := rand.New(rand.NewPCG(5, 6))
	texts, want := make([]string, 200), make([][]int32, 200)
	for i := range texts {
		texts[i] = randomText(r, 300)
		want[i] = tinyBase(t).Encode(texts[i], false)
	}
	for _, workers := range []int{1, 2, 7} {
		var wg sync.WaitGroup
		for w := range workers {
			wg.Go(func() {
				for i := range texts {
					i = (i + 31*w) % len(texts)
					if got := tok.Encode(texts[i], false); !slices.Equal(got, want[i]) {
						t.Errorf("%d workers: text %d: %v, want %v", workers, i, got, want[i])
					}
				}
			})
		}
		wg.Wait()
	}
}
