package ngram

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
)

// A spill is what lies on a scratch, in parts one after the other.
type spill struct {
	s     Scratch
	at    int64 // bytes written
	parts []part
}

type part struct{ at, size int64 }

// write appends a part.
func (p *spill) write(fill func(w *bufio.Writer) error) error {
	out := &counter{w: io.NewOffsetWriter(p.s, p.at)}
	w := bufio.NewWriterSize(out, 256<<10)
	err := fill(w)
	if err == nil {
		err = w.Flush()
	}
	if err != nil {
		return fmt.Errorf("write to scratch: %w", err)
	}
	p.parts = append(p.parts, part{p.at, out.n})
	p.at += out.n
	return nil
}

// A counter counts the bytes that are written.
type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.n += int64(n)
	return n, err
}

// open reads a part.
func (p *spill) open(of part) *bufio.Reader {
	return bufio.NewReaderSize(io.NewSectionReader(p.s, of.at, of.size), 64<<10)
}

// A shelf keeps texts on a scratch, each after its length.
type shelf struct {
	s   Scratch
	out *counter
	w   *bufio.Writer
	n   int // texts
}

func newShelf(s Scratch) *shelf {
	out := &counter{w: io.NewOffsetWriter(s, 0)}
	return &shelf{s: s, out: out, w: bufio.NewWriterSize(out, 64<<10)}
}

func (h *shelf) put(text string) error {
	h.n++
	_, err := h.w.Write(binary.AppendUvarint(nil, uint64(len(text))))
	if err == nil {
		_, err = h.w.WriteString(text)
	}
	if err != nil {
		return fmt.Errorf("write to scratch: %w", err)
	}
	return nil
}

// texts yields the texts in order.
func (h *shelf) texts() iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		if err := h.w.Flush(); err != nil {
			yield("", fmt.Errorf("write to scratch: %w", err))
			return
		}
		r := bufio.NewReaderSize(io.NewSectionReader(h.s, 0, h.out.n), 64<<10)
		for range h.n {
			size, err := binary.ReadUvarint(r)
			if err == nil && size > uint64(h.out.n) {
				err = io.ErrUnexpectedEOF
			}
			var b []byte
			if err == nil {
				b = make([]byte, size)
				_, err = io.ReadFull(r, b)
			}
			if err != nil {
				yield("", fmt.Errorf("read scratch: %w", err))
				return
			}
			if !yield(string(b), nil) {
				return
			}
		}
	}
}

// A writer writes n-grams in order: how many words are those of the one before, the others' numbers, the count.
type writer struct {
	w     *bufio.Writer
	order int
	last  gram
	any   bool
	buf   []byte
}

func (w *writer) put(g *gram, count uint64) error {
	same := 0
	for w.any && same < w.order-1 && g[same] == w.last[same] {
		same++
	}
	w.buf = append(w.buf[:0], byte(same))
	for _, id := range g[same:w.order] {
		w.buf = binary.AppendUvarint(w.buf, uint64(id))
	}
	w.buf = binary.AppendUvarint(w.buf, count)
	w.last, w.any = *g, true
	_, err := w.w.Write(w.buf)
	return err
}

// A cursor reads what a writer wrote.
type cursor struct {
	r     *bufio.Reader
	order int
	gram  gram
	count uint64
}

// next moves on; io.EOF at the end.
func (c *cursor) next() error {
	same, err := c.r.ReadByte()
	if err != nil {
		return err
	}
	for i := int(same); i < c.order && err == nil; i++ {
		var id uint64
		id, err = binary.ReadUvarint(c.r)
		c.gram[i] = uint32(id)
	}
	if err == nil {
		c.count, err = binary.ReadUvarint(c.r)
	}
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// merge visits the n-grams of parts with their counts, each once, in order.
func (p *spill) merge(order int, parts []part, visit func(g *gram, count uint64) error) error {
	heap := make([]*cursor, 0, len(parts))
	for _, of := range parts {
		c := &cursor{r: p.open(of), order: order}
		if err := c.next(); err == nil {
			heap = append(heap, c)
		} else if err != io.EOF {
			return fmt.Errorf("read scratch: %w", err)
		}
	}
	slices.SortFunc(heap, func(a, b *cursor) int { return compare(a.gram, b.gram) })
	for len(heap) > 0 {
		g, count := heap[0].gram, uint64(0)
		for len(heap) > 0 && heap[0].gram == g {
			count += heap[0].count
			if err := heap[0].next(); err == io.EOF {
				heap[0] = heap[len(heap)-1]
				heap = heap[:len(heap)-1]
			} else if err != nil {
				return fmt.Errorf("read scratch: %w", err)
			}
			sink(heap)
		}
		if err := visit(&g, count); err != nil {
			return err
		}
	}
	return nil
}

// sink puts the first of a heap, which grew, in its place.
func sink(heap []*cursor) {
	for i := 0; ; {
		least := i
		for _, c := range []int{2*i + 1, 2*i + 2} {
			if c < len(heap) && compare(heap[c].gram, heap[least].gram) < 0 {
				least = c
			}
		}
		if least == i {
			return
		}
		heap[i], heap[least] = heap[least], heap[i]
		i = least
	}
}
