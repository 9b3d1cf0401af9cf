package model

import (
	"fmt"
	"slices"

	"temper/dataset"
)

// The bounds on a model's shape: far above what one machine trains, low enough that a hostile file cannot make us allocate much.
const (
	maxLayers  = 1024
	maxDim     = 1 << 16
	maxVocab   = 1 << 21
	maxContext = 1 << 20
)

// bad is the error of a shape that cannot be.
func bad(format string, args ...any) error {
	return fmt.Errorf(format+": %w", append(args, dataset.ErrMalformed)...)
}

// bounds says which width is out of bounds.
func (c *Config) bounds() error {
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
	return nil
}

// check says what is wrong with a shape.
func (c *Config) check() error {
	if err := c.bounds(); err != nil {
		return err
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
	case c.LongFactors != nil && (len(c.LongFactors) != c.HeadDim/2 || c.LongFrom < 1):
		return bad("%d rotary factors for long sequences, from %d tokens, for heads of %d", len(c.LongFactors), c.LongFrom, c.HeadDim)
	case c.LocalRopeBase < 0 || c.RopeScale < 0 || c.QueryScale < 0 || c.EmbeddingScale < 0 || c.AttentionCap < 0 || c.LogitCap < 0:
		return bad("a scale, base or cap is negative")
	case c.Window < 0 || c.Window == 0 && slices.Contains(c.Sliding, true):
		return bad("window of attention is %d", c.Window)
	case c.Sliding != nil && len(c.Sliding) != c.Layers, c.Unrotated != nil && len(c.Unrotated) != c.Layers:
		return bad("layers are described for %d and %d layers of %d", len(c.Sliding), len(c.Unrotated), c.Layers)
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
