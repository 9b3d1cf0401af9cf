package convert

import (
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"temper/internal/quant"
	"temper/internal/safetensors"
)

// ToFolder writes the base into dir, an empty folder: its linear layers in NF4 or int8 as bitsandbytes lays them out, and what lies
// beside the weights. A GGUF file must be of an architecture and a tokenizer that this build can name there.
func (s *Source) ToFolder(ctx context.Context, dir string, to Target, progress Progress) ([]Change, error) {
	var err error
	j := &folderJob{job: job{ctx: ctx, progress: progress}, source: s, target: to, dtypes: map[string]string{}}
	if s.folder != nil {
		if err = j.fromFolder(); err == nil {
			err = copySmall(s.path, dir, to, s.parts())
		}
	} else {
		err = j.fromGGUF(dir)
	}
	if err != nil {
		return nil, err
	}
	j.items = s.whole(j.items, inFolder)
	if err := s.adapt(j.items, inFolder); err != nil {
		return nil, err
	}
	j.plan()
	return j.changes, j.write(dir)
}

// A folderJob is a conversion into a folder.
type folderJob struct {
	job
	source *Source
	target Target
	dtypes map[string]string // of the weights, as PyTorch calls them
	states []safetensors.Tensor
}

// isLinear reports whether a tensor of a folder is the weight of a linear layer that bitsandbytes quantizes: not the embedding, nor
// the head.
func isLinear(name string, dims int) bool {
	return dims == 2 && strings.HasSuffix(name, ".weight") && !strings.Contains(name, "embed") && !strings.Contains(name, "norm") &&
		!strings.HasPrefix(name, "lm_head")
}

// fromFolder lists the tensors of a folder.
func (j *folderJob) fromFolder() error {
	f := j.source.folder
	for _, name := range f.Names() {
		if f.Beside(name) {
			continue
		}
		q, _, err := f.Matrix(name)
		if err != nil {
			return err
		}
		dims := 2
		if q.Rows == 1 {
			t, _ := f.Tensor(name)
			dims = len(t.Shape)
		}
		linear := isLinear(name, dims)
		if linear {
			j.dtypes[name] = torchName(q.Type)
		}
		it := item{name: name, from: q, to: j.target.inFolder(q.Type, dims, linear)}
		for range dims {
			it.dims = append(it.dims, 0)
		}
		j.items = append(j.items, it)
	}
	return nil
}

// torchName is PyTorch's name for a type, that of float16 for what it has none for.
func torchName(t quant.Type) string {
	switch t {
	case quant.F32:
		return "float32"
	case quant.BF16:
		return "bfloat16"
	}
	return "float16"
}

// stored are the names of the types that lie in a safetensors file as they are.
var stored = map[quant.Type]string{quant.F32: "F32", quant.F16: "F16", quant.BF16: "BF16"}

// write writes model.safetensors.
func (j *folderJob) write(dir string) error {
	f, err := os.Create(filepath.Join(dir, "model.safetensors"))
	if err != nil {
		return err
	}
	defer f.Close()
	var planned, states []safetensors.Tensor
	for _, it := range j.items {
		parts := j.layout(it, longestState)
		if it.to == quant.NF4 {
			last := len(parts) - 1
			parts, states = parts[:last], append(states, parts[last])
		}
		planned = append(planned, parts...)
	}
	w, err := safetensors.NewWriter(f, map[string]string{"format": "pt"}, append(planned, states...))
	if err != nil {
		return err
	}
	for _, it := range j.items {
		if err := j.put(w, it); err != nil {
			return err
		}
	}
	for _, t := range j.states { // last, because their lengths are odd, and numbers lie best at multiples of four bytes
		if err := w.Put(t); err != nil {
			return err
		}
	}
	if err := w.Close(); err != nil {
		return err
	}
	return f.Close()
}

// longestState is above the length of any state.
const longestState = 300

// layout is the tensors that an item becomes, with their shapes.
func (j *folderJob) layout(it item, state int) []safetensors.Tensor {
	n := it.from.Rows * it.from.Cols
	switch it.to {
	case quant.Int8:
		module := strings.TrimSuffix(it.name, "weight")
		return []safetensors.Tensor{{Name: module + "SCB", DType: "F32", Shape: []int{it.from.Rows}},
			{Name: it.name, DType: "I8", Shape: []int{it.from.Rows, it.from.Cols}},
			{Name: module + "weight_format", DType: "U8", Shape: []int{}}}
	case quant.NF4:
		scales := (n + quant.GroupNF4 - 1) / quant.GroupNF4
		out := []safetensors.Tensor{{Name: it.name + ".quant_map", DType: "F32", Shape: []int{16}}}
		if j.target.Nested {
			out = append(out, safetensors.Tensor{Name: it.name + ".nested_absmax", DType: "F32", Shape: []int{(scales + quant.NestedNF4 - 1) / quant.NestedNF4}},
				safetensors.Tensor{Name: it.name + ".nested_quant_map", DType: "F32", Shape: []int{256}},
				safetensors.Tensor{Name: it.name + ".absmax", DType: "U8", Shape: []int{scales}})
		} else {
			out = append(out, safetensors.Tensor{Name: it.name + ".absmax", DType: "F32", Shape: []int{scales}})
		}
		return append(out, safetensors.Tensor{Name: it.name, DType: "U8", Shape: []int{(n + 1) / 2, 1}},
			safetensors.Tensor{Name: it.name + ".quant_state.bitsandbytes__nf4", DType: "U8", Shape: []int{state}})
	}
	shape := []int{it.from.Rows, it.from.Cols}
	if len(it.dims) == 1 {
		shape = shape[1:]
	}
	return []safetensors.Tensor{{Name: it.name, DType: stored[it.to], Shape: shape}}
}

// put converts a tensor and writes what it becomes.
func (j *folderJob) put(w *safetensors.Writer, it item) error {
	parts := j.layout(it, 0)
	if stored[it.to] != "" { // which may be the embedding, the largest of all
		if err := w.Begin(parts[0]); err != nil {
			return err
		}
		return j.requantize(it, func(p *quant.Tensor) error { _, err := w.Write(p.Data); return err })
	}
	all := &quant.Tensor{Rows: it.from.Rows, Cols: it.from.Cols, Type: it.to, Group: quant.GroupNF4}
	n := all.Rows * all.Cols
	if it.to == quant.NF4 {
		n = (n + 1) / 2
	}
	all.Data = make([]byte, 0, n)
	err := j.requantize(it, func(p *quant.Tensor) error {
		all.Data, all.Scales = append(all.Data, p.Data...), append(all.Scales, p.Scales...)
		return nil
	})
	if err != nil {
		return err
	}
	for i := range parts {
		t := &parts[i]
		switch ending := strings.TrimPrefix(t.Name, it.name); ending {
		case ".quant_map":
			t.Data = raw(quant.NF4Values())
		case ".absmax":
			t.Data = raw(all.Scales)
		case "":
			t.Data = all.Data
		}
	}
	switch {
	case it.to == quant.Int8:
		parts[0].Data, parts[2].Data = raw(all.Scales), []byte{0}
	case it.to == quant.NF4:
		nested := ""
		if j.target.Nested {
			n := quant.Nest(all.Scales)
			parts[1].Data, parts[2].Data, parts[3].Data = raw(n.Scales), raw(n.Values), n.Codes
			nested = fmt.Sprintf(`, "nested_blocksize": %d, "nested_dtype": "float32", "nested_offset": %s`, n.Group, pythonFloat(n.Offset))
			if err := j.measureNested(it, all, n); err != nil {
				return err
			}
		}
		state := fmt.Sprintf(`{"quant_type": "nf4", "blocksize": %d, "dtype": %q, "shape": [%d, %d]%s}`, all.Group, j.dtypes[it.name], all.Rows, all.Cols, nested)
		last := parts[len(parts)-1]
		last.Shape, last.Data = []int{len(state)}, []byte(state)
		j.states = append(j.states, last)
		parts = parts[:len(parts)-1]
	}
	for _, t := range parts {
		if err := w.Put(t); err != nil {
			return err
		}
	}
	return nil
}

// measureNested corrects what is noted of a tensor's error and size for scales that are quantized too.
func (j *folderJob) measureNested(it item, all *quant.Tensor, n *quant.Nested) (err error) {
	if all.Scales, err = n.Decode(); err != nil {
		return err
	}
	c := &j.changes[len(j.changes)-1]
	c.Bytes = int64(len(all.Data) + len(n.Codes) + 4*len(n.Scales))
	c.Max = 0
	squares := 0.0
	was, is := make([]float32, all.Cols), make([]float32, all.Cols)
	for r := range all.Rows {
		it.from.Row(was, it.source(r), 0, all.Cols)
		all.Row(is, r, 0, all.Cols)
		for i, v := range is {
			d := math.Abs(float64(v) - float64(was[i]))
			squares += d * d
			c.Max = max(c.Max, d)
		}
	}
	c.RMSE = math.Sqrt(squares / max(1, float64(c.Values())))
	return nil
}

// raw is the bytes of v.
func raw(v []float32) []byte { return quant.F32Tensor("", 1, len(v), v).Data }

// pythonFloat writes v as Python's repr does.
func pythonFloat(v float32) string {
	s := strconv.FormatFloat(float64(v), 'g', -1, 64)
	if !strings.ContainsAny(s, ".e") {
		s += ".0"
	}
	return s
}

// copySmall copies what lies beside the weights of a folder: settings, the tokenizer, the template.
// parts says that embedding and head are two now.
func copySmall(from, to string, target Target, parts bool) error {
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := e.Name()
		switch ext := filepath.Ext(name); {
		case !e.Type().IsRegular(), strings.HasPrefix(name, "."), name == "model.safetensors.index.json":
			continue
		case ext != ".json" && ext != ".jinja" && ext != ".model" && ext != ".txt" && ext != ".md" && name != "LICENSE":
			continue
		}
		if name == "config.json" {
			if err := copyConfig(filepath.Join(from, name), filepath.Join(to, name), target, parts); err != nil {
				return err
			}
			continue
		}
		if err := copyFile(filepath.Join(from, name), filepath.Join(to, name)); err != nil {
			return err
		}
	}
	return nil
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	defer out.Close()
	if _, err := io.Copy(out, in); err != nil {
		return fmt.Errorf("copy %s: %w", from, err)
	}
	return out.Close()
}
