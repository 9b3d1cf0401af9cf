package filter

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"temper/dataset"
)

// shared returns the path of a file of the shared data, or skips.
func shared(t *testing.T, name string) string {
	t.Helper()
	root := os.Getenv("TEMPER_SHARED")
	if root == "" {
		root = filepath.Join("..", "..", "shared", "data")
	}
	path := filepath.Join(root, name)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("no shared data (set TEMPER_SHARED): %v", err)
	}
	return path
}

// vectors reads a file of the shared vectors.
func vectors(t *testing.T, name string, into any) {
	t.Helper()
	b, err := os.ReadFile(shared(t, "vectors/"+name))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, into); err != nil {
		t.Fatal(err)
	}
}

// reasons are datatrove's names for our rules.
var reasons = map[string]string{
	"gopher_short_doc": "gopher_quality.words", "gopher_below_avg_threshold": "gopher_quality.mean_word_length",
	"gopher_above_avg_threshold": "gopher_quality.mean_word_length", "gopher_too_many_hashes": "gopher_quality.symbol_ratio",
	"gopher_too_many_ellipsis": "gopher_quality.symbol_ratio", "gopher_below_alpha_threshold": "gopher_quality.alpha_words",
	"dup_line_frac": "gopher_repetition.dup_line_frac", "dup_line_char_frac": "gopher_repetition.dup_line_char_frac",
	"dup_para_frac": "gopher_repetition.dup_para_frac", "dup_para_char_frac": "gopher_repetition.dup_para_char_frac",
	"top_2_gram": "gopher_repetition.top_2_gram", "top_3_gram": "gopher_repetition.top_3_gram",
	"duplicated_5_n_grams": "gopher_repetition.dup_5_gram",
	"lorem_ipsum":          "c4.c4_lorem_ipsum", "curly_bracket": "c4.c4_curly_bracket", "too_few_sentences": "c4.c4_sentences",
	"empty": "fineweb.line_punct_ratio", "line_punct_ratio": "fineweb.line_punct_ratio", "short_line_ratio": "fineweb.short_line_ratio",
}

// datatroveSteps are our steps for datatrove's filters, as its tests set them.
func datatroveSteps(compat string) map[string]Step {
	return map[string]Step{
		"GopherRepetitionFilter()":                                  {GopherRepetition: &GopherRepetition{Compat: compat}},
		"GopherQualityFilter(min_doc_words=10, max_doc_words=1000)": {GopherQuality: &GopherQuality{MinWords: 10, MaxWords: 1000, Compat: compat}},
		"RegexFilter(regex_exp='(?i)copyright')":                    {Where: ptr("not (text matches '(?i)copyright')")},
		"C4QualityFilter()":                                         {C4: &C4{}},
		"C4ParagraphFilter()":                                       {C4: &C4{MinLongLines: 3, MinSentences: -1}},
		"FineWebQualityFilter()":                                    {FineWeb: &FineWeb{Compat: compat}},
		"FineWebQualityFilter(line_punct_thr=0.5)":                  {FineWeb: &FineWeb{MinPunctLines: 0.5, Compat: compat}},
		"FineWebQualityFilter(short_line_thr=0.5, short_line_length=30, line_punct_thr=0.0)": {
			FineWeb: &FineWeb{MaxShortLines: 0.5, ShortLine: 30, MinPunctLines: -1, Compat: compat}},
	}
}

// Datatrove's own test texts (commit a649de79) are dropped for the same first reason, or kept: by our definitions, and by
// compat: datatrove.
func TestDatatroveVectors(t *testing.T) {
	var v struct {
		Cases []struct {
			Filter, Text, Reason string
			Keep                 bool
		}
	}
	vectors(t, "datatrove_filters.json", &v)
	for _, compat := range []string{"", compatDatatrove} {
		passed := 0
		for i, c := range v.Cases {
			step, ok := datatroveSteps(compat)[c.Filter]
			if !ok {
				t.Errorf("case %d: no step for %s", i, c.Filter)
				continue
			}
			n := take(t, Notes(stream([]dataset.Record{{ID: "v", Text: c.Text}}), []Step{step}))[0]
			got := ""
			if d := n.Verdict(); d != nil {
				got = d.Rule
			}
			if c.Keep != (got == "") || c.Reason != "" && got != reasons[c.Reason] {
				t.Errorf("compat %q, case %d (%s): dropped by %q\n%.80q\n%v", compat, i, c.Reason, got, c.Text, n.Signals)
				continue
			}
			passed++
		}
		t.Logf("compat %q: %d of %d", compat, passed, len(v.Cases))
	}
	if len(v.Cases) < 26 {
		t.Errorf("%d cases, want at least 26", len(v.Cases))
	}
}

// Addresses are judged as datatrove's URLFilter judges them, and its samples of languages are told.
func TestDatatroveAddressesAndLanguages(t *testing.T) {
	var v struct {
		URLs struct {
			Domains []string `json:"extra_domains"`
			Cases   [][2]any
		} `json:"url_filter"`
		Language []struct{ Text, Lang string }
	}
	vectors(t, "datatrove_filters.json", &v)
	for _, c := range v.URLs.Cases {
		url, keep := c[0].(string), c[1] == true
		rec := dataset.Record{ID: "v", Text: prose, Meta: dataset.Meta{"url": url}}
		n := take(t, Notes(stream([]dataset.Record{rec}), []Step{{URL: &URL{Domains: v.URLs.Domains}}}))[0]
		if (n.Verdict() == nil) != keep {
			t.Errorf("%s: %v, want %v", url, n.Checks, c[1])
		}
	}
	for _, c := range v.Language {
		n := take(t, Notes(stream([]dataset.Record{{ID: "v", Text: c.Text}}), []Step{{Language: &Language{Keep: []string{c.Lang}}}}))[0]
		if n.Verdict() != nil {
			t.Errorf("%s: %v", c.Lang, n.Checks)
		}
	}
	if len(v.URLs.Cases) < 8 || len(v.Language) < 4 {
		t.Errorf("%d addresses, %d languages", len(v.URLs.Cases), len(v.Language))
	}
}

// dolmaNames are our signals for the types of dolma's spans.
func dolmaName(span string) string {
	if m := regexp.MustCompile(`^fraction_of_characters_in_(most_common|duplicate)_(\d+)grams$`).FindStringSubmatch(span); m != nil {
		return map[string]string{"most_common": "top_", "duplicate": "dup_"}[m[1]] + m[2] + "_gram"
	}
	return map[string]string{"character_count": SignalChars, "word_count": SignalWords, "median_word_length": "mean_word_length",
		"symbol_to_word_ratio": "symbol_ratio", "fraction_of_words_with_alpha_character": "alpha_words", "required_word_count": "stop_words",
		"fraction_of_lines_starting_with_bullet_point": "bullet_lines", "fraction_of_lines_ending_with_ellipsis": "ellipsis_lines",
		"fraction_of_duplicate_lines": "dup_line_frac", "fraction_of_characters_in_duplicate_lines": "dup_line_char_frac"}[span]
}

// With compat: dolma every signal is the score that dolma's tagger gopher_v1 gives in its own tests (commit 669f534).
func TestDolmaVectors(t *testing.T) {
	var v struct {
		Cases []struct {
			Text  string
			Spans []struct {
				Type  string
				Score float64
			}
		}
	}
	vectors(t, "dolma_gopher.json", &v)
	scores := 0
	for _, c := range v.Cases {
		n := take(t, Score(stream([]dataset.Record{{ID: "v", Text: c.Text}}),
			[]Step{{GopherQuality: &GopherQuality{Compat: compatDolma}}, {GopherRepetition: &GopherRepetition{Compat: compatDolma}}}))[0]
		for _, s := range c.Spans {
			scores++
			if got, ok := n.Signals[dolmaName(s.Type)].(float64); !ok || math.Abs(got-s.Score) > 1e-12 {
				t.Errorf("%.20q: %s is %v, want %v", c.Text, s.Type, got, s.Score)
			}
		}
	}
	if t.Logf("%d scores", scores); scores < 32 {
		t.Errorf("%d scores, want at least 32", scores)
	}
}

// nemoOff has every rule off.
func nemoOff() (o NeMo) {
	for _, b := range o.bounds() {
		*b.option = -1
	}
	return o
}

// nemoRule says which rule of ours a NeMo filter is: a step that drops what the filter drops, with everything else off.
func nemoRule(stage string) (step Step, ok bool) {
	arg := func(name string, value float64) float64 {
		if m := regexp.MustCompile(name + `=([0-9.]+)`).FindStringSubmatch(stage); m != nil {
			value, _ = strconv.ParseFloat(m[1], 64)
		}
		return value
	}
	o := nemoOff()
	switch name := regexp.MustCompile(`\w+Filter`).FindString(strings.TrimPrefix(stage, "ScoreFilter(")); name {
	case "NonAlphaNumericFilter":
		o.MaxNonAlnum = 0.25
	case "SymbolsToWordsFilter":
		o.MaxSymbols = 0.1
	case "NumbersFilter":
		o.MaxNumbers = arg("max_number_to_text_ratio", 0.15)
	case "UrlsFilter":
		o.MaxURLs = 0.2
		return Step{NeMo: &o}, !strings.Contains(stage, "url_regex")
	case "BulletsFilter":
		o.MaxBullets = 0.9
	case "WhiteSpaceFilter":
		o.MaxSpaces = 0.25
	case "ParenthesesFilter":
		o.MaxParentheses = 0.1
	case "LongWordFilter":
		o.MaxLongWord = arg("max_word_length", 1000)
	case "WordCountFilter":
		o.MinWords, o.MaxWords = arg("min_words", 50), arg("max_words", 100_000)
		return Step{NeMo: &o}, !strings.Contains(stage, "lang=")
	case "BoilerPlateStringFilter":
		o.MaxBoilerplate = 0.4
	case "MeanWordLengthFilter":
		o.MinMeanWord, o.MaxMeanWord = 3, 10
	case "RepeatedLinesFilter":
		o.MaxDupLines = 0.3
	case "RepeatedParagraphsFilter":
		o.MaxDupParas = 0.3
	case "RepeatedLinesByCharFilter":
		o.MaxDupLineChars = 0.2
	case "RepeatedParagraphsByCharFilter":
		o.MaxDupParaChars = 0.2
	case "RepeatingTopNGramsFilter":
		o.MaxTop2Gram = 0.2
	case "PunctuationFilter":
		o.MaxNoEndMark = arg("max_num_sentences_without_endmark_ratio", 0.85)
	case "EllipsisFilter":
		o.MaxEllipses = arg("max_num_lines_ending_with_ellipsis_ratio", 0.3)
	case "CommonEnglishWordsFilter":
		o.MinCommonWords = 2
	case "WordsWithoutAlphabetsFilter":
		o.MinAlphaWords = 0.8
	default:
		return Step{}, false
	}
	return Step{NeMo: &o}, true
}

// NeMo Curator's own test texts (commit 1e2e4275) are kept and dropped as it does, by the one rule that is its filter. The
// exceptions are what Temper does in another way or does not have.
func TestNeMoVectors(t *testing.T) {
	var v struct {
		Cases []struct {
			Test, Stage string
			Input       []string
			Expected    struct{ Text []string }
		}
	}
	vectors(t, "nemo_filters.json", &v)
	exceptions := map[string]string{
		"test_urls_filter_accepts_custom_regex": "URLs are those of the web",
		"test_wordcount_zh":                     "Chinese is not cut into words; language tells it",
		"test_wordcount_ja":                     "Japanese is not cut into words; language tells it",
		"test_alpha":                            "about source code",
		"test_histogram":                        "language tells languages, not a histogram of characters",
	}
	off := nemoOff()
	passed, excepted := 0, 0
	for _, c := range v.Cases {
		name := c.Test[strings.IndexByte(c.Test, '.')+1:]
		if exceptions[name] != "" {
			excepted++
			continue
		}
		keeps := func(text string) bool { return false }
		if step, ok := nemoRule(c.Stage); ok {
			keeps = func(text string) bool {
				return take(t, Notes(stream([]dataset.Record{{ID: "v", Text: text}}), []Step{step}))[0].Verdict() == nil
			}
		} else if expression := nemoWhere[name]; expression != "" {
			keeps = func(text string) bool {
				return take(t, Notes(stream([]dataset.Record{{ID: "v", Text: text}}), []Step{{NeMo: &off}, {Where: &expression}}))[0].Verdict() == nil
			}
		} else if strings.Contains(c.Stage, "RepeatingDuplicateNGramsFilter()") {
			keeps = func(text string) bool { // of pairs, for which there is no option
				g := newNgrams(strings.Fields(text), &new(measure).grams)
				g.grow()
				return len(strings.Fields(text)) >= 2 && ratio(g.nemoDup(), len(text)) <= 0.2
			}
		} else {
			t.Errorf("%s: no rule for %s", name, c.Stage)
		}
		var kept []string
		for _, text := range c.Input {
			if keeps(text) {
				kept = append(kept, text)
			}
		}
		if !slices.Equal(kept, c.Expected.Text) {
			t.Errorf("%s: kept %q, want %q", name, kept, c.Expected.Text)
			continue
		}
		passed++
	}
	t.Logf("%d of %d, %d excepted", passed, len(v.Cases), excepted)
	if len(v.Cases) < 28 || excepted != len(exceptions) {
		t.Errorf("%d cases, %d exceptions", len(v.Cases), excepted)
	}
}

// nemoWhere are expressions for filters that need no rule of their own.
var nemoWhere = map[string]string{
	"test_pornographicurls": "nemo_adult_urls == 0",
	"test_xml_header":       "indexOf(text, '<?xml version=') < 0 || indexOf(text, '<?xml version=') > 85",
}

// The n-grams that are told apart by hashes are those of the definition.
func TestNgramsAreThoseOfTheDefinition(t *testing.T) {
	state := uint64(5)
	m := new(measure)
	for _, kinds := range []int{2, 3, 9, 50} {
		var words []string
		for range 80 {
			state = state*6364136223846793005 + 1442695040888963407
			words = append(words, strings.Repeat("w", int(state>>33)%kinds+1))
		}
		g := newNgrams(words, &m.grams)
		for n := 2; n <= lastDup; n++ {
			g.grow()
			counts, most, first := map[string]int{}, 0, 0
			for i := 0; i+n <= len(words); i++ {
				counts[strings.Join(words[i:i+n], " ")]++
			}
			for i := 0; i+n <= len(words); i++ {
				gram := words[i : i+n]
				if c := counts[strings.Join(gram, " ")]; c > most {
					most, first = c, i
				}
				if g.span(i) != chars(gram) {
					t.Fatalf("%d words at %d have %d characters, want %d", n, i, g.span(i), chars(gram))
				}
			}
			if at, times := g.top(); at != first || times != most {
				t.Fatalf("n %d: the most common is at %d, %d times; want %d, %d times", n, at, times, first, most)
			}
		}
	}
}
