package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"temper/activities"
	"temper/collect"
	"temper/dataset"
	"temper/internal/store"
	"temper/recipe"
)

// manifestFile is in every dataset's folder.
const manifestFile = "manifest.json"

// datasetFolder reports whether path is a dataset written by -o, and returns its absolute path.
func datasetFolder(path string) (string, bool) {
	info, err := os.Stat(filepath.Join(path, manifestFile))
	if err != nil || info.IsDir() {
		return "", false
	}
	abs, err := filepath.Abs(path)
	return abs, err == nil
}

// An input is the files a command reads, and the rows of them that could not be read.
type input struct {
	a       *app
	paths   []string
	bad     []dataset.Bad // the first of them
	badRows int64
}

// Of rows that could not be read, so many are said, and so many are kept; all are counted.
const (
	maxSaid = 100
	maxBad  = 100_000
)

// quarantine notes a row that could not be read, and says so.
func (in *input) quarantine(b dataset.Bad) error {
	if in.badRows++; in.badRows <= maxBad {
		in.bad = append(in.bad, b)
	}
	if in.badRows == maxSaid+1 {
		_, err := fmt.Fprintln(in.a.err, "quarantined: more rows, not said one by one")
		return err
	}
	if in.badRows > maxSaid {
		return nil
	}
	_, err := fmt.Fprintf(in.a.err, "quarantined %s line %d, offset %d: %s\n", b.Source.URI, b.Source.Row, b.Source.Offset, b.Reason)
	return err
}

// tooBad is an error if more than a share of a source's rows could not be read, as in a run: those since as many as before were bad.
func (in *input) tooBad(share recipe.Percent, before, good int64) error {
	part := activities.StageResult{Counts: dataset.Counts{Bad: in.badRows - before}, Metrics: map[string]any{}}
	part.Counts.In = good + part.Counts.Bad
	if before < int64(len(in.bad)) {
		part.Metrics[activities.MetricFirstBad] = activities.SayBad(in.bad[before])
	}
	return activities.TooBad(float64(share)/100, []activities.StageResult{part})
}

// records reads JSONL (also .gz and .zst), Parquet, datasets written by -o, and other texts as one record each; "-" is JSONL on
// standard input, and s3://bucket/key may stand for any file.
func (in *input) records() dataset.Records {
	return func(yield func(dataset.Record, error) bool) {
		for _, path := range in.paths {
			for rec, err := range in.one(path) {
				if !yield(rec, err) || err != nil {
					return
				}
			}
		}
	}
}

func (in *input) one(path string) dataset.Records {
	switch folder, ok := datasetFolder(path); {
	case path == "-":
		return dataset.ReadJSONL(in.a.stdin, dataset.Source{URI: "-"}, in.quarantine)
	case ok:
		return in.folder(folder)
	case strings.HasSuffix(path, ".parquet"):
		return in.parquet(path)
	case strings.Contains(filepath.Base(path), ".jsonl"):
		return in.jsonl(path)
	case structured[strings.ToLower(filepath.Ext(strings.TrimSuffix(path, ".gz")))]:
		return func(yield func(dataset.Record, error) bool) {
			yield(dataset.Record{}, fmt.Errorf("%w: %s is no text: this command reads .jsonl, .parquet, dataset folders and texts; other forms "+
				"are read by a recipe's collect section (temper collect -r), and a recipe is given with -r", errInput, path))
		}
	}
	return in.text(path)
}

// structured are the names of files that, as one text, would be what nobody means.
var structured = map[string]bool{".yaml": true, ".yml": true, ".json": true, ".csv": true, ".tsv": true, ".arrow": true, ".warc": true,
	".gguf": true, ".safetensors": true}

// folder reads the splits of a dataset.
func (in *input) folder(path string) dataset.Records {
	return func(yield func(dataset.Record, error) bool) {
		s, err := store.Open(in.a.ctx, path, store.Options{})
		if err != nil {
			yield(dataset.Record{}, err)
			return
		}
		m, err := dataset.ReadManifest(in.a.ctx, s, "")
		if err != nil {
			yield(dataset.Record{}, fmt.Errorf("%s: %w", path, err))
			return
		}
		for _, sp := range m.Splits {
			for row, err := range dataset.DatasetRows(in.a.ctx, s, "", sp.Files) {
				if !yield(row.Record, err) || err != nil {
					return
				}
			}
		}
	}
}

func (in *input) parquet(path string) dataset.Records {
	return func(yield func(dataset.Record, error) bool) {
		obj, err := sources{}.Open(in.a.ctx, path)
		if err != nil {
			yield(dataset.Record{}, err)
			return
		}
		defer obj.Close()
		for rec, err := range dataset.ReadTable(obj, obj.Info().Size, dataset.Source{URI: path}, in.quarantine) {
			if !yield(rec, err) || err != nil {
				return
			}
		}
	}
}

func (in *input) jsonl(path string) dataset.Records {
	return func(yield func(dataset.Record, error) bool) {
		obj, err := sources{}.Open(in.a.ctx, path)
		if err != nil {
			yield(dataset.Record{}, err)
			return
		}
		defer obj.Close()
		r, err := dataset.Decompress(path, io.NewSectionReader(obj, 0, obj.Info().Size))
		if err != nil {
			yield(dataset.Record{}, err)
			return
		}
		for rec, err := range dataset.ReadJSONL(r, dataset.Source{URI: path}, in.quarantine) {
			if !yield(rec, err) || err != nil {
				return
			}
		}
	}
}

// text reads a file, or the text files below a folder, one record each.
func (in *input) text(path string) dataset.Records {
	return collected(in.a.ctx, collect.Source{Text: &collect.Text{Root: path, Include: []string{"*"}}}, in.quarantine)
}

// collected reads all of a source.
func collected(ctx context.Context, s collect.Source, bad dataset.Quarantine) dataset.Records {
	return func(yield func(dataset.Record, error) bool) {
		tasks, err := collect.Plan(ctx, sources{}, s, 64<<20)
		if err != nil {
			yield(dataset.Record{}, err)
			return
		}
		for _, t := range tasks {
			for rec, err := range collect.Read(ctx, sources{}, t, bad) {
				if !yield(rec, err) || err != nil {
					return
				}
			}
		}
	}
}
