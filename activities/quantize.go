package activities

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"temper/dataset"
	"temper/model/convert"
)

// A Form is what a base was turned into before it is trained over, and what that changed.
type Form struct {
	To     string  `json:"to"`   // as temper quantize takes it
	Of     string  `json:"of"`   // SHA-256 of the file it was made of
	RMSE   float64 `json:"rmse"` // root of the mean squared change of its weights
	Signal float64 `json:"rms"`  // root of their mean square, to compare it with
	Max    float64 `json:"max"`  // the largest change
}

// AsFound is the form of a base that is trained over as it is.
const AsFound = "keep"

// BaseIn names a base in another form, as [FetchInput] takes it: NAME#FORM.
func BaseIn(base, form string) string {
	if form == "" || form == AsFound {
		return base
	}
	return base + "#" + form
}

// CutForm undoes BaseIn; the form is "" for a base as it is.
func CutForm(name string) (base, form string) {
	if at := strings.LastIndexByte(name, '#'); at > 0 && slices.Contains(convert.Names, name[at+1:]) {
		return name[:at], name[at+1:]
	}
	return name, ""
}

// inForm turns a base that lies at path into another form, or finds that done. It is the stage "quantize", whose output is the base.
func (a *Activities) inForm(ctx context.Context, b Base, path, form string) (Base, error) {
	to, err := convert.ParseTarget(form)
	if err != nil {
		return Base{}, fmt.Errorf("tune.quantize: %w: %w", err, errInput)
	}
	s, err := a.published(ctx, quantizing(b.Ref, form, func(ctx context.Context, s *dataset.Stage) error {
		return a.quantize(ctx, path, to, s)
	}))
	if errors.Is(err, convert.ErrUnnamed) {
		err = fmt.Errorf("%w: %w", err, errInput)
	}
	if err != nil {
		return Base{}, fmt.Errorf("in %s: %w", form, err)
	}
	return b.as(s, form), nil
}

// quantizing is the work of turning a base into another form.
func quantizing(of dataset.Ref, form string, do func(context.Context, *dataset.Stage) error) work {
	return work{name: "quantize", engine: engineQuantize, options: map[string]string{"to": form}, inputs: []dataset.Ref{of}, do: do}
}

// as is the base that the stage made of b.
func (b Base) as(s StageResult, form string) Base {
	of := b.Ref.SHA256
	b.Ref, b.Form = s.Out("base"), &Form{To: form, Of: of, RMSE: MetricOf[float64](s, "rmse"), Signal: MetricOf[float64](s, "rms"), Max: MetricOf[float64](s, "max")}
	return b
}

// quantize does the work: a GGUF file, or the files of a folder as one archive, whose bytes depend on what is in it alone.
func (a *Activities) quantize(ctx context.Context, path string, to convert.Target, s *dataset.Stage) error {
	source, err := convert.Open(path)
	if err != nil {
		return err
	}
	defer source.Close() //nolint:errcheck // only read
	p := Progress{Stage: "base", Unit: "weights", Note: "to " + to.Type.String()}
	progress := func(done, total int64) {
		p.Done, p.Total = done, total
		say(ctx, p)
	}
	ext, changes := ".gguf", []convert.Change(nil)
	write := func(w io.Writer) (err error) {
		changes, err = source.ToGGUF(ctx, w, to, progress)
		return err
	}
	if to.Folder() {
		dir, err := os.MkdirTemp("", "temper-quantize-*")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		if changes, err = source.ToFolder(ctx, dir, to, progress); err != nil {
			return err
		}
		ext, write = archiveExt, func(w io.Writer) error { return pack(w, dir) }
	}
	ref, err := dataset.PutBlob(ctx, a.store(), ext, func(w io.Writer) (int64, error) { return 1, write(w) })
	if err != nil {
		return err
	}
	total := convert.Total(changes)
	s.Outputs["base"] = []dataset.Ref{ref}
	s.Counts.In, s.Counts.Out, s.Counts.Bytes = int64(len(changes)), int64(len(changes)), ref.Bytes
	s.Metrics["rmse"], s.Metrics["rms"], s.Metrics["max"] = total.RMSE, total.Signal, total.Max
	return nil
}

// archiveExt is the ending of a base that is a folder; its archive holds the folder's files and nothing below them.
const archiveExt = ".tar"

// pack writes the files of a folder, by name.
func pack(w io.Writer, dir string) error {
	entries, err := os.ReadDir(dir) // sorted
	if err != nil {
		return err
	}
	t := tar.NewWriter(w)
	for _, e := range entries {
		if err := packFile(t, filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	return t.Close()
}

func packFile(t *tar.Writer, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if err := t.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: filepath.Base(path), Mode: 0o644, Size: info.Size(), Format: tar.FormatPAX}); err != nil {
		return err
	}
	_, err = io.Copy(t, f)
	return err
}

// maxFiles bounds the files of an archive.
const maxFiles = 256

// unpack makes the folder of an archive, whole or not at all; one that is there is replaced.
func unpack(path, dir string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	tmp, err := os.MkdirTemp(filepath.Dir(dir), ".part-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	t := tar.NewReader(f)
	for n := 0; ; n++ {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("%s: %w: %w", path, err, dataset.ErrMalformed)
		}
		if n == maxFiles || h.Typeflag != tar.TypeReg || h.Name != filepath.Base(h.Name) || strings.HasPrefix(h.Name, ".") {
			return fmt.Errorf("%s: entry %d, %q, is no file of a base: %w", path, n, h.Name, dataset.ErrMalformed)
		}
		if err := place(filepath.Join(tmp, h.Name), func(f *os.File) error {
			_, err := io.CopyN(f, t, h.Size)
			return err
		}); err != nil {
			return err
		}
	}
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	return os.Rename(tmp, dir)
}
