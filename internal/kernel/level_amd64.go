//go:build amd64 && !purego

package kernel

import (
	"golang.org/x/sys/cpu"

	"temper/internal/quant"
)

type micro = func(k int64, a *float32, rs, cs int64, b, c *float32, ldc, acc int64)

var avx512 = level{
	name: "avx512",
	tile: tile{mr: 8, lane: 16, kern: []micro{kern8x16_512, kern8x32_512, kern8x48_512}, tw: 16, pack: packT16_512},
	vectors: vectors{add: add512, axpy: axpy512, scale: scale512, dot: dot512, dots1: dots1x4_512, dots2: dots2x4_512, dot3: dot3_512, norm: norm512, normBack: normBack512,
		highest: highest512, expSum: expSum512, attend: attend512, swiglu: swiglu512, swigluBack: swigluBack512, adam: adam512},
	decode: [quant.Types]decoder{quant.Q4_0: {32, 18, q40_512, dots_q40_512}, quant.Q4_1: {32, 20, q41_512, dots_q41_512}, quant.Q8_0: {32, 34, q80_512, dots_q80_512},
		quant.F16: {16, 32, f16_512, dots_f16_512}, quant.BF16: {16, 32, bf16_512, dots_bf16_512}},
	lanes: map[lanesKey]lanesKind{
		{4, 32, true, false}: {256 + 32, lanes4x32h_1_512, lanes4x32h_4_512}, {4, 32, true, true}: {256 + 64, lanes4x32hm_1_512, lanes4x32hm_4_512},
		{4, 32, false, false}: {256 + 64, lanes4x32f_1_512, lanes4x32f_4_512}, {4, 32, false, true}: {256 + 128, lanes4x32fm_1_512, lanes4x32fm_4_512},
		{4, 16, false, false}: {128 + 64, lanes4x16f_1_512, lanes4x16f_4_512}, {4, 16, false, true}: {128 + 128, lanes4x16fm_1_512, lanes4x16fm_4_512},
		{8, 32, true, false}: {512 + 32, lanes8x32h_1_512, lanes8x32h_4_512}, {8, 32, true, true}: {512 + 64, lanes8x32hm_1_512, lanes8x32hm_4_512},
		{8, 32, false, false}: {512 + 64, lanes8x32f_1_512, lanes8x32f_4_512}, {8, 32, false, true}: {512 + 128, lanes8x32fm_1_512, lanes8x32fm_4_512},
		{8, 16, false, false}: {256 + 64, lanes8x16f_1_512, lanes8x16f_4_512},
	},
}

var avx2 = level{
	name: "avx2",
	tile: tile{mr: 6, lane: 8, kern: []micro{kern6x8_256, kern6x16_256}, tw: 8, pack: packT8_256},
	vectors: vectors{add: add256, axpy: axpy256, scale: scale256, dot: dot256, dots1: dots1x4_256, dots2: dots2x4_256, dot3: dot3_256, norm: norm256, normBack: normBack256,
		highest: highest256, expSum: expSum256, attend: attend256, swiglu: swiglu256, swigluBack: swigluBack256, adam: adam256},
	decode: [quant.Types]decoder{quant.Q4_0: {32, 18, q40_256, dots_q40_256}, quant.Q4_1: {32, 20, q41_256, dots_q41_256}, quant.Q8_0: {32, 34, q80_256, dots_q80_256},
		quant.F16: {16, 32, f16_256, dots_f16_256}, quant.BF16: {16, 32, bf16_256, dots_bf16_256}},
}

// levels are the instruction sets of this processor, the fastest first. Every processor with AVX2 converts binary16 too.
func levels() []*level {
	var l []*level
	x := cpu.X86
	old := x.HasAVX2 && x.HasFMA && x.HasBMI2
	if x.HasAVX512BF16 && avx512.paired == nil {
		p := &pairedLevel{level: avx512, bfloat: bfloat512, pair: pair512}
		p.kern = []micro{pair8x16_512, pair8x32_512, pair8x48_512}
		avx512.paired = p
	}
	if old && x.HasAVX512F && x.HasAVX512BW && x.HasAVX512DQ && x.HasAVX512VL {
		l = append(l, &avx512)
	}
	if old {
		l = append(l, &avx2)
	}
	return append(l, &portable)
}
