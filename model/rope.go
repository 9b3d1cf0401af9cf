package model

import (
	"cmp"
	"fmt"
	"math"

	"temper/dataset"
	"temper/internal/kernel"
)

// ropes are the tables of rotary positions a model has.
type ropes struct{ global, long, local *kernel.Rope }

func (c *Config) newRopes() (r ropes) {
	scale := c.RopeScale
	if scale == 0 {
		scale = 1
	}
	r.global = kernel.NewRope(c.Context, c.HeadDim, c.RopeBase, c.RopeFactors).Scaled(scale)
	r.long, r.local = r.global, r.global
	if c.LongFactors != nil {
		r.long = kernel.NewRope(c.Context, c.HeadDim, c.RopeBase, c.LongFactors).Scaled(scale)
	}
	if c.LocalRopeBase > 0 {
		r.local = kernel.NewRope(c.Context, c.HeadDim, c.LocalRopeBase, nil)
	}
	return r
}

// Rope is the table of rotary positions, up to Context, of a layer in sequences of that many tokens; nil if the layer has none.
func (m *Model) Rope(layer, tokens int) *kernel.Rope {
	switch l := &m.Layers[layer]; {
	case l.Unrotated:
		return nil
	case l.Local && m.LocalRopeBase > 0:
		return m.ropes.local
	case tokens > m.LongFrom:
		return m.ropes.long
	}
	return m.ropes.global
}

// scaling is how rotary frequencies change for longer contexts, in the terms of Hugging Face's config.json.
type scaling struct {
	Type     string    `json:"rope_type"`
	OldType  string    `json:"type"`
	Theta    float64   `json:"rope_theta"`
	Factor   float64   `json:"factor"`
	Low      float64   `json:"low_freq_factor"`
	High     float64   `json:"high_freq_factor"`
	Original float64   `json:"original_max_position_embeddings"`
	Partial  float64   `json:"partial_rotary_factor"`
	Short    []float32 `json:"short_factor"`
	Long     []float32 `json:"long_factor"`
	Fast     float64   `json:"beta_fast"`
	Slow     float64   `json:"beta_slow"`
	Scale    *float64  `json:"attention_factor"`
	MScale   float64   `json:"mscale"`
	MScaleOf float64   `json:"mscale_all_dim"`
	Truncate *bool     `json:"truncate"`
}

// apply sets c's rotary factors. c has its base, head width and context.
func (s *scaling) apply(c *Config) error {
	kind := s.Type
	if kind == "" {
		kind = s.OldType
	}
	lacks := func() error {
		return fmt.Errorf("rotary scaling %s lacks its numbers: %w", kind, dataset.ErrMalformed)
	}
	if s.Partial != 0 && s.Partial != 1 {
		return fmt.Errorf("%g of each head rotates; this build rotates all", s.Partial)
	}
	s.Original = cmp.Or(s.Original, float64(c.Context))
	switch kind {
	case "", "default":
		return nil
	case "linear":
		if !(s.Factor >= 1) {
			return lacks()
		}
		c.RopeFactors = make([]float32, c.HeadDim/2)
		for i := range c.RopeFactors {
			c.RopeFactors[i] = float32(s.Factor)
		}
	case "llama3":
		if !(s.Factor >= 1 && s.Low > 0 && s.High > s.Low && s.Original > 0) {
			return lacks()
		}
		s.llama3(c)
	case "yarn":
		if !(s.Factor >= 1 && s.Original > 0) {
			return lacks()
		}
		s.yarn(c)
	case "longrope", "su": // its name in Phi-3's first files
		if !(s.Original > 1) || len(s.Short) == 0 || len(s.Long) == 0 {
			return lacks()
		}
		s.longrope(c)
	default:
		return fmt.Errorf("rotary scaling is %q; this build computes linear, llama3, yarn and longrope", kind)
	}
	return nil
}

// wave is the wavelength of frequency i, in tokens.
func wave(c *Config, i int) float64 {
	return 2 * math.Pi * math.Pow(c.RopeBase, float64(2*i)/float64(c.HeadDim))
}

// llama3 is the rule of Llama 3.1's reference code: wavelengths above Original/Low are stretched by Factor, those below
// Original/High are left, and between it is interpolated.
func (s *scaling) llama3(c *Config) {
	c.RopeFactors = make([]float32, c.HeadDim/2)
	for i := range c.RopeFactors {
		factor := s.Factor
		if w := wave(c, i); w < s.Original/s.Low {
			smooth := min(1, (s.Original/w-s.Low)/(s.High-s.Low))
			factor = 1 / ((1-smooth)/s.Factor + smooth)
		}
		c.RopeFactors[i] = float32(factor)
	}
}

// yarn stretches frequencies that turn less than Slow times in the original context by Factor, leaves those that turn more than
// Fast times, and interpolates between by their number. Source: Peng et al. 2023, arXiv:2309.00071, §3.2 and §3.3.
func (s *scaling) yarn(c *Config) {
	number := func(turns float64) float64 { // of the frequency that turns so often
		return float64(c.HeadDim) * math.Log(s.Original/(turns*2*math.Pi)) / (2 * math.Log(c.RopeBase))
	}
	low, high := number(cmp.Or(s.Fast, 32)), number(cmp.Or(s.Slow, 1))
	if s.Truncate == nil || *s.Truncate {
		low, high = math.Floor(low), math.Ceil(high)
	}
	low, high = max(low, 0), min(high, float64(c.HeadDim-1))
	if low == high {
		high += 0.001
	}
	c.RopeFactors = make([]float32, c.HeadDim/2)
	for i := range c.RopeFactors {
		stretched := min(max((float64(i)-low)/(high-low), 0), 1)
		c.RopeFactors[i] = float32(1 / (stretched/s.Factor + 1 - stretched))
	}
	sharper := func(m float64) float64 { return 0.1*m*math.Log(s.Factor) + 1 }
	switch {
	case s.Scale != nil:
		c.RopeScale = *s.Scale
	case s.MScale != 0 && s.MScaleOf != 0:
		c.RopeScale = sharper(s.MScale) / sharper(s.MScaleOf)
	default:
		c.RopeScale = sharper(1)
	}
}

// longrope divides by factors of its own for sequences within and beyond the original context. Source: Ding et al. 2024,
// arXiv:2402.13753.
func (s *scaling) longrope(c *Config) {
	c.RopeFactors, c.LongFactors, c.LongFrom = s.Short, s.Long, int(s.Original)
	factor := s.Factor
	if factor == 0 {
		factor = float64(c.Context) / s.Original
	}
	switch {
	case s.Scale != nil:
		c.RopeScale = *s.Scale
	case factor > 1:
		c.RopeScale = math.Sqrt(1 + math.Log(factor)/math.Log(s.Original))
	}
}
