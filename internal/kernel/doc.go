// Package kernel is the arithmetic of the trainer on the processor: matrix products whose right side may be quantized, and the
// fused operations of a transformer. It is the only package that knows a device.
//
// All matrices are row-major []float32. Every result has the same bits for any number of threads: an output element is reduced
// by one goroutine, in an order that does not depend on how the work was split.
//
// Levels are the instruction sets: avx512 and avx2 on amd64, neon on arm64, and portable, plain Go, everywhere. The best one
// that the processor has is used; the environment variable TEMPER_KERNEL names a lower one, as does SetLevel. Results of two
// levels differ by rounding. Assembly is generated: internal/gen, a module of its own, holds the generator.
package kernel

//go:generate go run -C internal/gen . -out ../../asm_amd64.s -stubs ../../asm_amd64.go -pkg kernel -arm64 ../../asm_arm64.s
