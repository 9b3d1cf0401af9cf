package model

import (
	"fmt"
	"strings"

	"temper/dataset"
	"temper/internal/quant"
)

// weights finds a model's tensors by what they are; names differ between file formats.
type weights struct {
	find  func(name string) (*quant.Tensor, bool)
	names names
	plus  float32 // what is added to the weights of norms: 1 where the file holds what is to be added to 1
}

// names spells tensors in one file format; block tensors take the layer number.
type names struct {
	embedding, outputNorm, head string
	attnNorm, ffnNorm           string
	postAttnNorm, postFFNNorm   string // of branches, before they are added
	qNorm, kNorm                string
	linear                      [Kinds]string
	qkv, gateUp                 string // fused layers, one matrix above the other
}

// A loader reads tensors and remembers the first failure.
type loader struct {
	weights
	m   *Model
	err error
}

// load fills in m's tensors, which must be there in the shapes of its Config.
func (m *Model) load(w weights) error {
	l := &loader{weights: w, m: m}
	m.Embedding = l.matrix(w.names.embedding, m.Vocab, m.Dim)
	m.OutputNorm = l.norm(w.names.outputNorm, m.Dim)
	_, untied := w.find(w.names.head)
	if m.Tied = !untied; m.Tied {
		m.Head = m.Embedding
	} else {
		m.Head = l.matrix(w.names.head, m.Vocab, m.Dim)
	}
	m.Layers = make([]Layer, m.Config.Layers)
	for i := range m.Layers {
		if l.layer(i, &m.Layers[i]); l.err != nil {
			break
		}
	}
	return l.err
}

func (l *loader) layer(i int, out *Layer) {
	m, at := l.m, func(name string) string { return fmt.Sprintf(name, i) }
	out.Local, out.Unrotated = m.Sliding != nil && m.Sliding[i], m.Unrotated != nil && m.Unrotated[i]
	out.AttnNorm, out.FFNNorm = l.norm(at(l.names.attnNorm), m.Dim), l.norm(at(l.names.ffnNorm), m.Dim)
	if m.PostNorms {
		out.PostAttnNorm, out.PostFFNNorm = l.norm(at(l.names.postAttnNorm), m.Dim), l.norm(at(l.names.postFFNNorm), m.Dim)
	}
	if m.QKNorm {
		out.QNorm, out.KNorm = l.norm(at(l.names.qNorm), m.HeadDim), l.norm(at(l.names.kNorm), m.HeadDim)
	}
	if m.Fused {
		l.parts(at(l.names.qkv), out, Q, K, V)
		l.parts(at(l.names.gateUp), out, Gate, Up)
	}
	for k := Q; k < Kinds; k++ {
		if out.Linear[k] == nil && l.err == nil {
			rows, cols := m.shape(k)
			name := at(l.names.linear[k])
			out.Linear[k] = l.matrix(name, rows, cols)
			out.Bias[k] = l.bias(i, k, strings.TrimSuffix(name, "weight")+"bias", rows)
		}
	}
}

// parts cuts a fused matrix into the layers it holds.
func (l *loader) parts(name string, out *Layer, kinds ...Kind) {
	total, cols := 0, 0
	for _, k := range kinds {
		rows, c := l.m.shape(k)
		total, cols = total+rows, c
	}
	t := l.matrix(name, total, cols)
	if t == nil {
		return
	}
	at := 0
	for _, k := range kinds {
		rows, _ := l.m.shape(k)
		out.Linear[k] = t.Slice(at, at+rows)
		at += rows
	}
}

// bias is a layer's bias, nil if it has none. Where one block has one, or the architecture demands it, all must.
func (l *loader) bias(layer int, k Kind, name string, rows int) []float32 {
	if l.err != nil {
		return nil
	}
	if _, ok := l.find(name); layer == 0 && ok {
		l.m.Biased[k] = true
	}
	if !l.m.Biased[k] {
		return nil
	}
	return l.vector(name, rows)
}

// matrix is the tensor of that name and shape.
func (l *loader) matrix(name string, rows, cols int) *quant.Tensor {
	if l.err != nil {
		return nil
	}
	t, ok := l.find(name)
	switch {
	case !ok:
		l.err = fmt.Errorf("tensor %s is missing: %w", name, dataset.ErrMalformed)
	case t.Rows != rows || t.Cols != cols:
		l.err = fmt.Errorf("tensor %s is (%d, %d); the model's shape needs (%d, %d): %w", name, t.Rows, t.Cols, rows, cols, dataset.ErrMalformed)
	default:
		if l.err = t.Check(); l.err != nil {
			l.err = fmt.Errorf("tensor %s: %w", name, l.err)
		}
	}
	if l.err != nil {
		return nil
	}
	l.m.Bytes += int64(t.Size())
	return t
}

func (l *loader) vector(name string, n int) []float32 {
	t := l.matrix(name, 1, n)
	if t == nil {
		return nil
	}
	v := make([]float32, n)
	t.Row(v, 0, 0, n)
	return v
}

func (l *loader) norm(name string, n int) []float32 {
	v := l.vector(name, n)
	for i := range v {
		v[i] += l.plus
	}
	return v
}
