package dedup

import "math"

// A sketcher makes MinHash values: k of a set of hashes, of which two sets share the share of their Jaccard similarity.
//
// It is fast similarity sketching (Dahlgaard, Knudsen and Thorup, FOCS 2017, arXiv:1704.04370, §2): in each round every hash falls
// into one of k bins, and a bin keeps the smallest value of the first round in which it is hit; rounds end when no bin is empty.
// A large set costs about one step a hash and any set about k·ln k, while equal values have the probability of the Jaccard
// similarity in every bin, for sets of any size: bins do not borrow from each other, as they do after densification. From round k
// on, round k+i throws every hash into bin i, so that no bin stays empty.
type sketcher struct {
	bins []uint64 // the round in the highest bits, then the hash
	seed uint64
}

// roundShift leaves 10 bits for the rounds, of which there are at most twice maxValues.
const (
	roundShift = 54
	maxValues  = 512
)

func newSketcher(k int, seed uint64) *sketcher {
	return &sketcher{bins: make([]uint64, k), seed: mix(seed + 0x632be59bd9b4e019)}
}

// sketch returns the values of a set that is not empty, in which hashes may be there more than once. They are valid until the next call.
func (s *sketcher) sketch(set []uint64) []uint64 {
	bins, k := s.bins, uint64(len(s.bins))
	for i := range bins {
		bins[i] = math.MaxUint64
	}
	for round, left := uint64(0), 1; left > 0; round++ {
		salt, top := s.seed+round*wordSeed, round<<roundShift
		if round < k {
			for _, h := range set {
				h = fold(h^salt, runeTimes)
				bin := h >> 32 * k >> 32
				if v := top | h>>(64-roundShift); v < bins[bin] {
					bins[bin] = v
				}
			}
		} else {
			least := uint64(math.MaxUint64)
			for _, h := range set {
				least = min(least, fold(h^salt, runeTimes))
			}
			bin := round - k
			bins[bin] = min(bins[bin], top|least>>(64-roundShift))
		}
		left = 0
		for _, v := range bins {
			if v == math.MaxUint64 {
				left++
			}
		}
	}
	return bins
}

// bandHashes appends a hash of each of the bands that rows values make.
func bandHashes(dst, values []uint64, rows int) []uint64 {
	for b := 0; (b+1)*rows <= len(values); b++ {
		h := uint64(b) + 1
		for _, v := range values[b*rows : (b+1)*rows] {
			h = h*wordSeed + v
		}
		dst = append(dst, mix(h))
	}
	return dst
}
