package cli

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"temper/model/convert"
	"temper/web"
)

type quantizeCommand struct {
	In      string `arg:"" help:"A name of the catalogue, a GGUF file (of a split one the first) or a Hugging Face folder."`
	Out     string `short:"o" required:"" placeholder:"FILE|FOLDER" help:"A GGUF file, or for nf4, nf4-dq and int8 a folder."`
	To      string `required:"" aliases:"type" placeholder:"FORM" help:"f32, f16, bf16, q4_0, q4_1, q5_0, q5_1, q8_0, q4_k, q5_k, q6_k (GGUF); nf4, nf4-dq with quantized scales, int8 (folder)."`
	Pure    bool   `help:"The head in the same form too; otherwise it has at least six bits."`
	Threads int    `help:"Compute threads; 0 means all cores."`
	Force   bool   `help:"Replace an existing output."`
	Each    bool   `help:"A row for each tensor, not only for each pair of types."`
	JSON    bool   `name:"json" help:"Print one JSON object a tensor, and one for all."`
}

// Help is shown below the flags.
func (c *quantizeCommand) Help() string {
	return `The bytes are those of ggml's reference quantizers, and of bitsandbytes for nf4, nf4-dq and int8. The error is that to the input's values. Norms stay
as they are, and so do a folder's embedding and head; where rows do not divide into blocks of 256 values, the next larger form stands in.

Examples:
  temper quantize tiny --to q8_0 -o tiny-q8_0.gguf
  temper quantize smollm2-135m-instruct --to nf4-dq -o smollm2-nf4 --each`
}

// Run converts.
func (c *quantizeCommand) Run(a *app) error {
	threads(c.Threads)
	to, err := convert.ParseTarget(c.To)
	if err != nil {
		return fmt.Errorf("--to: %w: %w", err, errInput)
	}
	to.Pure = c.Pure
	if err := room(c.Out, c.Force, modelShape(to.Folder())); err != nil {
		return err
	}
	in, err := a.findBase(c.In)
	if err != nil {
		return err
	}
	source, err := convert.Open(in)
	if err != nil {
		return err
	}
	defer source.Close() //nolint:errcheck // only read
	m := a.meter("quantize")
	defer m.end()
	progress := func(done, total int64) { m.set(done, total, "weights") }
	var changes []convert.Change
	if to.Folder() {
		changes, err = a.quantizeFolder(source, c.Out, to, progress)
	} else {
		err = place(c.Out, func(w io.Writer) (err error) {
			changes, err = source.ToGGUF(a.ctx, w, to, progress)
			return err
		})
	}
	if err != nil {
		return fmt.Errorf("quantize %s: %w", c.In, err)
	}
	m.end()
	return c.report(a, changes)
}

// quantizeFolder makes the folder beside its place and moves it there.
func (a *app) quantizeFolder(source *convert.Source, out string, to convert.Target, progress convert.Progress) ([]convert.Change, error) {
	tmp, err := os.MkdirTemp(filepath.Dir(filepath.Clean(out)), ".quantize-*")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(tmp)
	if err := os.Chmod(tmp, 0o755); err != nil {
		return nil, err
	}
	changes, err := source.ToFolder(a.ctx, tmp, to, progress)
	if err != nil {
		return nil, err
	}
	if err := os.RemoveAll(out); err != nil {
		return nil, err
	}
	return changes, os.Rename(tmp, out)
}

// report prints what became of the tensors: a row for each pair of types, or each tensor, and one for all.
func (c *quantizeCommand) report(a *app, changes []convert.Change) error {
	total := convert.Total(changes)
	if c.JSON {
		for _, one := range changes {
			if err := a.printJSON(one); err != nil {
				return err
			}
		}
		return a.printJSON(map[string]any{"name": "all", "tensors": len(changes), "bytes": total.Bytes, "rmse": total.RMSE, "max": total.Max, "rms": total.Signal})
	}
	t := a.table("TENSORS", "FROM", "TO", ">SIZE", ">RMSE", ">RMSE/RMS", ">MAX")
	row := func(name, from, to string, one convert.Change) {
		relative := "0"
		if one.Signal > 0 {
			relative = fmt.Sprintf("%.4f", one.RMSE/one.Signal)
		}
		t.row(name, from, to, web.Bytes(one.Bytes), fmt.Sprintf("%.3g", one.RMSE), relative, fmt.Sprintf("%.3g", one.Max))
	}
	var pairs []string
	groups := map[string][]convert.Change{}
	for _, one := range changes {
		if c.Each {
			row(one.Name, one.From, one.To, one)
		}
		pair := one.From + " " + one.To
		if groups[pair] == nil {
			pairs = append(pairs, pair)
		}
		groups[pair] = append(groups[pair], one)
	}
	for _, pair := range pairs {
		from, to, _ := strings.Cut(pair, " ")
		row(fmt.Sprintf("%d", len(groups[pair])), from, to, convert.Total(groups[pair]))
	}
	row("all", "", "", total)
	return t.flush()
}
