package tokenizer

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"temper/dataset"
)

// maxSettings is the largest tokenizer_config.json read, in bytes.
const maxSettings = 64 << 20

// hfSettings is what is read of a tokenizer_config.json.
type hfSettings struct {
	BOS    hfToken `json:"bos_token"`
	EOS    hfToken `json:"eos_token"`
	AddBOS *bool   `json:"add_bos_token"`
}

// hfToken is a token's text, written alone or as {"content": ...}; "" for null.
type hfToken string

// UnmarshalJSON reads either form.
func (t *hfToken) UnmarshalJSON(b []byte) error {
	var long struct {
		Content *string `json:"content"`
	}
	if json.Unmarshal(b, &long) == nil && long.Content != nil {
		*t = hfToken(*long.Content)
		return nil
	}
	var short *string
	if err := json.Unmarshal(b, &short); err != nil {
		return err
	}
	if short != nil {
		*t = hfToken(*short)
	}
	return nil
}

// settings sets which tokens begin and end a text from the folder's tokenizer_config.json, or else from the template.
func (t *Tokenizer) settings(dir string) error {
	var s hfSettings
	b, err := readBounded(filepath.Join(dir, "tokenizer_config.json"), maxSettings)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err == nil {
		if err := json.Unmarshal(b, &s); err != nil {
			return fmt.Errorf("tokenizer_config.json: %w: %w", dataset.ErrMalformed, err)
		}
	}
	t.ends(s)
	return nil
}

// ends sets BOS and EOS. A template that begins with BOS puts it before every text.
func (t *Tokenizer) ends(s hfSettings) {
	if id, ok := t.ids[string(s.BOS)]; ok && s.BOS != "" {
		t.bos = id
	} else if t.bos < 0 && len(t.before) > 0 {
		t.bos = t.before[0]
	}
	if id, ok := t.ids[string(s.EOS)]; ok && s.EOS != "" {
		t.eos = id
	} else if t.eos < 0 && len(t.after) > 0 {
		t.eos = t.after[len(t.after)-1]
	}
	switch {
	case len(t.before) > 0:
		t.addBOS = t.before[0] == t.bos
	case s.AddBOS != nil && t.addBOS: // of a tokenizer.model, which has no template
		t.addBOS = *s.AddBOS
	}
}
