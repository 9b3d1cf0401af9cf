package cli

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"math"
	"os"
)

type modelCommand struct {
	Pull   modelPull     `cmd:"" help:"Bring a base of the catalogue here; its digest is checked."`
	Ls     modelLs       `cmd:"" help:"The catalogue, and what of it is here."`
	Show   modelShow     `cmd:"" help:"Architecture, tensors and block types, tokenizer, chat template."`
	Logits logitsCommand `cmd:"" help:"Raw logits of a fixed token stream, for parity checks against other engines."`
}

type logitsCommand struct {
	Base    string `required:"" help:"A name of the catalogue, a GGUF file or a Hugging Face folder."`
	Adapter string `help:"PEFT directory."`
	IDs     string `name:"ids" required:"" help:"Token ids, raw little-endian int32."`
	Out     string `short:"o" required:"" help:"Raw little-endian float32, tokens × vocabulary."`
	Threads int    `help:"Compute threads; 0 means all cores."`
	Force   bool   `help:"Replace an existing output."`
}

// Help is shown below the flags.
func (c *logitsCommand) Help() string {
	return "Examples:\n  temper model logits --base smollm2-135m-instruct --ids ids.i32 -o logits.f32\n  temper model logits --base smollm2-135m-instruct --adapter adapter --ids ids.i32 -o tuned.f32"
}

// Run writes the logits.
func (c *logitsCommand) Run(a *app) error {
	threads(c.Threads)
	m, adapter, err := a.open(c.Base, c.Adapter)
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
