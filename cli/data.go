package cli

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"temper/dataset"
	"temper/web"
)

type dataCommand struct {
	Ls     dataLs     `cmd:"" help:"Published datasets and their versions."`
	Show   dataShow   `cmd:"" help:"Rows of a dataset, with their signals."`
	Stats  dataStats  `cmd:"" help:"Counts, lengths, signals and reasons of a version."`
	Why    dataWhy    `cmd:"" help:"Where a row comes from, and what every rule said about it."`
	Diff   dataDiff   `cmd:"" help:"What changed between two versions, by row and rule."`
	Verify dataVerify `cmd:"" help:"Read every file and check its digest and rows."`
}

type dataLs struct {
	JSON bool `name:"json" help:"Print one JSON object a version."`
	storeFlags
}

// Help is shown below the flags.
func (c *dataLs) Help() string {
	return "Examples:\n  temper data ls\n  temper data ls --store s3://bucket/temper --json"
}

// Run lists datasets.
func (c *dataLs) Run(a *app) error {
	s, err := a.openStore(c.storeFlags)
	if err != nil {
		return err
	}
	all, err := dataset.ListDatasets(a.ctx, s)
	if err != nil {
		return err
	}
	table := a.table("DATASET", "VERSION", ">RECORDS", ">BYTES", "SPLITS", ">DROPPED")
	for _, m := range all {
		if c.JSON {
			if err := a.printJSON(m); err != nil {
				return err
			}
			continue
		}
		var splits []string
		for _, sp := range m.Splits {
			splits = append(splits, sp.Name+" "+web.Count(sp.Records))
		}
		table.row(m.Name, m.Version, web.Count(m.Records), web.Bytes(m.Bytes), strings.Join(splits, ", "), web.Count(records(m.Rejects)))
	}
	if c.JSON {
		return nil
	}
	if len(all) == 0 {
		fmt.Fprintf(a.err, "no dataset on %s yet: a run publishes one (temper run recipe.yaml)\n", s)
		return nil
	}
	return table.flush()
}

func records(files []dataset.File) (n int64) {
	for _, f := range files {
		n += f.Records
	}
	return n
}

// oneDataset is the flags of commands about one version.
type oneDataset struct {
	Dataset string `arg:"" help:"NAME or NAME@VERSION; without a version, the newest. A folder written by -o works too."`
	JSON    bool   `name:"json" help:"Print JSON, one object a line."`
	storeFlags
}

// A version is an open version of a dataset.
type version struct {
	dataset.Manifest
	store dataset.Store
	dir   string
}

// open finds the version on the store, or in a folder.
func (c *oneDataset) open(a *app, named string) (version, error) {
	if folder, ok := datasetFolder(named); ok {
		s, err := openAddress(a, folder)
		if err != nil {
			return version{}, err
		}
		m, err := dataset.ReadManifest(a.ctx, s, "")
		return version{m, s, ""}, err
	}
	s, err := a.openStore(c.storeFlags)
	if err != nil {
		return version{}, err
	}
	name, at, _ := strings.Cut(named, "@")
	m, err := dataset.LoadManifest(a.ctx, s, name, at)
	if err != nil {
		return version{}, fmt.Errorf("dataset %s: %w (temper data ls lists what is there)", named, err)
	}
	return version{m, s, dataset.DatasetDir(m.Name, m.Version)}, nil
}

// rows streams the rows of a split, or of the rejects.
func (v version) rows(a *app, split string) (dataset.Rows, error) {
	if split == "rejects" {
		return dataset.DatasetRows(a.ctx, v.store, v.dir, v.Rejects), nil
	}
	var names []string
	for _, sp := range v.Splits {
		if sp.Name == split {
			return dataset.DatasetRows(a.ctx, v.store, v.dir, sp.Files), nil
		}
		names = append(names, sp.Name)
	}
	return nil, fmt.Errorf("%s@%s has no split %q; there are %s and rejects: %w", v.Name, v.Version, split, strings.Join(names, ", "), errInput)
}

// all streams every row, and whether it was dropped shows in its verdict.
func (v version) all(a *app) dataset.Rows {
	return func(yield func(dataset.Row, error) bool) {
		for row, err := range dataset.DatasetRows(a.ctx, v.store, v.dir, v.files()) {
			if !yield(row, err) || err != nil {
				return
			}
		}
	}
}

// files are those of every row, dropped ones first.
func (v version) files() []dataset.File {
	files := slices.Clone(v.Rejects)
	for _, sp := range v.Splits {
		files = append(files, sp.Files...)
	}
	return files
}

type dataShow struct {
	oneDataset
	ID    string `name:"id" help:"The one row of this id, or of these first characters, in whichever split it is."`
	Split string `default:"train" help:"train, test or rejects."`
	Limit int    `default:"3" help:"How many rows."`
	Skip  int    `help:"How many rows to pass over first."`
}

// Help is shown below the flags.
func (c *dataShow) Help() string {
	return "Examples:\n  temper data show go-docs --limit 5\n  temper data show go-docs --split rejects --json\n  temper data show go-docs --id 3f2a91c0"
}

// Run shows rows.
func (c *dataShow) Run(a *app) error {
	if c.Limit < 0 || c.Skip < 0 {
		return fmt.Errorf("--limit %d --skip %d: both must be 0 or more: %w", c.Limit, c.Skip, errInput)
	}
	v, err := c.open(a, c.Dataset)
	if err != nil {
		return err
	}
	if c.ID != "" {
		row, err := v.find(a, c.ID)
		if err != nil {
			return err
		}
		if c.JSON {
			return a.printJSON(row)
		}
		printRow(a, row)
		return nil
	}
	rows, err := v.rows(a, c.Split)
	if err != nil {
		return err
	}
	n := 0
	for row, err := range rows {
		if err != nil {
			return err
		}
		if n++; n <= c.Skip {
			continue
		}
		if n > c.Skip+c.Limit {
			break
		}
		if c.JSON {
			if err := a.printJSON(row); err != nil {
				return err
			}
			continue
		}
		printRow(a, row)
	}
	return nil
}

// printRow prints a row for people.
func printRow(a *app, row dataset.Row) {
	fmt.Fprintf(a.out, "%s  %s\n", printable(row.ID), printable(where(row.Source)))
	if row.Verdict != nil {
		fmt.Fprintf(a.out, "  dropped by %s\n", printable(row.Verdict.String()))
	}
	indent := func(s string) string {
		return strings.ReplaceAll(strings.TrimRight(printable(s), "\n"), "\n", "\n    ")
	}
	if row.Text != "" {
		fmt.Fprintf(a.out, "    %s\n", indent(row.Text))
	}
	for _, m := range row.Messages {
		fmt.Fprintf(a.out, "  %s:\n    %s\n", printable(m.Role), indent(m.Content))
	}
	if len(row.Signals) > 0 {
		var parts []string
		for _, k := range sortedKeys(row.Signals) {
			parts = append(parts, fmt.Sprintf("%s %s", k, value(row.Signals[k])))
		}
		for _, line := range wrap("signals: "+strings.Join(parts, ", "), lineWidth(a.out)-2) {
			fmt.Fprintln(a.out, "  "+line)
		}
	}
	fmt.Fprintln(a.out)
}

// where says in words where a record was read.
func where(s dataset.Source) string {
	text := fmt.Sprintf("%s bytes %d to %d", s.URI, s.Offset, s.Offset+s.Length)
	if s.Row > 0 {
		text += fmt.Sprintf(", line %d", s.Row)
	}
	if s.License != "" {
		text += ", " + s.License
	}
	return text
}

// value prints a signal, which is a number or a text.
func value(v any) string {
	f, number := v.(float64)
	switch {
	case number && f == math.Trunc(f) && math.Abs(f) < 1e15:
		return strconv.FormatFloat(f, 'f', 0, 64)
	case number:
		return strconv.FormatFloat(f, 'g', 6, 64)
	}
	return fmt.Sprint(v)
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

type dataVerify struct{ oneDataset }

// Help is shown below the flags.
func (c *dataVerify) Help() string {
	return "Examples:\n  temper data verify go-docs\n  temper data verify go-docs@0123456789ab --json"
}

// Run verifies.
func (c *dataVerify) Run(a *app) error {
	v, err := c.open(a, c.Dataset)
	if err != nil {
		return err
	}
	if err := dataset.VerifyDataset(a.ctx, v.store, v.dir, v.Manifest); err != nil {
		return err
	}
	if c.JSON {
		return a.printJSON(map[string]any{"dataset": v.Name, "version": v.Version, "records": v.Records, "bytes": v.Bytes, "ok": true})
	}
	fmt.Fprintf(a.out, "%s@%s: %s records in %s, every digest and row count is right\n", v.Name, v.Version, web.Count(v.Records), web.Bytes(v.Bytes))
	return nil
}
