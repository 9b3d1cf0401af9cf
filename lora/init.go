package lora

import (
	"fmt"
	"hash/fnv"
	"math"
	"slices"
	"strings"
)

// New returns an adapter that changes nothing yet: modules that are trained whole are the base's, B is 0, and A uniform in ±1/√in,
// which is Kaiming's uniform rule with a = √5 as PEFT starts it. Every value is a function of (seed, module name, index), whatever
// else is adapted. It fails if o is not valid.
func New(modules []Module, o Options, seed uint64) (*Adapter, error) {
	o = o.WithDefaults()
	if err := o.Validate(); err != nil {
		return nil, err
	}
	targets, err := o.targets()
	if err != nil {
		return nil, err
	}
	if err := o.present(modules); err != nil {
		return nil, err
	}
	ranks, alphas, err := o.patterns()
	if err != nil {
		return nil, err
	}
	a := &Adapter{Rank: o.Rank, Alpha: o.Alpha, Dropout: o.Dropout, RankRoot: o.RSLoRA, DoRA: o.DoRA}
	for _, m := range modules {
		if slices.Contains(o.Save, short(m.Name)) {
			a.Saved = append(a.Saved, Saved{Module: m})
		}
		if !slices.Contains(targets, short(m.Name)) {
			continue
		}
		r := int(ranks.of(m.Name, float64(o.Rank)))
		p := Pair{Module: m, Alpha: alphas.of(m.Name, 0), A: make([]float32, r*m.In), B: make([]float32, m.Out*r)}
		if p.Alpha == o.Alpha {
			p.Alpha = 0
		}
		fillUniform(p.A, 1/math.Sqrt(float64(m.In)), seed, m.Name)
		a.Pairs = append(a.Pairs, p)
	}
	if len(a.Saved) != len(o.Save) {
		return nil, fmt.Errorf("modules_to_save has %s, and the base has not all of them", strings.Join(o.Save, ","))
	}
	return a, nil
}

// fillUniform fills x with values uniform in [-bound, bound).
func fillUniform(x []float32, bound float64, seed uint64, name string) {
	h := fnv.New64a()
	h.Write([]byte(name))
	key := mix(seed) ^ h.Sum64()
	for i := range x {
		u := float64(mix(key+uint64(i)*golden)>>11) / (1 << 53)
		x[i] = float32((2*u - 1) * bound)
	}
}

const golden = 0x9e3779b97f4a7c15

// mix is the output function of SplitMix64 (Steele, Lea, Flood 2014, "Fast splittable pseudorandom number generators").
func mix(z uint64) uint64 {
	z += golden
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
