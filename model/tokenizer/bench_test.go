//go:build unix

package tokenizer

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// goText is about size bytes of Go's own sources and notes, file by file: text that every machine with Go has.
func goText(b *testing.B, size int) (texts []string) {
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		b.Skipf("go is not at hand: %v", err)
	}
	err = filepath.WalkDir(strings.TrimSpace(string(root)), func(path string, d fs.DirEntry, err error) error {
		if err != nil || size <= 0 {
			return err
		}
		if ext := filepath.Ext(path); d.IsDir() || ext != ".go" && ext != ".md" && ext != ".html" {
			return nil
		}
		text, err := os.ReadFile(path)
		if len(text) > 0 {
			texts = append(texts, string(text))
			size -= len(text)
		}
		return err
	})
	if err != nil || len(texts) == 0 {
		b.Skipf("Go's sources are not at hand: %v", err)
	}
	return texts
}

// cpu is the processor time that this process has had, in seconds: on a machine with other work a steadier measure than time.
func cpu(b *testing.B) float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}

// languages is sentences of many languages, a text each.
func languages(b *testing.B, dir string) (texts []string) {
	files, err := filepath.Glob(filepath.Join(dir, "langid", "*.txt"))
	if err != nil || len(files) == 0 {
		b.Skipf("the sentences of many languages are not at hand: %v", err)
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			b.Fatal(err)
		}
		texts = append(texts, strings.Split(string(text), "\n")...)
	}
	return texts
}

// BenchmarkEncode is bytes of text a second, by vocabulary and kind of text.
func BenchmarkEncode(b *testing.B) {
	dir := shared(b)
	for name, open := range map[string]func() *Tokenizer{
		"SmolLM2": func() *Tokenizer { return load(b, filepath.Join(dir, "models", "SmolLM2-135M-Instruct.Q4_1.gguf")) },
		"Qwen3": func() *Tokenizer {
			tok, err := FromHF(filepath.Join(dir, "tokenizers", "qwen3"))
			if err != nil {
				b.Fatal(err)
			}
			return tok
		},
		"Llama2": func() *Tokenizer { return load(b, filepath.Join(dir, "gguf-vocab", "ggml-vocab-llama-spm.gguf")) },
	} {
		prose, err := os.ReadFile(filepath.Join(dir, "sentencepiece", "botchan.txt"))
		if err != nil {
			b.Fatal(err)
		}
		for kind, texts := range map[string][]string{"code": goText(b, 8<<20), "prose": strings.SplitAfter(string(prose), "\n\n"), "languages": languages(b, dir)} {
			b.Run(name+"/"+kind, func(b *testing.B) {
				tok, size, tokens := open(), 0, 0
				for _, text := range texts {
					size += len(text)
				}
				b.SetBytes(int64(size))
				b.ReportAllocs()
				from := cpu(b)
				for b.Loop() {
					tokens = 0
					for _, text := range texts {
						tokens += len(tok.Encode(text, false))
					}
				}
				b.ReportMetric(float64(size)*float64(b.N)/1e6/(cpu(b)-from), "MB/cpu-s")
				b.ReportMetric(float64(size)/float64(tokens), "bytes/token")
			})
		}
	}
}

// BenchmarkLoad is the time from a tokenizer.json to the first token.
func BenchmarkLoad(b *testing.B) {
	dir := filepath.Join(shared(b), "tokenizers", "qwen3")
	b.ReportAllocs()
	from := cpu(b)
	for b.Loop() {
		tok, err := FromHF(dir)
		if err != nil {
			b.Fatal(err)
		}
		tok.Encode("a", false)
	}
	b.ReportMetric((cpu(b)-from)/float64(b.N), "cpu-s/op")
}
