package finetune

import (
	"encoding/binary"
	"math"
)

// bytesOf is x as little-endian bytes.
func bytesOf(x []float32) []byte {
	b := make([]byte, 4*len(x))
	for i, v := range x {
		binary.LittleEndian.PutUint32(b[4*i:], math.Float32bits(v))
	}
	return b
}

// floatsOf undoes bytesOf.
func floatsOf(b []byte) []float32 {
	x := make([]float32, len(b)/4)
	for i := range x {
		x[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return x
}

func le32(n int) []byte        { return binary.LittleEndian.AppendUint32(nil, uint32(n)) }
func uint32of(b []byte) uint32 { return binary.LittleEndian.Uint32(b) }
