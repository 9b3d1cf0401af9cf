package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"runtime"

	"github.com/parquet-go/parquet-go"

	"temper/dataset"
	"temper/dedup"
	"temper/internal/store"
)

type dedupCommand struct {
	Exact      bool     `help:"Keep the first of equal rows."`
	Normalize  bool     `help:"For what is equal: fold case and runs of white space first."`
	Paragraphs bool     `help:"Cut paragraphs that are there before."`
	Lines      bool     `help:"Cut lines that are there before."`
	Common     int      `name:"common-lines" placeholder:"100" help:"Cut lines that more than so many rows have, from all of them."`
	Substring  int      `placeholder:"50" help:"Cut runs of at least so many words that are there before."`
	Near       float64  `placeholder:"0.8" help:"Keep one of rows at least this similar (Jaccard similarity of their word 5-grams), verified."`
	Unit       string   `default:"words" enum:"words,characters,tokens" help:"What the n-grams of near rows are of: words, characters (24-grams), or tokens (words and marks)."`
	Method     string   `default:"minhash" enum:"minhash,simhash" help:"How candidates for near rows are found."`
	Bands      int      `placeholder:"14" help:"Bands of MinHash values; absent: as many as find 98 in 100 near rows."`
	Rows       int      `placeholder:"8" help:"MinHash values of a band; absent: as many as still find them."`
	Verify     bool     `default:"true" negatable:"" help:"Compare the n-grams of near rows themselves; without it, a band in common makes rows near."`
	Keep       string   `default:"longest" help:"Which of a cluster: longest, shortest, first; best, least, newest or oldest with a field of meta or a signal, such as best:stars; or several: best:stars,longest."`
	Memory     amount   `default:"64MiB" help:"For near rows: what bands, and then n-grams, may take at once, beside 150 bytes a row; with more, temporary files are read less often."`
	Index      string   `placeholder:"FILE" help:"Index of earlier runs: rows that are in it are dropped, with --near also those near to what was kept, and the others added to it. It has a folder FILE.kept beside it."`
	In         []string `arg:"" help:"JSONL (also .gz, .zst), Parquet, text files, or datasets; - is standard input."`
	outputFlags
}

// Help is shown below the flags.
func (c *dedupCommand) Help() string {
	return "Without another, --exact is meant; each of --paragraphs, --lines, --common-lines and --substring includes it. A dataset as output has clusters.parquet beside it.\n\nExamples:\n  temper dedup --exact --near 0.8 clean -o unique\n  temper dedup --near 0.8 --index seen.known today.jsonl -o new.jsonl"
}

// Run removes duplicates.
func (c *dedupCommand) Run(a *app) error {
	if err := c.check(); err != nil {
		return err
	}
	exact := dedup.Exact{Normalize: c.Normalize, Paragraphs: c.Paragraphs, Lines: c.Lines, Common: c.Common, Substring: c.Substring}.WithDefaults()
	c.Exact = c.Exact || c.Near == 0 || c.Normalize || exact.Paragraphs || exact.Lines || exact.Common != 0 || exact.Substring != 0
	near := dedup.Near{Similarity: c.Near, Keep: c.Keep, Unit: c.Unit, Method: c.Method, Bands: c.Bands, Rows: c.Rows, Verify: &c.Verify, Memory: int64(c.Memory)}.WithDefaults()
	err := exact.Validate()
	if c.Near != 0 {
		err = errors.Join(err, near.Validate())
	}
	if err != nil {
		return fmt.Errorf("%w: %w", err, errInput)
	}
	tmp, err := os.MkdirTemp("", "temper-dedup-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	s, err := store.NewDir(tmp)
	if err != nil {
		return err
	}
	in := &input{a: a, paths: c.In}
	p := &product{in: in, name: "unique", recipe: recipeJSON(c.options(exact, near))}
	all, err := a.spool(s, dataset.Join(a.metered("dedup", in.records())))
	if err != nil {
		return err
	}
	seen, err := c.seen()
	if err == nil {
		err = seen.exact(a, s, &all)
	}
	if err != nil {
		return err
	}
	if c.Exact {
		if all, err = a.passOver(s, all, func(r dataset.Records) dataset.Notes { return dedup.ExactNotes(r, exact) }); err != nil {
			return err
		}
	}
	if c.Near != 0 {
		clusters, err := seen.near(a, s, tmp, &all, near)
		if err != nil {
			return err
		}
		p.beside = func(dir string) error { return writeClusters(filepath.Join(dir, "clusters.parquet"), clusters) }
	}
	p.rows = dataset.BlobRows(a.ctx, s, all)
	if err := a.put(c.outputFlags, p); err != nil {
		return err
	}
	return seen.remember(a)
}

// options are what the dataset's card says it was made with.
func (c *dedupCommand) options(exact dedup.Exact, near dedup.Near) map[string]any {
	o := map[string]any{"index": c.Index}
	if c.Exact {
		o["exact"] = exact
	}
	if c.Near != 0 {
		near.Remember, near.Memory = nil, 0
		o["near"] = near
	}
	return o
}

// signatures stores the signatures of records in a scratch store and streams them, as often as they are wanted.
func (a *app) signatures(s dataset.Store, in dataset.Records, o dedup.Near) (iter.Seq2[dedup.Signature, error], error) {
	ref, err := dataset.PutBlob(a.ctx, s, ".minhash", func(w io.Writer) (int64, error) {
		return dedup.WriteSignatures(w, dedup.Sign(in, o, runtime.GOMAXPROCS(0)), o)
	})
	return func(yield func(dedup.Signature, error) bool) {
		obj, err := dataset.OpenBlob(a.ctx, s, ref)
		if err != nil {
			yield(dedup.Signature{}, err)
			return
		}
		defer obj.Close()
		for sig, err := range dedup.ReadSignatures(io.NewSectionReader(obj, 0, ref.Bytes), o) {
			if !yield(sig, err) || err != nil {
				return
			}
		}
	}, err
}

// spool stores rows in a scratch store, to be read more than once.
func (a *app) spool(s dataset.Store, rows dataset.Rows) (dataset.Ref, error) {
	return dataset.PutBlob(a.ctx, s, ".parquet", func(w io.Writer) (int64, error) {
		return dataset.WriteRows(w, rows, dataset.ParquetOptions{})
	})
}

// passOver lets one pass judge the rows that are still kept, and leaves the others as they are.
func (a *app) passOver(s dataset.Store, ref dataset.Ref, pass func(dataset.Records) dataset.Notes) (dataset.Ref, error) {
	rows := dataset.BlobRows(a.ctx, s, ref)
	var aside []dataset.Row // dropped before, in the order they came
	kept := func(yield func(dataset.Row, error) bool) {
		for row, err := range rows {
			if err == nil && row.Verdict != nil {
				aside = append(aside, row)
				continue
			}
			if !yield(row, err) || err != nil {
				return
			}
		}
	}
	notes := pass(dataset.Kept(dataset.BlobRows(a.ctx, s, ref)))
	return a.spool(s, func(yield func(dataset.Row, error) bool) {
		for row, err := range dataset.Annotate(kept, notes) {
			if !yield(row, err) || err != nil {
				return
			}
		}
		for _, row := range aside {
			if !yield(row, nil) {
				return
			}
		}
	})
}

// recordsOf streams the records of rows, dropped ones too.
func recordsOf(rows dataset.Rows) dataset.Records {
	return func(yield func(dataset.Record, error) bool) {
		for row, err := range rows {
			if !yield(row.Record, err) || err != nil {
				return
			}
		}
	}
}

// clusterRow is a row of clusters.parquet.
type clusterRow struct {
	ID         string  `parquet:"id"`
	Cluster    string  `parquet:"cluster"`
	Keeper     string  `parquet:"keeper"`
	Similarity float64 `parquet:"similarity"`
	Size       int64   `parquet:"size"`
	Known      bool    `parquet:"known"` // the keeper is of an earlier run
}

func writeClusters(path string, clusters []dedup.Cluster) error {
	return place(path, func(w io.Writer) error {
		pw := parquet.NewGenericWriter[clusterRow](w)
		for _, c := range clusters {
			if _, err := pw.Write([]clusterRow{{c.ID, c.Cluster, c.Keeper, c.Similarity, int64(c.Size), c.Known}}); err != nil {
				return err
			}
		}
		return pw.Close()
	})
}

type decontaminateCommand struct {
	Against []string `required:"" help:"Evaluation files, JSONL."`
	NGram   int      `name:"ngram" default:"13" help:"Words in a row that two texts must share."`
	Score   float64  `default:"0.8" help:"Share of a long question, weighed by the rarity of its words, that makes a near copy; 1: verbatim ones only."`
	Short   int      `default:"5" help:"Questions of fewer words count only with their answer right after them."`
	Alone   bool     `help:"Questions shorter than --ngram count without their answer too."`
	In      []string `arg:"" help:"JSONL (also .gz, .zst), Parquet, text files, or datasets; - is standard input."`
	outputFlags
}

// Help is shown below the flags.
func (c *decontaminateCommand) Help() string {
	return "A dataset as output has contamination.jsonl beside it: every item found, with both texts.\n\nExamples:\n  temper decontaminate unique --against gsm8k.jsonl -o clean\n  temper decontaminate rows.jsonl --against evals/*.jsonl -o - --all"
}

// Run drops rows that hold evaluation items.
func (c *decontaminateCommand) Run(a *app) error {
	if err := c.check(); err != nil {
		return err
	}
	o := dedup.Decontaminate{Against: c.Against, NGram: c.NGram, Score: c.Score, Short: c.Short, Alone: c.Alone}.WithDefaults()
	if err := o.Validate(); err != nil {
		return fmt.Errorf("%w: %w", err, errInput)
	}
	evals, err := dedup.NewEvals(a.strict(c.Against), o)
	if err != nil {
		return err
	}
	if n := evals.Skipped(); n > 0 {
		fmt.Fprintf(a.err, "%d items of evaluations have too few words to be looked for\n", n)
	}
	report, err := os.CreateTemp("", "temper-decontaminate-*")
	if err != nil {
		return err
	}
	defer os.Remove(report.Name())
	defer report.Close()
	found := json.NewEncoder(report)
	in := &input{a: a, paths: c.In}
	rows := noted(a.metered("decontaminate", in.records()), func(r dataset.Records) dataset.Notes {
		return evals.Notes(r, func(m dedup.Match) error { return found.Encode(m) })
	})
	beside := func(dir string) error {
		if _, err := report.Seek(0, io.SeekStart); err != nil {
			return err
		}
		return place(filepath.Join(dir, "contamination.jsonl"), func(w io.Writer) error {
			_, err := io.Copy(w, report)
			return err
		})
	}
	return a.put(c.outputFlags, &product{rows: rows, in: in, name: "clean", recipe: recipeJSON(o), beside: beside})
}

// strict reads evaluation files: a broken line is an error, for an item that was missed is a leak.
func (a *app) strict(paths []string) dataset.Records {
	return func(yield func(dataset.Record, error) bool) {
		for _, path := range paths {
			in := &input{a: a, paths: []string{path}}
			for rec, err := range in.records() {
				if err == nil && len(in.bad) > 0 {
					err = fmt.Errorf("%s line %d: %s: %w", path, in.bad[0].Source.Row, in.bad[0].Reason, dataset.ErrMalformed)
					rec = dataset.Record{}
				}
				if !yield(rec, err) || err != nil {
					return
				}
			}
			if len(in.bad) > 0 {
				yield(dataset.Record{}, fmt.Errorf("%s line %d: %s: %w", path, in.bad[0].Source.Row, in.bad[0].Reason, dataset.ErrMalformed))
				return
			}
		}
	}
}
