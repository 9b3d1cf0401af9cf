package model

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"

	"temper/dataset"
	"temper/internal/gguf"
	"temper/internal/quant"
	"temper/model/chat"
	"temper/model/tokenizer"
)

// ggufNames are the names of llama.cpp's conversion.
var ggufNames = names{
	embedding: "token_embd.weight", outputNorm: "output_norm.weight", head: "output.weight",
	attnNorm: "blk.%d.attn_norm.weight", ffnNorm: "blk.%d.ffn_norm.weight",
	linear: [Kinds]string{"blk.%d.attn_q.weight", "blk.%d.attn_k.weight", "blk.%d.attn_v.weight", "blk.%d.attn_output.weight",
		"blk.%d.ffn_gate.weight", "blk.%d.ffn_up.weight", "blk.%d.ffn_down.weight"},
}

// ropeFactors is the tensor with the divisors of the rotary frequencies (Llama 3's scaling).
const ropeFactors = "rope_freqs.weight"

// openGGUF reads a GGUF file, or the files of a split model, of which path is the first; the tensors alias the maps.
func openGGUF(path string) (*Model, error) {
	f, err := gguf.Open(path)
	if err != nil {
		return nil, err
	}
	m := &Model{closer: f}
	if err := m.fromGGUF(f); err != nil {
		f.Close()
		return nil, err
	}
	if m.Digest, err = filesDigest(f.Parts); err != nil {
		f.Close()
		return nil, err
	}
	return m, nil
}

func (m *Model) fromGGUF(f *gguf.File) error {
	var err error
	if m.Config, err = ggufConfig(f); err != nil {
		return err
	}
	if m.Name, _ = f.String("general.name"); m.Name == "" {
		m.Name = m.Architecture
	}
	if t, ok := f.Tensor(ropeFactors); ok {
		if t.Type != quant.F32 || t.Rows != 1 || t.Cols != m.HeadDim/2 {
			return fmt.Errorf("tensor %s is (%d, %d) of %s; it must be %d of F32: %w", ropeFactors, t.Rows, t.Cols, t.Type, m.HeadDim/2, dataset.ErrMalformed)
		}
		m.RopeFactors = make([]float32, t.Cols)
		t.Row(m.RopeFactors, 0, 0, t.Cols)
	}
	if err := m.Config.check(); err != nil {
		return err
	}
	if err := m.load(weights{find: f.Tensor, names: ggufNames}); err != nil {
		return err
	}
	if m.Tokenizer, err = tokenizer.FromGGUF(f); err != nil {
		return err
	}
	template, _ := f.String("tokenizer.chat_template")
	return m.setChat(template)
}

// ggufConfig reads the shape. What this build cannot compute is an error, never ignored.
func ggufConfig(f *gguf.File) (c Config, err error) {
	if c.Architecture, _ = f.String("general.architecture"); c.Architecture != "llama" {
		return c, fmt.Errorf("architecture is %q; this build computes llama", c.Architecture)
	}
	number := func(key string, or uint64) int {
		v, ok := f.Uint(c.Architecture + "." + key)
		if !ok {
			v = or
		}
		return int(min(v, 1<<40)) // check refuses it
	}
	c.Layers, c.Dim, c.FF = number("block_count", 0), number("embedding_length", 0), number("feed_forward_length", 0)
	c.Heads, c.Context = number("attention.head_count", 0), number("context_length", 0)
	c.KVHeads = number("attention.head_count_kv", uint64(c.Heads))
	if c.Heads > 0 {
		c.HeadDim = number("attention.key_length", uint64(c.Dim/c.Heads))
	}
	if v := number("attention.value_length", uint64(c.HeadDim)); v != c.HeadDim {
		return c, fmt.Errorf("values are %d wide and keys %d; this build computes equal widths", v, c.HeadDim)
	}
	if n := number("rope.dimension_count", uint64(c.HeadDim)); n != c.HeadDim {
		return c, fmt.Errorf("%d of %d values of a head rotate; this build rotates all", n, c.HeadDim)
	}
	if n := number("expert_count", 0); n > 0 {
		return c, fmt.Errorf("the model has %d experts; this build computes dense models", n)
	}
	if kind, ok := f.String(c.Architecture + ".rope.scaling.type"); ok && kind != "none" {
		return c, fmt.Errorf("rotary scaling is %q; this build reads %s instead", kind, ropeFactors)
	}
	embedding, ok := f.Tensor(ggufNames.embedding)
	if !ok {
		return c, fmt.Errorf("tensor %s is missing: %w", ggufNames.embedding, dataset.ErrMalformed)
	}
	c.Vocab, c.Interleaved = embedding.Rows, true
	eps, _ := f.Float(c.Architecture + ".attention.layer_norm_rms_epsilon")
	c.Eps, c.RopeBase = float32(eps), 10000
	if base, ok := f.Float(c.Architecture + ".rope.freq_base"); ok {
		c.RopeBase = base
	}
	return c, nil
}

// setChat makes the model's chat, with its own template or the default one for "".
func (m *Model) setChat(template string) error {
	t := m.Tokenizer
	if t.Len() > m.Vocab {
		return fmt.Errorf("the tokenizer has %d tokens, the embedding %d: %w", t.Len(), m.Vocab, dataset.ErrMalformed)
	}
	if template == "" {
		template = chat.Default
	}
	text := func(id int32, ok bool) string {
		if !ok {
			return ""
		}
		return t.Token(id)
	}
	var err error
	m.Chat, err = chat.New(t, template, text(t.BOS()), text(t.EOS()))
	return err
}

// filesDigest is the SHA-256 of a file, in hex, or of a split model over the digests of its files.
func filesDigest(paths []string) (string, error) {
	if len(paths) == 1 {
		return fileDigest(paths[0])
	}
	h := sha256.New()
	for _, p := range paths {
		d, err := fileDigest(p)
		if err != nil {
			return "", err
		}
		fmt.Fprintln(h, d)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// fileDigest is the SHA-256 of a file, in hex.
func fileDigest(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", fmt.Errorf("read %s: %w", path, err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
