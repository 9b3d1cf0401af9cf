package cli

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"temper/dataset"
	"temper/internal/store"
	"temper/lora"
)

// outputFlags say where an engine's command writes.
type outputFlags struct {
	Out   string `short:"o" required:"" placeholder:"FOLDER|FILE.jsonl|-" help:"A dataset folder, or JSONL where it ends in .jsonl or is - (standard output)."`
	Force bool   `help:"Replace an existing output."`
	All   bool   `help:"In JSONL, keep dropped rows too, with their verdict."`
}

// check refuses an existing output before any work is done.
func (o outputFlags) check() error {
	switch {
	case o.Out == "-":
		return nil
	case o.jsonl():
		return room(o.Out, o.Force, aFile)
	}
	return room(o.Out, o.Force, aDataset)
}

// A shape is what an output is: a file, or a folder that has a file of this name.
type shape struct{ what, has string }

var (
	aFile     = shape{"file", ""}
	aDataset  = shape{"dataset", manifestFile}
	anAdapter = shape{"adapter", lora.ConfigFile}
	aModel    = shape{"model of this form", "config.json"} // of Hugging Face's, in a folder
)

// room refuses an output that exists: without force always, with it what has another shape, so that no folder of other things is
// replaced.
func room(out string, force bool, as shape) error {
	info, err := os.Stat(out)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if !force {
		return fmt.Errorf("%s exists: remove it, or give --force: %w", out, errInput)
	}
	if as.has != "" {
		_, err = os.Stat(filepath.Join(out, as.has))
	}
	if err != nil || info.IsDir() != (as.has != "") {
		return fmt.Errorf("%s exists and is no %s, so --force does not replace it: %w", out, as.what, errInput)
	}
	return nil
}

// jsonl reports whether rows go out as JSON lines.
func (o outputFlags) jsonl() bool { return o.Out == "-" || strings.HasSuffix(o.Out, ".jsonl") }

// A product is what an engine's command made.
type product struct {
	rows    dataset.Rows
	in      *input
	name    string // of the dataset
	recipe  string // what made it, as JSON
	beside  func(dir string) error
	dropped int64
	kept    int64
}

// put writes the rows as the flags say; the output appears whole or not at all.
func (a *app) put(o outputFlags, p *product) error {
	rows := p.counted()
	var err error
	if o.jsonl() {
		err = a.putLines(o, rows)
	} else {
		err = a.putFolder(o, p, rows)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(a.err, "%d rows kept, %d dropped", p.kept, p.dropped)
	if p.in != nil && len(p.in.bad) > 0 {
		fmt.Fprintf(a.err, ", %d quarantined", p.in.badRows)
	}
	fmt.Fprintln(a.err)
	return nil
}

// counted counts the rows as they pass.
func (p *product) counted() dataset.Rows {
	return func(yield func(dataset.Row, error) bool) {
		for row, err := range p.rows {
			if err == nil {
				if row.Verdict == nil {
					p.kept++
				} else {
					p.dropped++
				}
			}
			if !yield(row, err) || err != nil {
				return
			}
		}
	}
}

// putLines writes JSON lines.
func (a *app) putLines(o outputFlags, rows dataset.Rows) error {
	write := func(w io.Writer) error {
		b := bufio.NewWriterSize(w, 1<<16)
		enc := json.NewEncoder(b)
		enc.SetEscapeHTML(false)
		for row, err := range rows {
			if err != nil {
				return err
			}
			if row.Verdict != nil && !o.All {
				continue
			}
			if err := enc.Encode(flat(row)); err != nil {
				return err
			}
		}
		return b.Flush()
	}
	if o.Out == "-" {
		return write(a.out)
	}
	return place(o.Out, write)
}

// place makes a file appear whole or not at all.
func place(path string, write func(io.Writer) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".part-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	if err := write(f); err != nil {
		return err
	}
	if err := f.Chmod(0o644); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// flat is a row with the fields it came with beside its own: what a record's meta holds stands at the top again, as text.
func flat(row dataset.Row) map[string]any {
	m := map[string]any{}
	for k, v := range row.Meta {
		m[k] = v
	}
	m["id"], m["source"] = row.ID, row.Source
	set := func(key string, v any, there bool) {
		if there {
			m[key] = v
		}
	}
	set("text", row.Text, row.Text != "")
	set("messages", row.Messages, len(row.Messages) > 0)
	set("parents", row.Parents, len(row.Parents) > 0)
	set("cluster", row.Cluster, row.Cluster != "")
	set("signals", row.Signals, len(row.Signals) > 0)
	set("checks", row.Checks, len(row.Checks) > 0)
	set("verdict", row.Verdict, row.Verdict != nil)
	return m
}

// putFolder writes a dataset folder beside the place it shall have, and moves it there.
func (a *app) putFolder(o outputFlags, p *product, rows dataset.Rows) error {
	parent := filepath.Dir(filepath.Clean(o.Out))
	tmp, err := os.MkdirTemp(parent, ".dataset-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	blobs, err := store.NewDir(filepath.Join(tmp, "blobs"))
	if err != nil {
		return err
	}
	kept, rejects, err := a.parted(blobs, rows)
	if err != nil {
		return err
	}
	out := filepath.Join(tmp, "out")
	to, err := store.NewDir(out)
	if err != nil {
		return err
	}
	pub := dataset.Publication{Name: p.name, Recipe: p.recipe, Splits: []dataset.SplitRefs{{Name: "train", Refs: []dataset.Ref{kept}}}}
	if rejects.Records > 0 {
		pub.Rejects = []dataset.Ref{rejects}
	}
	if _, err := dataset.WriteDataset(a.ctx, blobs, to, "", pub); err != nil {
		return err
	}
	if err := p.finish(out); err != nil {
		return err
	}
	if o.Force {
		if err := os.RemoveAll(o.Out); err != nil {
			return err
		}
	}
	return os.Rename(out, o.Out)
}

// finish writes what lies beside the dataset: the quarantine, clusters.
func (p *product) finish(dir string) error {
	if p.in != nil && len(p.in.bad) > 0 {
		err := place(filepath.Join(dir, "quarantine.jsonl"), func(w io.Writer) error {
			enc := json.NewEncoder(w)
			for _, b := range p.in.bad {
				if err := enc.Encode(b); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	if p.beside == nil {
		return nil
	}
	return p.beside(dir)
}

// parted stores kept and dropped rows apart. Dropped rows wait in a file: one pass over the rows must do.
func (a *app) parted(blobs dataset.Store, rows dataset.Rows) (kept, rejects dataset.Ref, err error) {
	f, err := os.CreateTemp("", "temper-rejects-*")
	if err != nil {
		return kept, rejects, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	aside := bufio.NewWriter(f)
	enc := json.NewEncoder(aside)
	kept, err = dataset.PutBlob(a.ctx, blobs, ".parquet", func(w io.Writer) (int64, error) {
		return dataset.WriteRows(w, func(yield func(dataset.Row, error) bool) {
			for row, err := range rows {
				if err == nil && row.Verdict != nil {
					if err = enc.Encode(row); err == nil {
						continue
					}
				}
				if !yield(row, err) || err != nil {
					return
				}
			}
		}, dataset.ParquetOptions{})
	})
	if err == nil {
		err = aside.Flush()
	}
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		return kept, rejects, err
	}
	dec := json.NewDecoder(bufio.NewReader(f))
	rejects, err = dataset.PutBlob(a.ctx, blobs, ".parquet", func(w io.Writer) (int64, error) {
		return dataset.WriteRows(w, func(yield func(dataset.Row, error) bool) {
			for dec.More() {
				var row dataset.Row
				err := dec.Decode(&row)
				if !yield(row, err) || err != nil {
					return
				}
			}
		}, dataset.ParquetOptions{})
	})
	return kept, rejects, err
}
