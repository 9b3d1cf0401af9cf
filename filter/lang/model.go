package lang

import (
	"bytes"
	"compress/flate"
	_ "embed"
	"encoding/binary"
	"fmt"
	"io"
	"math/bits"
	"slices"
	"sync"
)

// class is a language as written in one script.
type class struct {
	code   string
	script script
}

// trait is a class and what its texts weigh for themselves a letter, in units of 1/scale nat.
type trait struct {
	class
	usual uint8
}

// model is the table of the naive Bayes classifier: for each feature it knows, how much more likely each class is to have it than
// text of any kind, in units of 1/scale nat; 0, which is not stored, is a feature of no class.
type model struct {
	classes []trait
	of      [scripts][]int // the classes of each script
	slots   []slot         // open addressing by the high bits of hash, linear probing
	shift   int
	entries []entry
}

type slot struct{ hash, at uint32 } // at: the first entry, 0 for a free slot; its class is the count of entries that follow

type entry struct{ class, weight uint8 }

const (
	scale   = 6.0
	version = 1
)

//go:embed table.bin
var table []byte

// trained is the embedded model.
var trained = sync.OnceValue(func() *model {
	m, err := decode(table)
	if err != nil {
		panic(fmt.Sprintf("lang: the table: %v", err))
	}
	return m
})

// tally counts features, so that what a text has many times is looked up once. A count of 0 is a free place.
type tally struct {
	places [1 << tallyBits]struct{ hash, count uint32 }
	used   int
}

const tallyBits = 11

// add adds to sums, one for each class, the weights of the features.
func (m *model) add(sums *[256]int32, features []uint32) {
	var seen tally
	for _, h := range features {
		i := h >> (32 - tallyBits)
		for seen.places[i].count > 0 && seen.places[i].hash != h {
			i = (i + 1) % uint32(len(seen.places))
		}
		if seen.places[i].count++; seen.places[i].count > 1 {
			continue
		}
		seen.places[i].hash = h
		if seen.used++; seen.used > len(seen.places)*3/4 {
			m.flush(sums, &seen)
		}
	}
	m.flush(sums, &seen)
}

// flush adds what was counted to sums, and empties the tally.
func (m *model) flush(sums *[256]int32, seen *tally) {
	for _, p := range &seen.places {
		if p.count == 0 {
			continue
		}
		row := m.row(p.hash)
		for _, e := range row {
			sums[e.class] += int32(e.weight) * int32(p.count)
		}
	}
	*seen = tally{}
}

// row returns what each class weighs a feature, nothing for one the model does not know.
func (m *model) row(hash uint32) []entry {
	mask := uint32(len(m.slots) - 1)
	for i := hash >> m.shift & mask; m.slots[i].at != 0; i = (i + 1) & mask {
		if s := m.slots[i]; s.hash == hash {
			return m.entries[s.at+1:][:m.entries[s.at].class]
		}
	}
	return nil
}

// assemble returns the model of the classes and what they weigh each feature, given by hash.
func assemble(classes []trait, weights map[uint32][]entry) *model {
	size := max(16, 1<<bits.Len(uint(len(weights)*3/2)))
	m := &model{classes: classes, slots: make([]slot, size), shift: 32 - bits.Len(uint(size-1)), entries: make([]entry, 1)}
	for i, c := range classes {
		m.of[c.script] = append(m.of[c.script], i)
	}
	hashes := make([]uint32, 0, len(weights))
	for h := range weights {
		hashes = append(hashes, h)
	}
	slices.Sort(hashes)
	for _, h := range hashes {
		i := h >> m.shift
		for m.slots[i].at != 0 {
			i = (i + 1) & uint32(size-1)
		}
		m.slots[i] = slot{h, uint32(len(m.entries))}
		m.entries = append(append(m.entries, entry{class: uint8(len(weights[h]))}), weights[h]...)
	}
	return m
}

// encode writes the model, compressed: hashes in order as differences, then the counts, classes and weights of all, each in a row.
func (m *model) encode() []byte {
	var raw, counts, classes, weights []byte
	raw = append(raw, version, byte(len(m.classes)))
	for _, c := range m.classes {
		raw = append(append(raw, byte(c.script), c.usual, byte(len(c.code))), c.code...)
	}
	used := slices.DeleteFunc(slices.Clone(m.slots), func(s slot) bool { return s.at == 0 })
	slices.SortFunc(used, func(a, b slot) int { return int(a.at) - int(b.at) })
	raw = binary.AppendUvarint(raw, uint64(len(used)))
	last := uint32(0)
	for _, s := range used {
		raw = binary.AppendUvarint(raw, uint64(s.hash-last))
		last = s.hash
		n := m.entries[s.at].class
		counts = append(counts, n)
		before := uint8(0)
		for _, e := range m.entries[s.at+1 : s.at+1+uint32(n)] {
			classes, weights = append(classes, e.class-before), append(weights, e.weight)
			before = e.class
		}
	}
	raw = slices.Concat(raw, counts, classes, weights)
	var out bytes.Buffer
	w, _ := flate.NewWriter(&out, flate.BestCompression) // fails only for a bad level
	w.Write(raw)                                         // a bytes.Buffer takes everything
	w.Close()
	return out.Bytes()
}

// decode reads what encode wrote.
func decode(b []byte) (*model, error) {
	const most = 16 << 20 // bytes a table has, uncompressed
	raw, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(b)), most))
	if err != nil {
		return nil, err
	}
	r := bytes.NewReader(raw)
	next := func() byte { // at the end, zeros; the sizes are checked below
		c, _ := r.ReadByte()
		return c
	}
	if v := next(); v != version {
		return nil, fmt.Errorf("version %d, not %d", v, version)
	}
	classes := make([]trait, next())
	for i := range classes {
		classes[i].script, classes[i].usual = script(next()), next()
		code := make([]byte, next())
		if _, err := io.ReadFull(r, code); err != nil || classes[i].script >= scripts {
			return nil, fmt.Errorf("class %d is broken: %v", i, err)
		}
		classes[i].code = string(code)
	}
	n, err := binary.ReadUvarint(r)
	if err != nil || n > uint64(r.Len()) {
		return nil, fmt.Errorf("%d features in %d bytes: %v", n, r.Len(), err)
	}
	hashes := make([]uint32, n)
	last := uint64(0)
	for i := range hashes {
		d, err := binary.ReadUvarint(r)
		if last += d; err != nil || last>>32 != 0 {
			return nil, fmt.Errorf("hash %d is broken: %v", i, err)
		}
		hashes[i] = uint32(last)
	}
	return fill(classes, hashes, raw[len(raw)-r.Len():])
}

// fill gives each hash the entries that rest holds: a count for each, then all classes, then all weights.
func fill(classes []trait, hashes []uint32, rest []byte) (*model, error) {
	total := 0
	for i := range min(len(hashes), len(rest)) {
		total += int(rest[i])
	}
	if len(rest) != len(hashes)+2*total {
		return nil, fmt.Errorf("%d entries of %d features in %d bytes", total, len(hashes), len(rest))
	}
	numbers, weigh := rest[len(hashes):len(hashes)+total], rest[len(hashes)+total:]
	weights := make(map[uint32][]entry, len(hashes))
	at := 0
	for i, h := range hashes {
		row := make([]entry, rest[i])
		class := uint8(0)
		for j := range row {
			class += numbers[at]
			if int(class) >= len(classes) {
				return nil, fmt.Errorf("feature %d is of class %d of %d", i, class, len(classes))
			}
			row[j] = entry{class, weigh[at]}
			at++
		}
		weights[h] = row
	}
	return assemble(classes, weights), nil
}
