package dedup

// maxDistance bounds the bits two fingerprints may differ in: there are 165 tables then.
const maxDistance = 8

// simHash is the fingerprint of hashes: each bit is what most of them have, counted as often as they are there (Charikar 2002).
func simHash(hashes []uint64, seed uint64) (print uint64) {
	// 64 counters of 16 bits, 4 a word: bit i of a hash is added to counter i. They are emptied before they overflow.
	var total [64]int32
	var counters [16]uint64
	held := 0
	empty := func() {
		for lane, c := range counters {
			for part := range 4 {
				total[lane+16*part] += int32(c >> (16 * part) & 0xffff)
			}
		}
		counters, held = [16]uint64{}, 0
	}
	salt := mix(seed + 0x2545f4914f6cdd1d)
	for _, h := range hashes {
		h = fold(h^salt, wordTimes)
		for lane := range counters {
			counters[lane] += h >> lane & 0x0001000100010001
		}
		if held++; held == 1<<16-1 {
			empty()
		}
	}
	empty()
	half := int32(len(hashes))
	for i, n := range total {
		if 2*n > half {
			print |= 1 << i
		}
	}
	return print
}

// tables are masks of the bits that the keys of a fingerprint have. The bits are cut in distance+3 blocks and a key is three of
// them: whatever distance bits differ, three blocks are free of them, so that fingerprints within the distance share a key.
func tables(distance int) (masks []uint64) {
	n := distance + 3
	block := func(i int) uint64 {
		from, to := 64*i/n, 64*(i+1)/n
		return (1<<(to-from) - 1) << from
	}
	for a := range n {
		for b := range a {
			for c := range b {
				masks = append(masks, block(a)|block(b)|block(c))
			}
		}
	}
	return masks
}
