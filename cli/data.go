package cli

import (
	"fmt"
	"slices"
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
	table := a.table("DATASET", "VERSION", "RECORDS", "BYTES", "SPLITS", "DROPPED")
	for _, m := range all {
		if c.JSON {
			if err := a.printJSON(m); err != nil {
				return err
			}
			continue
		}
		var splits []string
		for _, sp := range m.Splits {
			splits = append(splits, fmt.Sprintf("%s %d", sp.Name, sp.Records))
		}
		table.row(m.Name, m.Version, fmt.Sprint(m.Records), web.Bytes(m.Bytes), strings.Join(splits, ", "), fmt.Sprint(records(m.Rejects)))
	}
	if c.JSON {
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
		files := slices.Clone(v.Rejects)
		for _, sp := range v.Splits {
			files = append(files, sp.Files...)
		}
		for row, err := range dataset.DatasetRows(a.ctx, v.store, v.dir, files) {
			if !yield(row, err) || err != nil {
				return
			}
		}
	}
}

type dataShow struct {
	oneDataset
	Split string `default:"train" help:"train, test or rejects."`
	Limit int    `default:"3" help:"How many rows."`
	Skip  int    `help:"How many rows to pass over first."`
}

// Help is shown below the flags.
func (c *dataShow) Help() string {
	return "Examples:\n  temper data show go-docs --limit 5\n  temper data show go-docs --split rejects --json"
}

// Run shows rows.
func (c *dataShow) Run(a *app) error {
	v, err := c.open(a, c.Dataset)
	if err != nil {
		return err
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
	fmt.Fprintf(a.out, "%s  %s offset %d length %d %s\n", row.ID, row.Source.URI, row.Source.Offset, row.Source.Length, row.Source.License)
	if row.Verdict != nil {
		fmt.Fprintf(a.out, "  dropped by %s\n", row.Verdict)
	}
	if row.Text != "" {
		fmt.Fprintf(a.out, "  %s\n", strings.ReplaceAll(row.Text, "\n", "\n  "))
	}
	for _, m := range row.Messages {
		fmt.Fprintf(a.out, "  %s: %s\n", m.Role, strings.ReplaceAll(m.Content, "\n", "\n    "))
	}
	fmt.Fprintln(a.out)
}

type dataStats struct{ oneDataset }

// Help is shown below the flags.
func (c *dataStats) Help() string {
	return "Examples:\n  temper data stats go-docs\n  temper data stats go-docs@0123456789ab --json"
}

// Run prints statistics.
func (c *dataStats) Run(a *app) error {
	v, err := c.open(a, c.Dataset)
	if err != nil {
		return err
	}
	stats, err := dataset.LoadStats(a.ctx, v.store, v.dir)
	if err != nil {
		return err
	}
	if c.JSON {
		return a.printJSON(stats)
	}
	table := a.table("SPLIT", "RECORDS", "TURNS", "TEXT", "CHARACTERS A ROW (MIN MEAN MAX)")
	for _, name := range sortedKeys(stats.Splits) {
		s := stats.Splits[name]
		table.row(name, fmt.Sprint(s.Records), fmt.Sprint(s.Messages), web.Bytes(s.Bytes), fmt.Sprintf("%.0f %.0f %.0f", s.Chars.Min, s.Chars.Mean, s.Chars.Max))
	}
	if err := table.flush(); err != nil {
		return err
	}
	for _, name := range sortedKeys(stats.Splits) {
		s := stats.Splits[name]
		for _, rule := range s.Reasons.Top() {
			fmt.Fprintf(a.out, "%s dropped by %s: %d\n", name, rule, s.Reasons[rule])
		}
		for _, sig := range sortedKeys(s.Signals) {
			r := s.Signals[sig]
			fmt.Fprintf(a.out, "%s %s: %.4g to %.4g, mean %.4g\n", name, sig, r.Min, r.Max, r.Mean)
		}
		for _, l := range sortedKeys(s.Licenses) {
			fmt.Fprintf(a.out, "%s licence %s: %d\n", name, l, s.Licenses[l])
		}
	}
	return nil
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

type dataWhy struct {
	oneDataset
	Row string `arg:"" help:"The row's id, or its first characters."`
}

// Help is shown below the flags.
func (c *dataWhy) Help() string {
	return "Examples:\n  temper data why go-docs 3f2a91c0\n  temper data why go-docs@0123456789ab 3f2a91c0 --json"
}

// Run traces a row to its bytes and rules.
func (c *dataWhy) Run(a *app) error {
	v, err := c.open(a, c.Dataset)
	if err != nil {
		return err
	}
	var found []dataset.Row
	for row, err := range v.all(a) {
		if err != nil {
			return err
		}
		if strings.HasPrefix(row.ID, c.Row) {
			found = append(found, row)
			if row.ID == c.Row || len(found) > 1 {
				break
			}
		}
	}
	switch {
	case len(found) == 0:
		return fmt.Errorf("%s@%s has no row %s: %w", v.Name, v.Version, c.Row, errInput)
	case len(found) > 1 && found[len(found)-1].ID != c.Row:
		return fmt.Errorf("%s is the beginning of several rows' ids, %s and %s among them: give more of it: %w", c.Row, found[0].ID, found[1].ID, errInput)
	}
	row := found[len(found)-1]
	if c.JSON {
		return a.printJSON(map[string]any{"dataset": v.Name, "version": v.Version, "row": row, "stages": v.Stages})
	}
	fmt.Fprintf(a.out, "row      %s of %s@%s\n", row.ID, v.Name, v.Version)
	fmt.Fprintf(a.out, "source   %s, bytes %d to %d", row.Source.URI, row.Source.Offset, row.Source.Offset+row.Source.Length)
	if row.Source.Row > 0 {
		fmt.Fprintf(a.out, ", line %d", row.Source.Row)
	}
	fmt.Fprintf(a.out, "\nsha256   %s\nlicence  %s\n", row.Source.SHA256, row.Source.License)
	for _, p := range row.Parents {
		fmt.Fprintf(a.out, "made of  %s\n", p)
	}
	if row.Cluster != "" {
		fmt.Fprintf(a.out, "cluster  %s\n", row.Cluster)
	}
	verdict := "kept"
	if row.Verdict != nil {
		verdict = "dropped by " + row.Verdict.String()
	}
	fmt.Fprintf(a.out, "verdict  %s\n\nsignals\n", verdict)
	for _, k := range sortedKeys(row.Signals) {
		fmt.Fprintf(a.out, "  %-28s %v\n", k, row.Signals[k])
	}
	fmt.Fprintln(a.out, "\nrules")
	for _, ch := range row.Checks {
		mark := "passed "
		if ch.Drop {
			mark = "DROPPED"
		}
		fmt.Fprintf(a.out, "  %s %s\n", mark, ch)
	}
	return nil
}

type dataDiff struct {
	oneDataset
	Other string `arg:"" help:"The version to compare with."`
}

// Help is shown below the flags.
func (c *dataDiff) Help() string {
	return "Examples:\n  temper data diff go-docs@0123456789ab go-docs\n  temper data diff go-docs@0123456789ab go-docs --json"
}

// maxDiffRows bounds the rows a comparison holds.
const maxDiffRows = 20_000_000

// fates maps row ids to what became of them: "" for kept, else the rule that dropped them.
func (v version) fates(a *app) (map[string]string, error) {
	m := map[string]string{}
	for row, err := range v.all(a) {
		if err != nil {
			return nil, err
		}
		fate := ""
		if row.Verdict != nil {
			fate = row.Verdict.Rule
		}
		if m[row.ID] = fate; len(m) > maxDiffRows {
			return nil, fmt.Errorf("%s@%s has more than %d rows: too many to compare here: %w", v.Name, v.Version, maxDiffRows, errInput)
		}
	}
	return m, nil
}

// A change counts rows whose fate differs between two versions.
type change struct {
	From string `json:"from"` // "absent", "kept", or the rule
	To   string `json:"to"`
	Rows int    `json:"rows"`
	Such string `json:"such"` // one such row's id, the smallest
}

// Run compares.
func (c *dataDiff) Run(a *app) error {
	from, err := c.open(a, c.Dataset)
	if err != nil {
		return err
	}
	to, err := c.open(a, c.Other)
	if err != nil {
		return err
	}
	before, err := from.fates(a)
	if err != nil {
		return err
	}
	after, err := to.fates(a)
	if err != nil {
		return err
	}
	for _, ch := range changes(before, after) {
		if c.JSON {
			if err := a.printJSON(ch); err != nil {
				return err
			}
			continue
		}
		fmt.Fprintf(a.out, "%6d rows: %s → %s (such as %s)\n", ch.Rows, ch.From, ch.To, ch.Such)
	}
	if !c.JSON {
		fmt.Fprintf(a.out, "%s@%s has %d kept rows, %s@%s has %d\n", from.Name, from.Version, from.Records, to.Name, to.Version, to.Records)
	}
	return nil
}

// changes groups the rows whose fate differs, the largest group first.
func changes(before, after map[string]string) []change {
	word := func(m map[string]string, id string) string {
		fate, ok := m[id]
		switch {
		case !ok:
			return "absent"
		case fate == "":
			return "kept"
		}
		return "dropped by " + fate
	}
	groups := map[[2]string]*change{}
	note := func(id string) {
		k := [2]string{word(before, id), word(after, id)}
		if k[0] == k[1] {
			return
		}
		g := groups[k]
		if g == nil {
			g = &change{From: k[0], To: k[1], Such: id}
			groups[k] = g
		}
		g.Rows++
		g.Such = min(g.Such, id)
	}
	for id := range before {
		note(id)
	}
	for id := range after {
		if _, both := before[id]; !both {
			note(id)
		}
	}
	var out []change
	for _, g := range groups {
		out = append(out, *g)
	}
	slices.SortFunc(out, func(a, b change) int {
		if a.Rows != b.Rows {
			return b.Rows - a.Rows
		}
		return strings.Compare(a.From+a.To, b.From+b.To)
	})
	return out
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
	fmt.Fprintf(a.out, "%s@%s: %d records in %s, every digest and row count is right\n", v.Name, v.Version, v.Records, web.Bytes(v.Bytes))
	return nil
}
