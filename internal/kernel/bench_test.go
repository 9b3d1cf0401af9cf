package kernel

import (
	"fmt"
	"testing"

	"temper/internal/quant"
)

func BenchmarkMulT(b *testing.B) {
	for _, s := range [][2]int{{576, 576}, {1536, 576}, {576, 1536}} {
		w, _ := quant.Quantize(quant.Q4_1, "w", s[0], s[1], random(1, s[0]*s[1]))
		x, y := random(2, 512*s[1]), make([]float32, 512*s[0])
		b.Run(fmt.Sprintf("Q4_1/512x%dx%d", s[0], s[1]), func(b *testing.B) {
			for b.Loop() {
				MulT(y, x, 512, w, false)
			}
			b.ReportMetric(2*512*float64(s[0])*float64(s[1])*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
		})
	}
}

// BenchmarkFew is where products of few rows cross: those that pack nothing, and those that do.
func BenchmarkFew(b *testing.B) {
	const rows, cols = 1536, 576
	w, _ := quant.Quantize(quant.Q4_1, "w", rows, cols, random(1, rows*cols))
	for _, n := range []int{1, 2, 4, 6, 8, 12, 16} {
		x, y := random(2, n*cols), make([]float32, n*rows)
		for name, f := range map[string]func(){"MatVec": func() { MatVec(y, x, n, w) }, "MulT": func() { MulT(y, x, n, w, false) }} {
			b.Run(fmt.Sprintf("%s/n=%d", name, n), func(b *testing.B) {
				for b.Loop() {
					f()
				}
				b.ReportMetric(float64(b.N)*float64(n)*rows*cols*2/b.Elapsed().Seconds()/1e9, "GFLOP/s")
			})
		}
	}
}

// BenchmarkCompute is the forward product of a block's widest layer in each precision.
func BenchmarkCompute(b *testing.B) {
	const rows, cols = 1536, 576
	w, _ := quant.Quantize(quant.Q4_1, "w", rows, cols, random(1, rows*cols))
	x, y, dx := random(2, 512*cols), make([]float32, 512*rows), make([]float32, 512*cols)
	for name, c := range map[string]Compute{"f32": FP32, "bf16": BF16} {
		if !c.Supported() {
			continue
		}
		for way, f := range map[string]func(){"forward": func() { c.MulT(y, x, 512, w, false) }, "backward": func() { c.Mul(dx, y, 512, w, false) }} {
			b.Run(name+"/"+way, func(b *testing.B) {
				for b.Loop() {
					f()
				}
				b.ReportMetric(2*512*rows*cols*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
			})
		}
	}
}
