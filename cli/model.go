package cli

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"

	"temper/lora"
	"temper/model"
)

type modelCommand struct {
	Show   showCommand   `cmd:"" help:"Architecture, tensors and block types."`
	Logits logitsCommand `cmd:"" help:"Raw logits of a fixed token stream, for parity checks against other engines."`
}

type showCommand struct {
	Base string `arg:"" help:"GGUF file or Hugging Face folder."`
	JSON bool   `name:"json" help:"One JSON object."`
}

// Run prints what is in a base.
func (c *showCommand) Run(a *app) error {
	m, err := model.Open(c.Base)
	if err != nil {
		return err
	}
	types := map[string]int{}
	for _, t := range m.Tensors() {
		types[t.Type]++
	}
	if c.JSON {
		return json.NewEncoder(a.out).Encode(map[string]any{"name": m.Name, "digest": m.Digest, "bytes": m.Bytes, "parameters": m.Parameters(),
			"layers": len(m.Layers), "dim": m.Dim, "vocabulary": m.Vocab, "context": m.Context, "types": types})
	}
	fmt.Fprintf(a.out, "%s\n  digest      %s\n  size        %d bytes, %d parameters\n  layers      %d, width %d, vocabulary %d, context %d\n  tensors     %v\n",
		m.Name, m.Digest, m.Bytes, m.Parameters(), len(m.Layers), m.Dim, m.Vocab, m.Context, types)
	return nil
}

type logitsCommand struct {
	Base    string `required:"" help:"GGUF file or Hugging Face folder."`
	Adapter string `help:"PEFT directory."`
	IDs     string `name:"ids" required:"" help:"Token ids, raw little-endian int32."`
	Out     string `short:"o" required:"" help:"Raw little-endian float32, tokens × vocabulary."`
	Threads int    `help:"Compute threads; 0 means all cores."`
	Force   bool   `help:"Replace an existing output."`
}

// Run writes the logits.
func (c *logitsCommand) Run(_ *app) error {
	threads(c.Threads)
	m, adapter, err := open(c.Base, c.Adapter)
	if err != nil {
		return err
	}
	ids, err := readIDs(c.IDs)
	if err != nil {
		return err
	}
	f, err := create(c.Out, c.Force)
	if err != nil {
		return err
	}
	defer f.Close()
	w := bufio.NewWriterSize(f, 1<<20)
	for row, err := range m.Logits(ids, adapter) {
		if err != nil {
			os.Remove(c.Out)
			return err
		}
		var b [4]byte
		for _, x := range row {
			binary.LittleEndian.PutUint32(b[:], math.Float32bits(x))
			w.Write(b[:])
		}
	}
	if err := w.Flush(); err != nil {
		os.Remove(c.Out)
		return err
	}
	return f.Close()
}

// open opens a base, and an adapter if one is named.
func open(base, adapter string) (*model.Model, *lora.Adapter, error) {
	m, err := model.Open(base)
	if err != nil || adapter == "" {
		return m, nil, err
	}
	ad, err := lora.Read(adapter)
	return m, ad, err
}

// readIDs reads raw little-endian int32.
func readIDs(path string) ([]int32, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if len(b) == 0 || len(b)%4 != 0 {
		return nil, fmt.Errorf("%s has %d bytes, no whole number of int32: %w", path, len(b), errInput)
	}
	ids := make([]int32, len(b)/4)
	for i := range ids {
		ids[i] = int32(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return ids, nil
}
