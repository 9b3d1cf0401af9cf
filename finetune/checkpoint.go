package finetune

import (
	"bytes"
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
	value, m, v []float32 // the trained values and their moments, in the order the trainer keeps them
	like        *params   // to read value by; nil in one that was read from bytes
}

// State is the small part of a checkpoint.
type State struct {
	Version int    `json:"version"`
	Step    int    `json:"step"` // done
	Steps   int    `json:"steps"`
	Tokens  int64  `json:"tokens"` // read
	Job     string `json:"job"`    // digest of base, start, tokens and options
	SHA256  string `json:"sha256"` // of the values and moments
}

const checkpointVersion = 1

// jobDigest is a SHA-256 over what the result depends on. Threads, memory and when to save do not take part.
func (t *trainer) jobDigest() string {
	o := t.o
	o.Threads, o.Memory, o.SaveEvery, o.EvalEvery, o.Checkpointing = 0, 0, 0, 0, ""
	h := sha256.New()
	e := json.NewEncoder(h)
	e.Encode(o)
	e.Encode([]any{t.Base.Digest, t.Adapter.Rank, t.Adapter.Scale(), t.Adapter.Dropout, t.InOrder, t.Tokens.digest()})
	for _, p := range t.Adapter.Pairs {
		e.Encode(p.Module)
	}
	h.Write(bytesOf(t.network.params.value))
	return hex.EncodeToString(h.Sum(nil))
}

// checkpoint is the run as it stands. It shares the trainer's memory.
func (t *trainer) checkpoint() *Checkpoint {
	return &Checkpoint{
		State: State{Version: checkpointVersion, Step: t.step, Steps: t.total, Tokens: t.tokens, Job: t.digest},
		value: t.network.params.value, m: t.solver.M, v: t.solver.V, like: t.network.params,
	}
}

// restore goes on from c.
func (t *trainer) restore(c *Checkpoint) error {
	switch n := len(t.network.params.value); {
	case c.Job != t.digest:
		return fmt.Errorf("checkpoint of step %d is of another run: base, adapter, tokens or options differ", c.Step)
	case len(c.value) != n || len(c.m) != n || len(c.v) != n || c.Step < 0 || c.Step > t.total:
		return fmt.Errorf("checkpoint of step %d of %d with %d values; the run has %d steps and %d values: %w", c.Step, c.Steps, len(c.value), t.total, n, dataset.ErrMalformed)
	}
	copy(t.network.params.value, c.value)
	copy(t.solver.M, c.m)
	copy(t.solver.V, c.v)
	t.step, t.tokens, t.solver.Steps = c.Step, c.Tokens, c.Step
	return nil
}

// Adapter is the adapter as it stands. It fails on a checkpoint that was read from bytes: resume it instead.
func (c *Checkpoint) Adapter() (*lora.Adapter, error) {
	if c.like == nil {
		return nil, fmt.Errorf("checkpoint of step %d is not bound to a base: resume it", c.Step)
	}
	return c.like.adapter(c.value)
}

// A checkpoint's file is: magic, length of the state (uint32), the state as JSON, number of values (uint64), values, first
// moments, second moments (float32); all little-endian.
const magic = "TEMPERC1"

// WriteTo writes the checkpoint as one file. The same checkpoint gives the same bytes.
func (c *Checkpoint) WriteTo(w io.Writer) (int64, error) {
	h := sha256.New()
	for _, x := range [][]float32{c.value, c.m, c.v} {
		h.Write(bytesOf(x))
	}
	state := c.State
	state.SHA256 = hex.EncodeToString(h.Sum(nil))
	head, err := json.Marshal(state)
	if err != nil {
		return 0, err
	}
	b := append([]byte(magic), le32(len(head))...)
	b = append(append(b, head...), le64(len(c.value))...)
	var n int64
	for _, part := range [][]byte{b, bytesOf(c.value), bytesOf(c.m), bytesOf(c.v)} {
		k, err := w.Write(part)
		n += int64(k)
		if err != nil {
			return n, fmt.Errorf("write checkpoint of step %d: %w", c.Step, err)
		}
	}
	return n, nil
}

// ReadCheckpoint reads what WriteTo wrote. Anything else is dataset.ErrMalformed.
func ReadCheckpoint(b []byte) (*Checkpoint, error) {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("checkpoint: "+format+": %w", append(args, dataset.ErrMalformed)...)
	}
	rest, ok := bytes.CutPrefix(b, []byte(magic))
	if !ok || len(rest) < 4 {
		return nil, bad("%d bytes do not start as one", len(b))
	}
	n := int64(uint32of(rest))
	if rest = rest[4:]; n+8 > int64(len(rest)) {
		return nil, bad("state of %d bytes in a file of %d", n, len(b))
	}
	c := &Checkpoint{}
	if err := json.Unmarshal(rest[:n], &c.State); err != nil {
		return nil, bad("state: %v", err)
	}
	if c.Version != checkpointVersion {
		return nil, bad("version %d, this build reads %d", c.Version, checkpointVersion)
	}
	values := uint64of(rest[n:])
	if rest = rest[n+8:]; len(rest)%12 != 0 || values != uint64(len(rest)/12) {
		return nil, bad("%d bytes for %d values with two moments", len(rest), values)
	}
	sum := sha256.Sum256(rest)
	if hex.EncodeToString(sum[:]) != c.SHA256 {
		return nil, bad("the values of step %d are not those of its digest", c.Step)
	}
	all := floatsOf(rest)
	k := int(values)
	c.value, c.m, c.v = slices.Clip(all[:k]), slices.Clip(all[k:2*k]), all[2*k:]
	return c, nil
}
