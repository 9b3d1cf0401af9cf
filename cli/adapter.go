package cli

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"temper/activities"
	"temper/dataset"
	"temper/lora"
	"temper/model/convert"
	"temper/web"
)

type adapterCommand struct {
	Ls       adapterLs       `cmd:"" help:"Adapters, their versions, and which is the champion."`
	Show     adapterShow     `cmd:"" help:"What an adapter is: base, dataset, options, metrics."`
	Export   adapterExport   `cmd:"" help:"Write an adapter as a PEFT directory, or as a GGUF file for llama.cpp."`
	Merge    adapterMerge    `cmd:"" help:"Write the base with an adapter merged in, proved on held-out text."`
	Promote  adapterPromote  `cmd:"" help:"Make a version the champion."`
	Rollback adapterRollback `cmd:"" help:"Make the champion before the champion again."`
	Why      adapterWhy      `cmd:"" help:"The dataset version, base and training an adapter comes from."`
}

type adapterLs struct {
	JSON bool `name:"json" help:"Print one JSON object a version."`
	storeFlags
}

// Help is shown below the flags.
func (c *adapterLs) Help() string {
	return "Examples:\n  temper adapter ls\n  temper adapter ls --json"
}

// Run lists adapters.
func (c *adapterLs) Run(a *app) error {
	s, err := a.openStore(c.storeFlags)
	if err != nil {
		return err
	}
	cards, err := activities.ListAdapters(a.ctx, s)
	if err != nil {
		return err
	}
	table := a.table("ADAPTER", "VERSION", "ALIAS", "BASE", "DATASET", ">RANK", ">STEPS", ">LAST LOSS")
	for _, card := range cards {
		aliases, err := dataset.LoadAliases(a.ctx, s, card.Name)
		if err != nil {
			return err
		}
		alias := aliasOf(aliases, card.Version)
		if c.JSON {
			if err := a.printJSON(map[string]any{"name": card.Name, "version": card.Version, "base": card.Base, "dataset": card.Dataset, "alias": alias, "metrics": card.Metrics}); err != nil {
				return err
			}
			continue
		}
		trained := activities.StageResult{Metrics: card.Metrics}
		table.row(card.Name, card.Version, alias, card.Base.Name, card.Dataset, fmt.Sprint(card.LoRA.Rank), web.Count(activities.MetricOf[int64](trained, "steps")),
			fmt.Sprintf("%.4f", activities.MetricOf[float64](trained, "loss")))
	}
	if c.JSON {
		return nil
	}
	if len(cards) == 0 {
		fmt.Fprintf(a.err, "no adapter on %s yet: a run of a recipe with a tune: section trains one\n", s)
		return nil
	}
	return table.flush()
}

// oneAdapter is the flags of commands about one version.
type oneAdapter struct {
	Adapter string `arg:"" help:"NAME or NAME@VERSION; without a version, the champion."`
	JSON    bool   `name:"json" help:"Print one JSON object."`
	storeFlags
}

// open finds the version's card.
func (c *oneAdapter) open(a *app) (dataset.Store, activities.AdapterCard, error) {
	s, err := a.openStore(c.storeFlags)
	if err != nil {
		return nil, activities.AdapterCard{}, err
	}
	name, at, _ := strings.Cut(c.Adapter, "@")
	if at == "" || at == "champion" {
		aliases, err := dataset.LoadAliases(a.ctx, s, name)
		if err != nil {
			return nil, activities.AdapterCard{}, err
		}
		if at = aliases.Champion; at == "" {
			return nil, activities.AdapterCard{}, fmt.Errorf("%s has no champion; `temper adapter ls` lists its versions: %w", name, errInput)
		}
	}
	card, err := activities.LoadAdapter(a.ctx, s, name, at)
	return s, card, err
}

type adapterShow struct{ oneAdapter }

// Help is shown below the flags.
func (c *adapterShow) Help() string {
	return "Examples:\n  temper adapter show go-docs\n  temper adapter show go-docs@0123456789ab --json"
}

// Run shows the card.
func (c *adapterShow) Run(a *app) error {
	s, card, err := c.open(a)
	if err != nil {
		return err
	}
	if c.JSON {
		return a.printJSON(card)
	}
	aliases, err := dataset.LoadAliases(a.ctx, s, card.Name)
	if err != nil {
		return err
	}
	pairs := [][2]string{{"adapter", card.Name + "@" + card.Version}, {"alias", aliasOf(aliases, card.Version)}, {"base", card.Base.Name + ", sha256 " + card.Base.SHA256}, {"dataset", card.Dataset},
		{"lora", fmt.Sprintf("rank %d, alpha %g, targets %s, dropout %g", card.LoRA.Rank, card.LoRA.Alpha, card.LoRA.Targets, card.LoRA.Dropout)},
		{"lies at", strings.TrimSuffix(s.String(), "/") + "/" + activities.AdapterDir(card.Name, card.Version)}}
	printPairs(a, pairs)
	t := a.table("METRIC", ">VALUE")
	for _, k := range sortedKeys(card.Metrics) {
		switch v := card.Metrics[k].(type) {
		case float64, string:
			t.row(k, value(v))
		case map[string]any: // memory, by part
			for _, part := range sortedKeys(v) {
				t.row(k+"."+part, value(v[part]))
			}
		}
	}
	return t.flushBelow()
}

// aliasOf is the alias a version has: champion, previous, or "".
func aliasOf(at dataset.Aliases, version string) string {
	switch version {
	case at.Champion:
		return "champion"
	case at.Previous:
		return "previous"
	}
	return ""
}

type adapterExport struct {
	oneAdapter
	Out string `short:"o" required:"" placeholder:"FOLDER|FILE" help:"Folder to write, or with --to gguf a file."`
	To  string `default:"peft" enum:"peft,gguf" help:"peft: the directory the store has, byte for byte. gguf: llama.cpp's adapter file, loaded again and compared on held-out text before it appears."`
	proofFlags
}

// Help is shown below the flags.
func (c *adapterExport) Help() string {
	return "Examples:\n  temper adapter export go-docs -o adapter\n  temper adapter export go-docs@0123456789ab -o adapter --force\n  temper adapter export go-docs --to gguf -o go-docs-lora.gguf"
}

// Run exports. The files are read back and compared before the folder appears.
func (c *adapterExport) Run(a *app) error {
	if c.To == "gguf" {
		return c.gguf(a)
	}
	if c.Base != "" || c.Eval != "" || c.MaxLost != 0 {
		return fmt.Errorf("--base, --eval and --max-lost are for --to gguf: what the store has is copied as it is: %w", errInput)
	}
	s, card, err := c.open(a)
	if err != nil {
		return err
	}
	if err := room(c.Out, c.Force, anAdapter); err != nil {
		return err
	}
	tmp, err := os.MkdirTemp(filepath.Dir(filepath.Clean(c.Out)), ".adapter-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	dir := activities.AdapterDir(card.Name, card.Version)
	for name, digest := range map[string]string{lora.ConfigFile: card.Adapter.Config.SHA256, lora.WeightsFile: card.Adapter.Weights.SHA256, "temper.json": ""} {
		if err := copyObject(a, s, dir+name, filepath.Join(tmp, name), digest); err != nil {
			return err
		}
	}
	if _, err := lora.Read(tmp); err != nil {
		return fmt.Errorf("what was written cannot be read again: %w", err)
	}
	if err := os.Chmod(tmp, 0o755); err != nil {
		return err
	}
	if c.Force {
		if err := os.RemoveAll(c.Out); err != nil {
			return err
		}
	}
	if err := os.Rename(tmp, c.Out); err != nil {
		return err
	}
	if c.JSON {
		return a.printJSON(map[string]string{"name": card.Name, "version": card.Version, "path": c.Out})
	}
	fmt.Fprintf(a.out, "%s@%s written to %s\n", card.Name, card.Version, c.Out)
	return nil
}

// gguf exports as llama.cpp's adapter file.
func (c *adapterExport) gguf(a *app) error {
	if err := room(c.Out, c.Force, aFile); err != nil {
		return err
	}
	t, err := c.trained(a, &c.oneAdapter)
	if err != nil {
		return err
	}
	defer t.base.Close() //nolint:errcheck // only read
	var proof convert.Proof
	err = place(c.Out, func(w io.Writer) error {
		if err := convert.WriteLoRA(w, t.base, t.adapter); err != nil {
			return err
		}
		back, err := convert.ReadLoRA(w.(*os.File).Name(), t.base)
		if err != nil {
			return fmt.Errorf("what was written cannot be read again: %w", err)
		}
		proof, err = t.prove(t.path, back, c.limits(convert.Exact))
		return err
	})
	if err != nil {
		return err
	}
	return c.report(a, t.name, c.Out, nil, proof)
}

// copyObject writes an object to a file and checks its digest, unless that is "".
func copyObject(a *app, s dataset.Store, key, path, digest string) error {
	obj, err := s.Open(a.ctx, key)
	if err != nil {
		return err
	}
	defer obj.Close()
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(io.MultiWriter(f, h), until{a.ctx, io.NewSectionReader(obj, 0, obj.Info().Size)}); err != nil {
		return fmt.Errorf("%s: %w", key, err)
	}
	if got := hex.EncodeToString(h.Sum(nil)); digest != "" && got != digest {
		return fmt.Errorf("%s has digest %.12s, not %.12s: %w", key, got, digest, dataset.ErrMalformed)
	}
	return f.Close()
}

type adapterPromote struct{ oneAdapter }

// Help is shown below the flags.
func (c *adapterPromote) Help() string {
	return "Examples:\n  temper adapter promote go-docs@0123456789ab\n  temper adapter promote go-docs@0123456789ab --json"
}

// Run promotes, past the gate.
func (c *adapterPromote) Run(a *app) error {
	if !strings.Contains(c.Adapter, "@") {
		return fmt.Errorf("say which version: NAME@VERSION (temper adapter ls): %w", errInput)
	}
	s, card, err := c.open(a)
	if err != nil {
		return err
	}
	return c.move(a, s, card.Name, card.Version)
}

// move makes a version the champion and says so.
func (c *oneAdapter) move(a *app, s dataset.Store, name, to string) error {
	now, err := dataset.LoadAliases(a.ctx, s, name)
	if err != nil {
		return err
	}
	now, err = dataset.MoveAlias(a.ctx, s, name, now.Champion, to)
	if err != nil {
		return err
	}
	if c.JSON {
		return a.printJSON(map[string]string{"name": name, "champion": now.Champion, "previous": now.Previous})
	}
	fmt.Fprintf(a.out, "%s: champion %s", name, now.Champion)
	if now.Previous != "" {
		fmt.Fprintf(a.out, ", previous %s", now.Previous)
	}
	fmt.Fprintln(a.out)
	return nil
}

type adapterRollback struct{ oneAdapter }

// Help is shown below the flags.
func (c *adapterRollback) Help() string {
	return "Examples:\n  temper adapter rollback go-docs\n  temper adapter rollback go-docs --json"
}

// Run rolls back.
func (c *adapterRollback) Run(a *app) error {
	s, err := a.openStore(c.storeFlags)
	if err != nil {
		return err
	}
	name, at, given := strings.Cut(c.Adapter, "@")
	if given {
		return fmt.Errorf("rollback goes to the champion before; to make %s the champion, say `temper adapter promote %s@%s`: %w", at, name, at, errInput)
	}
	now, err := dataset.LoadAliases(a.ctx, s, name)
	if err != nil {
		return err
	}
	if now.Previous == "" {
		return fmt.Errorf("%s has no champion before this one (%q): %w", name, now.Champion, errInput)
	}
	return c.move(a, s, name, now.Previous)
}
