//go:build amd64 && !purego

package kernel

import "golang.org/x/sys/cpu"

//go:noescape
func kern512_8x48(k int64, a *float32, rs int64, cs int64, b *float32, c *float32, ldc int64)

//go:noescape
func kern256_6x16(k int64, a *float32, rs int64, cs int64, b *float32, c *float32, ldc int64)

//go:noescape
func packT16_512(n16 int64, src *float32, ld int64, dst *float32, dstStride int64)

//go:noescape
func packT8_256(n8 int64, src *float32, ld int64, dst *float32, dstStride int64)

// levels are the instruction sets of this processor, the fastest first.
func levels() []tile {
	var l []tile
	if cpu.X86.HasAVX512F && cpu.X86.HasAVX512BW && cpu.X86.HasAVX512DQ && cpu.X86.HasAVX512VL {
		l = append(l, tile{"avx512", 8, 48, kern512_8x48, 16, packT16_512})
	}
	if cpu.X86.HasAVX2 && cpu.X86.HasFMA {
		l = append(l, tile{"avx2", 6, 16, kern256_6x16, 8, packT8_256})
	}
	return append(l, portable)
}
