package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"temper/activities"
	"temper/dataset"
	"temper/finetune"
	"temper/lora"
	"temper/model"
	"temper/model/convert"
	"temper/web"
)

// proofFlags are the flags of exports that are proved on text before they appear.
type proofFlags struct {
	Base    string  `help:"The base: a name of the catalogue, a GGUF file or a Hugging Face folder. Default: the one an adapter of the store was trained on."`
	Eval    string  `placeholder:"FILE" help:"Held-out conversations or text to prove the export on. Default: the held-out split of the adapter's dataset."`
	Tokens  int     `default:"1024" help:"Tokens of held-out text to compare, at least."`
	MaxLost float64 `placeholder:"SHARE" help:"Refuse an export that loses more of what the adapter changes. Default: 0.01, and 0.5 where merged weights are rounded."`
	Force   bool    `help:"Replace an existing output."`
	Threads int     `help:"Compute threads; 0 means all cores."`
}

// A trained is an adapter with its base and text to compare exports on.
type trained struct {
	name    string
	path    string // of the base
	base    *model.Model
	adapter *lora.Adapter
	held    [][]int32
}

// trained finds an adapter, in a folder or on the store, with its base and held-out text.
func (c *proofFlags) trained(a *app, o *oneAdapter) (t trained, err error) {
	if c.Tokens < 1 {
		return t, fmt.Errorf("--tokens is %d; at least 1 is compared: %w", c.Tokens, errInput)
	}
	threads(c.Threads)
	base := c.Base
	var tokens finetune.Tokens
	if _, err := os.Stat(filepath.Join(o.Adapter, lora.ConfigFile)); err == nil {
		if base == "" || c.Eval == "" {
			return t, fmt.Errorf("an adapter in a folder needs --base, and --eval FILE to prove the export on: %w", errInput)
		}
		t.name = o.Adapter
		if t.adapter, err = lora.Read(o.Adapter); err != nil {
			return t, err
		}
	} else {
		s, card, err := o.open(a)
		if err != nil {
			return t, err
		}
		t.name = card.Name + "@" + card.Version
		if base == "" {
			base = card.Base.Name
		}
		if t.adapter, err = a.fetchAdapter(s, card); err != nil {
			return t, err
		}
		if c.Eval == "" {
			if tokens, err = heldOut(a, s, card); err != nil {
				return t, err
			}
		}
	}
	if t.path, err = a.findBase(base); err != nil {
		return t, err
	}
	if t.base, err = model.Open(t.path); err != nil {
		return t, err
	}
	if c.Eval != "" {
		tokens, err = a.tokens(t.base, c.Eval, finetune.Options{Sequence: min(512, t.base.Context)})
	}
	n := 0
	for _, s := range tokens.Sequences {
		if n < c.Tokens {
			t.held = append(t.held, s.IDs)
			n += len(s.IDs)
		}
	}
	return t, err
}

// fetchAdapter reads the files of an adapter of the store.
func (a *app) fetchAdapter(s dataset.Store, card activities.AdapterCard) (*lora.Adapter, error) {
	tmp, err := os.MkdirTemp("", "temper-adapter-*")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(tmp)
	dir := activities.AdapterDir(card.Name, card.Version)
	for name, digest := range map[string]string{lora.ConfigFile: card.Adapter.Config.SHA256, lora.WeightsFile: card.Adapter.Weights.SHA256} {
		if err := copyObject(a, s, dir+name, filepath.Join(tmp, name), digest); err != nil {
			return nil, err
		}
	}
	return lora.Read(tmp)
}

// heldOut is the token batches that a training of the store was evaluated on.
func heldOut(a *app, s dataset.Store, card activities.AdapterCard) (t finetune.Tokens, err error) {
	stage, found, err := dataset.LoadStage(a.ctx, s, card.Stage)
	if err != nil {
		return t, err
	}
	if !found || len(stage.Inputs) < 2 {
		return t, fmt.Errorf("the held-out split of %s@%s is not on the store: give --eval FILE: %w", card.Name, card.Version, errInput)
	}
	obj, err := dataset.OpenBlob(a.ctx, s, stage.Inputs[1])
	if err != nil {
		return t, fmt.Errorf("held-out split: %w", err)
	}
	defer obj.Close()
	return finetune.ReadTokens(io.NewSectionReader(obj, 0, stage.Inputs[1].Bytes))
}

// prove compares what lies at path, with an adapter of its own or nil, with what was trained.
func (t trained) prove(path string, with *lora.Adapter, limits convert.Limits) (convert.Proof, error) {
	m := t.base
	if path != t.path {
		var err error
		if m, err = model.Open(path); err != nil {
			return convert.Proof{}, fmt.Errorf("what was written cannot be read again: %w", err)
		}
		defer m.Close() //nolint:errcheck // only read
	}
	p, err := convert.Prove(t.base, t.adapter, m, with, t.held)
	if err == nil {
		err = p.Within(limits)
	}
	if err != nil {
		return p, fmt.Errorf("%s: what was written does not compute what was trained, and was removed: %w", t.name, err)
	}
	return p, nil
}

// limits are the proof's, with the share that is asked for.
func (c *proofFlags) limits(l convert.Limits) convert.Limits {
	if c.MaxLost > 0 {
		l.Lost = c.MaxLost
	}
	return l
}

type adapterMerge struct {
	oneAdapter
	Out  string `short:"o" required:"" placeholder:"FILE.gguf|FOLDER" help:"A GGUF file, or a folder in Hugging Face's form."`
	Type string `default:"keep" placeholder:"FORM" help:"Of the weights: keep, f32, or as temper quantize takes. keep holds each tensor's own; in a folder, f32 for what is in blocks."`
	proofFlags
}

// Help is shown below the flags.
func (c *adapterMerge) Help() string {
	return `The adapter becomes part of the base's weights. What is written is loaded again and compared with base and adapter on held-out text: the
largest difference of a logit, the share of equal next tokens, and the share of the adapter's change that is lost. Beyond the limits it
is refused and nothing is left behind.

Examples:
  temper adapter merge go-docs -o go-docs.gguf
  temper adapter merge ./adapter --base smollm2-135m-instruct --eval held-out.jsonl --type f32 -o merged`
}

// Run merges.
func (c *adapterMerge) Run(a *app) error {
	to, err := convert.ParseMerge(c.Type)
	if err != nil {
		return fmt.Errorf("--type: %w, keep and f32: %w", err, errInput)
	}
	folder := !strings.HasSuffix(c.Out, ".gguf")
	if !folder && to.Folder() {
		return fmt.Errorf("--type %s is for a folder, not for %s: %w", c.Type, c.Out, errInput)
	}
	if err := room(c.Out, c.Force, modelShape(folder)); err != nil {
		return err
	}
	t, err := c.trained(a, &c.oneAdapter)
	if err != nil {
		return err
	}
	defer t.base.Close() //nolint:errcheck // only read
	tmp, err := os.MkdirTemp(filepath.Dir(filepath.Clean(c.Out)), ".merge-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	written := filepath.Join(tmp, filepath.Base(c.Out))
	changes, err := a.merge(t, written, folder, to)
	if err != nil {
		return fmt.Errorf("merge %s: %w", t.name, err)
	}
	limits := convert.Exact
	if total := convert.Total(changes); total.Max > 0 {
		limits = convert.Rounded
	}
	proof, err := t.prove(written, nil, c.limits(limits))
	if err != nil && limits == convert.Rounded {
		return fmt.Errorf("%w; --type q8_0 or f32 rounds less than %s", err, c.Type)
	}
	if err != nil {
		return err
	}
	if err := os.RemoveAll(c.Out); err != nil {
		return err
	}
	if err := os.Rename(written, c.Out); err != nil {
		return err
	}
	return c.report(a, t.name, c.Out, changes, proof)
}

// modelShape is what a model is written as.
func modelShape(folder bool) shape {
	if folder {
		return aModel
	}
	return aFile
}

// merge writes the base with the adapter in it to path.
func (a *app) merge(t trained, path string, folder bool, to convert.Target) ([]convert.Change, error) {
	source, err := convert.Open(t.path)
	if err != nil {
		return nil, err
	}
	defer source.Close() //nolint:errcheck // only read
	if err := source.Merge(t.base, t.adapter); err != nil {
		return nil, fmt.Errorf("%w: %w", err, errInput)
	}
	m := a.meter("merge")
	defer m.end()
	progress := func(done, total int64) { m.set(done, total, "weights") }
	if folder {
		if err := os.Mkdir(path, 0o755); err != nil {
			return nil, err
		}
		return source.ToFolder(a.ctx, path, to, progress)
	}
	f, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	changes, err := source.ToGGUF(a.ctx, f, to, progress)
	return changes, errors.Join(err, f.Close())
}

// report says what was written, the rounding, and the proof.
func (c *oneAdapter) report(a *app, name, out string, changes []convert.Change, p convert.Proof) error {
	total := convert.Total(changes)
	if c.JSON {
		return a.printJSON(struct {
			Adapter string  `json:"adapter"`
			Path    string  `json:"path"`
			Bytes   int64   `json:"bytes,omitempty"`
			RMSE    float64 `json:"rmse"` // of the weights
			Signal  float64 `json:"rms,omitempty"`
			Largest float64 `json:"max"`
			convert.Proof
		}{name, out, total.Bytes, total.RMSE, total.Signal, total.Max, p})
	}
	fmt.Fprintf(a.out, "%s written to %s\n", name, out)
	if total.Bytes > 0 {
		rounding := "nothing is rounded"
		if total.Max > 0 {
			rounding = fmt.Sprintf("rounding changes them by %.3g (%.2f %% of their size), at most by %.3g", total.RMSE, 100*total.RMSE/total.Signal, total.Max)
		}
		fmt.Fprintf(a.out, "weights: %s; %s\n", web.Bytes(total.Bytes), rounding)
	}
	fmt.Fprintf(a.out, "loaded again, on %d held-out tokens: logits differ by at most %.3g, the next token is the same after %.1f %%, %.2f %% of what the adapter changes is lost\n",
		p.Tokens, p.Largest, 100*p.Agreement, 100*p.Lost)
	return nil
}
