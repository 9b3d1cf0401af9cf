package dedup

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"

	"temper/dataset"
)

// Merged tells how many of the newest of some files of kept records shall become one, given their numbers of records, the oldest
// first: those that have less than twice the records of all newer ones together, from the newest on. So each file has at least twice
// the records of the next, there are at most 1+log₂ of all records of them, and a record is written again at most so often as the
// file that it is in grows by half. It is 0 where nothing is to be merged.
func Merged(records []int64) int {
	if len(records) < 2 {
		return 0
	}
	n, sum := 1, records[len(records)-1]
	for n < len(records) && records[len(records)-1-n] < 2*sum {
		sum += records[len(records)-1-n]
		n++
	}
	if n == 1 {
		return 0
	}
	return n
}

// MergeKept writes files of kept records, the oldest first, as one, and returns the number of records. What is found with the one
// file is what is found with the others. A file with a broken record is dataset.ErrMalformed. It holds 8 bytes a record, and 1 MB a
// file.
func MergeKept(w io.Writer, files []*Kept) (int64, error) {
	if len(files) == 0 {
		return 0, errors.New("no files of kept records to merge")
	}
	var records, signed uint64
	base := make([]uint32, len(files))
	for i, f := range files {
		if f.digest != files[0].digest || f.bands != files[0].bands {
			return 0, fmt.Errorf("files of kept records made with several options: %w", dataset.ErrMalformed)
		}
		base[i] = uint32(records)
		records, signed = records+f.records, signed+f.signed
		if records > maxKept {
			return 0, fmt.Errorf("more than %d kept records in one index: begin another", maxKept)
		}
	}
	out := newKeptWriter(w)
	out.head(files[0].digest, records, signed, files[0].bands)
	for band := range int(files[0].bands) {
		if err := mergeBand(out, files, base, band); err != nil {
			return 0, err
		}
	}
	for _, f := range files {
		if err := out.bodies(f); err != nil {
			return 0, err
		}
	}
	return int64(records), out.finish()
}

// mergeBand writes one band of all files, sorted.
func mergeBand(out *keptWriter, files []*Kept, base []uint32, band int) error {
	type source struct {
		next func() (entry, error, bool)
		head entry
		base uint32
	}
	var open []*source // in order of age
	advance := func(s *source) (bool, error) {
		e, err, ok := s.next()
		s.head = entry{e.hash, e.number + s.base}
		return ok, err
	}
	for i, f := range files {
		next, stop := iter.Pull2(f.band(band))
		defer stop()
		s := &source{next: next, base: base[i]}
		ok, err := advance(s)
		if err != nil {
			return err
		}
		if ok {
			open = append(open, s)
		}
	}
	for len(open) > 0 {
		least := 0
		for i, s := range open {
			if s.head.hash < open[least].head.hash {
				least = i
			}
		}
		out.entry(open[least].head)
		ok, err := advance(open[least])
		if err != nil {
			return err
		}
		if !ok {
			open = append(open[:least], open[least+1:]...)
		}
	}
	out.endBand()
	return nil
}

// bodies copies the records of a file, none that is broken.
func (k *keptWriter) bodies(f *Kept) error {
	in := bufio.NewReaderSize(io.NewSectionReader(f.in, f.table, 8*int64(f.records)), readBuffer)
	from := bufio.NewReaderSize(io.NewSectionReader(f.in, f.bodies, f.table-f.bodies), readBuffer)
	offset := func(n uint64) (at int64, err error) {
		if n == f.records {
			return f.table, nil
		}
		var b [8]byte
		_, err = io.ReadFull(in, b[:])
		return int64(binary.LittleEndian.Uint64(b[:])), err
	}
	at, err := offset(0)
	if err == nil && at != f.bodies {
		return fmt.Errorf("kept records begin at %d, not at %d: %w", at, f.bodies, dataset.ErrMalformed)
	}
	for n := range f.records {
		end, err := offset(n + 1)
		if err != nil {
			return fmt.Errorf("kept record %d: %w", n, err)
		}
		if end < at || end > f.table || end-at > maxBody {
			return fmt.Errorf("kept record %d lies at %d to %d, outside of the file: %w", n, at, end, dataset.ErrMalformed)
		}
		k.b = slices.Grow(k.b[:0], int(end-at))[:end-at]
		if _, err := io.ReadFull(from, k.b); err != nil {
			return fmt.Errorf("kept record %d: %w", n, err)
		}
		if _, ok := parseBody(k.b); !ok {
			return fmt.Errorf("kept record %d is broken: %w", n, dataset.ErrMalformed)
		}
		k.offsets = append(k.offsets, uint64(k.at))
		k.write(k.b)
		at = end
	}
	return err
}
