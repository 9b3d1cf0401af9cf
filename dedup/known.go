package dedup

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"

	"temper/dataset"
)

// Known is what earlier runs have seen: the contents of all their records, by hashes in order, and where the records lie that their
// near-duplicate passes kept. Its zero value knows nothing; it is never changed.
type Known struct {
	hashes [][16]byte
	kept   map[string][]dataset.Ref // by KeptKey
}

// The form of an index: a magic, the number of hashes, the hashes in order. Where there are kept records, another magic, and after the
// number of hashes the length of a JSON object and the object: files by KeptKey. Numbers are little-endian.
const (
	knownMagic  = "TMPKNW1\n"
	knownMagic2 = "TMPKNW2\n"
	maxKnown    = 1 << 31 // hashes: 32 GiB
	maxFiles    = 1 << 20 // bytes of JSON
)

// Len is the number of known contents.
func (k *Known) Len() int { return len(k.hashes) }

// Kept are the files of records that were kept with options of a KeptKey, the oldest first.
func (k *Known) Kept(key string) []dataset.Ref { return slices.Clone(k.kept[key]) }

// Keys are the KeptKeys of which k has files, in order.
func (k *Known) Keys() []string { return slices.Sorted(maps.Keys(k.kept)) }

// WithKept returns k with other files of a KeptKey.
func (k *Known) WithKept(key string, files []dataset.Ref) *Known {
	all := maps.Clone(k.kept)
	if all == nil {
		all = map[string][]dataset.Ref{}
	}
	all[key] = slices.Clone(files)
	if len(files) == 0 {
		delete(all, key)
	}
	return &Known{k.hashes, all}
}

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
	return &Known{slices.CompactFunc(all, func(a, b [16]byte) bool { return a == b }), k.kept}, nil
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

// WriteKnown writes the index and returns the number of hashes. The same contents and files give the same bytes.
func WriteKnown(w io.Writer, k *Known) (int64, error) {
	b := bufio.NewWriter(w)
	head := []byte(knownMagic)
	if len(k.kept) > 0 {
		head = []byte(knownMagic2)
	}
	head = binary.LittleEndian.AppendUint64(head, uint64(len(k.hashes)))
	if len(k.kept) > 0 {
		files, err := json.Marshal(k.kept)
		if err != nil {
			return 0, err
		}
		if len(files) > maxFiles {
			return 0, fmt.Errorf("the names of kept records have %d bytes; at most %d", len(files), maxFiles)
		}
		head = append(binary.LittleEndian.AppendUint32(head, uint32(len(files))), files...)
	}
	b.Write(head)
	for _, h := range k.hashes {
		b.Write(h[:])
	}
	return int64(len(k.hashes)), b.Flush()
}

// ReadKnown reads what WriteKnown wrote. Anything else is dataset.ErrMalformed.
func ReadKnown(r io.Reader) (*Known, error) {
	b := bufio.NewReader(r)
	n, kept, err := knownHead(b)
	if err != nil {
		return nil, err
	}
	k := &Known{make([][16]byte, 0, min(n, 1<<20)), kept}
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

// KeptIn reads only which files of kept records an index names for a KeptKey.
func KeptIn(r io.Reader, key string) ([]dataset.Ref, error) {
	_, kept, err := knownHead(bufio.NewReader(r))
	return kept[key], err
}

// knownHead reads an index up to its hashes.
func knownHead(b *bufio.Reader) (n uint64, kept map[string][]dataset.Ref, err error) {
	head := make([]byte, len(knownMagic)+8)
	if _, err := io.ReadFull(b, head); err != nil {
		return 0, nil, fmt.Errorf("not an index of known records: %w", dataset.ErrMalformed)
	}
	magic := string(head[:len(knownMagic)])
	if magic != knownMagic && magic != knownMagic2 {
		return 0, nil, fmt.Errorf("not an index of known records: %w", dataset.ErrMalformed)
	}
	if n = binary.LittleEndian.Uint64(head[len(knownMagic):]); n > maxKnown {
		return 0, nil, fmt.Errorf("index of %d known records; at most %d: %w", n, maxKnown, dataset.ErrMalformed)
	}
	if magic == knownMagic {
		return n, nil, nil
	}
	size := make([]byte, 4)
	if _, err := io.ReadFull(b, size); err != nil || binary.LittleEndian.Uint32(size) > maxFiles {
		return 0, nil, fmt.Errorf("index of known records: its list of kept records is broken: %w", dataset.ErrMalformed)
	}
	files := make([]byte, binary.LittleEndian.Uint32(size))
	if _, err = io.ReadFull(b, files); err == nil {
		err = json.Unmarshal(files, &kept)
	}
	if again, _ := json.Marshal(kept); err != nil || len(kept) == 0 || !bytes.Equal(again, files) {
		return 0, nil, fmt.Errorf("index of known records: its list of kept records is broken: %w", dataset.ErrMalformed)
	}
	return n, kept, nil
}
