package finetune

import (
	"encoding/binary"
	"math"

	"temper/internal/quant"
)

// bytesOf is x as little-endian bytes, which share its memory: there may be many.
func bytesOf(x []float32) []byte { return quant.F32Tensor("", 1, len(x), x).Data }

// floatsOf undoes bytesOf, with memory of its own.
func floatsOf(b []byte) []float32 {
	x := make([]float32, len(b)/4)
	for i := range x {
		x[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return x
}

func le32(n int) []byte        { return binary.LittleEndian.AppendUint32(nil, uint32(n)) }
func uint32of(b []byte) uint32 { return binary.LittleEndian.Uint32(b) }
