package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"temper/activities"
	"temper/model"
	"temper/model/convert"
)

// formVersion is part of the names that bases in other forms are kept under: a change of their bytes is a change of it.
const formVersion = 1

// baseIn returns the path of a base in another form. It is made once and kept in the cache folder; what that changed is said each time.
func (a *app) baseIn(name, form string) (string, error) {
	to, err := convert.ParseTarget(form)
	if err != nil {
		return "", fmt.Errorf("%w: %w", err, errInput)
	}
	from, err := a.findBase(name)
	if err != nil {
		return "", err
	}
	cache, err := cacheFolder()
	if err != nil {
		return "", err
	}
	m, err := model.Open(from)
	if err != nil {
		return "", err
	}
	defer m.Close() //nolint:errcheck // only read
	made := activities.Form{To: form, Of: m.Digest}
	path := filepath.Join(cache, "models", fmt.Sprintf("%s-%s-%d", m.Digest, form, formVersion))
	note := path + ".json" // written last: with it the base is whole
	if !to.Folder() {
		path += ".gguf"
	}
	if b, err := os.ReadFile(note); err != nil || json.Unmarshal(b, &made) != nil {
		if err := a.makeForm(from, path, to, &made); err != nil {
			return "", fmt.Errorf("base %s in %s: %w", name, form, err)
		}
		b, err := json.Marshal(made)
		if err != nil {
			return "", err
		}
		if err := os.WriteFile(note, b, 0o644); err != nil {
			return "", err
		}
	}
	share := 0.0
	if made.Signal > 0 {
		share = 100 * made.RMSE / made.Signal
	}
	fmt.Fprintf(a.err, "base %s in %s: rounding changes its weights by %.3g (%.2f %% of their size), at most by %.3g\n", name, form, made.RMSE, share, made.Max)
	return path, nil
}

// makeForm converts a base, whole or not at all.
func (a *app) makeForm(from, path string, to convert.Target, made *activities.Form) error {
	source, err := convert.Open(from)
	if err != nil {
		return err
	}
	defer source.Close() //nolint:errcheck // only read
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	m := a.meter("quantize")
	defer m.end()
	progress := func(done, total int64) { m.set(done, total, "weights") }
	var changes []convert.Change
	if to.Folder() {
		changes, err = a.quantizeFolder(source, path, to, progress)
	} else {
		err = place(path, func(w io.Writer) (err error) {
			changes, err = source.ToGGUF(a.ctx, w, to, progress)
			return err
		})
	}
	total := convert.Total(changes)
	made.RMSE, made.Signal, made.Max = total.RMSE, total.Signal, total.Max
	return err
}
