package quant

// vectorized decode blocks in assembly: n at least 1.
var vectorized [Types]func(n int64, src *byte, dst *float32)

// vectorizedNF4 and vectorizedInt8 decode n times 16 values that share a scale.
var vectorizedNF4, vectorizedInt8 func(n int64, scale float32, src *byte, dst *float32)
