package model

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"

	"temper/dataset"
	"temper/internal/gguf"
	"temper/model/chat"
	"temper/model/tokenizer"
)

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
	if err := m.load(weights{find: f.Tensor, names: ggufNames}); err != nil {
		return err
	}
	if m.Tokenizer, err = tokenizer.FromGGUF(f); err != nil {
		return err
	}
	template, _ := f.String("tokenizer.chat_template")
	return m.setChat(template)
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
