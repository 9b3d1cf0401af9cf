package lora

import (
	"fmt"
	"slices"
	"strings"

	"temper/dataset"
	"temper/internal/safetensors"
)

// savedNames are the modules that can be trained whole, by the names a config has for them.
var savedNames = map[string]string{"embed_tokens": "model.embed_tokens", "model.embed_tokens": "model.embed_tokens", "lm_head": "lm_head"}

// readSaved reads the modules that are trained whole.
func (a *Adapter) readSaved(f *safetensors.File, names []string) error {
	for i, name := range names {
		module := savedNames[name]
		switch {
		case module == "":
			return fmt.Errorf("%s: modules_to_save has %q; this build trains %s whole", ConfigFile, name, strings.Join(whole, ","))
		case slices.Contains(names[:i], name):
			return fmt.Errorf("%s: modules_to_save has %q twice: %w", ConfigFile, name, dataset.ErrMalformed)
		}
		t, ok := f.Tensor(prefix + module + ".weight")
		if !ok || len(t.Shape) != 2 {
			return fmt.Errorf("%s: modules_to_save has %q, and there is no matrix %s: %w", WeightsFile, name, prefix+module+".weight", dataset.ErrMalformed)
		}
		w, err := floats(t)
		if err != nil {
			return fmt.Errorf("%s: %w", WeightsFile, err)
		}
		a.Saved = append(a.Saved, Saved{Module{module, t.Shape[1], t.Shape[0]}, w})
	}
	slices.SortFunc(a.Saved, func(x, y Saved) int { return slices.Index(whole, short(x.Name)) - slices.Index(whole, short(y.Name)) })
	return nil
}
