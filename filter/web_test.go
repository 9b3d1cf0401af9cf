package filter

import (
	"slices"
	"strings"
	"testing"

	"temper/dataset"
)

// edited returns text after the edits of one step, its signals and its first failed rule.
func edited(t *testing.T, text string, step Step) (string, dataset.Signals, string) {
	t.Helper()
	n := take(t, Notes(stream([]dataset.Record{{ID: "a", Text: text}}), []Step{step}))[0]
	out, err := dataset.Apply(text, n.Edits)
	if err != nil {
		t.Fatal(err)
	}
	rule := ""
	if v := n.Verdict(); v != nil {
		rule = v.Rule
	}
	return out, n.Signals, rule
}

// C4 keeps the lines that its rules keep, each on a line of its own, and says how many sentences they have.
func TestC4(t *testing.T) {
	long := strings.Repeat("x", 1001)
	tests := []struct {
		name, in, want string
		o              C4
		sentences      float64
		rule           string
	}{
		{name: "sentences stay", in: "One two three. Four five!\nIs it \"six\"?\n", want: "One two three. Four five!\nIs it \"six\"?", sentences: 3, rule: "c4.c4_sentences"},
		{name: "enough", in: "A b c. D e f. G h i. J k l. M n o.", want: "A b c. D e f. G h i. J k l. M n o.", sentences: 5},
		{name: "lines that are none go", in: "Home | About\n  This one stays here.  \n\nTwo words.\nIt never ends...\nDone and dusted it is!", want: "This one stays here.\nDone and dusted it is!", sentences: 2, rule: "c4.c4_sentences"},
		{name: "long words", in: "This has a " + long + " word.\nThis has none of them.", want: "This has none of them.", sentences: 1, rule: "c4.c4_sentences"},
		{name: "javascript and policies", in: "Please enable JavaScript in it.\nRead our Privacy Policy for more.\nWe like the use of cookies.\nThis page is about tea.", want: "This page is about tea.", sentences: 1, rule: "c4.c4_sentences"},
		{name: "they may be allowed", in: "Please enable JavaScript in it.\nRead our Privacy Policy for more.", o: C4{Allow: []string{"javascript", "policy"}, MinSentences: 2}, want: "Please enable JavaScript in it.\nRead our Privacy Policy for more.", sentences: 2},
		{name: "citations", in: "The sky[1] is blue.[23][citation needed]\nThe sea[a] is too.[edit]", want: "The sky is blue.\nThe sea[a] is too.", sentences: 2, rule: "c4.c4_sentences"},
		{name: "citations allowed end no sentence", in: "The sky is blue.[23]", o: C4{Allow: []string{"citations"}}, want: "", rule: "c4.c4_sentences"},
		{name: "braces", in: "if (x) { return the value of it. }\nThere is { here too.\nA b c. D e. F g. H i. J k.", want: "There is { here too.\nA b c. D e. F g. H i. J k.", sentences: 6, rule: "c4.c4_curly_bracket"},
		{name: "braces allowed", in: "There is { here too. A b. C d. E f. G h.", o: C4{Allow: []string{"curly_bracket"}}, want: "There is { here too. A b. C d. E f. G h.", sentences: 5},
		{name: "lorem ipsum", in: "Lorem Ipsum dolor sit amet. A b. C d. E f. G h.", want: "Lorem Ipsum dolor sit amet. A b. C d. E f. G h.", sentences: 5, rule: "c4.c4_lorem_ipsum"},
		{name: "no marks wanted", in: "No mark here at all\nNor is one here", o: C4{Allow: []string{"no_end_mark"}, MinSentences: 2}, want: "No mark here at all\nNor is one here", sentences: 2},
		{name: "all off", in: "x\n\ny", o: C4{Allow: []string{"no_end_mark"}, MinSentences: -1, MinLineWords: -1, MaxWordLength: -1}, want: "x\ny", sentences: 2},
		{name: "mC4", in: strings.Repeat("x", 200) + "\n" + strings.Repeat("y", 198) + ".", o: C4{MinLongLines: 2, MinSentences: -1, MinLineWords: -1}, want: strings.Repeat("y", 198) + ".", sentences: 1, rule: "c4.c4_long_lines"},
		{name: "nothing", rule: "c4.c4_sentences"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, signals, rule := edited(t, tt.in, Step{C4: &tt.o})
			if got != tt.want || signals["c4_sentences"] != tt.sentences || rule != tt.rule {
				t.Errorf("got  %q, %v sentences, dropped by %q\nwant %q, %v, %q", got, signals["c4_sentences"], rule, tt.want, tt.sentences, tt.rule)
			}
		})
	}
}

// Sentences end where the documentation says.
func TestSentences(t *testing.T) {
	tests := []struct {
		in   string
		want int
	}{
		{"One.", 1}, {"One. Two", 2}, {"Dr. Who met J. R. Tolkien.", 1}, {"He said \"Go.\" Then he went.", 2}, {"3.14 is pi", 1},
		{"Really?! Yes...", 2}, {"See e.g. this one. Or that one.", 2}, {"Wait… what?", 2}, {"今日は。明日も。", 2}, {"It was I. You knew.", 2}, {"«Oui.» Il rit.", 2},
	}
	for _, tt := range tests {
		if got := sentences(tt.in); got != tt.want {
			t.Errorf("%q: %d sentences, want %d", tt.in, got, tt.want)
		}
	}
}

// What C4 and RefinedWeb take out of a text is in the edits: with them undone the text is what it was.
func TestEditsGiveTheOriginalBack(t *testing.T) {
	texts := []string{prose, "Home | About\n\n  " + prose + "\n\nTwo words.\n\n", "x\r\ny\n", "A line[1] that stays.[2]\n{ gone }\n", "Sign-In\n" + prose}
	for _, text := range texts {
		for _, step := range []Step{{C4: &C4{}}, {RefinedWeb: &RefinedWeb{}}, {FixText: &FixText{}}, {PII: &PII{}}} {
			n := take(t, Score(stream([]dataset.Record{{ID: "a", Text: text}}), []Step{step}))[0]
			out, err := dataset.Apply(text, n.Edits)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := dataset.Undo(out, n.Edits); err != nil || got != text {
				t.Errorf("%s: %q came back as %q (%v)", step.Name(), text, got, err)
			}
		}
	}
}

// FineWeb's signals are what their definitions say; compat counts the spaces around lines.
func TestFineWeb(t *testing.T) {
	text := "A line that is longer than thirty characters is here.\nShort one\n\nShort one\nMore? \nEnd。"
	want := dataset.Signals{"line_punct_ratio": 3.0 / 5, "short_line_ratio": 4.0 / 5, "char_dup_ratio": 9.0 / 81, "list_ratio": 5.0 / 19}
	_, got, _ := edited(t, text, Step{FineWeb: &FineWeb{}})
	for name, v := range want {
		if got[name] != v {
			t.Errorf("%s is %v, want %v", name, got[name], v)
		}
	}
	_, got, _ = edited(t, text, Step{FineWeb: &FineWeb{Compat: compatDatatrove}})
	if got["line_punct_ratio"] != 2.0/5 {
		t.Errorf("datatrove: line_punct_ratio is %v, want %v: a space ends the line", got["line_punct_ratio"], 2.0/5)
	}
}

// RefinedWeb removes the lines that its rules name, whole, and leaves the others as they are.
func TestRefinedWeb(t *testing.T) {
	kept := "  A sentence with Some Capitals in it.\n\nIt has 12 words, 3 likes and a READ MORE... button in its middle, dear reader.\n"
	gone := "MENU AND HOME\n1,234 likes\n• 3K followers •\nhome\nSign-in to go on\nClick to read more...\n3 items in cart\n12\n"
	tests := []struct {
		name, in, want string
		o              RefinedWeb
		rule           string
	}{
		{name: "kept", in: kept, want: kept},
		{name: "frame", in: kept + gone, want: kept, rule: "refinedweb.refinedweb_removed"},
		{name: "frame first", in: gone + kept, want: kept, rule: "refinedweb.refinedweb_removed"},
		{name: "rule off", in: kept + gone, want: kept, o: RefinedWeb{MaxRemoved: -1}},
		{name: "capitals and words off", in: "MENU AND HOME\nhome\n", want: "MENU AND HOME\nhome\n", o: RefinedWeb{MaxUpper: -1, MinLineWords: -1}},
		{name: "digits in two words", in: kept + "12 34\n", want: kept + "12 34\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got, signals, rule := edited(t, tt.in, Step{RefinedWeb: &tt.o}); got != tt.want || rule != tt.rule {
				t.Errorf("got %q, dropped by %q (%v)\nwant %q, %q", got, rule, signals, tt.want, tt.rule)
			}
		})
	}
}

// Listed words are found as words, in any case, in the language's list; in languages that do not part words, anywhere.
func TestBadWords(t *testing.T) {
	o := BadWords{Words: []string{"everywhere"}, Lists: []WordList{{Language: "en", Words: []string{"darn", "go to hell", "go"}}, {Language: "ja", Words: []string{"馬鹿"}}, {Language: "de", Words: []string{"Mist"}}}}
	tests := []struct {
		language, text string
		want           float64
	}{
		{"en", "Darn it, DARN! darned undarn darn", 3}, {"en", "Go to hell. Go to Hell's gate", 2}, {"en", "go to helly", 1}, {"en", "goes ago", 0},
		{"", "darn", 1}, {"fr", "darn", 0}, {"fr", "Everywhere, everywhere", 2}, {"en", "everywhere", 1}, {"ja", "この馬鹿者", 1}, {"de", "Mist_haufen mist", 1}, {"de", "Mistér", 0},
	}
	for _, tt := range tests {
		rec := dataset.Record{ID: "a", Text: tt.text, Meta: dataset.Meta{"language": tt.language}}
		n := take(t, Notes(stream([]dataset.Record{rec}), []Step{{BadWords: &o}}))[0]
		if n.Signals["bad_words"] != tt.want || (n.Verdict() == nil) != (tt.want == 0) {
			t.Errorf("%s %q: %v, want %v", tt.language, tt.text, n.Signals, tt.want)
		}
	}
	step := []Step{{Language: &Language{}}, {BadWords: &o}}
	german := dataset.Record{ID: "a", Text: "So ein Mist, sagte der Mann und ging nach Hause, weil es regnete.", Meta: dataset.Meta{"language": "en"}}
	if n := take(t, Notes(stream([]dataset.Record{german}), step))[0]; n.Verdict() == nil {
		t.Errorf("the language that was told is not the one looked up: %v", n.Signals)
	}
}

// Addresses are judged by their words too, and what is no address of the web passes.
func TestURL(t *testing.T) {
	o := URL{Words: []string{"bad"}, Parts: []string{"nasty"}, Soft: []string{"one", "two", "three"}, Domains: []string{"Evil.co.uk"}}
	tests := []struct {
		url  string
		rule string
	}{
		{"https://ok.org/badminton", ""}, {"https://ok.org/a-BAD-page", "url.url_words"}, {"https://ok.org/one", ""}, {"https://ok.org/one/one", ""},
		{"https://ok.org/one?q=two", "url.url_soft_words"}, {"https://ok.org/na-sty", "url.url_parts"}, {"https://a.evil.co.uk/", "url.url_domain"},
		{"https://EVIL.co.uk:8080/", "url.url_domain"}, {"https://other.co.uk/", ""}, {"src/bad/nasty.go", ""}, {"", ""},
	}
	for _, tt := range tests {
		rec := dataset.Record{ID: "a", Text: prose, Source: dataset.Source{URI: tt.url}}
		n := take(t, Notes(stream([]dataset.Record{rec}), []Step{{URL: &o}}))[0]
		got := ""
		if v := n.Verdict(); v != nil {
			got = v.Rule
		}
		if got != tt.rule {
			t.Errorf("%s: dropped by %q, want %q (%v)", tt.url, got, tt.rule, n.Signals)
		}
	}
}

// Conversations are judged by their first instruction and their last answer; texts pass.
func TestInstructions(t *testing.T) {
	tests := []struct {
		name, ask, answer string
		o                 Instructions
		rule              string
	}{
		{name: "good", ask: "Explain how tides work.", answer: "The moon pulls the water."},
		{name: "short", ask: "Explain how tides.", answer: "The moon.", rule: "instruction_words"},
		{name: "long", ask: strings.Repeat("word ", 151), answer: "Yes.", rule: "instruction_words"},
		{name: "banned", ask: "Now draw me a nice cat.", answer: "Meow.", rule: "instruction_banned"},
		{name: "part of a word", ask: "Why do people withdraw their money?", answer: "They need it."},
		{name: "program", ask: "Write a program that adds numbers.", answer: "x", rule: "instruction_start"},
		{name: "punctuation", ask: "- explain the tides to me", answer: "x", rule: "instruction_start"},
		{name: "beyond ASCII", ask: "École means what in English?", answer: "School.", rule: "instruction_start"},
		{name: "refused", ask: "Explain how tides work.", answer: "I’m sorry, but I can’t help with that.", rule: "answer_refusal"},
		{name: "late", ask: "Explain how tides work.", answer: strings.Repeat("The moon pulls. ", 20) + "As an AI"},
		{name: "no answer", ask: "Explain how tides work.", answer: " ", rule: "answer_words"},
		{name: "ratio", ask: "Explain how tides work.", answer: "The moon.", o: Instructions{MinRatio: 1}, rule: "answer_ratio"},
		{name: "allowed", ask: "École, draw a cat now.", answer: "As an AI I do.", o: Instructions{Allow: []string{"start", "banned", "refusal"}}},
		{name: "own words", ask: "Please draw the secret plan.", answer: "Yes.", o: Instructions{Banned: []string{"secret plan"}}, rule: "instruction_banned"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rec := dataset.Record{ID: "a", Messages: []dataset.Message{{Role: "system", Content: "map"}, {Role: "user", Content: tt.ask}, {Role: "assistant", Content: tt.answer}}}
			n := take(t, Notes(stream([]dataset.Record{rec}), []Step{{Instructions: &tt.o}}))[0]
			got := ""
			if v := n.Verdict(); v != nil {
				got = v.Rule
			}
			if strings.TrimPrefix(got, "instructions.") != tt.rule {
				t.Errorf("dropped by %q, want %q: %v", got, tt.rule, n.Signals)
			}
		})
	}
	if n := take(t, Notes(stream([]dataset.Record{{ID: "a", Text: "x"}}), []Step{{Instructions: &Instructions{}}}))[0]; len(n.Checks) > 0 {
		t.Errorf("a text is judged: %v", n.Checks)
	}
}

// NeMo's cascade and compat: nemo measure the same.
func TestNeMoIsItsCompat(t *testing.T) {
	for _, r := range samples() {
		_, a, _ := edited(t, r.Text, Step{NeMo: &NeMo{}})
		_, q, _ := edited(t, r.Text, Step{GopherQuality: &GopherQuality{Compat: compatNeMo}})
		_, p, _ := edited(t, r.Text, Step{GopherRepetition: &GopherRepetition{Compat: compatNeMo}})
		if a["nemo_symbols"] != q["symbol_ratio"] || a["nemo_mean_word"] != q["mean_word_length"] || a["nemo_dup_7_gram"] != p["dup_7_gram"] || a["nemo_dup_lines"] != p["dup_line_frac"] {
			t.Errorf("%s: %v\n%v\n%v", r.ID, a, q, p)
		}
	}
}

// A list that was not read is refused where it would be used, and not before.
func TestFiles(t *testing.T) {
	step := Step{BadWords: &BadWords{File: "bad.txt", Lists: []WordList{{Language: "de", File: "de.txt"}}}}
	if err := Check([]Step{step}); err != nil {
		t.Error(err)
	}
	for _, err := range Score(stream(samples()), []Step{step}) {
		if err == nil || !strings.Contains(err.Error(), "bad.txt was not read") {
			t.Errorf("error %v", err)
		}
	}
	var keys []string
	for _, f := range step.Files() {
		keys = append(keys, f.Key)
		*f.Words, *f.Path = []string{"darn"}, ""
	}
	if !slices.Equal(keys, []string{"bad_words.file", "bad_words.lists[0].file"}) || len(step.Files()) != 0 {
		t.Errorf("files %v, then %v", keys, step.Files())
	}
	if n := take(t, Notes(stream([]dataset.Record{{ID: "a", Text: "darn"}}), []Step{step}))[0]; n.Verdict() == nil {
		t.Error("what was read is not used")
	}
}
