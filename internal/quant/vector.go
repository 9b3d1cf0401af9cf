package quant

// The functions in assembly, by format; nil where plain Go decodes. The formats that package kernel decodes itself have none here.
// Assembly is generated: internal/gen, a module of its own, holds the generator.
//
//go:generate go run -C internal/gen . -out ../../asm_amd64.s -stubs ../../asm_amd64.go -pkg quant
var (
	vectorized     = vectors()    // decode n blocks
	vectorizedNF4  = vectorNF4()  // decodes n groups of per times 16 values
	vectorizedInt8 = vectorInt8() // decodes n times 16 values
)

// What they take; every number of things is at least 1.
type (
	blockDecoder func(n int64, src *byte, dst *float32)
	nf4Decoder   func(n, per int64, scales *float32, src *byte, dst *float32)
	int8Decoder  func(n int64, scale float32, src *byte, dst *float32)
)
