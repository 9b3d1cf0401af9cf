package lora

import (
	"bytes"
	"errors"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"temper/dataset"
	"temper/internal/kernel"
	"temper/internal/quant"
)

// stretched is an adapter with magnitudes.
func stretched(t testing.TB) *Adapter {
	a := filled(t)
	a.DoRA = true
	for i, p := range a.Pairs {
		a.Pairs[i].Magnitude = make([]float32, p.Out)
		fillUniform(a.Pairs[i].Magnitude, 2, 11, p.Name)
	}
	return a
}

// TestLengths holds the lengths of rows, computed without the matrix, to those of the matrix in float64, over quantized weights, where
// the pair is larger than them, and for a row of zeros, whatever the number of threads.
func TestLengths(t *testing.T) {
	const out, in, r, s = 37, 96, 5, 1.5
	w, a, b := make([]float32, out*in), make([]float32, r*in), make([]float32, out*r)
	fillUniform(w, 1, 1, "w")
	fillUniform(a, 0.5, 1, "a")
	for _, size := range []float64{0, 0.1, 30} {
		fillUniform(b, size, 1, "b")
		clear(w[3*in : 4*in])
		clear(b[3*r : 4*r])
		for _, kind := range []quant.Type{quant.F32, quant.Q8_0, quant.Q4_1, quant.NF4} {
			q, err := quant.Quantize(kind, "w", out, in, w)
			if err != nil {
				t.Fatal(err)
			}
			var first []float32
			for _, threads := range []int{1, 2, 7} {
				kernel.SetThreads(threads)
				got := make([]float32, out)
				Lengths(got, q, Squares(q), a, b, s, make([]float32, LengthsScratch(out, r)))
				if first == nil {
					first = got
				}
				if !reflect.DeepEqual(got, first) {
					t.Errorf("%v: %d threads give other bytes", kind, threads)
				}
			}
			kernel.SetThreads(0)
			row := make([]float32, in)
			for o, got := range first {
				q.Row(row, o, 0, in)
				sum := 0.0
				for i, v := range row {
					x := float64(v)
					for k := range r {
						x += s * float64(b[o*r+k]) * float64(a[k*in+i])
					}
					sum += x * x
				}
				if want := math.Sqrt(sum); math.Abs(float64(got)-want) > 2e-7*want {
					t.Errorf("%v, B up to %g: row %d is %g long, want %g", kind, size, o, got, want)
				}
			}
		}
	}
}

// TestMergeMagnitudes holds that merging makes W + s·B·A and rows as long as their magnitudes, by the gains that are computed without it.
func TestMergeMagnitudes(t *testing.T) {
	a := stretched(t)
	p := a.Pairs[2]
	w := make([]float32, p.Out*p.In)
	fillUniform(w, 1, 1, "w")
	gains := p.Gains(quant.F32Tensor("w", p.Out, p.In, append([]float32{}, w...)), a.Scale())
	plain := append([]float32{}, w...)
	p.Merge(w, a.Scale())
	p.Magnitude = nil
	p.Merge(plain, a.Scale())
	for o, m := range a.Pairs[2].Magnitude {
		sum := 0.0
		for i := range p.In {
			got := w[o*p.In+i]
			sum += float64(got) * float64(got)
			if want := gains[o] * plain[o*p.In+i]; math.Abs(float64(got-want)) > 1e-5 {
				t.Errorf("weight (%d, %d) is %g, want %g", o, i, got, want)
			}
		}
		if got := math.Sqrt(sum); math.Abs(got-math.Abs(float64(m))) > 1e-5 {
			t.Errorf("row %d is %g long, its magnitude is %g", o, got, m)
		}
	}
}

// TestMagnitudeFiles holds the PEFT directory of an adapter with magnitudes to its golden bytes, and that it reads back as it was; that
// magnitudes are cloned and kept by a change of rank; and what is refused.
func TestMagnitudeFiles(t *testing.T) {
	a := stretched(t)
	files, err := a.Files()
	if err != nil {
		t.Fatal(err)
	}
	for name, got := range files {
		path := filepath.Join("testdata", "dora", name)
		if *update {
			if err := os.WriteFile(path, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if want, err := os.ReadFile(path); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s differs from its golden file: %v", name, err)
		}
	}
	head, weights := files[ConfigFile], files[WeightsFile]
	back, err := Parse(head, weights)
	if err != nil || !reflect.DeepEqual(back, a) {
		t.Errorf("read back:\n%+v, %v\nwrote:\n%+v", back, err, a)
	}
	back.Pairs[0].Alpha, back.Rank = 5, 1
	wide := back.Uniform()
	if got := wide.Narrow(back); !reflect.DeepEqual(got, back) || &got.Pairs[0].Magnitude[0] == &back.Pairs[0].Magnitude[0] {
		t.Errorf("made uniform and back:\n%+v\nwas:\n%+v", got, back)
	}
	if got, want := a.Parameters(), filled(t).Parameters()+8+4+6+8+8; got != want {
		t.Errorf("%d values, want %d", got, want)
	}
	_, err = Parse(bytes.Replace(head, []byte(`"use_dora": true`), []byte(`"use_dora": false`), 1), weights)
	if err == nil || !strings.Contains(err.Error(), "lora_magnitude_vector is no part of the adapter") {
		t.Errorf("magnitudes without use_dora: %v", err)
	}
	lost := bytes.ReplaceAll(weights, []byte("layers.10.self_attn.q_proj.lora_magnitude_vector"), []byte("layers.11.self_attn.q_proj.lora_magnitude_vector"))
	if _, err := Parse(head, lost); !errors.Is(err, dataset.ErrMalformed) || !strings.Contains(err.Error(), "layers.10.self_attn.q_proj.lora_magnitude_vector is missing") {
		t.Errorf("a module without magnitudes: %v", err)
	}
	a.Pairs[1].Magnitude = nil
	if _, err := a.Files(); err == nil || !strings.Contains(err.Error(), a.Pairs[1].Name) {
		t.Errorf("no magnitudes: %v", err)
	}
}
