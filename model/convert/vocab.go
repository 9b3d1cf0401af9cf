package convert

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"temper/dataset"
	"temper/internal/gguf"
	"temper/model"
)

// The kinds of tokens, as GGUF numbers them.
const (
	normal      = 1
	control     = 3
	userDefined = 4
	unused      = 5
)

// The expressions of Llama 3's words and of Qwen 2's.
const (
	llama3Words = `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
	qwen2Words  = `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
)

// preTokenizers are the ways to cut text into words of byte-level BPE, by GGUF's name and as tokenizer.json spells them.
var preTokenizers = map[string]any{
	"gpt-2": byteLevel(true),
	"smollm": map[string]any{"type": "Sequence", "pretokenizers": []any{
		map[string]any{"type": "Digits", "individual_digits": true}, byteLevel(true)}},
	"llama-bpe": words(llama3Words),
	"qwen2":     words(qwen2Words),
}

// byteLevel is the step that turns bytes into letters, after cutting into GPT-2's words or not.
func byteLevel(words bool) map[string]any {
	return map[string]any{"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": words}
}

// words cuts by an expression.
func words(expression string) map[string]any {
	return map[string]any{"type": "Sequence", "pretokenizers": []any{
		map[string]any{"type": "Split", "pattern": map[string]any{"Regex": expression}, "behavior": "Isolated", "invert": false}, byteLevel(false)}}
}

// An addedToken is one that is found in text before the rest is cut into words.
type addedToken struct {
	ID         int    `json:"id"`
	Content    string `json:"content"`
	SingleWord bool   `json:"single_word"`
	LStrip     bool   `json:"lstrip"`
	RStrip     bool   `json:"rstrip"`
	Normalized bool   `json:"normalized"`
	Special    bool   `json:"special"`
}

// beginning is the step that puts a token before every text.
func beginning(token string, id uint64) map[string]any {
	special := map[string]any{"SpecialToken": map[string]any{"id": token, "type_id": 0}}
	text := func(name string, kind int) map[string]any {
		return map[string]any{"Sequence": map[string]any{"id": name, "type_id": kind}}
	}
	return map[string]any{"type": "TemplateProcessing", "single": []any{special, text("A", 0)}, "pair": []any{special, text("A", 0), text("B", 1)},
		"special_tokens": map[string]any{token: map[string]any{"id": token, "ids": []uint64{id}, "tokens": []string{token}}}}
}

// writeVocabulary writes config.json, tokenizer.json and tokenizer_config.json for the byte-level BPE of a GGUF file.
func writeVocabulary(dir string, f *gguf.File, config map[string]any) error {
	kind, _ := f.String("tokenizer.ggml.model")
	pre, _ := f.String("tokenizer.ggml.pre")
	cut, ok := preTokenizers[pre]
	if kind != "gpt2" || !ok {
		return unnamed("for the tokenizer %s with the words of %q", kind, pre)
	}
	tokens, _ := f.Strings("tokenizer.ggml.tokens")
	types, _ := f.Ints("tokenizer.ggml.token_type")
	merges, _ := f.Strings("tokenizer.ggml.merges")
	vocab, added := map[string]int{}, []addedToken{}
	for i, t := range tokens {
		vocab[t] = i
		if i < len(types) && (types[i] == control || types[i] == userDefined) {
			added = append(added, addedToken{ID: i, Content: t, Special: types[i] == control})
		}
	}
	file := map[string]any{"version": "1.0", "truncation": nil, "padding": nil, "added_tokens": added, "normalizer": nil,
		"pre_tokenizer": cut, "post_processor": nil, "decoder": byteLevel(true),
		"model": map[string]any{"type": "BPE", "dropout": nil, "unk_token": nil, "continuing_subword_prefix": nil, "end_of_word_suffix": nil,
			"fuse_unk": false, "byte_fallback": false, "ignore_merges": pre == "llama-bpe", "vocab": vocab, "merges": merges}}
	if pre == "qwen2" {
		file["normalizer"] = map[string]any{"type": "NFC"}
	}
	settings := map[string]any{"tokenizer_class": "PreTrainedTokenizerFast", "clean_up_tokenization_spaces": false,
		"model_max_length": config["max_position_embeddings"]}
	if template, ok := f.String("tokenizer.chat_template"); ok {
		settings["chat_template"] = template
	}
	for _, name := range []string{"bos", "eos"} {
		if id, ok := f.Uint("tokenizer.ggml." + name + "_token_id"); ok && id < uint64(len(tokens)) {
			settings[name+"_token"], config[name+"_token_id"] = tokens[id], id
		}
	}
	if add, ok := f.Bool("tokenizer.ggml.add_bos_token"); ok {
		settings["add_bos_token"] = add
		if id, ok := config["bos_token_id"].(uint64); ok && add {
			file["post_processor"] = beginning(tokens[id], id)
		}
	}
	return errors.Join(writeJSON(filepath.Join(dir, "config.json"), config), writeJSON(filepath.Join(dir, "tokenizer.json"), file),
		writeJSON(filepath.Join(dir, "tokenizer_config.json"), settings))
}

// vocabularyFile is what is read of a tokenizer.json.
type vocabularyFile struct {
	AddedTokens  []addedToken `json:"added_tokens"`
	PreTokenizer preTokenizer `json:"pre_tokenizer"`
	Model        struct {
		Type   string            `json:"type"`
		Vocab  map[string]int    `json:"vocab"`
		Merges []json.RawMessage `json:"merges"`
	} `json:"model"`
}

// readVocabulary is the tokenizer of a folder, byte-level BPE, as metadata of a GGUF file of m, which the folder opens as.
func readVocabulary(dir string, m *model.Model) ([]gguf.Pair, error) {
	b, err := os.ReadFile(filepath.Join(dir, "tokenizer.json"))
	if err != nil {
		return nil, err
	}
	var f vocabularyFile
	if err := json.Unmarshal(b, &f); err != nil {
		return nil, fmt.Errorf("tokenizer.json: %w: %w", err, dataset.ErrMalformed)
	}
	pre, ok := f.PreTokenizer.name()
	if f.Model.Type != "BPE" || !ok {
		return nil, unnamed("for the tokenizer in tokenizer.json: %s with other words than those of GPT-2, SmolLM, Llama 3 and Qwen 2", f.Model.Type)
	}
	rows := m.Vocab
	tokens, types := make([]string, rows), make([]int32, rows)
	for i := range tokens {
		tokens[i], types[i] = fmt.Sprintf("[PAD%d]", i), unused
	}
	put := func(id int, s string, kind int32) error {
		if id < 0 || id >= rows {
			return fmt.Errorf("token %q has id %d of %d: %w", s, id, rows, dataset.ErrMalformed)
		}
		tokens[id], types[id] = s, kind
		return nil
	}
	for s, id := range f.Model.Vocab {
		if err := put(id, s, normal); err != nil {
			return nil, err
		}
	}
	for _, t := range f.AddedTokens {
		kind := int32(userDefined)
		if t.Special {
			kind = control
		}
		if err := put(t.ID, t.Content, kind); err != nil {
			return nil, err
		}
	}
	merges, err := mergeTexts(f.Model.Merges)
	if err != nil {
		return nil, err
	}
	pairs := []gguf.Pair{{Key: "tokenizer.ggml.model", Value: gguf.Text("gpt2")}, {Key: "tokenizer.ggml.pre", Value: gguf.Text(pre)},
		{Key: "tokenizer.ggml.tokens", Value: gguf.Texts(tokens)}, {Key: "tokenizer.ggml.token_type", Value: gguf.Int32s(types)},
		{Key: "tokenizer.ggml.merges", Value: gguf.Texts(merges)}}
	more, err := specials(dir, m)
	return append(pairs, more...), err
}

// A preTokenizer is what is read of one in a tokenizer.json.
type preTokenizer struct {
	Type  string         `json:"type"`
	Steps []preTokenizer `json:"pretokenizers"`

	Pattern          struct{ Regex string } `json:"pattern"`
	Behavior         string                 `json:"behavior"`
	Invert           bool                   `json:"invert"`
	IndividualDigits bool                   `json:"individual_digits"`
	AddPrefixSpace   *bool                  `json:"add_prefix_space"` // true if it is not said
	UseRegex         *bool                  `json:"use_regex"`        // likewise
}

// name is GGUF's name for a pre-tokenizer: one of preTokenizers' and no step beside.
func (p preTokenizer) name() (string, bool) {
	steps := p.Steps
	if p.Type != "Sequence" {
		steps = []preTokenizer{p}
	}
	if len(steps) == 0 || len(steps) > 2 {
		return "", false
	}
	first, last := steps[0], steps[len(steps)-1]
	if last.Type != "ByteLevel" || last.AddPrefixSpace == nil || *last.AddPrefixSpace {
		return "", false
	}
	switch cuts := last.UseRegex == nil || *last.UseRegex; {
	case len(steps) == 1:
		return "gpt-2", cuts
	case first.Type == "Digits":
		return "smollm", cuts && first.IndividualDigits
	case first.Type == "Split" && first.Behavior == "Isolated" && !first.Invert && !cuts:
		switch first.Pattern.Regex {
		case llama3Words:
			return "llama-bpe", true
		case qwen2Words:
			return "qwen2", true
		}
	}
	return "", false
}

// mergeTexts are merges as two texts with a space between.
func mergeTexts(raw []json.RawMessage) ([]string, error) {
	merges := make([]string, len(raw))
	for i, m := range raw {
		var two [2]string
		if json.Unmarshal(m, &two) == nil {
			merges[i] = two[0] + " " + two[1]
		} else if err := json.Unmarshal(m, &merges[i]); err != nil {
			return nil, fmt.Errorf("tokenizer.json: merge %d: %w: %w", i, err, dataset.ErrMalformed)
		}
	}
	return merges, nil
}

// specials are the tokens that begin and end a text, whether BOS is put before one, and the chat template.
func specials(dir string, m *model.Model) ([]gguf.Pair, error) {
	var pairs []gguf.Pair
	put := func(key string, value []byte) {
		pairs = append(pairs, gguf.Pair{Key: "tokenizer." + key, Value: value})
	}
	if id, ok := m.Tokenizer.BOS(); ok {
		put("ggml.bos_token_id", gguf.Uint32(uint32(id)))
	}
	if id, ok := m.Tokenizer.EOS(); ok {
		put("ggml.eos_token_id", gguf.Uint32(uint32(id)))
	}
	put("ggml.add_bos_token", gguf.Bool(m.Tokenizer.AddBOS()))
	template, err := model.FolderTemplate(dir)
	if template != "" {
		put("chat_template", gguf.Text(template))
	}
	return pairs, err
}
