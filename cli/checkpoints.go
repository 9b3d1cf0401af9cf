package cli

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"temper/finetune"
)

// A checkpointFolder holds the two newest checkpoints of a training without a server.
type checkpointFolder string

const (
	newestFile   = "newest.ckpt"
	previousFile = "previous.ckpt"
)

// begin returns the checkpoint to go on from: the newest that is whole, or nil without resume. A folder that is there and is not
// resumed is somebody's unfinished work: it is refused unless forced.
func (d checkpointFolder) begin(resume, force bool) (*finetune.Checkpoint, error) {
	if _, err := os.Stat(string(d)); err == nil && !resume && !force {
		return nil, fmt.Errorf("%s holds an unfinished training: give --resume to go on with it, or --force to begin again: %w", d, errInput)
	}
	if !resume {
		return nil, os.RemoveAll(string(d))
	}
	for _, name := range []string{newestFile, previousFile} {
		b, err := os.ReadFile(filepath.Join(string(d), name))
		if err != nil {
			continue // never written, or the folder is not there: from the beginning
		}
		if c, err := finetune.ReadCheckpoint(b); err == nil {
			return c, nil
		}
	}
	return nil, nil
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
