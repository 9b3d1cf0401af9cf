package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"temper/dataset"
	"temper/finetune"
)

// A checkpointFolder holds the two newest checkpoints of a training without a server.
type checkpointFolder string

const (
	newestFile   = "newest.ckpt"
	previousFile = "previous.ckpt"
)

// begin returns the checkpoint to go on from: the newest that is whole, or nil to begin. One that is damaged is set aside and the one
// before used, which it says; where none is whole, it refuses. A folder that is there and is not resumed is somebody's unfinished
// work: it is refused unless forced.
func (d checkpointFolder) begin(resume, force bool, say io.Writer) (*finetune.Checkpoint, error) {
	if _, err := os.Stat(string(d)); err == nil && !resume && !force {
		return nil, fmt.Errorf("%s holds an unfinished training: give --resume to go on with it, or --force to begin again: %w", d, errInput)
	}
	if err := os.RemoveAll(string(d) + ".old"); err != nil { // left by a stop in remove
		return nil, err
	}
	if !resume {
		return nil, os.RemoveAll(string(d))
	}
	damaged := 0
	for _, name := range []string{newestFile, previousFile} {
		path := filepath.Join(string(d), name)
		c, err := openCheckpoint(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil && !errors.Is(err, dataset.ErrMalformed) {
			return nil, err
		}
		if err == nil {
			fmt.Fprintf(say, "going on after step %d of %d\n", c.Step, c.Steps)
			return c, nil
		}
		damaged++
		if err := os.Rename(path, path+".damaged"); err != nil {
			return nil, err
		}
		fmt.Fprintf(say, "%s is damaged and set aside as %s.damaged: %v\n", path, name, err)
	}
	if damaged > 0 {
		return nil, fmt.Errorf("no checkpoint in %s is whole: give --force instead of --resume to begin again: %w", d, errInput)
	}
	fmt.Fprintf(say, "no checkpoint in %s: beginning with step 1\n", d)
	return nil, nil
}

// openCheckpoint opens a checkpoint, which the training closes.
func openCheckpoint(path string) (*finetune.Checkpoint, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	var c *finetune.Checkpoint
	info, err := f.Stat()
	if err == nil {
		c, err = finetune.OpenCheckpoint(f, info.Size())
	}
	if err != nil {
		f.Close() //nolint:errcheck // only read
	}
	return c, err
}

// save puts a checkpoint before the newest one; a stop at any time leaves one that is whole.
func (d checkpointFolder) save(c *finetune.Checkpoint) error {
	if err := os.MkdirAll(string(d), 0o755); err != nil {
		return err
	}
	newest := filepath.Join(string(d), newestFile)
	if err := os.Rename(newest, filepath.Join(string(d), previousFile)); err != nil && !os.IsNotExist(err) {
		return err
	}
	return place(newest, func(w io.Writer) error {
		_, err := c.WriteTo(w)
		return err
	})
}

// remove takes the folder away at once: no part of it is left to be resumed.
func (d checkpointFolder) remove() error {
	old := string(d) + ".old"
	if err := os.Rename(string(d), old); err != nil {
		return err
	}
	return os.RemoveAll(old)
}
