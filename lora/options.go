package lora

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Options is the recipe's tune.lora section.
type Options struct {
	Rank    int     `json:"rank,omitempty" doc:"columns of A·x: the adapter's capacity" default:"16"`
	Alpha   float64 `json:"alpha,omitempty" doc:"the adapter's output is scaled by alpha/rank" default:"twice the rank"`
	Targets string  `json:"targets,omitempty" doc:"all-linear, attention, or layer names with commas, such as q_proj,v_proj" default:"all-linear"`
	Dropout float64 `json:"dropout,omitempty" doc:"share of the adapter's inputs set to 0 while training" default:"0"`

	RSLoRA       bool     `json:"rslora,omitempty" doc:"scale by alpha/√rank instead, which keeps high ranks learning (rsLoRA)" default:"false"`
	DoRA         bool     `json:"use_dora,omitempty" doc:"train the length of each row of the adapted weights apart from its direction (DoRA): a sixth slower, with dropout two thirds" default:"false"`
	Save         []string `json:"modules_to_save,omitempty" doc:"embed_tokens, lm_head: trained whole, in float32, beside the pairs; of a base that ties the two, the named one only"`
	RankPattern  []string `json:"rank_pattern,omitempty" doc:"ranks of single modules, as REGEX=RANK; the first that matches a module's name, or its end after a dot, counts"`
	AlphaPattern []string `json:"alpha_pattern,omitempty" doc:"alphas of single modules, as REGEX=ALPHA"`
	InitAdapter  string   `json:"init_adapter,omitempty" doc:"NAME@VERSION of an adapter on the store to start from; ranks, alphas, targets, dropout, use_dora and modules_to_save are then its own"`
}

// WithDefaults fills in rank 16, alpha twice the rank and all linear layers.
func (o Options) WithDefaults() Options {
	if o.Rank == 0 {
		o.Rank = 16
	}
	if o.Alpha == 0 {
		o.Alpha = 2 * float64(o.Rank)
	}
	if o.Targets == "" {
		o.Targets = "all-linear"
	}
	return o
}

// MaxRank bounds the rank: beyond it a pair has more values than the layer it stands beside in the models we train.
const MaxRank = 1024

var (
	// qkv_proj and gate_up_proj are what Phi-3 has in place of three and two.
	attention = []string{"q_proj", "k_proj", "v_proj", "qkv_proj", "o_proj"}
	whole     = []string{"embed_tokens", "lm_head"} // what can be trained without a pair
	linear    = append(slices.Clone(attention), "gate_proj", "up_proj", "gate_up_proj", "down_proj")
)

// Validate says what is wrong with o, after WithDefaults.
func (o Options) Validate() error {
	switch {
	case o.Rank < 1 || o.Rank > MaxRank:
		return fmt.Errorf("rank is %d; it must be 1 to %d", o.Rank, MaxRank)
	case !(o.Alpha > 0 && o.Alpha < 1e6):
		return fmt.Errorf("alpha is %g; it must be above 0", o.Alpha)
	case !(o.Dropout >= 0 && o.Dropout < 1):
		return fmt.Errorf("dropout is %g; it must be at least 0 and below 1", o.Dropout)
	}
	for i, name := range o.Save {
		if !slices.Contains(whole, name) || slices.Contains(o.Save[:i], name) {
			return fmt.Errorf("modules_to_save has %q; it must be some of %s, each once", name, strings.Join(whole, ","))
		}
	}
	if _, version, ok := strings.Cut(o.InitAdapter, "@"); o.InitAdapter != "" && (!ok || version == "") {
		return fmt.Errorf("init_adapter is %q; it must be NAME@VERSION: what a name points to may change", o.InitAdapter)
	}
	if _, _, err := o.patterns(); err != nil {
		return err
	}
	_, err := o.targets()
	return err
}

// patterns are the ranks and alphas of single modules.
func (o Options) patterns() (ranks, alphas pattern, err error) {
	ranks, err = parsePattern(o.RankPattern, func(v float64) error {
		if v != math.Trunc(v) || v < 1 || v > MaxRank {
			return fmt.Errorf("a rank must be 1 to %d", MaxRank)
		}
		return nil
	})
	if err != nil {
		return nil, nil, fmt.Errorf("rank_pattern: %w", err)
	}
	alphas, err = parsePattern(o.AlphaPattern, func(v float64) error {
		if !(v > 0 && v < 1e6) {
			return fmt.Errorf("an alpha must be above 0")
		}
		return nil
	})
	if err != nil {
		return nil, nil, fmt.Errorf("alpha_pattern: %w", err)
	}
	return ranks, alphas, nil
}

// targets lists the layer names that Targets selects.
func (o Options) targets() ([]string, error) {
	switch o.Targets {
	case "all-linear":
		return linear, nil
	case "attention":
		return attention, nil
	}
	var names []string
	for name := range strings.SplitSeq(o.Targets, ",") {
		name = strings.TrimSpace(name)
		if !slices.Contains(linear, name) {
			return nil, fmt.Errorf("targets has %q; it must be all-linear, attention, or some of %s", name, strings.Join(linear, ","))
		}
		names = append(names, name)
	}
	return names, nil
}

// present says which layer that Targets names is not among the modules.
func (o Options) present(modules []Module) error {
	if o.Targets == "all-linear" || o.Targets == "attention" {
		return nil
	}
	var have []string
	for _, m := range modules {
		if name := short(m.Name); !slices.Contains(have, name) && !slices.Contains(whole, name) {
			have = append(have, name)
		}
	}
	names, err := o.targets()
	for _, name := range names {
		if !slices.Contains(have, name) {
			return fmt.Errorf("targets has %s, which the base has not; it has %s", name, strings.Join(have, ","))
		}
	}
	return err
}
