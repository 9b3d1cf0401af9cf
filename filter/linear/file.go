package linear

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"github.com/klauspost/compress/zstd"
)

// format names the form of a model's file.
const format = "temper-linear/1"

// A file is a model as JSON: its weights as bytes, compressed by zstd, in base 64. It is text, so that a recipe can hold it.
type file struct {
	Format  string `json:"format"`
	Bits    int    `json:"bits"`
	Model          // scale, bias and fit
	Weights string `json:"weights"`
}

// ErrModel means that a text is no model.
var ErrModel = errors.New("is no model of temper filter train")

// Encode returns the model's file.
func (m *Model) Encode() ([]byte, error) {
	w, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedBestCompression))
	if err != nil {
		return nil, err
	}
	raw := make([]byte, len(m.Weights))
	for i, v := range m.Weights {
		raw[i] = byte(v)
	}
	b, err := json.Marshal(file{Format: format, Bits: Bits, Model: *m, Weights: base64.StdEncoding.EncodeToString(w.EncodeAll(raw, nil))})
	return append(b, '\n'), err
}

// Decode reads a model's file.
func Decode(b []byte) (*Model, error) {
	var f file
	if err := json.Unmarshal(b, &f); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrModel, err)
	}
	if f.Format != format || f.Bits != Bits {
		return nil, fmt.Errorf("%w: it says format %q with %d bits, not %s with %d", ErrModel, f.Format, f.Bits, format, Bits)
	}
	packed, err := base64.StdEncoding.DecodeString(f.Weights)
	if err != nil {
		return nil, fmt.Errorf("%w: weights: %w", ErrModel, err)
	}
	r, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(1<<20))
	if err != nil {
		return nil, err
	}
	defer r.Close()
	raw, err := r.DecodeAll(packed, nil)
	if err != nil {
		return nil, fmt.Errorf("%w: weights: %w", ErrModel, err)
	}
	if len(raw) != buckets || math.IsNaN(f.Scale) || f.Scale <= 0 {
		return nil, fmt.Errorf("%w: %d weights of scale %v", ErrModel, len(raw), f.Scale)
	}
	m := f.Model
	m.Weights = make([]int8, len(raw))
	for i, v := range raw {
		m.Weights[i] = int8(v)
	}
	return &m, nil
}
