package lora

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"temper/dataset"
	"temper/internal/quant"
	"temper/internal/safetensors"
)

// The files of a PEFT directory.
const (
	ConfigFile  = "adapter_config.json"
	WeightsFile = "adapter_model.safetensors"
)

const (
	prefix        = "base_model.model."
	magnitudeName = ".lora_magnitude_vector"
)

// config is the part of adapter_config.json that every version of PEFT knows, in the order of its keys.
type config struct {
	AlphaPattern  pattern  `json:"alpha_pattern"`
	AutoMapping   any      `json:"auto_mapping"`
	Base          string   `json:"base_model_name_or_path"`
	Bias          string   `json:"bias"`
	FanInFanOut   bool     `json:"fan_in_fan_out"`
	InferenceMode bool     `json:"inference_mode"`
	Init          any      `json:"init_lora_weights"`
	LayersPattern any      `json:"layers_pattern"`
	Layers        any      `json:"layers_to_transform"`
	Alpha         float64  `json:"lora_alpha"`
	Dropout       float64  `json:"lora_dropout"`
	Save          []string `json:"modules_to_save"`
	Type          string   `json:"peft_type"`
	Rank          int      `json:"r"`
	RankPattern   pattern  `json:"rank_pattern"`
	Revision      any      `json:"revision"`
	Targets       any      `json:"target_modules"`
	Task          string   `json:"task_type"`
	DoRA          bool     `json:"use_dora"`
	RankRoot      bool     `json:"use_rslora"`
}

// Files returns the adapter as the files of a PEFT directory, by name. The same adapter gives the same bytes.
func (a *Adapter) Files() (map[string][]byte, error) {
	files := map[string][]byte{}
	for _, name := range []string{ConfigFile, WeightsFile} {
		var b bytes.Buffer
		if err := a.WriteFile(&b, name); err != nil {
			return nil, err
		}
		files[name] = b.Bytes()
	}
	return files, nil
}

// WriteFile writes one of the files of a PEFT directory. It holds no copy of the adapter's values.
func (a *Adapter) WriteFile(w io.Writer, name string) error {
	head, tensors, err := a.encode()
	if err == nil && name == ConfigFile {
		_, err = w.Write(head)
	} else if err == nil {
		err = safetensors.Write(w, map[string]string{"format": "pt"}, tensors)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

// encode makes the config and the tensors, which share the adapter's memory.
func (a *Adapter) encode() (head []byte, tensors []safetensors.Tensor, err error) {
	c := config{AlphaPattern: pattern{}, Base: a.Base, Bias: "none", InferenceMode: true, Init: true, Alpha: a.Alpha, Dropout: a.Dropout,
		Type: "LORA", Rank: a.Rank, RankPattern: pattern{}, Task: "CAUSAL_LM", RankRoot: a.RankRoot, DoRA: a.DoRA}
	targets := []string{}
	for _, p := range a.Pairs {
		targets = append(targets, short(p.Name))
		tensors = append(tensors, tensor(prefix+p.Name+".lora_A.weight", p.A, p.Rank(), p.In), tensor(prefix+p.Name+".lora_B.weight", p.B, p.Out, p.Rank()))
		if a.DoRA {
			if len(p.Magnitude) != p.Out {
				return nil, nil, fmt.Errorf("%s has no magnitudes yet: training makes them of the base", p.Name)
			}
			tensors = append(tensors, tensor(prefix+p.Name+magnitudeName, p.Magnitude, p.Out))
		}
		key := strings.ReplaceAll(p.Name, ".", `\.`)
		if p.Rank() != a.Rank {
			if err := c.RankPattern.add(key, float64(p.Rank())); err != nil {
				return nil, nil, err
			}
		}
		if p.Alpha != 0 && p.Alpha != a.Alpha {
			if err := c.AlphaPattern.add(key, p.Alpha); err != nil {
				return nil, nil, err
			}
		}
	}
	for _, s := range a.Saved {
		if len(s.W) != s.Out*s.In {
			return nil, nil, fmt.Errorf("%s has no values yet: training makes them of the base", s.Name)
		}
		c.Save = append(c.Save, short(s.Name))
		tensors = append(tensors, tensor(prefix+s.Name+".weight", s.W, s.Out, s.In))
	}
	slices.Sort(targets)
	c.Targets = slices.Compact(targets)
	slices.SortFunc(tensors, func(a, b safetensors.Tensor) int { return strings.Compare(a.Name, b.Name) })
	head, err = json.MarshalIndent(c, "", "  ")
	return head, tensors, err
}

// Write writes the adapter's files into dir, which must exist.
func (a *Adapter) Write(dir string) error {
	for _, name := range []string{WeightsFile, ConfigFile} { // the config last: with it the directory is an adapter
		f, err := os.Create(filepath.Join(dir, name))
		if err != nil {
			return fmt.Errorf("write adapter: %w", err)
		}
		if err := errors.Join(a.WriteFile(f, name), f.Close()); err != nil {
			return fmt.Errorf("write adapter: %w", err)
		}
	}
	return nil
}

// The largest files that are read.
const (
	maxConfig  = 1 << 20
	maxWeights = 8 << 30
)

// Read reads a PEFT directory.
func Read(dir string) (*Adapter, error) {
	files := map[string][]byte{}
	for name, most := range map[string]int64{ConfigFile: maxConfig, WeightsFile: maxWeights} {
		path := filepath.Join(dir, name)
		info, err := os.Stat(path)
		if err != nil {
			return nil, fmt.Errorf("read adapter: %w", err)
		}
		if info.Size() > most {
			return nil, fmt.Errorf("%s has %d bytes; at most %d are read: %w", path, info.Size(), most, dataset.ErrMalformed)
		}
		if files[name], err = os.ReadFile(path); err != nil {
			return nil, fmt.Errorf("read adapter: %w", err)
		}
	}
	a, err := Parse(files[ConfigFile], files[WeightsFile])
	if err != nil {
		return nil, fmt.Errorf("adapter %s: %w", dir, err)
	}
	return a, nil
}

// Parse reads the two files of a PEFT directory. What this build cannot compute (other whole modules, biases) is an
// error that names it; anything broken is dataset.ErrMalformed. Pairs come in the order of layers and of a block's computation.
func Parse(head, weights []byte) (*Adapter, error) {
	var c config
	var tied struct {
		Ensure bool `json:"ensure_weight_tying"`
	}
	if err := errors.Join(json.Unmarshal(head, &c), json.Unmarshal(head, &tied)); err != nil {
		return nil, fmt.Errorf("%s: %w: %w", ConfigFile, err, dataset.ErrMalformed)
	}
	switch {
	case c.Type != "LORA":
		return nil, fmt.Errorf("%s: peft_type is %q; this build reads LORA", ConfigFile, c.Type)
	case c.Rank < 1 || c.Rank > MaxRank || !(math.Abs(c.Alpha) < 1e6) || !(c.Dropout >= 0 && c.Dropout < 1):
		return nil, fmt.Errorf("%s: rank %d, alpha %g, dropout %g: %w", ConfigFile, c.Rank, c.Alpha, c.Dropout, dataset.ErrMalformed)
	case c.FanInFanOut, c.Bias != "none" && c.Bias != "":
		return nil, fmt.Errorf("%s: fan_in_fan_out or bias is set, which this build does not compute", ConfigFile)
	case tied.Ensure:
		return nil, fmt.Errorf("%s: ensure_weight_tying is set; this build trains embedding and head apart", ConfigFile)
	}
	f, err := safetensors.Parse(weights)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", WeightsFile, err)
	}
	a := &Adapter{Rank: c.Rank, Alpha: c.Alpha, RankRoot: c.RankRoot, DoRA: c.DoRA, Dropout: c.Dropout, Base: c.Base}
	if err := a.readSaved(f, c.Save); err != nil {
		return nil, err
	}
	for _, name := range f.Names() {
		module, isA := strings.CutSuffix(strings.TrimPrefix(name, prefix), ".lora_A.weight")
		if !isA {
			isB := strings.HasSuffix(name, ".lora_B.weight") || c.DoRA && strings.HasSuffix(name, magnitudeName) ||
				slices.ContainsFunc(a.Saved, func(s Saved) bool { return name == prefix+s.Name+".weight" })
			if !isB || !strings.HasPrefix(name, prefix) {
				return nil, fmt.Errorf("%s: tensor %s is no part of the adapter that %s describes", WeightsFile, name, ConfigFile)
			}
			continue
		}
		p, err := pair(f, module, c.rankOf(f, module))
		if err == nil && c.DoRA {
			p.Magnitude, err = magnitude(f, p)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", WeightsFile, err)
		}
		if p.Alpha = c.AlphaPattern.of(module, 0); !(math.Abs(p.Alpha) < 1e6) {
			return nil, fmt.Errorf("%s: alpha %g of %s: %w", ConfigFile, p.Alpha, module, dataset.ErrMalformed)
		}
		if p.Alpha == a.Alpha {
			p.Alpha = 0
		}
		a.Pairs = append(a.Pairs, p)
	}
	each := 2
	if c.DoRA {
		each = 3
	}
	if len(f.Names()) != each*len(a.Pairs)+len(a.Saved) || len(a.Pairs) == 0 {
		return nil, fmt.Errorf("%s: %d tensors for %d modules: %w", WeightsFile, len(f.Names()), len(a.Pairs), dataset.ErrMalformed)
	}
	slices.SortFunc(a.Pairs, inOrder)
	return a, nil
}

// rankOf is a module's rank: the one of its tensor where several expressions match, since PEFT sorts them when it writes them.
func (c *config) rankOf(f *safetensors.File, module string) float64 {
	if t, ok := f.Tensor(prefix + module + ".lora_A.weight"); ok && len(t.Shape) == 2 && c.RankPattern.has(module, float64(t.Shape[0])) {
		return float64(t.Shape[0])
	}
	return c.RankPattern.of(module, float64(c.Rank))
}

// pair reads a module's two factors.
func pair(f *safetensors.File, module string, r float64) (Pair, error) {
	p, rank := Pair{Module: Module{Name: module}}, int(r)
	if r != math.Trunc(r) || !(r >= 1 && r <= MaxRank) {
		return p, fmt.Errorf("rank %g of %s: %w", r, module, dataset.ErrMalformed)
	}
	at, bt := prefix+module+".lora_A.weight", prefix+module+".lora_B.weight"
	a, _ := f.Tensor(at)
	b, ok := f.Tensor(bt)
	if !ok {
		return p, fmt.Errorf("tensor %s is missing: %w", bt, dataset.ErrMalformed)
	}
	if len(a.Shape) != 2 || len(b.Shape) != 2 || a.Shape[0] != rank || b.Shape[1] != rank {
		return p, fmt.Errorf("%s has shapes %v and %v for rank %d: %w", module, a.Shape, b.Shape, rank, dataset.ErrMalformed)
	}
	p.In, p.Out = a.Shape[1], b.Shape[0]
	var err error
	if p.A, err = floats(a); err == nil {
		p.B, err = floats(b)
	}
	return p, err
}

// floats copies a tensor's values as float32.
func floats(t safetensors.Tensor) ([]float32, error) {
	q, err := t.Quant()
	if err != nil {
		return nil, fmt.Errorf("tensor %s: %w", t.Name, err)
	}
	x := make([]float32, q.Rows*q.Cols)
	for r := range q.Rows {
		q.Row(x[r*q.Cols:(r+1)*q.Cols], r, 0, q.Cols)
	}
	return x, nil
}

// tensor is float32 values of a shape. It shares their memory.
func tensor(name string, x []float32, shape ...int) safetensors.Tensor {
	return safetensors.Tensor{Name: name, DType: "F32", Shape: shape, Data: quant.F32Tensor(name, 1, len(x), x).Data}
}

// inOrder compares modules by layer and then by place in the block.
func inOrder(a, b Pair) int {
	key := func(p Pair) (layer, place int) {
		for part := range strings.SplitSeq(p.Name, ".") {
			if n, err := fmt.Sscanf(part, "%d", &layer); n == 1 && err == nil {
				break
			}
		}
		return layer, slices.Index(linear, short(p.Name))
	}
	la, pa := key(a)
	lb, pb := key(b)
	if la != lb {
		return la - lb
	}
	if pa != pb {
		return pa - pb
	}
	return strings.Compare(a.Name, b.Name)
}
