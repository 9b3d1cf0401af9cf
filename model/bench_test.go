package model

import (
	"fmt"
	"testing"

	"temper/lora"
)

// BenchmarkPrefill is reading a prompt of 512 tokens, and BenchmarkDecode drawing the tokens after it: 64 for each prompt.
func BenchmarkPrefill(b *testing.B) {
	g, prompt := benchmarkModel(b)
	for b.Loop() {
		if _, err := g.Generate([][]int32{prompt}, Sampling{MaxTokens: 1}, nil); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(prompt)*b.N)/b.Elapsed().Seconds(), "tokens/s")
}

func BenchmarkDecode(b *testing.B) {
	for _, prompts := range []int{1, 4, 8} {
		b.Run(fmt.Sprintf("prompts=%d", prompts), func(b *testing.B) {
			g, prompt := benchmarkModel(b)
			all := make([][]int32, prompts)
			for i := range all {
				all[i] = prompt[:16+i]
			}
			drawn := 0
			for b.Loop() {
				out, err := g.Generate(all, Sampling{MaxTokens: 64}, nil)
				if err != nil {
					b.Fatal(err)
				}
				for _, o := range out {
					drawn += len(o)
				}
			}
			b.ReportMetric(float64(drawn)/b.Elapsed().Seconds(), "tokens/s")
		})
	}
}

// BenchmarkDecodeAdapted is drawing tokens with an adapter of rank 16 on every linear layer.
func BenchmarkDecodeAdapted(b *testing.B) {
	m := open(b, "models/SmolLM2-135M-Instruct.Q4_1.gguf")
	a, err := lora.New(m.Modules(), lora.Options{Rank: 16}.WithDefaults(), 1)
	if err != nil {
		b.Fatal(err)
	}
	g, prompt := benchmarkGenerator(b, m, a)
	for b.Loop() {
		if _, err := g.Generate([][]int32{prompt[:16]}, Sampling{MaxTokens: 64}, nil); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(64*b.N)/b.Elapsed().Seconds(), "tokens/s")
}

func benchmarkModel(b *testing.B) (*Generator, []int32) {
	return benchmarkGenerator(b, open(b, "models/SmolLM2-135M-Instruct.Q4_1.gguf"), nil)
}

func benchmarkGenerator(b *testing.B, m *Model, a *lora.Adapter) (*Generator, []int32) {
	g, err := NewGenerator(m, a, 1024)
	if err != nil {
		b.Fatal(err)
	}
	prompt := make([]int32, 512)
	for i := range prompt {
		prompt[i] = int32(i * 7919 % m.Vocab)
	}
	return g, prompt
}
