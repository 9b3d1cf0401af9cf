package finetune

import (
	"math"
	"slices"
	"strings"
	"testing"
)

// TestRates holds each schedule's shape: warm-up from 0 to the top, then down to 0 or level.
func TestRates(t *testing.T) {
	for _, tt := range []struct {
		schedule string
		warmup   float64
		want     []float64 // of 10 steps, as shares of the top
	}{
		{"constant", -1, []float64{1, 1, 1, 1, 1, 1, 1, 1, 1, 1}},
		{"constant", 0.2, []float64{0.5, 1, 1, 1, 1, 1, 1, 1, 1, 1}},
		{"linear", -1, []float64{1, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1}},
		{"linear", 0.5, []float64{0.2, 0.4, 0.6, 0.8, 1, 1, 0.8, 0.6, 0.4, 0.2}},
		{"cosine", 0.8, []float64{0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1, 1, 0.5}},
		{"wsd", 0.2, []float64{0.5, 1, 1, 1, 1, 1, 0.8, 0.6, 0.4, 0.2}}, // decay 0.4
		{"wsd", -1, []float64{1, 1, 1, 1, 1, 1, 0.8, 0.6, 0.4, 0.2}},
	} {
		o := Options{LR: 3, Schedule: tt.schedule, Warmup: tt.warmup, Decay: 0.4}
		for i, want := range tt.want {
			if got := o.rate(i+1, 10) / 3; math.Abs(got-want) > 1e-12 {
				t.Errorf("%s, warm-up %g, step %d: %g, want %g", tt.schedule, tt.warmup, i+1, got, want)
			}
		}
	}
}

// TestOrder holds that every epoch has every sequence once, that epochs and seeds differ, and that the order is fixed for good.
func TestOrder(t *testing.T) {
	o := order{seed: 1, n: 10}
	var first, second []int
	for i := range 10 {
		first = append(first, o.at(i))
	}
	for i := range 10 {
		second = append(second, o.at(10+i))
	}
	if o.at(3) != first[3] {
		t.Error("going back to an epoch gives another order")
	}
	if slices.Equal(first, second) {
		t.Error("two epochs have one order")
	}
	if want := []int{7, 6, 1, 3, 2, 4, 8, 9, 0, 5}; !slices.Equal(first, want) {
		t.Errorf("order is %v, recorded %v: runs recorded before would not resume", first, want)
	}
	for _, epoch := range [][]int{first, second} {
		slices.Sort(epoch)
		for i, v := range epoch {
			if i != v {
				t.Fatalf("an epoch has %v", epoch)
			}
		}
	}
}

// TestSteps holds how many steps options take, and that the last one may have fewer sequences.
func TestSteps(t *testing.T) {
	o := Options{Epochs: 2, Batch: 2, Accumulate: 2}.WithDefaults()
	if got := o.steps(5); got != 3 {
		t.Errorf("2 epochs of 5 sequences by 4: %d steps, want 3", got)
	}
	tr := trainer{o: o, order: order{n: 5, inOrder: true}}
	if got := tr.sequences(2); !slices.Equal(got, []int{3, 4}) {
		t.Errorf("the last step has %v, want [3 4]", got)
	}
}

// TestValidate holds that each impossible option is refused by name.
func TestValidate(t *testing.T) {
	if err := (Options{}).WithDefaults().Validate(); err != nil {
		t.Errorf("the defaults: %v", err)
	}
	for says, o := range map[string]Options{
		"epochs is 1 and steps 2":   {Epochs: 1, Steps: 2},
		"sequence is 1":             {Sequence: 1},
		"batch is -1":               {Batch: -1},
		"lr is NaN":                 {LR: math.NaN()},
		"schedule is \"sine\"":      {Schedule: "sine"},
		"checkpointing is \"half\"": {Checkpointing: "half"},
		"memory is -1":              {Memory: -1},
		"warmup is 2":               {Warmup: 2},
		"optimizer is \"adam\"":     {Optimizer: "adam"},
		"on_bad_step is \"hope\"":   {OnBadStep: "hope"},
		"spike is 0.5":              {Spike: 0.5},
		"momentum is 1":             {Momentum: 1},
		"lora_plus is -1":           {LoRAPlus: -1},
		"patience is -2":            {Patience: -2},
	} {
		if err := o.WithDefaults().Validate(); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("error is %v; it should say %q", err, says)
		}
	}
}
