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
// or Scales have not the length that Rows and Cols say. Row and the kernels rely on a tensor that passes it.
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
	case t.Type == NF4 && (t.Group < 1 || t.Group > maxSide || t.Group%2 != 0):
		return fmt.Errorf("%w: tensor %s has %d values a scale", dataset.ErrMalformed, t.Name, t.Group)
	case t.Rows > 0 && t.Type.RowBytes(t.Cols) > math.MaxInt/t.Rows || len(t.Data) != t.bytes():
		return fmt.Errorf("%w: tensor %s, %d × %d in %v, has %d bytes", dataset.ErrMalformed, t.Name, t.Rows, t.Cols, t.Type, len(t.Data))
	case len(t.Scales) != t.scales():
		return fmt.Errorf("%w: tensor %s, %d × %d in %v, has %d scales, not %d", dataset.ErrMalformed, t.Name, t.Rows, t.Cols, t.Type, len(t.Scales), t.scales())
	}
	return nil
}

// bytes is how long Data must be.
func (t *Tensor) bytes() int {
	if t.Type == NF4 {
		return (t.before + t.Rows*t.Cols + 1) / 2
	}
	return t.Rows * t.Type.RowBytes(t.Cols)
}

// scales is how long Scales must be.
func (t *Tensor) scales() int {
	switch t.Type {
	case NF4:
		return (t.before + t.Rows*t.Cols + t.Group - 1) / t.Group
	case Int8:
		return t.Rows
	}
	return 0
}

// Size is the memory of the tensor in bytes: its data and its scales.
func (t *Tensor) Size() int { return len(t.Data) + 4*len(t.Scales) }

// Row writes the values [c0,c1) of row r to dst, of which it uses the first c1-c0. c0 and c1 are multiples of Type.Block. The
// values are bit for bit those of ggml's dequantize_row functions, and of bitsandbytes' for float32.
func (t *Tensor) Row(dst []float32, r, c0, c1 int) {
	dst = dst[:c1-c0]
	switch t.Type {
	case NF4:
		t.check(r, c0, c1)
		t.decodeNF4(dst, t.before+r*t.Cols+c0)
	case Int8:
		decodeInt8(dst, t.Bytes(r, c0, c1), t.Scales[r])
	default:
		Decode(t.Type, dst, t.Bytes(r, c0, c1))
	}
}

// check panics where [c0,c1) is no range of whole blocks of row r.
func (t *Tensor) check(r, c0, c1 int) {
	l := layouts[t.Type]
	if r < 0 || r >= t.Rows || c0 < 0 || c0 > c1 || c1 > t.Cols || c0%l.block != 0 || c1%l.block != 0 {
		panic(fmt.Sprintf("quant: values [%d,%d) of row %d of %s, %d × %d in blocks of %d", c0, c1, r, t.Name, t.Rows, t.Cols, l.block))
	}
}

// Bytes are the stored blocks of the values [c0,c1) of row r, for every type but NF4, whose rows need not begin with a byte.
func (t *Tensor) Bytes(r, c0, c1 int) []byte {
	t.check(r, c0, c1)
	l := layouts[t.Type]
	at := r * (t.Cols / l.block * l.bytes)
	return t.Data[at+c0/l.block*l.bytes : at+c1/l.block*l.bytes]
}

// Slice is the rows [r0,r1) of t as a tensor that shares its data.
func (t *Tensor) Slice(r0, r1 int) *Tensor {
	if r0 < 0 || r0 > r1 || r1 > t.Rows {
		panic(fmt.Sprintf("quant: rows [%d,%d) of %s, which has %d", r0, r1, t.Name, t.Rows))
	}
	out := &Tensor{Name: t.Name, Type: t.Type, Rows: r1 - r0, Cols: t.Cols, Group: t.Group}
	n := t.Type.RowBytes(t.Cols)
	switch t.Type {
	case NF4:
		first := t.before + r0*t.Cols
		out.before = first % t.Group
		out.Data = t.Data[(first-out.before)/2:][:out.bytes()]
		out.Scales = t.Scales[first/t.Group:][:out.scales()]
		return out
	case Int8:
		out.Scales = t.Scales[r0:r1]
	}
	out.Data = t.Data[r0*n : r1*n]
	return out
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
	if t.Type != F32 {
		return nil, false
	}
	return Floats(t.Data)
}

// Floats is b as float32 without a copy; false where b is not aligned or no whole number of them.
func Floats(b []byte) ([]float32, bool) {
	p := unsafe.Pointer(unsafe.SliceData(b))
	if uintptr(p)%4 != 0 || len(b)%4 != 0 {
		return nil, false
	}
	return unsafe.Slice((*float32)(p), len(b)/4), true
}

// bytesOf is the memory of w. Stored numbers are little-endian, as is every processor that this module supports.
func bytesOf(w []float32) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(w))), 4*len(w))
}
