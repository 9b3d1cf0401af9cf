package quant

import (
	"encoding/binary"
	"fmt"
	"math"

	"temper/dataset"
)

// Quantize stores w, (rows, cols), as type t: bit for bit what ggml's quantize_row_*_ref functions write, and bitsandbytes on a
// CPU for NF4 and Int8. Types that Writable does not report are read only. A value that is not finite, and a row that is no multiple
// of the block, is an error.
func Quantize(t Type, name string, rows, cols int, w []float32) (*Tensor, error) {
	if len(w) != rows*cols {
		panic(fmt.Sprintf("quant: %s has %d values, not %d × %d", name, len(w), rows, cols))
	}
	if !t.Writable() {
		return nil, fmt.Errorf("quantize %s: %v is only read; F32, F16, BF16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q4_K, Q5_K, Q6_K, NF4 and INT8 can be written", name, t)
	}
	l := layouts[t]
	if cols%l.block != 0 {
		return nil, fmt.Errorf("quantize %s: rows of %d values; %v needs a multiple of %d", name, cols, t, l.block)
	}
	for i, v := range w {
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			return nil, fmt.Errorf("%w: quantize %s: row %d, column %d is %v", dataset.ErrMalformed, name, i/cols, i%cols, v)
		}
	}
	out := &Tensor{Name: name, Type: t, Rows: rows, Cols: cols}
	switch t {
	case NF4:
		quantizeNF4(out, w)
		return out, nil
	case Int8:
		quantizeInt8(out, w)
		return out, nil
	}
	out.Data = make([]byte, rows*t.RowBytes(cols))
	encode := encoders[t]
	for i, at := 0, 0; i < len(w); i, at = i+l.block, at+l.bytes {
		encode(out.Data[at:at+l.bytes], w[i:i+l.block])
	}
	return out, nil
}

// Writable reports whether Quantize can write t.
func (t Type) Writable() bool { return t.Known() && (encoders[t] != nil || t == NF4 || t == Int8) }

// encoders write one block.
var encoders = [Types]func(b []byte, x []float32){
	F32:  func(b []byte, x []float32) { binary.LittleEndian.PutUint32(b, math.Float32bits(x[0])) },
	F16:  func(b []byte, x []float32) { binary.LittleEndian.PutUint16(b, toHalf(x[0])) },
	BF16: func(b []byte, x []float32) { binary.LittleEndian.PutUint16(b, toBrain(x[0])) },
	Q4_0: encodeQ4_0, Q4_1: encodeQ4_1, Q5_0: encodeQ5_0, Q5_1: encodeQ5_1, Q8_0: encodeQ8_0,
	Q4_K: encodeQ4K, Q5_K: encodeQ5K, Q6_K: encodeQ6K,
}

// largest is the value of the greatest magnitude, the first of equals.
func largest(x []float32) float32 {
	amax, v := float32(0), float32(0)
	for _, f := range x {
		if a := max(f, -f); a > amax {
			amax, v = a, f
		}
	}
	return v
}

// inverse is 1/d, 0 for 0.
func inverse(d float32) float32 {
	if d == 0 {
		return 0
	}
	return 1 / d
}

// bounds are the least and the greatest value.
func bounds(x []float32) (low, high float32) {
	low, high = x[0], x[0]
	for _, v := range x {
		low, high = min(low, v), max(high, v)
	}
	return low, high
}

func encodeQ4_0(b []byte, x []float32) {
	d := largest(x) / -8
	id := inverse(d)
	binary.LittleEndian.PutUint16(b, toHalf(d))
	level := func(v float32) byte { return byte(min(15, int8(float32(v*id)+8.5))) }
	for j := range 16 {
		b[2+j] = level(x[j]) | level(x[j+16])<<4
	}
}

func encodeQ4_1(b []byte, x []float32) {
	low, high := bounds(x)
	d := (high - low) / 15
	id := inverse(d)
	binary.LittleEndian.PutUint16(b, toHalf(d))
	binary.LittleEndian.PutUint16(b[2:], toHalf(low))
	level := func(v float32) byte { return byte(min(15, int8(float32((v-low)*id)+0.5))) }
	for j := range 16 {
		b[4+j] = level(x[j]) | level(x[j+16])<<4
	}
}

func encodeQ5_0(b []byte, x []float32) {
	d := largest(x) / -16
	id := inverse(d)
	binary.LittleEndian.PutUint16(b, toHalf(d))
	encodeFive(b[2:], x, func(v float32) byte { return byte(min(31, int8(float32(v*id)+16.5))) })
}

func encodeQ5_1(b []byte, x []float32) {
	low, high := bounds(x)
	d := (high - low) / 31
	id := inverse(d)
	binary.LittleEndian.PutUint16(b, toHalf(d))
	binary.LittleEndian.PutUint16(b[2:], toHalf(low))
	encodeFive(b[4:], x, func(v float32) byte { return byte(float32((v-low)*id) + 0.5) })
}

// encodeFive writes 32 high bits and 16 bytes of nibbles.
func encodeFive(b []byte, x []float32, level func(float32) byte) {
	var high uint32
	for j := range 16 {
		q0, q1 := level(x[j]), level(x[j+16])
		b[4+j] = q0&15 | q1&15<<4
		high |= uint32(q0>>4&1)<<j | uint32(q1>>4&1)<<(j+16)
	}
	binary.LittleEndian.PutUint32(b, high)
}

func encodeQ8_0(b []byte, x []float32) {
	v := largest(x)
	d := max(v, -v) / 127
	id := inverse(d)
	binary.LittleEndian.PutUint16(b, toHalf(d))
	for j, v := range x {
		b[2+j] = byte(int8(math.Round(float64(v * id))))
	}
}
