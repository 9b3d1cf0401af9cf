package kernel

import (
	"encoding/binary"
	"math"

	"temper/internal/quant"
)

// A Few is a matrix for products with few rows, which decoding draws tokens by: arranged for them where the processor and the format
// have a way, and as it is otherwise. Arranged it is a copy, of its size to a fifth more.
type Few struct {
	*quant.Tensor
	kind  *lanesKind // nil: as it is
	data  []byte     // sixteen rows side by side, then the next; see the generator's sides
	value [lanesWide]float32
}

// lanesWide is how many rows lie side by side.
const lanesWide = 16

// A lanesKind is the products of a layout: with one row, and with four.
type lanesKind struct {
	size      int // bytes of a block of sixteen rows
	one, four func(n int64, w *byte, x *float32, ldx int64, sums *float32, lds int64, values *float32, y *float32, ldy int64)
}

// A lanesKey names a layout.
type lanesKey struct {
	bits, group int
	half, low   bool
}

// NewFew arranges w, which must not change afterwards.
func NewFew(w *quant.Tensor) *Few {
	f := &Few{Tensor: w}
	c, ok := w.Coding()
	kind, have := current.lanes[lanesKey{c.Bits, c.Group, c.Half, c.Low}]
	if !ok || !have {
		return f
	}
	f.kind, f.value = &kind, c.Values
	blocks, bands := w.Cols/c.Group, (w.Rows+lanesWide-1)/lanesWide
	f.data = make([]byte, bands*blocks*kind.size)
	Parallel(bands, 4, func(_, lo, hi int) {
		codes := make([]byte, c.Group)
		for band := lo; band < hi; band++ {
			for r := band * lanesWide; r < min(w.Rows, (band+1)*lanesWide); r++ {
				for g := range blocks {
					scale, low := c.Codes(w, r, g, codes)
					put(f.data[(band*blocks+g)*kind.size:][:kind.size], c, r%lanesWide, codes, scale, low)
				}
			}
		}
	})
	return f
}

// put writes the group of one of sixteen rows into its block.
func put(block []byte, c quant.Coding, lane int, codes []byte, scale, low float32) {
	numbers := block[2*c.Bits*c.Group:]
	if c.Bits == 8 {
		for i, v := range codes {
			block[lanesWide*i+lane] = v
		}
	} else {
		for i := 0; i < len(codes); i += 8 {
			var eight uint32
			for j, v := range codes[i : i+8] {
				eight |= uint32(v) << (4 * j)
			}
			binary.LittleEndian.PutUint32(block[8*i+4*lane:], eight)
		}
	}
	put := func(v float32) {
		if c.Half {
			binary.LittleEndian.PutUint16(numbers[2*lane:], quant.Half(v))
			numbers = numbers[2*lanesWide:]
		} else {
			binary.LittleEndian.PutUint32(numbers[4*lane:], math.Float32bits(v))
			numbers = numbers[4*lanesWide:]
		}
	}
	put(scale)
	if c.Low {
		put(low)
	}
}

// lanesWork is the number of multiply-adds for which it is worth to wake a second thread: they take 80 µs, waking takes up to half of that.
const lanesWork = 1 << 21

// FewProducts computes ys[i] (n, ws[i].Rows) = x (n, Cols)·ws[i]ᵀ for matrices of as many columns, which the threads share as if they
// were one. A row of x has the same result whatever the others are.
func FewProducts(ys [][]float32, x []float32, n int, ws []*Few) {
	if n == 0 {
		return
	}
	cols, bands, plain := ws[0].Cols, 0, make([]*quant.Tensor, 0, 4)
	for _, w := range ws {
		if w.kind == nil {
			for _, w := range ws {
				plain = append(plain, w.Tensor)
			}
			MatVecs(ys, x, n, plain)
			return
		}
		bands += (w.Rows + lanesWide - 1) / lanesWide
	}
	s := workspaces.take()
	sums := sumsOf(s, x, n, cols)
	Parallel(bands, lanesWork/(lanesWide*n*cols)+1, func(_, lo, hi int) {
		at := 0
		for i, w := range ws {
			have := (w.Rows + lanesWide - 1) / lanesWide
			for band := max(lo-at, 0); band < min(hi-at, have); band++ {
				w.band(ys[i], x, sums, n, band)
			}
			at += have
		}
	})
	workspaces.give(s)
}

// sumsOf is the sums of every 16 values of rows of x, then those of every 32.
func sumsOf(s *workspace, x []float32, n, cols int) (sums [2][]float32) {
	short, long := (cols+15)/16, (cols+31)/32
	all := grow(&s.row, n*(short+long))
	sums[0], sums[1] = all[:n*short], all[n*short:]
	for i := range n {
		row := x[i*cols : (i+1)*cols]
		for g := range short {
			var v float32
			for _, u := range row[16*g : min(cols, 16*g+16)] {
				v += u
			}
			sums[0][i*short+g] = v
			if g%2 == 1 {
				sums[1][i*long+g/2] = sums[0][i*short+g-1] + v
			}
		}
	}
	return sums
}

// band computes the products of sixteen rows.
func (w *Few) band(y, x []float32, sums [2][]float32, n, band int) {
	c, _ := w.Coding()
	blocks := w.Cols / c.Group
	sum := sums[c.Group/32]
	data := w.data[band*blocks*w.kind.size:][:blocks*w.kind.size]
	rows := min(lanesWide, w.Rows-band*lanesWide)
	product := func(f func(int64, *byte, *float32, int64, *float32, int64, *float32, *float32, int64), i, count int) {
		if rows == lanesWide {
			f(int64(blocks), &data[0], &x[i*w.Cols], int64(w.Cols), &sum[i*blocks], int64(blocks), &w.value[0], &y[i*w.Rows+band*lanesWide], int64(w.Rows))
			return
		}
		var all [4 * lanesWide]float32
		f(int64(blocks), &data[0], &x[i*w.Cols], int64(w.Cols), &sum[i*blocks], int64(blocks), &w.value[0], &all[0], lanesWide)
		for j := range count {
			copy(y[(i+j)*w.Rows+band*lanesWide:][:rows], all[j*lanesWide:])
		}
	}
	_, _ = x[n*w.Cols-1], y[n*w.Rows-1]
	i := 0
	for ; i+4 <= n; i += 4 {
		product(w.kind.four, i, 4)
	}
	for ; i < n; i++ {
		product(w.kind.one, i, 1)
	}
}
