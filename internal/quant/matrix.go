package quant

import (
	"fmt"
	"math"
	"unsafe"

	"temper/dataset"
)

// maxSide bounds Rows and Cols, so that no product of them and a block's size overflows.
const maxSide = 1 << 30

// Check returns an error that wraps dataset.ErrMalformed where the type is unknown, Cols is no multiple of the block, or Data
// has not the length that Rows and Cols say. Row and the kernels rely on a tensor that passes it.
func (t *Tensor) Check() error {
	if !t.Type.Known() {
		return fmt.Errorf("%w: tensor %s has %v, which this build does not read", dataset.ErrMalformed, t.Name, t.Type)
	}
	l := layouts[t.Type]
	switch {
	case t.Rows < 0 || t.Cols < 0 || t.Rows > maxSide || t.Cols > maxSide:
		return fmt.Errorf("%w: tensor %s has the shape %d × %d", dataset.ErrMalformed, t.Name, t.Rows, t.Cols)
	case t.Cols%l.block != 0:
		return fmt.Errorf("%w: tensor %s has rows of %d values; %v needs a multiple of %d", dataset.ErrMalformed, t.Name, t.Cols, t.Type, l.block)
	case t.Rows > 0 && t.Type.RowBytes(t.Cols) > math.MaxInt/t.Rows || len(t.Data) != t.Rows*t.Type.RowBytes(t.Cols):
		return fmt.Errorf("%w: tensor %s, %d × %d in %v, has %d bytes", dataset.ErrMalformed, t.Name, t.Rows, t.Cols, t.Type, len(t.Data))
	}
	return nil
}

// Row writes the values [c0,c1) of row r to dst, of which it uses the first c1-c0. c0 and c1 are multiples of Type.Block. The
// values are bit for bit those of ggml's dequantize_row functions.
func (t *Tensor) Row(dst []float32, r, c0, c1 int) {
	Decode(t.Type, dst[:c1-c0], t.Bytes(r, c0, c1))
}

// Bytes are the stored blocks of the values [c0,c1) of row r.
func (t *Tensor) Bytes(r, c0, c1 int) []byte {
	l := layouts[t.Type]
	if r < 0 || r >= t.Rows || c0 < 0 || c0 > c1 || c1 > t.Cols || c0%l.block != 0 || c1%l.block != 0 {
		panic(fmt.Sprintf("quant: values [%d,%d) of row %d of %s, %d × %d in blocks of %d", c0, c1, r, t.Name, t.Rows, t.Cols, l.block))
	}
	at := r * (t.Cols / l.block * l.bytes)
	return t.Data[at+c0/l.block*l.bytes : at+c1/l.block*l.bytes]
}

// Slice is the rows [r0,r1) of t as a tensor that shares its data.
func (t *Tensor) Slice(r0, r1 int) *Tensor {
	if r0 < 0 || r0 > r1 || r1 > t.Rows {
		panic(fmt.Sprintf("quant: rows [%d,%d) of %s, which has %d", r0, r1, t.Name, t.Rows))
	}
	n := t.Type.RowBytes(t.Cols)
	return &Tensor{Name: t.Name, Type: t.Type, Rows: r1 - r0, Cols: t.Cols, Data: t.Data[r0*n : r1*n]}
}

// F32Tensor is w, (rows, cols), as a tensor that shares its memory.
func F32Tensor(name string, rows, cols int, w []float32) *Tensor {
	if len(w) != rows*cols {
		panic(fmt.Sprintf("quant: %s has %d values, not %d × %d", name, len(w), rows, cols))
	}
	return &Tensor{Name: name, Type: F32, Rows: rows, Cols: cols, Data: bytesOf(w)}
}

// Float32s is the data of a tensor in F32 without a copy; false where the type is another or the data is not aligned.
func (t *Tensor) Float32s() ([]float32, bool) {
	p := unsafe.Pointer(unsafe.SliceData(t.Data))
	if t.Type != F32 || uintptr(p)%4 != 0 {
		return nil, false
	}
	return unsafe.Slice((*float32)(p), len(t.Data)/4), true
}

// bytesOf is the memory of w. Stored numbers are little-endian, as is every processor that this module supports.
func bytesOf(w []float32) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(w))), 4*len(w))
}
