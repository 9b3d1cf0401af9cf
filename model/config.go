package model

import (
	"fmt"

	"temper/dataset"
	"temper/internal/quant"
)

// The bounds on a model's shape: far above what one machine trains, low enough that a hostile file cannot make us allocate much.
const (
	maxLayers  = 1024
	maxDim     = 1 << 16
	maxVocab   = 1 << 21
	maxContext = 1 << 20
)

// check says what is wrong with a shape.
func (c *Config) check() error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf(format+": %w", append(args, dataset.ErrMalformed)...)
	}
	for _, v := range []struct {
		name       string
		value, max int
	}{
		{"layers", c.Layers, maxLayers}, {"width", c.Dim, maxDim}, {"attention heads", c.Heads, maxDim},
		{"key-value heads", c.KVHeads, maxDim}, {"head width", c.HeadDim, maxDim}, {"feed-forward width", c.FF, maxDim},
		{"vocabulary", c.Vocab, maxVocab}, {"context length", c.Context, maxContext},
	} {
		if v.value < 1 || v.value > v.max {
			return bad("%s is %d; it must be 1 to %d", v.name, v.value, v.max)
		}
	}
	switch {
	case c.Heads%c.KVHeads != 0:
		return bad("%d attention heads do not divide among %d key-value heads", c.Heads, c.KVHeads)
	case c.HeadDim%2 != 0:
		return bad("head width is %d; rotary positions need an even one", c.HeadDim)
	case !(c.Eps > 0 && c.Eps < 1):
		return bad("epsilon of the norms is %g", c.Eps)
	case !(c.RopeBase > 0):
		return bad("rotary base is %g", c.RopeBase)
	case c.RopeFactors != nil && len(c.RopeFactors) != c.HeadDim/2:
		return bad("%d rotary factors for heads of %d; %d are needed", len(c.RopeFactors), c.HeadDim, c.HeadDim/2)
	}
	return nil
}

// shape is the rows and columns of the linear layer k.
func (c *Config) shape(k Kind) (rows, cols int) {
	switch k {
	case Q:
		return c.Heads * c.HeadDim, c.Dim
	case K, V:
		return c.KVHeads * c.HeadDim, c.Dim
	case O:
		return c.Dim, c.Heads * c.HeadDim
	case Down:
		return c.Dim, c.FF
	}
	return c.FF, c.Dim
}

// weights finds a model's tensors by what they are; names differ between file formats.
type weights struct {
	find  func(name string) (*quant.Tensor, bool)
	names names
}

// names spells tensors in one file format; block tensors take the layer number.
type names struct {
	embedding, outputNorm, head string
	attnNorm, ffnNorm           string
	linear                      [Kinds]string
}

// load fills in m's tensors, which must be there in the shapes of its Config.
func (m *Model) load(w weights) error {
	var err error
	get := func(name string, rows, cols int) *quant.Tensor {
		if err != nil {
			return nil
		}
		t, ok := w.find(name)
		switch {
		case !ok:
			err = fmt.Errorf("tensor %s is missing: %w", name, dataset.ErrMalformed)
		case t.Rows != rows || t.Cols != cols:
			err = fmt.Errorf("tensor %s is (%d, %d); the model's shape needs (%d, %d): %w", name, t.Rows, t.Cols, rows, cols, dataset.ErrMalformed)
		default:
			if err = t.Check(); err != nil {
				err = fmt.Errorf("tensor %s: %w", name, err)
			}
		}
		if err != nil {
			return nil
		}
		m.Bytes += int64(t.Size())
		return t
	}
	vector := func(name string) []float32 {
		t := get(name, 1, m.Dim)
		if t == nil {
			return nil
		}
		v := make([]float32, m.Dim)
		t.Row(v, 0, 0, m.Dim)
		return v
	}
	m.Embedding = get(w.names.embedding, m.Vocab, m.Dim)
	m.OutputNorm = vector(w.names.outputNorm)
	_, untied := w.find(w.names.head)
	if m.Tied = !untied; m.Tied {
		m.Head = m.Embedding
	} else {
		m.Head = get(w.names.head, m.Vocab, m.Dim)
	}
	m.Layers = make([]Layer, m.Config.Layers)
	for i := range m.Layers {
		l := &m.Layers[i]
		l.AttnNorm, l.FFNNorm = vector(fmt.Sprintf(w.names.attnNorm, i)), vector(fmt.Sprintf(w.names.ffnNorm, i))
		for k := Q; k < Kinds; k++ {
			rows, cols := m.shape(k)
			l.Linear[k] = get(fmt.Sprintf(w.names.linear[k], i), rows, cols)
		}
		if err != nil {
			return err
		}
	}
	return err
}
