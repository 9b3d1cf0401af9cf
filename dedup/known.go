package dedup

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"slices"

	"temper/dataset"
)

// Known is the contents that earlier runs have seen, by their hashes in order. Its zero value knows nothing; it is never changed.
type Known struct{ hashes [][16]byte }

// The form of an index: a magic, the number of hashes, the hashes in order. Numbers are little-endian.
const (
	knownMagic = "TMPKNW1\n"
	maxKnown   = 1 << 31 // hashes: 32 GiB
)

// Len is the number of known contents.
func (k *Known) Len() int { return len(k.hashes) }

// Add returns k with the records' contents added.
func (k *Known) Add(in dataset.Records) (*Known, error) {
	all := slices.Clone(k.hashes)
	var b []byte
	var h [16]byte
	for rec, err := range in {
		if err != nil {
			return nil, err
		}
		h, b = hash16(rec, b)
		all = append(all, h)
	}
	slices.SortFunc(all, func(a, b [16]byte) int { return bytes.Compare(a[:], b[:]) })
	return &Known{slices.CompactFunc(all, func(a, b [16]byte) bool { return a == b })}, nil
}

// has reports whether the content of the hash is known.
func (k *Known) has(h [16]byte) bool {
	_, found := slices.BinarySearchFunc(k.hashes, h, func(a, b [16]byte) int { return bytes.Compare(a[:], b[:]) })
	return found
}

// KnownNotes drops what is known: rule "known".
func KnownNotes(in dataset.Records, k *Known) dataset.Notes {
	return func(yield func(dataset.Note, error) bool) {
		var b []byte
		var h [16]byte
		for rec, err := range in {
			if err != nil {
				yield(dataset.Note{}, err)
				return
			}
			h, b = hash16(rec, b)
			c := dataset.Check{Rule: "known", Op: "<=", Threshold: 0}
			if k.has(h) {
				c.Value, c.Drop = 1, true
			}
			if !yield(dataset.Note{ID: rec.ID, Checks: []dataset.Check{c}}, nil) {
				return
			}
		}
	}
}

// WriteKnown writes the index and returns the number of hashes. The same contents give the same bytes.
func WriteKnown(w io.Writer, k *Known) (int64, error) {
	b := bufio.NewWriter(w)
	b.WriteString(knownMagic)
	binary.Write(b, binary.LittleEndian, uint64(len(k.hashes))) //nolint:errcheck // Flush tells
	for _, h := range k.hashes {
		b.Write(h[:])
	}
	return int64(len(k.hashes)), b.Flush()
}

// ReadKnown reads what WriteKnown wrote. Anything else is dataset.ErrMalformed.
func ReadKnown(r io.Reader) (*Known, error) {
	b := bufio.NewReader(r)
	head := make([]byte, len(knownMagic)+8)
	if _, err := io.ReadFull(b, head); err != nil || string(head[:len(knownMagic)]) != knownMagic {
		return nil, fmt.Errorf("not an index of known records: %w", dataset.ErrMalformed)
	}
	n := binary.LittleEndian.Uint64(head[len(knownMagic):])
	if n > maxKnown {
		return nil, fmt.Errorf("index of %d known records; at most %d: %w", n, maxKnown, dataset.ErrMalformed)
	}
	k := &Known{hashes: make([][16]byte, 0, min(n, 1<<20))}
	for i := range n {
		var h [16]byte
		if _, err := io.ReadFull(b, h[:]); err != nil {
			return nil, fmt.Errorf("index of known records ends after %d of %d: %w", i, n, dataset.ErrMalformed)
		}
		if i > 0 && bytes.Compare(k.hashes[i-1][:], h[:]) >= 0 {
			return nil, fmt.Errorf("index of known records: hash %d is out of order: %w", i, dataset.ErrMalformed)
		}
		k.hashes = append(k.hashes, h)
	}
	if _, err := b.ReadByte(); err != io.EOF {
		return nil, fmt.Errorf("index of known records goes on after its %d hashes: %w", n, dataset.ErrMalformed)
	}
	return k, nil
}
