package dedup

// A sketcher makes MinHash values: k of a set of hashes, of which two sets share the share of their Jaccard similarity.
//
// It is a form of fast similarity sketching (Dahlgaard, Knudsen and Thorup, FOCS 2017, arXiv:1704.04370, §2). In each of a few
// rounds every hash falls into one of k bins, and a bin keeps the smallest value of the first round in which it is hit; rounds end
// when no bin is empty. A bin that is empty after all rounds takes the smallest value of the whole set under a hash function of its
// own. So a large set costs about one step a hash and any set about k·ln k, while equal values have the probability of the Jaccard
// similarity in every bin, for sets of any size: bins do not borrow from each other, as they do after densification.
type sketcher struct {
	bins []uint64 // from the highest bit on: 1 for an empty one, 5 bits of the round, the hash
	seed uint64
}

const (
	rounds     = 16
	roundShift = 58
	emptyBin   = 1 << 63
	maxValues  = 512
)

func newSketcher(k int, seed uint64) *sketcher {
	return &sketcher{bins: make([]uint64, k), seed: mix(seed + 0x632be59bd9b4e019)}
}

// sketch returns the values of a set that is not empty, in which hashes may be there more than once. They are valid until the next call.
func (s *sketcher) sketch(set []uint64) []uint64 {
	for i := range s.bins {
		s.bins[i] = emptyBin
	}
	left := len(s.bins)
	for round := uint64(0); round < rounds && left > 0; round++ {
		left -= s.throw(set, round)
	}
	if left == 0 {
		return s.bins
	}
	for i, v := range s.bins {
		if v == emptyBin {
			s.bins[i] = s.least(set, s.seed+(rounds+uint64(i))*wordSeed)
		}
	}
	return s.bins
}

// throw throws all hashes into bins and returns how many are empty no longer. It has no branches: whether a bin changes is a matter of chance.
func (s *sketcher) throw(set []uint64, round uint64) (hit int) {
	bins, k := s.bins, uint64(len(s.bins))
	salt, top := s.seed+round*wordSeed, round<<roundShift
	for _, h := range set {
		h = fold(h^salt, runeTimes)
		at := &bins[h>>32*k>>32]
		old := *at
		*at = min(old, top|h>>(64-roundShift))
		hit += int(old >> 63)
	}
	return hit
}

// least is the smallest value of the set under one hash function.
func (s *sketcher) least(set []uint64, salt uint64) uint64 {
	least := ^uint64(0)
	for _, h := range set {
		least = min(least, fold(h^salt, runeTimes))
	}
	return rounds<<roundShift | least>>(64-roundShift)
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
