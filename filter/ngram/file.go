package ngram

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
)

// format begins a model's file. There follow the header's length, 4 bytes; the header, JSON; for each order the values of
// probabilities and of backoffs, 4 bytes each; and for each order the slots, 8 bytes each. Numbers are little-endian.
const format = "temper-ngram/1\n"

// A header says what is in a file.
type header struct {
	Fit         Fit           `json:"fit"`
	Percentiles []float64     `json:"percentiles,omitempty"`
	Unknown     float64       `json:"unknown"`
	Levels      []levelHeader `json:"levels"`
}

type levelHeader struct {
	Slots    int `json:"slots"`
	Probs    int `json:"probs"`
	Backoffs int `json:"backoffs"`
}

// ErrModel means that a file is no model.
var ErrModel = errors.New("is no model of temper filter train --ngram")

// maxHeader bounds a header, in bytes.
const maxHeader = 1 << 20

// Write writes the model's file.
func (m *Model) Write(w io.Writer) error {
	h := header{Fit: m.Fit, Percentiles: m.Percentiles, Unknown: m.unknown}
	for _, l := range m.levels {
		h.Levels = append(h.Levels, levelHeader{len(l.slots), len(l.probs), len(l.backoffs)})
	}
	head, err := json.Marshal(h)
	if err != nil {
		return err
	}
	b := bufio.NewWriterSize(w, 1<<20)
	b.WriteString(format) // a bufio.Writer keeps its first error, which Flush returns
	b.Write(binary.LittleEndian.AppendUint32(nil, uint32(len(head))))
	b.Write(head)
	var buf []byte
	for _, l := range m.levels {
		for _, v := range slices.Concat(l.probs, l.backoffs) {
			buf = binary.LittleEndian.AppendUint32(buf[:0], math.Float32bits(v))
			b.Write(buf)
		}
	}
	for _, l := range m.levels {
		for _, s := range l.slots {
			buf = binary.LittleEndian.AppendUint64(buf[:0], s)
			b.Write(buf)
		}
	}
	return b.Flush()
}

// Read reads a model's file of size bytes into memory. What is no model is [ErrModel]; other errors are those of r.
func Read(r io.ReaderAt, size int64) (*Model, error) {
	in := bufio.NewReaderSize(io.NewSectionReader(r, 0, size), 1<<20)
	h, length, err := readHeader(in, size)
	if err != nil {
		return nil, err
	}
	want := int64(len(format)) + 4 + length
	for i, l := range h.Levels {
		if l.Slots < 1 || int64(l.Slots) > size/8 || l.Probs < 1 || l.Probs > 1<<codeBits || l.Backoffs < 1 || l.Backoffs > 1<<codeBits {
			return nil, fmt.Errorf("%w: %d-grams have %d slots, %d and %d values", ErrModel, i+1, l.Slots, l.Probs, l.Backoffs)
		}
		want += 8*int64(l.Slots) + 4*int64(l.Probs+l.Backoffs)
	}
	if want != size {
		return nil, fmt.Errorf("%w, or is cut short: %d bytes, not %d", ErrModel, size, want)
	}
	m := &Model{Fit: h.Fit, Percentiles: h.Percentiles, unknown: h.Unknown}
	for _, l := range h.Levels {
		level := level{}
		if level.probs, err = readValues(in, l.Probs); err == nil {
			level.backoffs, err = readValues(in, l.Backoffs)
		}
		if err != nil {
			return nil, err
		}
		m.levels = append(m.levels, level)
	}
	for i := range m.levels {
		if err := m.levels[i].readSlots(in, h.Levels[i].Slots); err != nil {
			return nil, fmt.Errorf("%d-grams: %w", i+1, err)
		}
	}
	return m, nil
}

// readHeader reads what comes before the values, and returns the header's length too.
func readHeader(in io.Reader, size int64) (h header, length int64, err error) {
	start := make([]byte, len(format)+4)
	if _, err := io.ReadFull(in, start); err != nil {
		return h, 0, short(err)
	}
	if string(start[:len(format)]) != format {
		return h, 0, ErrModel
	}
	length = int64(binary.LittleEndian.Uint32(start[len(format):]))
	if length > maxHeader || length > size {
		return h, 0, fmt.Errorf("%w: a header of %d bytes", ErrModel, length)
	}
	head := make([]byte, length)
	if _, err := io.ReadFull(in, head); err != nil {
		return h, 0, short(err)
	}
	if err := json.NewDecoder(bytes.NewReader(head)).Decode(&h); err != nil {
		return h, 0, fmt.Errorf("%w: header: %w", ErrModel, err)
	}
	if n := len(h.Levels); n < 2 || n > MaxOrder || !(h.Unknown <= 0) || math.IsInf(h.Unknown, 0) || !slices.IsSorted(h.Percentiles) || len(h.Percentiles) > 99 {
		return h, 0, fmt.Errorf("%w: %d orders, %d percentiles, log10 p %v of unknown words", ErrModel, n, len(h.Percentiles), h.Unknown)
	}
	return h, length, nil
}

// readValues reads log10 probabilities: finite, 0 or less.
func readValues(in io.Reader, n int) ([]float32, error) {
	b := make([]byte, 4*n)
	if _, err := io.ReadFull(in, b); err != nil {
		return nil, short(err)
	}
	values := make([]float32, n)
	for i := range values {
		values[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
		if v := float64(values[i]); math.IsNaN(v) || v > 1 || v < -1000 {
			return nil, fmt.Errorf("%w: a value of %v", ErrModel, v)
		}
	}
	return values, nil
}

// readSlots reads n slots, of which one is free at least, whose codes are in the books.
func (l *level) readSlots(in io.Reader, n int) error {
	l.slots = make([]uint64, n)
	free := 0
	b := make([]byte, 64<<10)
	for at := 0; at < n; {
		part := b[:8*min(n-at, len(b)/8)]
		if _, err := io.ReadFull(in, part); err != nil {
			return short(err)
		}
		for ; len(part) > 0; part = part[8:] {
			s := binary.LittleEndian.Uint64(part)
			if s == 0 {
				free++
			} else if int(s>>codeBits&codeMask) >= len(l.probs) || int(s&codeMask) >= len(l.backoffs) {
				return fmt.Errorf("%w: slot %d has no value", ErrModel, at)
			}
			l.slots[at] = s
			at++
		}
	}
	if free == 0 {
		return fmt.Errorf("%w: no slot is free", ErrModel)
	}
	return nil
}

// short is what an error of reading means: a file that ends early is no model, whatever else went wrong may go well again.
func short(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w, or is cut short", ErrModel)
	}
	return err
}
