package convert

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"temper/internal/gguf"
	"temper/internal/quant"
)

// fileTypes are the numbers of general.file_type, which readers show.
var fileTypes = map[quant.Type]uint32{quant.F32: 0, quant.F16: 1, quant.Q4_0: 2, quant.Q4_1: 3, quant.Q8_0: 7, quant.Q5_0: 8,
	quant.Q5_1: 9, quant.Q4_K: 14, quant.Q5_K: 16, quant.Q6_K: 18, quant.BF16: 32}

// ToGGUF writes the base as a GGUF file. A folder must be of an architecture and a tokenizer that this build can name in GGUF.
func (s *Source) ToGGUF(ctx context.Context, w io.Writer, to Target, progress Progress) ([]Change, error) {
	j := &job{ctx: ctx, progress: progress}
	var pairs []gguf.Pair
	var err error
	if s.gguf != nil {
		pairs = s.pairs(to)
		j.items = s.ggufItems(to)
	} else if pairs, j.items, err = s.folderItems(to); err != nil {
		return nil, err
	}
	j.items = s.whole(j.items, inGGUF)
	if err := s.adapt(j.items, inGGUF); err != nil {
		return nil, err
	}
	j.plan()
	infos := make([]gguf.Info, len(j.items))
	for i, it := range j.items {
		infos[i] = gguf.Info{Name: it.name, Type: it.to, Dims: it.dims}
	}
	out, err := gguf.NewWriter(w, pairs, infos)
	if err != nil {
		return nil, err
	}
	for _, it := range j.items {
		if err := j.requantize(it, func(p *quant.Tensor) error { _, err := out.Write(p.Data); return err }); err != nil {
			return nil, err
		}
	}
	return j.changes, out.Close()
}

// pairs is the metadata of a GGUF file that becomes one of another type. It is whole, though its base was split.
func (s *Source) pairs(to Target) []gguf.Pair {
	var pairs []gguf.Pair
	for _, k := range s.gguf.Keys {
		switch {
		case strings.HasPrefix(k, "split."), !to.Keep && (k == "general.file_type" || k == "general.quantization_version"):
			continue
		}
		raw, _ := s.gguf.Raw(k)
		pairs = append(pairs, gguf.Pair{Key: k, Value: raw})
	}
	return append(pairs, kindPairs(to)...)
}

// kindPairs say which type most tensors have.
func kindPairs(to Target) []gguf.Pair {
	if to.Keep {
		return nil
	}
	return []gguf.Pair{{Key: "general.file_type", Value: gguf.Uint32(fileTypes[to.Type])},
		{Key: "general.quantization_version", Value: gguf.Uint32(2)}}
}

// ggufItems are the tensors of a GGUF file in their new types.
func (s *Source) ggufItems(to Target) []item {
	_, untied := s.gguf.Tensor("output.weight")
	items := make([]item, len(s.gguf.Tensors))
	for i, t := range s.gguf.Tensors {
		dims := s.gguf.Dims(t.Name)
		items[i] = item{name: t.Name, from: t, to: t.Type, dims: dims}
		if !to.Keep && len(dims) >= 2 && strings.HasSuffix(t.Name, ".weight") && !strings.Contains(t.Name, "_norm") && !strings.Contains(t.Name, "ffn_gate_inp") {
			items[i].to = to.blocks(t.Cols, t.Name == "output.weight" || !untied && t.Name == "token_embd.weight")
		}
	}
	return items
}

// blocks is the type for a matrix with rows of cols values: that of the target, or the next larger that divides them. The head has
// at least six bits.
func (t Target) blocks(cols int, head bool) quant.Type {
	to := t.Type
	if head && !t.Pure {
		switch to {
		case quant.Q4_0, quant.Q4_1, quant.Q5_0, quant.Q5_1, quant.Q4_K, quant.Q5_K:
			to = quant.Q6_K
		}
	}
	if cols%to.Block() != 0 {
		switch to {
		case quant.Q4_K:
			to = quant.Q5_0
		case quant.Q5_K:
			to = quant.Q5_1
		case quant.Q6_K:
			to = quant.Q8_0
		}
	}
	if cols%to.Block() != 0 {
		to = quant.F16
	}
	return to
}

// ErrUnnamed is for what one form can hold and this build does not put into the other.
var ErrUnnamed = errors.New("this build does not convert between the two forms")

// unnamed is the error that says what.
func unnamed(format string, args ...any) error {
	return fmt.Errorf("%w "+format, append([]any{ErrUnnamed}, args...)...)
}
