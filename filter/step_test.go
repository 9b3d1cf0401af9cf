package filter

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"temper/dataset"
)

// Every mistake in a recipe's steps is named with its place.
func TestCheck(t *testing.T) {
	tests := []struct {
		name, want string
		step       Step
	}{
		{"empty", "without a name", Step{}},
		{"two", "fix_text and pii in one step", Step{FixText: &FixText{}, PII: &PII{}}},
		{"normal form", `fix_text: normalize is "nfd"`, Step{FixText: &FixText{Normalize: "nfd"}}},
		{"invisible", `fix_text: invisible is "show"`, Step{FixText: &FixText{Invisible: "show"}}},
		{"typography", `typography is "curly"`, Step{FixText: &FixText{Typography: "curly"}}},
		{"language", `keep has "English"`, Step{Language: &Language{Keep: []string{"English"}}}},
		{"score", "min is 65", Step{Language: &Language{Min: 65}}},
		{"short", `short is "maybe"`, Step{Language: &Language{Short: "maybe"}}},
		{"words", "above max_words", Step{GopherQuality: &GopherQuality{MinWords: 10, MaxWords: 5}}},
		{"stop words", "only 8", Step{GopherQuality: &GopherQuality{MinStopWords: 9}}},
		{"percent", "min_alpha_words is 80", Step{GopherQuality: &GopherQuality{MinAlphaWords: 80}}},
		{"nan", "dup_9_gram is NaN", Step{GopherRepetition: &GopherRepetition{Dup9Gram: math.NaN()}}},
		{"compat", `compat is "gopher": must be datatrove or dolma or nemo`, Step{GopherQuality: &GopherQuality{Compat: "gopher"}}},
		{"compat of repetition", `compat is "gopher"`, Step{GopherRepetition: &GopherRepetition{Compat: "gopher"}}},
		{"compat of fineweb", `compat is "dolma"`, Step{FineWeb: &FineWeb{Compat: "dolma"}}},
		{"short lines", "short_line is -1", Step{FineWeb: &FineWeb{ShortLine: -1}}},
		{"allowed", `c4: allow[0] is "braces"`, Step{C4: &C4{Allow: []string{"braces"}}}},
		{"removed", "max_removed is 5", Step{RefinedWeb: &RefinedWeb{MaxRemoved: 5}}},
		{"infinite", "max_dup_7_gram is +Inf", Step{NeMo: &NeMo{MaxDup7Gram: math.Inf(1)}}},
		{"no list", "url: no list", Step{URL: &URL{}}},
		{"no letter", "words[0] is \"--\"", Step{URL: &URL{Words: []string{"--"}}}},
		{"no bad words", "no words", Step{BadWords: &BadWords{}}},
		{"bad words' language", `lists[0].language is "English"`, Step{BadWords: &BadWords{Lists: []WordList{{Language: "English", Words: []string{"x"}}}}}},
		{"two lists", "which another list has", Step{BadWords: &BadWords{Lists: []WordList{{Language: "en", Words: []string{"x"}}, {Language: "en", Words: []string{"y"}}}}}},
		{"empty list", "lists[0] has no words", Step{BadWords: &BadWords{Lists: []WordList{{Language: "en"}}}}},
		{"instruction words", "above max_words", Step{Instructions: &Instructions{MinWords: 200}}},
		{"instruction ratio", "min_ratio is 3", Step{Instructions: &Instructions{MinRatio: 3, MaxRatio: 2}}},
		{"refusal", `allow[0] is "refusals"`, Step{Instructions: &Instructions{Allow: []string{"refusals"}}}},
		{"kind", "redact", Step{PII: &PII{Redact: []string{"name"}}}},
		{"action", `action is "hide"`, Step{PII: &PII{Action: "hide"}}},
		{"no model", "classifier: no model", Step{Classifier: &Classifier{}}},
		{"model", "classifier: model: is no model", Step{Classifier: &Classifier{Model: "{}"}}},
		{"key", `key_id is ""`, Step{PII: &PII{Action: "pseudonym"}}},
		{"region", `regions[0] is "Germany"`, Step{PII: &PII{Regions: []string{"Germany"}}}},
		{"no expression", "where: empty expression", Step{Where: ptr(" ")}},
		{"unknown name", "step 1: where: column 10: unknown name wrods; known: chars, id, meta, source, text, words", Step{Where: ptr("true && (wrods > 5)")}},
		{"second line", "where: line 2, column 4: unknown name wrods", Step{Where: ptr("true\n&& wrods > 5")}},
		{"signal of no step", "unknown name alpha_words", Step{Where: ptr("alpha_words > 0.5")}},
		{"not a condition", "expected bool", Step{Where: ptr("words + 1")}},
		{"type", "mismatched types", Step{Where: ptr("words > 'a'")}},
		{"syntax", "where: column", Step{Where: ptr("words >")}},
		{"clock", "now", Step{Where: ptr("now().Year() > 2000")}},
		{"nested", "must not be nested", Step{Where: ptr("all(1..9, all(1..9, true))")}},
		{"growing", "joined with +", Step{Where: ptr("let a = text + text; let b = a + a; b != ''")}},
		{"too long", "must be at most 4096", Step{Where: ptr("true" + strings.Repeat(" && true", 600))}},
		{"too many parts", "nodes", Step{Where: ptr("1" + strings.Repeat("+1", 600) + " > 0")}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := Check([]Step{tt.step})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got error %v, want one with %q", err, tt.want)
			}
		})
	}
	if err := Check([]Step{{PII: &PII{}}, {PII: &PII{}}}); err == nil {
		t.Error("a step that is there twice is taken")
	}
	if err := Check(allSteps()); err != nil {
		t.Error(err)
	}
}

// An expression names the signals of the steps before it, and not of those after.
func TestWhereSeesEarlierSteps(t *testing.T) {
	w := Step{Where: ptr("alpha_words > 0.5 && language == 'en'")}
	q, l := Step{GopherQuality: &GopherQuality{}}, Step{Language: &Language{}}
	if err := Check([]Step{q, l, w}); err != nil {
		t.Error(err)
	}
	if err := Check([]Step{q, w, l}); err == nil {
		t.Error("the signal of a later step is taken")
	}
}

// Expressions decide by the record's fields; what it lacks is empty.
func TestWhere(t *testing.T) {
	rec := dataset.Record{ID: "r1", Text: "two words\nhere", Meta: dataset.Meta{"package": "strings", "stars": "12"},
		Source: dataset.Source{URI: "src/a.go", License: "MIT"}}
	tests := []struct {
		expression string
		keep       bool
	}{
		{"words == 3", true},
		{"words > 5 && source.package != 'syscall'", false},
		{"source.package != 'syscall'", true},
		{"source.license in ['MIT', 'Apache-2.0'] and source.uri endsWith '.go'", true},
		{"meta.nothing == '' && source.nothing == ''", true},
		{"int(meta.stars) >= 12", true},
		{"text matches '(?m)^here$' and id == 'r1'", true},
		{`any(split(text, "\n"), len(#) > 20)`, false},
		{"chars / words < 5", true},
	}
	for _, tt := range tests {
		n := take(t, Notes(stream([]dataset.Record{rec}), []Step{{Where: &tt.expression}}))[0]
		if keep := n.Verdict() == nil; keep != tt.keep || len(n.Checks) != 1 || n.Checks[0].Detail != tt.expression {
			t.Errorf("%s: checks %v, want keep %v", tt.expression, n.Checks, tt.keep)
		}
	}
}

// What an expression cannot compute ends the stream and names the record and the column; so does one that asks for
// too much.
func TestWhereErrors(t *testing.T) {
	for _, expression := range []string{"int(text) > 1", "len(1..1000000000) > 5"} {
		var got error
		for _, err := range Notes(stream([]dataset.Record{{ID: "r1", Text: "x"}}), []Step{{Where: &expression}}) {
			got = err
		}
		if got == nil || !strings.Contains(got.Error(), "record r1: where: column ") {
			t.Errorf("%s: error %v", expression, got)
		}
	}
}

// Names on the command line become steps, and the steps' JSON has the names.
func TestUse(t *testing.T) {
	steps, err := Use([]string{"fix_text", "language", "gopher", "pii"})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range steps {
		got = append(got, s.Name())
		b, err := json.Marshal(s)
		if err != nil || !strings.HasPrefix(string(b), `{"`+s.Name()+`":`) {
			t.Errorf("step %s is %s (%v)", s.Name(), b, err)
		}
	}
	if want := "fix_text language gopher_quality gopher_repetition pii"; strings.Join(got, " ") != want {
		t.Errorf("steps %v, want %s", got, want)
	}
	for _, names := range [][]string{{"gofer"}, {"where"}, {"url"}, {"bad_words"}, {"classifier"}, {"perplexity"}, {"gopher", "gopher_quality"}} {
		if _, err := Use(names); err == nil {
			t.Errorf("%v is taken", names)
		}
	}
}

// Defaults are those of the documentation tags, so that the schema says the truth.
func TestDefaultsAreDocumented(t *testing.T) {
	for _, o := range []any{FixText{}.WithDefaults(), Language{}.WithDefaults(), GopherQuality{}.WithDefaults(),
		GopherRepetition{}.WithDefaults(), PII{}.WithDefaults(), URL{}.WithDefaults(), C4{}.WithDefaults(), FineWeb{}.WithDefaults(),
		RefinedWeb{}.WithDefaults(), NeMo{}.WithDefaults(), Classifier{}.WithDefaults(), Instructions{}.WithDefaults()} {
		for field, tag := range tagged(o) {
			if tag.want != tag.got {
				t.Errorf("%T.%s: documented default %q, is %q", o, field, tag.want, tag.got)
			}
		}
	}
}

// A negative number turns a rule off.
func TestNegativeIsOff(t *testing.T) {
	off := GopherQuality{MinWords: -1, MaxWords: -1, MinMeanWordLength: -1, MaxMeanWordLength: -1, MaxSymbolRatio: -1, MaxBulletLines: -1,
		MaxEllipsisLines: -1, MinAlphaWords: -1, MinStopWords: -1}
	n := take(t, Notes(stream(samples()[1:2]), []Step{{GopherQuality: &off}}))[0]
	if len(n.Checks) != 0 || n.Signals["alpha_words"] != 1.0 {
		t.Errorf("checks %v, signals %v: want signals only", n.Checks, n.Signals)
	}
}

// What becomes of a language follows from keep, min and short.
func TestLanguage(t *testing.T) {
	short, other := "?!", "Der Hafen lag am Morgen ruhig da, und die Boote, die in der Nacht gekommen waren, lagen an der Mauer."
	tests := []struct {
		name, text string
		o          Language
		keep       bool
	}{
		{"nothing asked", other, Language{}, true},
		{"listed", prose, Language{Keep: []string{"de", "en"}}, true},
		{"not listed", other, Language{Keep: []string{"en"}}, false},
		{"short", short, Language{Keep: []string{"en"}}, true},
		{"short dropped", short, Language{Keep: []string{"en"}, Short: "drop"}, false},
		{"short listed", short, Language{Keep: []string{"und"}, Short: "drop"}, true},
	}
	for _, tt := range tests {
		n := take(t, Notes(stream([]dataset.Record{{ID: "a", Text: tt.text}}), []Step{{Language: &tt.o}}))[0]
		if (n.Verdict() == nil) != tt.keep {
			t.Errorf("%s: checks %v, signals %v", tt.name, n.Checks, n.Signals)
		}
	}
	checks, err := Language{Keep: []string{"en"}}.WithDefaults().judge(dataset.Row{Signals: dataset.Signals{"language": "en", "language_score": 0.6}}, nil)
	if err != nil || len(checks) != 1 || !checks[0].Drop || checks[0].Threshold != 0.65 {
		t.Errorf("a score of 0.6 gives %v (%v)", checks, err)
	}
}
