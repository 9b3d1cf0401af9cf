//go:build amd64 && !purego

package quant

import "golang.org/x/sys/cpu"

// wide reports whether the processor has what the assembly needs. Every one with AVX2 and FMA converts binary16 too.
func wide() bool { return cpu.X86.HasAVX2 && cpu.X86.HasFMA }

func vectors() [Types]blockDecoder {
	if !wide() {
		return [Types]blockDecoder{}
	}
	return [Types]blockDecoder{Q5_0: decodeQ5_0AVX2, Q5_1: decodeQ5_1AVX2, Q2_K: decodeQ2KAVX2, Q3_K: decodeQ3KAVX2,
		Q4_K: decodeQ4KAVX2, Q5_K: decodeQ5KAVX2, Q6_K: decodeQ6KAVX2, IQ4_NL: decodeIQ4NLAVX2, IQ4_XS: decodeIQ4XSAVX2,
		MXFP4: decodeMXFP4AVX2, TQ1_0: decodeTQ1AVX2, TQ2_0: decodeTQ2AVX2}
}

func vectorNF4() nf4Decoder {
	if !wide() {
		return nil
	}
	return decodeNF4AVX2
}

func vectorInt8() int8Decoder {
	if !wide() {
		return nil
	}
	return decodeInt8AVX2
}
