package cli

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"

	"temper/activities"
	"temper/dataset"
	"temper/internal/store"
	"temper/lora"
)

// A shelf is a folder store with a dataset of one source file and an adapter trained on it.
type shelf struct {
	storeFlags
	app     *app
	out     *bytes.Buffer
	file    string // the source
	store   dataset.Store
	version string // of the dataset
	kept    dataset.Row
	dropped dataset.Row
}

const sourceText = "// Package one is the first.\n// Package two is \x1b[31mthe second, and longer.\n"

func newShelf(t *testing.T) *shelf {
	t.Helper()
	sh := &shelf{out: &bytes.Buffer{}}
	sh.Store = filepath.Join(t.TempDir(), "store")
	sh.app = &app{ctx: t.Context(), out: sh.out, err: io.Discard}
	root := filepath.Join(t.TempDir(), "src")
	sh.file = filepath.Join(root, "pkg", "a.go")
	var err error
	if err := errors.Join(os.MkdirAll(filepath.Dir(sh.file), 0o755), os.WriteFile(sh.file, []byte(sourceText), 0o644)); err != nil {
		t.Fatal(err)
	}
	if sh.store, err = store.Open(t.Context(), sh.Store, store.Options{}); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(sourceText))
	row := func(id string, from, to int, c dataset.Check) dataset.Row {
		r := dataset.Row{Record: dataset.Record{ID: id, Text: sourceText[from:to], Source: dataset.Source{URI: "pkg/a.go", Offset: int64(from), Length: int64(to - from), SHA256: hex.EncodeToString(sum[:]), License: "MIT"}},
			Signals: dataset.Signals{"words": 5.0, "language": "en"}, Checks: []dataset.Check{{Rule: "gopher_quality.words", Value: 5, Op: ">=", Threshold: 3}, c}}
		if c.Drop {
			r.Verdict = &c
		}
		return r
	}
	sh.kept = row("aaaa1111", 0, 29, dataset.Check{Rule: "language", Value: 0.98, Op: ">=", Threshold: 0.65})
	sh.dropped = row("aaaa2222", 29, len(sourceText), dataset.Check{Rule: "language", Value: 0.31, Op: ">=", Threshold: 0.65, Drop: true, Detail: "ko"})
	sh.version = sh.publish(t, root, sh.kept)
	sh.train(t, "0123456789ab")
	return sh
}

// publish publishes the kept rows and the dropped one.
func (sh *shelf) publish(t *testing.T, root string, kept ...dataset.Row) string {
	t.Helper()
	blob := func(rows ...dataset.Row) []dataset.Ref {
		ref, err := dataset.PutBlob(t.Context(), sh.store, ".parquet", func(w io.Writer) (int64, error) {
			return dataset.WriteRows(w, func(yield func(dataset.Row, error) bool) {
				for _, r := range rows {
					if !yield(r, nil) {
						return
					}
				}
			}, dataset.ParquetOptions{})
		})
		if err != nil {
			t.Fatal(err)
		}
		return []dataset.Ref{ref}
	}
	stage, err := dataset.PublishStage(t.Context(), sh.store, dataset.Stage{SchemaVersion: dataset.SchemaVersion, Name: "filter", Key: strings.Repeat("ab", 32), Engine: "filter/1", Counts: dataset.Counts{In: 2, Out: 1, Dropped: 1}})
	if err != nil {
		t.Fatal(err)
	}
	recipe, err := json.Marshal(map[string]any{"name": "set", "collect": []any{map[string]any{"text": map[string]any{"root": filepath.ToSlash(root)}}}})
	if err != nil {
		t.Fatal(err)
	}
	m, err := dataset.Publish(t.Context(), sh.store, dataset.Publication{Name: "set", Recipe: string(recipe), Stages: []string{stage.Key},
		Splits: []dataset.SplitRefs{{Name: "train", Refs: blob(kept...)}}, Rejects: blob(sh.dropped)})
	if err != nil {
		t.Fatal(err)
	}
	return m.Version
}

// train puts an adapter's folder on the store.
func (sh *shelf) train(t *testing.T, version string) {
	t.Helper()
	files := map[string]string{lora.ConfigFile: "{}", lora.WeightsFile: version}
	ref := func(name string) dataset.Ref {
		sum := sha256.Sum256([]byte(files[name]))
		return dataset.Ref{SHA256: hex.EncodeToString(sum[:]), Bytes: int64(len(files[name]))}
	}
	card := activities.AdapterCard{SchemaVersion: dataset.SchemaVersion, Name: "set", Version: version, Dataset: "set@" + sh.version, Base: activities.BaseCard{Name: "tiny", SHA256: strings.Repeat("5a", 32)},
		LoRA: lora.Options{}.WithDefaults(), Stage: strings.Repeat("7e", 32), Metrics: map[string]any{"steps": 20, "loss": 1.5}, Adapter: activities.Adapter{Weights: ref(lora.WeightsFile), Config: ref(lora.ConfigFile)}}
	b, err := json.Marshal(card)
	if err != nil {
		t.Fatal(err)
	}
	files["temper.json"] = string(b)
	for name, body := range files {
		if _, err := sh.store.Put(t.Context(), activities.AdapterDir("set", version)+name, strings.NewReader(body), int64(len(body))); err != nil {
			t.Fatal(err)
		}
	}
}

// run runs a command and returns what it printed.
func (sh *shelf) run(t *testing.T, c interface{ Run(*app) error }) string {
	t.Helper()
	sh.out.Reset()
	if err := c.Run(sh.app); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(sh.out.String(), "\x1b") {
		t.Errorf("%T lets a row steer the terminal: %q", c, sh.out.String())
	}
	return sh.out.String()
}

// says fails unless text has every one of want.
func says(t *testing.T, text string, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(text, w) {
			t.Errorf("%q is not in:\n%s", w, text)
		}
	}
}

func (sh *shelf) data(name string) oneDataset {
	return oneDataset{Dataset: name, storeFlags: sh.storeFlags}
}
func (sh *shelf) adapter(name string) oneAdapter {
	return oneAdapter{Adapter: name, storeFlags: sh.storeFlags}
}

// TestDataCommands: what is published is listed, shown and summed up, and what was changed is found.
func TestDataCommands(t *testing.T) {
	sh := newShelf(t)
	says(t, sh.run(t, &dataLs{storeFlags: sh.storeFlags}), "set", sh.version, "train 1")
	says(t, sh.run(t, &dataShow{oneDataset: sh.data("set"), Split: "train", Limit: 3}), "aaaa1111", "Package one is the first.", "pkg/a.go bytes 0 to 29", "words 5", "language en")
	says(t, sh.run(t, &dataShow{oneDataset: sh.data("set"), Split: "rejects", Limit: 3}), "aaaa2222", "dropped by language: 0.31, must be >= 0.65 (ko)", "␛[31m")
	says(t, sh.run(t, &dataStats{sh.data("set")}), "DROPPED BY", "language", "100.0 %", "words", "MIT")
	says(t, sh.run(t, &dataVerify{sh.data("set@" + sh.version)}), "every digest and row count is right")
	more := sh.kept
	more.ID = "bbbb3333"
	next := sh.publish(t, t.TempDir(), sh.kept, more)
	says(t, sh.run(t, &dataDiff{oneDataset: sh.data("set@" + sh.version), Other: "set@" + next}), "1 rows: absent → kept (such as bbbb3333)")
	for _, c := range []interface{ Run(*app) error }{&dataShow{oneDataset: sh.data("set"), Split: "nope", Limit: 1}, &dataShow{oneDataset: sh.data("set"), Split: "train", Limit: -1}} {
		if err := c.Run(sh.app); !errors.Is(err, errInput) {
			t.Errorf("%+v: %v, want wrong input", c, err)
		}
	}
	if err := (&dataShow{oneDataset: sh.data("none"), Split: "train"}).Run(sh.app); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no such dataset: %v", err)
	}
}

// TestDataWhy: a row is traced to its file, its byte offset with the bytes that stand there now, and every rule's value and threshold.
func TestDataWhy(t *testing.T) {
	sh := newShelf(t)
	why := func(row string, sources ...string) string {
		return sh.run(t, &dataWhy{oneDataset: sh.data("set"), Row: row, Sources: sources})
	}
	says(t, why("aaaa1"), "aaaa1111 of set@"+sh.version, "pkg/a.go bytes 0 to 29", sh.file, "| // Package one is the first.", "gopher_quality.words", ">= 3", ">= 0.65", "0.98", "kept")
	got := why("aaaa2222")
	says(t, got, "bytes 29 to", "dropped by language: 0.31", "| // Package two is ␛[31mthe second", "DROPPED", "ko")
	if strings.Contains(got, "Package one") {
		t.Errorf("bytes of another row are shown:\n%s", got)
	}
	moved := filepath.Join(t.TempDir(), "elsewhere", "pkg")
	if err := errors.Join(os.MkdirAll(moved, 0o755), os.Rename(sh.file, filepath.Join(moved, "a.go"))); err != nil {
		t.Fatal(err)
	}
	says(t, why("aaaa1111"), "the file is not here")
	says(t, why("aaaa1111", filepath.Dir(moved)), "| // Package one is the first.")
	if err := os.WriteFile(filepath.Join(moved, "a.go"), []byte("other bytes that are long enough to read from"), 0o644); err != nil {
		t.Fatal(err)
	}
	says(t, why("aaaa1111", filepath.Dir(moved)), "has changed since it was read")
	for _, row := range []string{"zzzz", "aaaa"} {
		if err := (&dataWhy{oneDataset: sh.data("set"), Row: row}).Run(sh.app); !errors.Is(err, errInput) {
			t.Errorf("row %s: %v, want wrong input", row, err)
		}
	}
}

// TestTraceCompressed: offsets are of the text, whatever form the file has; a long stretch is cut and says so.
func TestTraceCompressed(t *testing.T) {
	text := strings.Repeat("0123456789", 1000)
	dir := t.TempDir()
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Close(), os.WriteFile(filepath.Join(dir, "a.jsonl.gz"), packed.Bytes(), 0o644)); err != nil {
		t.Fatal(err)
	}
	got, err := traced(t.Context(), sources{}, dataset.Source{URI: "a.jsonl.gz", Offset: 1234, Length: 5000}, "", []string{dir})
	if err != nil || got.Bytes != text[1234:1234+maxTraced] || got.Left != 5000-maxTraced {
		t.Errorf("%d bytes, %d left, %v", len(got.Bytes), got.Left, err)
	}
}

// TestTraceRow: a row of a Parquet file is shown as JSON, whichever row group it is in.
func TestTraceRow(t *testing.T) {
	type row struct {
		Text string `parquet:"text"`
	}
	dir := t.TempDir()
	var file bytes.Buffer
	w := parquet.NewGenericWriter[row](&file, parquet.MaxRowsPerRowGroup(3))
	for i := range 10 {
		if _, err := w.Write([]row{{fmt.Sprint("row ", i+1)}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), os.WriteFile(filepath.Join(dir, "a.parquet"), file.Bytes(), 0o644)); err != nil {
		t.Fatal(err)
	}
	for n := int64(1); n <= 11; n++ {
		got, err := traced(t.Context(), sources{}, dataset.Source{URI: "a.parquet", Row: n}, "", []string{dir})
		want, note := fmt.Sprintf(`{"text":"row %d"}`, n), ""
		if n == 11 {
			want, note = "", "the file has no row 11"
		}
		if err != nil || got.Bytes != want || got.Note != note {
			t.Errorf("row %d: %+v, %v", n, got, err)
		}
	}
}

// TestTraceArchive: the place in a compressed web archive is that of a member, which is shown unpacked.
func TestTraceArchive(t *testing.T) {
	dir := t.TempDir()
	var packed bytes.Buffer
	at := 0
	for _, record := range []string{"WARC/1.0 the first", "WARC/1.0 " + strings.Repeat("the second", 1000)} {
		at = packed.Len()
		w := gzip.NewWriter(&packed)
		if _, err := io.WriteString(w, record); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "a.warc.gz"), packed.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	got, err := traced(t.Context(), sources{}, dataset.Source{URI: "a.warc.gz", Offset: int64(at), Length: int64(packed.Len() - at)}, "", []string{dir})
	if err != nil || !strings.HasPrefix(got.Bytes, "WARC/1.0 the second") || got.Left != 10_009-maxTraced {
		t.Errorf("%.40q, %d left, %v", got.Bytes, got.Left, err)
	}
}

// TestAdapterCommands: versions are listed with their aliases, promoted, rolled back, exported whole, and traced to dataset and recipe.
func TestAdapterCommands(t *testing.T) {
	sh := newShelf(t)
	sh.train(t, "ba9876543210")
	if err := (&adapterShow{sh.adapter("set")}).Run(sh.app); !errors.Is(err, errInput) {
		t.Errorf("no champion: %v", err)
	}
	says(t, sh.run(t, &adapterPromote{sh.adapter("set@0123456789ab")}), "champion 0123456789ab")
	says(t, sh.run(t, &adapterPromote{sh.adapter("set@ba9876543210")}), "champion ba9876543210, previous 0123456789ab")
	says(t, sh.run(t, &adapterLs{storeFlags: sh.storeFlags}), "0123456789ab", "champion", "previous", "1.5000")
	says(t, sh.run(t, &adapterShow{sh.adapter("set")}), "set@ba9876543210", "champion", "rank 16", "steps", "20")
	says(t, sh.run(t, &adapterRollback{sh.adapter("set")}), "champion 0123456789ab, previous ba9876543210")
	got := sh.run(t, &adapterWhy{sh.adapter("set")})
	says(t, got, "set@0123456789ab", "set@"+sh.version, "filter/1", "root: ", "pkg/a.go", "datasets/set/"+sh.version+"/manifest.json")
	var why struct {
		Sources []sourceFile
		Recipe  struct{ Name string }
	}
	c := &adapterWhy{sh.adapter("set")}
	c.JSON = true
	if err := json.Unmarshal([]byte(sh.run(t, c)), &why); err != nil || len(why.Sources) != 1 || why.Sources[0].Rows != 1 || why.Recipe.Name != "set" {
		t.Errorf("%+v, %v", why, err)
	}
	for name, c := range map[string]interface{ Run(*app) error }{
		"promote without a version": &adapterPromote{sh.adapter("set")}, "roll back to a version": &adapterRollback{sh.adapter("set@0123456789ab")},
		"roll back what has no champion": &adapterRollback{sh.adapter("other")}} {
		if err := c.Run(sh.app); !errors.Is(err, errInput) {
			t.Errorf("%s: %v, want wrong input", name, err)
		}
	}
	if err := (&adapterPromote{sh.adapter("set@000000000000")}).Run(sh.app); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("promote what is not there: %v", err)
	}
}

// TestExportRefuses: an export that cannot be read again leaves nothing behind, and --force replaces adapters only.
func TestExportRefuses(t *testing.T) {
	sh := newShelf(t)
	parent := t.TempDir()
	out := filepath.Join(parent, "out")
	c := &adapterExport{oneAdapter: sh.adapter("set@0123456789ab"), Out: out}
	if err := c.Run(sh.app); err == nil || !strings.Contains(err.Error(), "cannot be read again") {
		t.Errorf("weights that are none: %v", err)
	}
	if left, err := os.ReadDir(parent); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	key := activities.AdapterDir("set", "0123456789ab") + lora.WeightsFile
	if _, err := sh.store.Put(t.Context(), key, strings.NewReader("other"), 5); err != nil {
		t.Fatal(err)
	}
	if err := c.Run(sh.app); !errors.Is(err, dataset.ErrMalformed) {
		t.Errorf("weights that were changed: %v", err)
	}
	if err := os.MkdirAll(filepath.Join(out, "mine"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, force := range []bool{false, true} {
		c.Force = force
		if err := c.Run(sh.app); !errors.Is(err, errInput) {
			t.Errorf("force %v onto a folder of other things: %v", force, err)
		}
	}
	if entries, err := os.ReadDir(out); err != nil || !slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() == "mine" }) {
		t.Errorf("%s", fmt.Sprint("the folder was touched: ", entries, err))
	}
}
