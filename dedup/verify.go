package dedup

import (
	"bufio"
	"cmp"
	"encoding/binary"
	"fmt"
	"io"
	"slices"

	"temper/dataset"
)

// A Scratch takes bytes for a while, such as a temporary file.
type Scratch interface {
	io.Writer
	io.ReaderAt
}

// A Memory is scratch that is held.
type Memory struct{ b []byte }

// Write implements [io.Writer].
func (m *Memory) Write(b []byte) (int, error) {
	m.b = append(m.b, b...)
	return len(b), nil
}

// ReadAt implements [io.ReaderAt].
func (m *Memory) ReadAt(b []byte, at int64) (int, error) {
	if at < 0 || at > int64(len(m.b)) {
		return 0, io.EOF
	}
	n := copy(b, m.b[at:])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

// verify replaces the similarity of candidates by the true one and removes those below the threshold. The shingles of candidates go
// to scratch; it holds memory bytes of them. Candidates are taken cluster by cluster, so that few are read twice.
func verify(in dataset.Records, r *records, pairs []pair, o Near, scratch Scratch, memory int) ([]pair, error) {
	m := uint32(len(r.old.numbers))
	root := roots(int(m)+len(r.ids), pairs)
	slices.SortFunc(pairs, func(x, y pair) int {
		return cmp.Or(cmp.Compare(root[x.a], root[y.a]), cmp.Compare(x.a, y.a), cmp.Compare(x.b, y.b))
	})
	wanted := make([]bool, len(r.ids))
	for _, p := range pairs {
		wanted[p.b-m] = true
		if p.a >= m {
			wanted[p.a-m] = true
		}
	}
	sets, err := spill(in, r, wanted, o, scratch)
	if err != nil {
		return nil, err
	}
	alike := pairs[:0]
	h := held{old: &r.old, sets: sets, of: map[uint32][]uint64{}}
	for i, p := range pairs {
		if h.bytes > memory || i > 0 && root[p.a] != root[pairs[i-1].a] && h.bytes > memory/2 {
			clear(h.of)
			h.bytes = 0
		}
		a, err := h.get(p.a)
		if err != nil {
			return nil, err
		}
		b, err := h.get(p.b)
		if err != nil {
			return nil, err
		}
		if p.similarity = jaccard(a, b); p.similarity >= o.Similarity {
			alike = append(alike, p)
		}
	}
	return alike, nil
}

// held are the shingles of some records.
type held struct {
	old   *old
	sets  *spilled
	of    map[uint32][]uint64
	bytes int
}

func (h *held) get(n uint32) (set []uint64, err error) {
	set, there := h.of[n]
	if there {
		return set, nil
	}
	if m := uint32(len(h.old.numbers)); n < m {
		v, err := h.old.body(n)
		if err != nil {
			return nil, err
		}
		set = v.set
	} else if set, err = h.sets.read(n - m); err != nil {
		return nil, err
	}
	h.of[n], h.bytes = set, h.bytes+8*len(set)
	return set, nil
}

// spilled are sets of shingles in scratch.
type spilled struct {
	from    Scratch
	offset  []int64  // by number
	shingle []uint32 // how many
}

// spill writes the sorted shingles of the records whose numbers are wanted.
func spill(in dataset.Records, r *records, wanted []bool, o Near, scratch Scratch) (*spilled, error) {
	s := &spilled{scratch, make([]int64, len(r.ids)), make([]uint32, len(r.ids))}
	out := bufio.NewWriterSize(scratch, 1<<20)
	at, row, signer := int64(0), 0, newSigner(o)
	var b []byte
	for rec, err := range in {
		if err != nil {
			return nil, err
		}
		if row < len(r.number) {
			n := r.number[row]
			if r.ids[n] != rec.ID {
				return nil, fmt.Errorf("record %d is %.80s, its signature is of %.80s: %w", row, rec.ID, r.ids[n], dataset.ErrMalformed)
			}
			if wanted[n] {
				set := signer.shingleSet(rec)
				b = b[:0]
				for _, h := range set {
					b = binary.LittleEndian.AppendUint64(b, h)
				}
				if _, err := out.Write(b); err != nil {
					return nil, fmt.Errorf("shingles of candidates: %w", err)
				}
				s.offset[n], s.shingle[n] = at, uint32(len(set))
				at += int64(len(b))
			}
		}
		row++
	}
	if row != len(r.number) {
		return nil, fmt.Errorf("%d signatures for %d records: %w", len(r.number), row, dataset.ErrMalformed)
	}
	if err := out.Flush(); err != nil {
		return nil, fmt.Errorf("shingles of candidates: %w", err)
	}
	return s, nil
}

// read returns a record's sorted shingles.
func (s *spilled) read(n uint32) ([]uint64, error) {
	b := make([]byte, 8*int(s.shingle[n]))
	if _, err := s.from.ReadAt(b, s.offset[n]); err != nil && (err != io.EOF || len(b) > 0) {
		return nil, fmt.Errorf("shingles of candidates: %w", err)
	}
	set := make([]uint64, s.shingle[n])
	for i := range set {
		set[i] = binary.LittleEndian.Uint64(b[8*i:])
	}
	return set, nil
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
