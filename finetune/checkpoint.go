package finetune

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"temper/dataset"
	"temper/lora"
)

// A Checkpoint is a run between two steps: what is needed to go on as if it had never stopped.
type Checkpoint struct {
	State
	floats [][]float32 // the trained values, in the order the trainer keeps them; those of the best evaluation, which may be empty; the optimizer's
	codes  [][]byte    // the optimizer's state in bytes
	like   *params     // to read values by; nil in one that was opened
	file   *opened     // where the arrays are instead, in one that was opened
}

// State is the small part of a checkpoint.
type State struct {
	Version int    `json:"version"`
	Step    int    `json:"step"` // done
	Steps   int    `json:"steps"`
	Tokens  int64  `json:"tokens"` // read
	Job     string `json:"job"`    // digest of base, start, tokens and options
	Watch   watch  `json:"watch"`
	Best    best   `json:"best"`
	Floats  []int  `json:"floats"` // lengths of the arrays of float32
	Codes   []int  `json:"codes"`  // lengths of the arrays of bytes
}

const checkpointVersion = 2

// jobDigest is a SHA-256 over what the result depends on. Threads, memory and when to save do not take part.
func (t *trainer) jobDigest() string {
	o := t.o
	o.Threads, o.Memory, o.SaveEvery, o.Checkpointing = 0, 0, 0, ""
	if o.Patience == 0 {
		o.EvalEvery = 0
	}
	h := sha256.New()
	e := json.NewEncoder(h)
	e.Encode(o)
	e.Encode([]any{t.Base.Digest, t.Adapter.Rank, t.Adapter.Scale(), t.Adapter.Dropout, t.InOrder, t.Tokens.digest()})
	if o.Patience > 0 {
		e.Encode(t.Eval.digest())
	}
	for _, p := range t.Adapter.Pairs {
		e.Encode([]any{p.Module, p.Rank(), t.Adapter.ScaleOf(p)})
	}
	for _, s := range t.Adapter.Saved {
		e.Encode(s.Module)
	}
	h.Write(bytesOf(t.network.params.value))
	return hex.EncodeToString(h.Sum(nil))
}

// arrays are the trainer's own: what is copied into them is restored.
func (t *trainer) arrays() (floats [][]float32, codes [][]byte) {
	moments, codes := t.solver.State()
	return append([][]float32{t.network.params.value, t.bestValue}, moments...), codes
}

// checkpoint is the run as it stands. It shares the trainer's memory.
func (t *trainer) checkpoint() *Checkpoint {
	c := &Checkpoint{like: t.network.params}
	c.floats, c.codes = t.arrays()
	c.State = State{Version: checkpointVersion, Step: t.step, Steps: t.total, Tokens: t.tokens, Job: t.digest, Watch: t.watch, Best: t.best,
		Floats: lengths(c.floats), Codes: lengths(c.codes)}
	return c
}

func lengths[T any](all [][]T) []int {
	out := make([]int, len(all))
	for i, x := range all {
		out[i] = len(x)
	}
	return out
}

// restore goes on from c.
func (t *trainer) restore(c *Checkpoint) error {
	floats, codes := t.arrays()
	switch {
	case c.Job != t.digest:
		return fmt.Errorf("checkpoint of step %d is of another run: base, adapter, tokens or options differ", c.Step)
	case !slices.Equal(c.Floats, lengths(floats)) || !slices.Equal(c.Codes, lengths(codes)) || c.Step < 0 || c.Step > t.total || c.Watch.Skipped > c.Step:
		return fmt.Errorf("checkpoint of step %d of %d with arrays of %v and %v; the run has %d steps and arrays of %v and %v: %w",
			c.Step, c.Steps, c.Floats, c.Codes, t.total, lengths(floats), lengths(codes), dataset.ErrMalformed)
	}
	if err := c.into(floats, codes); err != nil {
		return err
	}
	t.network.params.lengths.changed()
	t.step, t.tokens, t.watch, t.best, t.solver.Steps = c.Step, c.Tokens, c.Watch, c.Best, c.Step-c.Watch.Skipped
	return nil
}

// Adapter is the adapter as it stands. It fails on a checkpoint that was opened: resume it instead.
func (c *Checkpoint) Adapter() (*lora.Adapter, error) {
	if c.like == nil {
		return nil, fmt.Errorf("checkpoint of step %d is not bound to a base: resume it", c.Step)
	}
	return c.like.adapter(c.floats[0])
}

// A checkpoint's file is: magic, length of the state (uint32), the state as JSON, the arrays of float32, the arrays of bytes, and the
// SHA-256 of all that; little-endian.
const magic = "TEMPERC2"

// WriteTo writes the checkpoint as one file. The same checkpoint gives the same bytes.
func (c *Checkpoint) WriteTo(w io.Writer) (int64, error) {
	if c.file != nil {
		return io.Copy(w, io.NewSectionReader(c.file.r, 0, c.file.size))
	}
	head, err := json.Marshal(c.State)
	if err != nil {
		return 0, err
	}
	var n int64
	h := sha256.New()
	write := func(part []byte) {
		if err == nil {
			h.Write(part)
			var k int
			k, err = w.Write(part)
			n += int64(k)
		}
	}
	write(append(append([]byte(magic), le32(len(head))...), head...))
	for _, x := range c.floats {
		write(bytesOf(x))
	}
	for _, x := range c.codes {
		write(x)
	}
	write(h.Sum(nil))
	if err != nil {
		return n, fmt.Errorf("write checkpoint of step %d: %w", c.Step, err)
	}
	return n, nil
}
