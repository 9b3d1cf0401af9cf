package filter

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"temper/dataset"
)

// NeMo drops English pages by NeMo Curator's cascade of heuristics; what it shares with Gopher's rules is computed as
// compat: nemo of [GopherQuality] and [GopherRepetition] does. In every option 0 is the default and a negative number
// turns the rule off; fractions are 0 to 1, of characters where nothing else is said.
//
// Words are runs without space, lines are parted by \n and do not count if blank, paragraphs are parted by \n\n. Signals:
// those of the options, with nemo_ before the name. alnum are ASCII letters and digits, \n and ? ! , . (so that other
// scripts do not pass); URLs begin with http:// or https://; a boilerplate paragraph speaks of terms of use, cookies or
// privacy, and lorem ipsum makes a whole text boilerplate. Differences from NeMo Curator: of equally common n-grams the first counts,
// where Curator's choice changes from run to run; URLs with porn in them are a signal, nemo_adult_urls, for where.
//
// Source: NeMo Curator, config/text/heuristic_filter_english_pipeline.yaml, commit 1e2e4275.
type NeMo struct {
	MaxNonAlnum     float64 `json:"max_non_alnum,omitempty" doc:"characters that are no ASCII letter, digit, line break or ? ! , . at most; negative: off" default:"0.25"`
	MaxSymbols      float64 `json:"max_symbols,omitempty" doc:"fraction of words that are ellipses or # at most; negative: off" default:"0.1"`
	MaxNumbers      float64 `json:"max_numbers,omitempty" doc:"ASCII digits at most; negative: off" default:"0.15"`
	MaxURLs         float64 `json:"max_urls,omitempty" doc:"characters of URLs at most; negative: off" default:"0.2"`
	MaxSpaces       float64 `json:"max_spaces,omitempty" doc:"spaces, tabs and line breaks at most; negative: off" default:"0.25"`
	MaxParentheses  float64 `json:"max_parentheses,omitempty" doc:"brackets of any kind at most; negative: off" default:"0.1"`
	MaxBoilerplate  float64 `json:"max_boilerplate,omitempty" doc:"fraction of paragraphs about terms and cookies at most; negative: off" default:"0.4"`
	MaxDupLines     float64 `json:"max_dup_lines,omitempty" doc:"fraction of lines that occurred before at most; negative: off" default:"0.3"`
	MaxDupParas     float64 `json:"max_dup_paras,omitempty" doc:"fraction of paragraphs that occurred before at most; negative: off" default:"0.3"`
	MaxDupLineChars float64 `json:"max_dup_line_chars,omitempty" doc:"characters in such lines at most; negative: off" default:"0.2"`
	MaxDupParaChars float64 `json:"max_dup_para_chars,omitempty" doc:"characters in such paragraphs at most; negative: off" default:"0.2"`
	MinWords        float64 `json:"min_words,omitempty" doc:"words at least; negative: off" default:"50"`
	MaxWords        float64 `json:"max_words,omitempty" doc:"words at most; negative: off" default:"100000"`
	MaxNoEndMark    float64 `json:"max_no_end_mark,omitempty" doc:"fraction of lines that do not end with . ? ! or a quote at most; negative: off" default:"0.85"`
	MinAlphaWords   float64 `json:"min_alpha_words,omitempty" doc:"fraction of words with a letter at least; negative: off" default:"0.8"`
	MinCommonWords  float64 `json:"min_common_words,omitempty" doc:"words of the, be, to, of, and, that, have, with at least; negative: off" default:"2"`
	MinMeanWord     float64 `json:"min_mean_word,omitempty" doc:"characters of a word at least, on average; negative: off" default:"3"`
	MaxMeanWord     float64 `json:"max_mean_word,omitempty" doc:"characters of a word at most, on average; negative: off" default:"10"`
	MaxLongWord     float64 `json:"max_long_word,omitempty" doc:"characters of the longest word at most; negative: off" default:"1000"`
	MaxEllipses     float64 `json:"max_ellipses,omitempty" doc:"fraction of lines that end with an ellipsis at most; negative: off" default:"0.3"`
	MaxBullets      float64 `json:"max_bullets,omitempty" doc:"fraction of lines that start with a bullet at most; negative: off" default:"0.9"`
	MaxTop2Gram     float64 `json:"max_top_2_gram,omitempty" doc:"characters in the most common pair of words at most; negative: off" default:"0.2"`
	MaxTop3Gram     float64 `json:"max_top_3_gram,omitempty" doc:"the same of 3 words; negative: off" default:"0.18"`
	MaxTop4Gram     float64 `json:"max_top_4_gram,omitempty" doc:"the same of 4 words; negative: off" default:"0.16"`
	MaxDup5Gram     float64 `json:"max_dup_5_gram,omitempty" doc:"characters in runs of 5 words that occurred before at most; negative: off" default:"0.15"`
	MaxDup6Gram     float64 `json:"max_dup_6_gram,omitempty" doc:"the same of 6 words; negative: off" default:"0.14"`
	MaxDup7Gram     float64 `json:"max_dup_7_gram,omitempty" doc:"the same of 7 words; negative: off" default:"0.13"`
	MaxDup8Gram     float64 `json:"max_dup_8_gram,omitempty" doc:"the same of 8 words; negative: off" default:"0.12"`
	MaxDup9Gram     float64 `json:"max_dup_9_gram,omitempty" doc:"the same of 9 words; negative: off" default:"0.11"`
	MaxDup10Gram    float64 `json:"max_dup_10_gram,omitempty" doc:"the same of 10 words; negative: off" default:"0.1"`
}

// bounds returns the options in the order of the cascade.
func (o *NeMo) bounds() []bound {
	return []bound{
		{&o.MaxNonAlnum, "nemo_non_alnum", "<=", 0.25}, {&o.MaxSymbols, "nemo_symbols", "<=", 0.1}, {&o.MaxNumbers, "nemo_numbers", "<=", 0.15},
		{&o.MaxURLs, "nemo_urls", "<=", 0.2}, {&o.MaxSpaces, "nemo_spaces", "<=", 0.25}, {&o.MaxParentheses, "nemo_parentheses", "<=", 0.1},
		{&o.MaxBoilerplate, "nemo_boilerplate", "<=", 0.4}, {&o.MaxDupLines, "nemo_dup_lines", "<=", 0.3}, {&o.MaxDupParas, "nemo_dup_paras", "<=", 0.3},
		{&o.MaxDupLineChars, "nemo_dup_line_chars", "<=", 0.2}, {&o.MaxDupParaChars, "nemo_dup_para_chars", "<=", 0.2},
		{&o.MinWords, "nemo_words", ">=", 50}, {&o.MaxWords, "nemo_words", "<=", 100_000}, {&o.MaxNoEndMark, "nemo_no_end_mark", "<=", 0.85},
		{&o.MinAlphaWords, "nemo_alpha_words", ">=", 0.8}, {&o.MinCommonWords, "nemo_common_words", ">=", 2},
		{&o.MinMeanWord, "nemo_mean_word", ">=", 3}, {&o.MaxMeanWord, "nemo_mean_word", "<=", 10}, {&o.MaxLongWord, "nemo_long_word", "<=", 1000},
		{&o.MaxEllipses, "nemo_ellipses", "<=", 0.3}, {&o.MaxBullets, "nemo_bullets", "<=", 0.9},
		{&o.MaxTop2Gram, "nemo_top_2_gram", "<=", 0.2}, {&o.MaxTop3Gram, "nemo_top_3_gram", "<=", 0.18}, {&o.MaxTop4Gram, "nemo_top_4_gram", "<=", 0.16},
		{&o.MaxDup5Gram, "nemo_dup_5_gram", "<=", 0.15}, {&o.MaxDup6Gram, "nemo_dup_6_gram", "<=", 0.14}, {&o.MaxDup7Gram, "nemo_dup_7_gram", "<=", 0.13},
		{&o.MaxDup8Gram, "nemo_dup_8_gram", "<=", 0.12}, {&o.MaxDup9Gram, "nemo_dup_9_gram", "<=", 0.11}, {&o.MaxDup10Gram, "nemo_dup_10_gram", "<=", 0.1},
	}
}

// WithDefaults fills in what is 0.
func (o NeMo) WithDefaults() NeMo {
	for _, b := range o.bounds() {
		*b.option = orDefault(*b.option, b.value)
	}
	return o
}

// Validate says what is wrong with the options.
func (o NeMo) Validate() error { return validBounds("nemo_", o.bounds()) }

func (o NeMo) name() string    { return stepNeMo }
func (o NeMo) validate() error { return o.Validate() }
func (o NeMo) names() []string { return append(boundNames(o.bounds()), "nemo_adult_urls") }

func (o NeMo) score(s *subject) {
	q, r := nemoQuality(s.text), nemoRepetition(s.m, s.text)
	s.signals["nemo_symbols"], s.signals["nemo_words"], s.signals["nemo_alpha_words"] = q.symbols, q.words, q.alpha
	s.signals["nemo_common_words"], s.signals["nemo_mean_word"] = q.stops, q.wordLength
	s.signals["nemo_ellipses"], s.signals["nemo_bullets"] = q.ellipses, q.bullets
	s.signals["nemo_dup_paras"], s.signals["nemo_dup_para_chars"] = r[0], r[1]
	s.signals["nemo_dup_lines"], s.signals["nemo_dup_line_chars"] = r[2], r[3]
	for i, name := range repetitionSignals[4:] {
		s.signals["nemo_"+name] = r[4+i]
	}
	nemoCharacters(s)
	_, longest := countFields(s.text)
	s.signals["nemo_long_word"] = float64(longest)
	lines := notBlank(s.text)
	open := 0
	for _, l := range lines {
		if !endsWithAny(strings.TrimSpace(l), ".", "?", "!", `"`, "'") {
			open++
		}
	}
	s.signals["nemo_no_end_mark"] = ratio(open, len(lines))
	s.signals["nemo_boilerplate"] = nemoBoilerplate(s.text)
}

// nemoURL is a URL as NeMo Curator finds them.
var nemoURL = regexp.MustCompile(`https?://(?:[A-Za-z0-9$\-_@.&+/:=?#~!*(),]|%[0-9A-Fa-f]{2})+`)

// nemoCharacters sets the signals that are fractions of characters, and those of URLs.
func nemoCharacters(s *subject) {
	var all, other, digits, spaces, brackets int
	for _, r := range s.text {
		all++
		if r < utf8.RuneSelf && (ascii[r] == kindLetter || r == ',' || r == '.') { // most of most texts
			continue
		}
		switch {
		case r == ' ' || r == '\t' || r == '\r' || r == '\b':
			spaces, other = spaces+1, other+1
		case r == '\n':
			spaces++
		case strings.ContainsRune("{}⟨⟩[]()", r):
			brackets, other = brackets+1, other+1
		case '0' <= r && r <= '9':
			digits++
		case r < utf8.RuneSelf && (unicode.IsLetter(r) || strings.ContainsRune("?!,.", r)):
		default:
			other++
		}
	}
	urls, adult := 0, 0
	if strings.Contains(s.text, "://") {
		for _, u := range nemoURL.FindAllString(s.text, -1) {
			urls += utf8.RuneCountInString(u)
			if strings.Contains(u, "porn") {
				adult++
			}
		}
	}
	if all == 0 { // an empty text is all of what it must not be
		all, other, digits, spaces, brackets, urls = 1, 1, 1, 1, 1, 1
	}
	s.signals["nemo_non_alnum"], s.signals["nemo_numbers"], s.signals["nemo_spaces"] = ratio(other, all), ratio(digits, all), ratio(spaces, all)
	s.signals["nemo_parentheses"], s.signals["nemo_urls"] = ratio(brackets, all), ratio(urls, all)
	s.signals["nemo_adult_urls"] = float64(adult)
}

// nemoPolicies are phrases, in small letters, of paragraphs about terms of use, cookies and privacy. Longer notices that
// NeMo Curator also lists contain one of these.
var nemoPolicies = []string{"terms of use", "privacy policy", "cookie policy", "uses cookies", "privacy overview", "use of cookies",
	"use cookies", "privacy & cookies policy", "privacy and cookies policy", "necessary cookies are absolutely essential",
	"termed as non-necessary cookies", "changing your cookie settings"}

// nemoBoilerplate returns the fraction of paragraphs that say one of nemoPolicies; 1 if any says lorem ipsum.
func nemoBoilerplate(text string) float64 {
	paras, found := strings.Split(text, "\n\n"), 0
	for _, p := range paras {
		if p = strings.ToLower(p); !strings.Contains(p, "lorem ipsum") && !strings.Contains(p, "terms") && !strings.Contains(p, "privacy") && !strings.Contains(p, "cookie") {
			continue // no policy goes without one of these
		}
		if strings.Contains(p, "lorem ipsum") {
			return 1
		}
		for _, policy := range nemoPolicies {
			if strings.Contains(p, policy) {
				found++
				break
			}
		}
	}
	return ratio(found, len(paras))
}

func (o NeMo) judge(row dataset.Row, checks []dataset.Check) ([]dataset.Check, error) {
	return judgeLimits(stepNeMo, boundLimits(o.bounds()), row, checks)
}
