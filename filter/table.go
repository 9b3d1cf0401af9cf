package filter

// A table counts keys by open addressing. It keeps its memory when it is emptied.
type table struct {
	slots []slot // a power of two, at least twice the keys
	gen   uint32 // slots of other generations are free
}

type slot struct {
	key   uint64
	gen   uint32
	count uint32
}

// reset empties the table and makes room for n keys.
func (t *table) reset(n int) {
	size := 64
	for size < 2*n {
		size *= 2
	}
	t.gen++
	if size > len(t.slots) || t.gen == 0 {
		t.slots = make([]slot, max(size, len(t.slots)))
		t.gen = 1
	}
}

// at returns the slot of key, which is added with count 0 if it is not there. The index holds until reset.
func (t *table) at(key uint64) int {
	mask := uint64(len(t.slots) - 1)
	// The high half of the product spreads keys that differ only in their high bits.
	i := (key * 0x9e3779b97f4a7c15) >> 32 & mask
	for {
		s := &t.slots[i]
		if s.gen != t.gen {
			*s = slot{key: key, gen: t.gen}
			return int(i)
		}
		if s.key == key {
			return int(i)
		}
		i = (i + 1) & mask
	}
}
