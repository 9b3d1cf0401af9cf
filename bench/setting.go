package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"temper/dataset"
)

// Training is measured on windows of sequence tokens, one a step.
const (
	sequence = 512
	warmup   = 2 // steps that do not count
	steps    = 7
	threads  = 2
)

// A setting is what the measurements share.
type setting struct {
	dir    string
	temper string          // the binary
	self   string          // this program
	python string          // of the peers; "" where there is none
	base   string          // path of the GGUF file
	ids    string          // path of the token stream that the trainers read
	code   text            // sources and notes
	prose  text            // pages made of sentences in them
	pages  string          // folder of the pages whose main texts are known; "" where there is none
	qwen   string          // folder of Qwen3's tokenizer.json; "" where there is none
	has    map[string]bool // Python's modules that are not in every environment
}

// newSetting finds the programs and the base model, makes the texts, and writes the token stream.
func newSetting(ctx context.Context, dir, temper, base string) (*setting, error) {
	s := &setting{dir: dir, temper: temper, base: base, ids: filepath.Join(dir, "ids.i32"), has: map[string]bool{}}
	var err error
	if s.self, err = os.Executable(); err != nil {
		return nil, err
	}
	out, err := output(ctx, filepath.FromSlash("interop/setup"), "--if-there")
	if err != nil {
		return nil, err
	}
	s.python = strings.TrimSpace(string(out))
	if _, err := os.Stat(base); err != nil {
		if out, err = output(ctx, temper, "model", "pull", base); err != nil {
			return nil, err
		}
		s.base = strings.TrimSpace(string(out))
	}
	for _, module := range []string{"ftfy", "trafilatura"} {
		if s.python != "" {
			_, err := output(ctx, s.python, "-c", "import "+module)
			s.has[module] = err == nil
		}
	}
	s.pages, s.qwen = shared("html-extract"), shared("tokenizers/qwen3")
	if s.code, s.prose, err = newTexts(ctx, dir, s.python); err != nil {
		return nil, err
	}
	if err := s.writeRows(ctx); err != nil {
		return nil, err
	}
	texts, err := readTexts(s.code.sample)
	if err != nil {
		return nil, err
	}
	return s, s.writeIDs(ctx, texts)
}

// shared is the path of data that is not in the repository, or "" where it is not there.
func shared(name string) string {
	path := filepath.Join(cmp.Or(os.Getenv("TEMPER_SHARED"), filepath.Join("..", "shared", "data")), filepath.FromSlash(name))
	if _, err := os.Stat(path); err != nil {
		return ""
	}
	return path
}

// writeIDs writes as many token ids of the texts as the trainers need.
func (s *setting) writeIDs(ctx context.Context, texts []dataset.Record) error {
	lines := filepath.Join(s.dir, "head.jsonl")
	f, err := os.Create(lines)
	if err != nil {
		return err
	}
	defer f.Close()
	enc := json.NewEncoder(f)
	for n, i := 0, 0; i < len(texts) && n < steps*sequence*16; i++ { // a token is hardly ever longer than 16 bytes
		n += len(texts[i].Text)
		if err := enc.Encode(map[string]string{"text": texts[i].Text}); err != nil {
			return err
		}
	}
	out, err := output(ctx, s.temper, "tokenize", "--base", s.base, "--ids", lines)
	if err != nil {
		return err
	}
	var stream []byte
	for line := range bytes.Lines(out) {
		var ids []int32
		if err := json.Unmarshal(line, &ids); err != nil {
			return fmt.Errorf("tokenize --ids: %w", err)
		}
		for _, id := range ids {
			stream = binary.LittleEndian.AppendUint32(stream, uint32(id))
		}
	}
	if len(stream) < steps*sequence*4 {
		return fmt.Errorf("%d tokens in %d texts; training needs %d", len(stream)/4, len(texts), steps*sequence)
	}
	return os.WriteFile(s.ids, stream[:steps*sequence*4], 0o644)
}

// readTexts reads the texts of a JSONL file.
func readTexts(path string) ([]dataset.Record, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var recs []dataset.Record
	for rec, err := range dataset.ReadJSONL(bufio.NewReader(f), dataset.Source{URI: path}, nil) {
		if err != nil {
			return nil, err
		}
		if rec.Text != "" {
			recs = append(recs, rec)
		}
	}
	return recs, nil
}

// output runs a command and returns what it prints; an error says what it said.
func output(ctx context.Context, name string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, said.Bytes())
	}
	return out, nil
}
