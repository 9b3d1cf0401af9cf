package tokenizer

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"unicode"

	"github.com/dlclark/regexp2"
	"golang.org/x/text/unicode/norm"

	"temper/dataset"
)

// hfStep is a normalizer, a pre-tokenizer or a post-processor: one of many types, or several in a row.
type hfStep struct {
	Type          string   `json:"type"`
	Normalizers   []hfStep `json:"normalizers"`
	Pretokenizers []hfStep `json:"pretokenizers"`
	Processors    []hfStep `json:"processors"`

	Pattern   hfPattern `json:"pattern"`
	Content   string    `json:"content"`
	Prepend   string    `json:"prepend"`
	Behavior  string    `json:"behavior"`
	Invert    bool      `json:"invert"`
	Delimiter string    `json:"delimiter"`

	IndividualDigits bool    `json:"individual_digits"`
	UseRegex         *bool   `json:"use_regex"`
	AddPrefixSpace   *bool   `json:"add_prefix_space"`
	Replacement      string  `json:"replacement"`
	PrependScheme    string  `json:"prepend_scheme"`
	Split            *bool   `json:"split"`
	StripLeft        *bool   `json:"strip_left"`
	StripRight       *bool   `json:"strip_right"`
	CleanText        *bool   `json:"clean_text"`
	ChineseChars     *bool   `json:"handle_chinese_chars"`
	StripAccents     *bool   `json:"strip_accents"`
	Lowercase        *bool   `json:"lowercase"`
	CharsMap         *string `json:"precompiled_charsmap"`

	Single        []hfPiece                  `json:"single"`
	SpecialTokens map[string]hfSpecialTokens `json:"special_tokens"`
	Cls           json.RawMessage            `json:"cls"`
	Sep           json.RawMessage            `json:"sep"`
}

// hfPattern is an expression or a text to find.
type hfPattern struct {
	String *string
	Regex  *string
}

// maxSteps is the most steps in a row, and maxDepth how deep rows may lie in each other.
const maxSteps, maxDepth = 64, 8

// flat is a step's rows one after the other. rows says which of its rows.
func (h *hfStep) flat(rows func(*hfStep) []hfStep, depth int) ([]hfStep, error) {
	if h == nil {
		return nil, nil
	}
	if h.Type != "Sequence" {
		return []hfStep{*h}, nil
	}
	var all []hfStep
	for _, one := range rows(h) {
		if depth == maxDepth {
			return nil, fmt.Errorf("sequences %d deep: %w", depth, dataset.ErrMalformed)
		}
		more, err := one.flat(rows, depth+1)
		if err != nil {
			return nil, err
		}
		if all = append(all, more...); len(all) > maxSteps {
			return nil, fmt.Errorf("more than %d steps: %w", maxSteps, dataset.ErrMalformed)
		}
	}
	return all, nil
}

// said is a setting, or what it is where the file does not say.
func said(v *bool, or bool) bool {
	if v == nil {
		return or
	}
	return *v
}

// normalizer makes one function of all steps; nil where there is none.
func (h *hfStep) normalizer() (func(string) string, error) {
	steps, err := h.flat(func(h *hfStep) []hfStep { return h.Normalizers }, 0)
	if err != nil || len(steps) == 0 {
		return nil, err
	}
	each, growth := make([]func(string) string, len(steps)), 1
	for i := range steps {
		if growth *= steps[i].growth(); growth > maxGrowth {
			return nil, fmt.Errorf("normalizers that make a text more than %d times as long: %w", maxGrowth, ErrUnsupported)
		}
		if each[i], err = steps[i].normalizerStep(); err != nil {
			return nil, err
		}
	}
	return func(s string) string {
		for _, f := range each {
			s = f(s)
		}
		return s
	}, nil
}

// maxGrowth is how many times as long replacements may make a text.
const maxGrowth = 1 << 10

// growth is how many times as long a replacement makes a text at most.
func (h *hfStep) growth() int {
	old := 1
	if h.Pattern.String != nil {
		old = max(old, len(*h.Pattern.String))
	}
	if h.Type == "Replace" || h.Type == "Prepend" {
		return max(1, (max(len(h.Content), len(h.Prepend))+old-1)/old)
	}
	return 1
}

func (h *hfStep) normalizerStep() (func(string) string, error) {
	switch h.Type {
	case "NFC":
		return hfForm(norm.NFC.String), nil
	case "NFD":
		return hfForm(norm.NFD.String), nil
	case "NFKC":
		return hfForm(norm.NFKC.String), nil
	case "NFKD":
		return hfForm(norm.NFKD.String), nil
	case "Lowercase":
		return lowercase, nil
	case "StripAccents":
		return unlessASCII(func(s string) string { return without(s, hfMarks()) }), nil
	case "Strip":
		return h.strip, nil
	case "Prepend":
		return func(s string) string {
			if s == "" {
				return ""
			}
			return h.Prepend + s
		}, nil
	case "Replace":
		return h.replace()
	case "BertNormalizer":
		lower := said(h.Lowercase, true)
		return bertNormalizer{said(h.CleanText, true), said(h.ChineseChars, true), said(h.StripAccents, lower), lower,
			hfFormat(), hfNonspacing(), hfForm(norm.NFD.String)}.normalize, nil
	case "Precompiled":
		if h.CharsMap == nil {
			return func(s string) string { return s }, nil
		}
		b, err := base64.StdEncoding.DecodeString(*h.CharsMap)
		if err != nil {
			return nil, fmt.Errorf("precompiled_charsmap: %w: %w", dataset.ErrMalformed, err)
		}
		m, err := parseCharsMap(b)
		if err != nil {
			return nil, err
		}
		return m.byGrapheme, nil
	}
	return nil, fmt.Errorf("normalizer %q: %w", h.Type, ErrUnsupported)
}

func (h *hfStep) strip(s string) string {
	if said(h.StripLeft, true) {
		s = strings.TrimLeftFunc(s, unicode.IsSpace)
	}
	if said(h.StripRight, true) {
		s = strings.TrimRightFunc(s, unicode.IsSpace)
	}
	return s
}

func (h *hfStep) replace() (func(string) string, error) {
	if h.Pattern.String != nil {
		old := *h.Pattern.String
		if old == "" {
			return nil, fmt.Errorf("a normalizer replaces nothing: %w", dataset.ErrMalformed)
		}
		return func(s string) string { return strings.ReplaceAll(s, old, h.Content) }, nil
	}
	if h.Pattern.Regex == nil {
		return nil, fmt.Errorf("a normalizer without a pattern: %w", dataset.ErrMalformed)
	}
	m, err := newLookahead(*h.Pattern.Regex)
	if err != nil {
		return nil, err
	}
	return func(s string) string {
		out, err := m.expr.ReplaceFunc(s, func(regexp2.Match) string { return h.Content }, -1, -1)
		if err != nil { // only timeouts, and none is set
			return s
		}
		return out
	}, nil
}

// unlessASCII leaves ASCII text, which f does not change, as it is.
func unlessASCII(f func(string) string) func(string) string {
	return func(s string) string {
		for i := range len(s) {
			if s[i] >= 0x80 {
				return f(s)
			}
		}
		return s
	}
}
