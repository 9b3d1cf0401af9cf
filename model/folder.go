package model

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"temper/dataset"
	"temper/internal/quant"
	"temper/internal/safetensors"
	"temper/model/tokenizer"
)

// openFolder reads config.json, the safetensors files and, where there is one, tokenizer.json or tokenizer.model.
func openFolder(dir string) (*Model, error) {
	b, err := readSmall(filepath.Join(dir, "config.json"))
	if err != nil {
		return nil, err
	}
	var hf folderConfig
	if err := json.Unmarshal(b, &hf); err != nil {
		return nil, fmt.Errorf("config.json: %w: %w", err, dataset.ErrMalformed)
	}
	m := &Model{Name: hf.Name}
	if m.Name == "" {
		m.Name = filepath.Base(dir)
	}
	if m.Config, err = hf.config(); err != nil {
		return nil, fmt.Errorf("config.json: %w", err)
	}
	w, err := safetensors.OpenDir(dir)
	if err != nil {
		return nil, err
	}
	m.closer = w
	if err := m.fromFolder(dir, w, m.Config.Tied); err != nil {
		w.Close()
		return nil, err
	}
	return m, nil
}

func (m *Model) fromFolder(dir string, w *safetensors.File, tied bool) error {
	var broken error
	names := folderNames(m.Architecture)
	find := func(name string) (*quant.Tensor, bool) {
		if tied && name == names.head {
			return nil, false // a copy of the embedding that some writers add
		}
		q, ok, err := w.Matrix(name)
		broken = errors.Join(broken, err)
		return q, ok && err == nil
	}
	err := m.load(weights{find: find, names: names, plus: normOffset(m.Architecture)})
	if broken != nil {
		return broken
	}
	if err == nil && m.Tied != tied {
		err = fmt.Errorf("tensor %s is missing: %w", names.head, dataset.ErrMalformed)
	}
	if err != nil {
		return err
	}
	if m.Digest, err = folderDigest(dir); err != nil {
		return err
	}
	if m.Tokenizer, err = tokenizer.FromHF(dir); errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	template, err := FolderTemplate(dir)
	if err != nil {
		return err
	}
	return m.setChat(template)
}

// FolderTemplate finds a folder's chat template: chat_template.jinja, or the one in tokenizer_config.json, "" for none.
func FolderTemplate(dir string) (string, error) {
	b, err := readSmall(filepath.Join(dir, "chat_template.jinja"))
	if err == nil {
		return string(b), nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	b, err = readSmall(filepath.Join(dir, "tokenizer_config.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	var c struct {
		Template json.RawMessage `json:"chat_template"`
	}
	if err := json.Unmarshal(b, &c); err != nil {
		return "", fmt.Errorf("tokenizer_config.json: %w: %w", err, dataset.ErrMalformed)
	}
	var one string
	if len(c.Template) == 0 || json.Unmarshal(c.Template, &one) == nil {
		return one, nil
	}
	var many []struct{ Name, Template string }
	if err := json.Unmarshal(c.Template, &many); err != nil {
		return "", fmt.Errorf("tokenizer_config.json: chat_template: %w: %w", err, dataset.ErrMalformed)
	}
	for _, t := range many {
		if t.Name == "default" {
			return t.Template, nil
		}
	}
	return "", nil
}

// folderDigest is the SHA-256 over the names and digests of the files a model is read from.
func folderDigest(dir string) (string, error) {
	entries, err := os.ReadDir(dir) // sorted by name
	if err != nil {
		return "", err
	}
	h, spelled := sha256.New(), false
	for _, e := range entries {
		name := e.Name()
		switch ext := filepath.Ext(name); {
		case e.IsDir():
			continue
		case name == "tokenizer.model" && !spelled: // read where there is no tokenizer.json, which comes before it
		case ext != ".json" && ext != ".safetensors" && ext != ".jinja":
			continue
		}
		spelled = spelled || name == "tokenizer.json"
		d, err := fileDigest(filepath.Join(dir, name))
		if err != nil {
			return "", err
		}
		fmt.Fprintf(h, "%s %s\n", name, d)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// maxSmall bounds the configuration files that are read whole.
const maxSmall = 16 << 20

func readSmall(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxSmall {
		return nil, fmt.Errorf("%s has %d bytes; at most %d are read: %w", filepath.Base(path), info.Size(), maxSmall, dataset.ErrMalformed)
	}
	return os.ReadFile(path)
}
