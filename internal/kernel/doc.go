// Package kernel is the arithmetic of the trainer on the processor: matrix products whose right side may be quantized, and the
// fused operations of a transformer. It is the only package that knows a device.
//
// All matrices are row-major []float32. Every result has the same bits for any number of threads: an output element is reduced
// by one goroutine, in an order that does not depend on how the work was split.
package kernel
