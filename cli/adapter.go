package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"temper/activities"
	"temper/dataset"
	"temper/lora"
)

type adapterCommand struct {
	Ls       adapterLs       `cmd:"" help:"Adapters, their versions, and which is the champion."`
	Show     adapterShow     `cmd:"" help:"What an adapter is: base, dataset, options, metrics."`
	Export   adapterExport   `cmd:"" help:"Write an adapter as a PEFT directory."`
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
	table := a.table("ADAPTER", "VERSION", "BASE", "DATASET", "ALIAS")
	for _, card := range cards {
		aliases, err := dataset.LoadAliases(a.ctx, s, card.Name)
		if err != nil {
			return err
		}
		alias := ""
		switch card.Version {
		case aliases.Champion:
			alias = "champion"
		case aliases.Previous:
			alias = "previous"
		}
		if c.JSON {
			if err := a.printJSON(map[string]any{"name": card.Name, "version": card.Version, "base": card.Base, "dataset": card.Dataset, "alias": alias, "metrics": card.Metrics}); err != nil {
				return err
			}
			continue
		}
		table.row(card.Name, card.Version, card.Base.Name, card.Dataset, alias)
	}
	if c.JSON {
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
	_, card, err := c.open(a)
	if err != nil {
		return err
	}
	if c.JSON {
		return a.printJSON(card)
	}
	fmt.Fprintf(a.out, "adapter  %s@%s\nbase     %s (sha256 %.12s)\ndataset  %s\nlora     rank %d, alpha %g, targets %s\n", card.Name, card.Version,
		card.Base.Name, card.Base.SHA256, card.Dataset, card.LoRA.Rank, card.LoRA.Alpha, card.LoRA.Targets)
	for _, k := range sortedKeys(card.Metrics) {
		if k != "memory" {
			fmt.Fprintf(a.out, "%-8s %v\n", k, card.Metrics[k])
		}
	}
	return nil
}

type adapterExport struct {
	oneAdapter
	Out   string `short:"o" required:"" placeholder:"FOLDER" help:"Folder to write, in PEFT's form."`
	Force bool   `help:"Replace an existing output."`
}

// Help is shown below the flags.
func (c *adapterExport) Help() string {
	return "Examples:\n  temper adapter export go-docs -o adapter\n  temper adapter export go-docs@0123456789ab -o adapter --force"
}

// Run exports. The files are read back and compared before the folder appears.
func (c *adapterExport) Run(a *app) error {
	s, card, err := c.open(a)
	if err != nil {
		return err
	}
	if _, err := os.Stat(c.Out); !errors.Is(err, fs.ErrNotExist) && !c.Force {
		return fmt.Errorf("%s exists: remove it, or give --force: %w", c.Out, errInput)
	}
	tmp, err := os.MkdirTemp(filepath.Dir(filepath.Clean(c.Out)), ".adapter-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	dir := activities.AdapterDir(card.Name, card.Version)
	for _, name := range []string{lora.ConfigFile, lora.WeightsFile, "temper.json"} {
		if err := copyObject(a, s, dir+name, filepath.Join(tmp, name)); err != nil {
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

func copyObject(a *app, s dataset.Store, key, path string) error {
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
	if _, err := io.Copy(f, io.NewSectionReader(obj, 0, obj.Info().Size)); err != nil {
		return fmt.Errorf("%s: %w", key, err)
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
	fmt.Fprintf(a.out, "%s: champion %s, previous %s\n", name, now.Champion, now.Previous)
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
	name, _, _ := strings.Cut(c.Adapter, "@")
	now, err := dataset.LoadAliases(a.ctx, s, name)
	if err != nil {
		return err
	}
	if now.Previous == "" {
		return fmt.Errorf("%s has no champion before this one (%q): %w", name, now.Champion, errInput)
	}
	return c.move(a, s, name, now.Previous)
}

type adapterWhy struct{ oneAdapter }

// Help is shown below the flags.
func (c *adapterWhy) Help() string {
	return "Examples:\n  temper adapter why go-docs\n  temper adapter why go-docs@0123456789ab --json"
}

// Run traces an adapter to its dataset version, its stages and its sources.
func (c *adapterWhy) Run(a *app) error {
	s, card, err := c.open(a)
	if err != nil {
		return err
	}
	name, at, _ := strings.Cut(card.Dataset, "@")
	m, err := dataset.LoadManifest(a.ctx, s, name, at)
	if err != nil {
		return err
	}
	sources := map[string]int64{}
	for _, sp := range m.Splits {
		if sp.Name != "train" {
			continue
		}
		for row, err := range dataset.DatasetRows(a.ctx, s, dataset.DatasetDir(m.Name, m.Version), sp.Files) {
			if err != nil {
				return err
			}
			sources[row.Source.URI+" sha256:"+row.Source.SHA256]++
		}
	}
	if c.JSON {
		return a.printJSON(map[string]any{"name": card.Name, "version": card.Version, "base": card.Base, "dataset": card.Dataset,
			"training": card.Stage, "stages": m.Stages, "sources": sources})
	}
	fmt.Fprintf(a.out, "adapter  %s@%s\nbase     %s, sha256 %s\ndataset  %s, %d records, manifest %smanifest.json\ntraining stage %s\n", card.Name, card.Version,
		card.Base.Name, card.Base.SHA256, card.Dataset, m.Records, dataset.DatasetDir(m.Name, m.Version), card.Stage)
	for _, key := range m.Stages {
		st, found, err := dataset.LoadStage(a.ctx, s, key)
		if err != nil {
			return err
		}
		if found {
			fmt.Fprintf(a.out, "stage    %-14s %.12s  %d in, %d out\n", st.Name, key, st.Counts.In, st.Counts.Out)
		}
	}
	fmt.Fprintf(a.out, "\nsource files of the training rows\n")
	for _, uri := range sortedKeys(sources) {
		fmt.Fprintf(a.out, "  %5d rows  %s\n", sources[uri], uri)
	}
	return nil
}
