package quant

import (
	"encoding/binary"
	"fmt"
	"math"
	"unsafe"
)

// Row writes the values of columns [c0,c1) of row r to dst. c0 and c1 are multiples of the type's block.
func (t *Tensor) Row(dst []float32, r, c0, c1 int) {
	l := layouts[t.Type]
	at := r*t.Type.RowBytes(t.Cols) + c0/l.block*l.bytes
	b := t.Data[at : at+(c1-c0)/l.block*l.bytes]
	dst = dst[:c1-c0]
	switch t.Type {
	case F32:
		for i := range dst {
			dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
		}
	case F16:
		for i := range dst {
			dst[i] = half(b[2*i:])
		}
	case BF16:
		for i := range dst {
			dst[i] = math.Float32frombits(uint32(binary.LittleEndian.Uint16(b[2*i:])) << 16)
		}
	default:
		f := blocks[t.Type]
		for i := 0; i < len(dst); i += l.block {
			f(dst[i:i+l.block], b[:l.bytes])
			b = b[l.bytes:]
		}
	}
}

// Check reports a tensor whose data does not fit its shape and type.
func (t *Tensor) Check() error {
	switch {
	case !t.Type.Known():
		return fmt.Errorf("tensor %s has %s, which this build does not read", t.Name, t.Type)
	case t.Rows <= 0 || t.Cols <= 0 || t.Cols%t.Type.Block() != 0:
		return fmt.Errorf("tensor %s of %s is %d × %d: a row must hold whole blocks of %d", t.Name, t.Type, t.Rows, t.Cols, t.Type.Block())
	case len(t.Data) != t.Rows*t.Type.RowBytes(t.Cols):
		return fmt.Errorf("tensor %s of %s, %d × %d, has %d bytes, not %d", t.Name, t.Type, t.Rows, t.Cols, len(t.Data), t.Rows*t.Type.RowBytes(t.Cols))
	}
	return nil
}

// Slice is rows [r0,r1) of t, without a copy.
func (t *Tensor) Slice(r0, r1 int) *Tensor {
	n := t.Type.RowBytes(t.Cols)
	return &Tensor{Name: t.Name, Type: t.Type, Rows: r1 - r0, Cols: t.Cols, Data: t.Data[r0*n : r1*n]}
}

// F32Tensor is w as a tensor, without a copy. It assumes a little-endian machine, as every one Go's kernels here run on is.
func F32Tensor(name string, rows, cols int, w []float32) *Tensor {
	if len(w) == 0 {
		return &Tensor{Name: name, Type: F32, Rows: rows, Cols: cols}
	}
	return &Tensor{Name: name, Type: F32, Rows: rows, Cols: cols, Data: unsafe.Slice((*byte)(unsafe.Pointer(&w[0])), 4*len(w))}
}

// halves is every float16 value.
var halves = func() (t [1 << 16]float32) {
	for i := range t {
		sign, exp, frac := uint32(i)>>15<<31, uint32(i)>>10&31, uint32(i)&1023
		switch {
		case exp == 31:
			t[i] = math.Float32frombits(sign | 0x7f800000 | frac<<13)
		case exp > 0:
			t[i] = math.Float32frombits(sign | (exp+112)<<23 | frac<<13)
		default:
			t[i] = float32(frac) / (1 << 24)
			if sign != 0 {
				t[i] = -t[i]
			}
		}
	}
	return
}()

func half(b []byte) float32 { return halves[binary.LittleEndian.Uint16(b)] }
