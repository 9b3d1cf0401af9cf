package dedup

import "slices"

// shingleTimes is the base of the polynomial that hashes a shingle's units: odd, and one less is twice an odd number, so that
// exchanged units change the hash.
const shingleTimes = 0xd6e8feb86659fd93

// shingles appends the hashes of the runs of n units: a polynomial of the units' hashes modulo 2⁶⁴ that rolls from one run to the
// next, so that a run costs two multiplications whatever n is. A text with fewer units, but at least one, is one shingle as a whole.
func shingles(dst, units []uint64, n int) []uint64 {
	if len(units) == 0 {
		return dst
	}
	n = min(n, len(units))
	h, first := uint64(n), uint64(1)
	for _, u := range units[:n] {
		h = h*shingleTimes + u
		first *= shingleTimes
	}
	dst = append(slices.Grow(dst, len(units)-n+1), h)
	// The polynomial's highest term is n·first, from the seed; it stays. That of the unit that leaves is u·first after the step.
	keep := uint64(n)*first - uint64(n)*first*shingleTimes
	for i, u := range units[n:] {
		h = h*shingleTimes + u - units[i]*first + keep
		dst = append(dst, h)
	}
	return dst
}

// setOf sorts hashes and removes those there twice, in place.
func setOf(h []uint64) []uint64 {
	slices.Sort(h)
	return slices.Compact(h)
}

// jaccard is the similarity of two sets of sorted hashes: |A∩B| / |A∪B|.
func jaccard(a, b []uint64) float64 {
	both, i, j := 0, 0, 0
	for i < len(a) && j < len(b) {
		x, y := a[i], b[j]
		if x == y {
			both++
		}
		if x <= y {
			i++
		}
		if y <= x {
			j++
		}
	}
	if union := len(a) + len(b) - both; union > 0 {
		return float64(both) / float64(union)
	}
	return 0
}
