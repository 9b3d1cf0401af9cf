package tokenizer

import (
	"fmt"
)

// The expressions of pre-tokenizers in wide use that scanners do by hand.
const (
	gpt2Expr   = `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
	foldedAny  = `(?i:'s|'t|'re|'ve|'m|'ll|'d)`
	spelledAny = `(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])`
	llama3Tail = `|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
	qwen2Tail  = `|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
	qwen35Tail = `|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
	cl100k     = `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+`
	tiktoken   = `'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+`
)

// scannerOf is the scanner of an expression, if there is one.
func scannerOf(expr string) (scanner, bool) {
	switch expr {
	case gpt2Expr:
		return gpt2Words{classTable: classes()}, true
	case foldedAny + llama3Tail, cl100k, tiktoken:
		return llama3Words{classes(), 3, true}, true
	case spelledAny + llama3Tail:
		return llama3Words{classes(), 3, false}, true
	case foldedAny + qwen2Tail:
		return llama3Words{classes(), 1, true}, true
	case spelledAny + qwen2Tail:
		return llama3Words{classes(), 1, false}, true
	case foldedAny + qwen35Tail:
		return llama3Words{wordClasses(), 1, true}, true
	case spelledAny + qwen35Tail:
		return llama3Words{wordClasses(), 1, false}, true
	}
	return nil, false
}

// The expressions of GGUF's named pre-tokenizers, each applied to the words of the one before, as llama.cpp has them.
var (
	gpt2Names    = []string{gpt2Expr}
	digitNames   = []string{`\p{N}`, gpt2Expr}
	llamaNames   = []string{spelledAny + llama3Tail}
	qwenNames    = []string{spelledAny + qwen2Tail}
	defaultNames = []string{"[\\p{P}\\$\\+<=>\\^~\\|]+", gpt2Expr, `\p{N}+`, `[0-9][0-9][0-9]`}
	cjk          = `[\x{4e00}-\x{9fa5}\x{800}-\x{4e00}\x{ac00}-\x{d7ff}]+`
	// cased is the letters with case, as DeepSeek's first models list them.
	cased = `[` +
		`A-Za-z\x{b5}\x{c0}-\x{d6}\x{d8}-\x{f6}\x{f8}-\x{1ba}\x{1bc}-\x{1bf}\x{1c4}-\x{293}\x{295}-\x{2af}` +
		`\x{370}-\x{373}\x{376}\x{377}\x{37b}-\x{37d}\x{37f}\x{386}\x{388}-\x{38a}\x{38c}\x{38e}-\x{3a1}\x{3a3}-\x{3f5}` +
		`\x{3f7}-\x{481}\x{48a}-\x{52f}\x{531}-\x{556}\x{10a0}-\x{10c5}\x{13a0}-\x{13f5}\x{13f8}-\x{13fd}` +
		`\x{1c90}-\x{1cba}\x{1cbd}-\x{1cbf}\x{1d00}-\x{1d2b}\x{1d6b}-\x{1d77}\x{1d79}-\x{1d9a}\x{1e00}-\x{1f15}` +
		`\x{1f18}-\x{1f1d}\x{1f20}-\x{1f45}\x{1f48}-\x{1f4d}\x{1f50}-\x{1f57}\x{1f59}\x{1f5b}\x{1f5d}\x{1f5f}-\x{1f7d}` +
		`\x{1f80}-\x{1fb4}\x{1fb6}-\x{1fbc}\x{1fbe}\x{1fc2}-\x{1fc4}\x{1fc6}-\x{1fcc}\x{1fd0}-\x{1fd3}\x{1fd6}-\x{1fdb}` +
		`\x{1fe0}-\x{1fec}\x{1ff2}-\x{1ff4}\x{1ff6}-\x{1ffc}\x{2102}\x{2107}\x{210a}-\x{2113}\x{2115}\x{2119}-\x{211d}` +
		`\x{2124}\x{2126}\x{2128}\x{212a}-\x{212d}\x{212f}-\x{2134}\x{2139}\x{213c}-\x{213f}\x{2145}-\x{2149}\x{214e}` +
		`\x{2183}\x{2184}\x{2c00}-\x{2c7b}\x{2c7e}-\x{2ce4}\x{2ceb}-\x{2cee}\x{2cf2}\x{2cf3}\x{a640}-\x{a66d}` +
		`\x{a680}-\x{a69b}\x{a722}-\x{a76f}\x{a771}-\x{a787}\x{a78b}-\x{a78e}\x{ab70}-\x{abbf}\x{fb00}-\x{fb06}` +
		`\x{fb13}-\x{fb17}\x{ff21}-\x{ff3a}\x{ff41}-\x{ff5a}\x{10400}-\x{1044f}\x{104b0}-\x{104d3}\x{104d8}-\x{104fb}` +
		`\x{10c80}-\x{10cb2}\x{10cc0}-\x{10cf2}\x{118a0}-\x{118df}\x{1e900}-\x{1e943}` +
		`]+`
)

var names = map[string][]string{
	"":                 defaultNames,
	"default":          defaultNames,
	"gpt-2":            gpt2Names,
	"gpt2":             gpt2Names,
	"phi-2":            gpt2Names,
	"mpt":              gpt2Names,
	"olmo":             gpt2Names,
	"jais":             gpt2Names,
	"roberta-bpe":      gpt2Names,
	"modern-bert":      gpt2Names,
	"trillion":         gpt2Names,
	"smollm":           digitNames,
	"starcoder":        digitNames,
	"refact":           digitNames,
	"command-r":        digitNames,
	"codeshell":        digitNames,
	"exaone":           digitNames,
	"minerva-7b":       digitNames,
	"llama3":           llamaNames,
	"llama-v3":         llamaNames,
	"llama-bpe":        llamaNames,
	"falcon3":          llamaNames,
	"dbrx":             llamaNames,
	"smaug-bpe":        llamaNames,
	"glm4":             llamaNames,
	"chatglm-bpe":      llamaNames,
	"qwen2":            qwenNames,
	"deepseek-r1-qwen": qwenNames,
	"stablelm2":        qwenNames,
	"hunyuan":          qwenNames,
	"megrez":           qwenNames,
	"qwen35":           {spelledAny + qwen35Tail},
	"falcon":           {"[\\p{P}\\$\\+<=>\\^~\\|`]+", gpt2Expr, `[0-9][0-9][0-9]`},
	"deepseek-coder":   {`[\r\n]`, `\s?\p{L}+`, `\s?\p{P}+`, cjk, `\p{N}`},
	"deepseek-llm":     {`[\r\n]`, `\s?` + cased, `\s?[!-/:-~\x{ff01}-\x{ff0f}\x{ff1a}-\x{ff5e}\x{2018}-\x{201f}\x{3000}-\x{3002}]+`, `\s+$`, cjk, `\p{N}+`},
	"deepseek-v3": {`\p{N}{1,3}`, `[\x{4e00}-\x{9fa5}\x{3040}-\x{309f}\x{30a0}-\x{30ff}]+`,
		"[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"},
	"tekken": {`[^\r\n\p{L}\p{N}]?((?=[\p{L}])([^a-z]))*((?=[\p{L}])([^A-Z]))+|[^\r\n\p{L}\p{N}]?((?=[\p{L}])([^a-z]))+((?=[\p{L}])([^A-Z]))*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+`},
	"gpt-4o": {`[^\r\n\p{L}\p{N}]?((?=[\p{L}])([^a-z]))*((?=[\p{L}])([^A-Z]))+` + spelledAny + `?|[^\r\n\p{L}\p{N}]?((?=[\p{L}])([^a-z]))+((?=[\p{L}])([^A-Z]))*` + spelledAny + `?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+`},
}

// wholeWords are the pre-tokenizers whose models take a word that is a token as it is.
var wholeWords = map[string]bool{"llama3": true, "llama-v3": true, "llama-bpe": true, "falcon3": true, "tekken": true}

// named sets the pre-tokenizer by the name GGUF gives it.
func (t *Tokenizer) named(name string) error {
	exprs, ok := names[name]
	if !ok {
		return fmt.Errorf("its pre-tokenizer is %q: %w", name, ErrUnsupported)
	}
	switch len(exprs) {
	case 1:
		if s, ok := scannerOf(exprs[0]); ok {
			t.scan = s
			return nil
		}
	case 2:
		if exprs[0] == `\p{N}` && exprs[1] == gpt2Expr {
			t.scan = gpt2Words{classes(), true}
			return nil
		}
	}
	var c chain
	for _, expr := range exprs {
		s, err := expression(expr, isolated, false)
		if err != nil {
			return err
		}
		c = append(c, s)
	}
	t.pre = c
	return nil
}

// expression is the splitter of one expression.
func expression(expr string, b behavior, invert bool) (splitter, error) {
	if s, ok := scannerOf(expr); ok && b == isolated {
		return scanned{s}, nil
	}
	if expr == `\s+$` {
		return matched{trailing{}, b, invert}, nil
	}
	if m, ok := simpleRuns(expr); ok {
		return matched{m, b, invert}, nil
	}
	m, err := newLookahead(expr)
	return matched{m, b, invert}, err
}
