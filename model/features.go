package model

import (
	"fmt"
	"slices"
)

// Features says in words how the model differs from Llama, for people.
func (c *Config) Features() []string {
	count := func(layers []bool) int {
		return len(slices.DeleteFunc(slices.Clone(layers), func(on bool) bool { return !on }))
	}
	var out []string
	for _, f := range []struct {
		on   bool
		says string
	}{
		{slices.Contains(c.Biased[:], true), "biases"},
		{c.Fused, "fused projections"},
		{c.QKNorm, "norms of queries and keys"},
		{c.PostNorms, "norms of branches"},
		{c.GELU, "GeGLU"},
		{c.AttentionCap > 0, fmt.Sprintf("scores capped at %g", c.AttentionCap)},
		{c.LogitCap > 0, fmt.Sprintf("logits capped at %g", c.LogitCap)},
		{c.Window > 0, fmt.Sprintf("a window of %d tokens in %d of %d layers", c.Window, count(c.Sliding), c.Layers)},
		{c.Unrotated != nil, fmt.Sprintf("%d of %d layers without positions", count(c.Unrotated), c.Layers)},
		{c.RopeFactors != nil, "scaled rotary positions"},
		{c.LongFactors != nil, fmt.Sprintf("others beyond %d tokens", c.LongFrom)},
	} {
		if f.on {
			out = append(out, f.says)
		}
	}
	return out
}
