package filter

import (
	"encoding/json"
	"errors"
	"iter"
	"reflect"
	"slices"
	"strings"
	"testing"

	"temper/dataset"
)

// prose passes every rule.
const prose = "The harbour lay quiet in the morning, and the boats that had come in during the night were tied up along the wall. " +
	"A man walked down to the water with a basket of nets, looked at the sky for a while, and began to mend what the storm had torn. " +
	"Nobody spoke to him; they knew that he would be gone again before noon, whatever the weather might have to say about it."

// stream yields recs.
func stream(recs []dataset.Record) dataset.Records {
	return func(yield func(dataset.Record, error) bool) {
		for _, r := range recs {
			if !yield(r, nil) {
				return
			}
		}
	}
}

// take returns all of seq.
func take[T any](t testing.TB, seq iter.Seq2[T, error]) []T {
	t.Helper()
	var out []T
	for v, err := range seq {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, v)
	}
	return out
}

// ptr returns a pointer to v.
func ptr[T any](v T) *T { return &v }

// allSteps is every step there is, with an expression over the others' signals.
func allSteps() []Step {
	return []Step{
		{FixText: &FixText{}},
		{Language: &Language{Keep: []string{"en"}, Short: "drop"}},
		{GopherQuality: &GopherQuality{}},
		{GopherRepetition: &GopherRepetition{}},
		{URL: &URL{Words: []string{"bad"}}},
		{RefinedWeb: &RefinedWeb{}},
		{C4: &C4{MinSentences: 1}},
		{FineWeb: &FineWeb{MaxCharDup: 0.9}},
		{NeMo: &NeMo{}},
		{BadWords: &BadWords{Words: []string{"darn"}}},
		{Instructions: &Instructions{}},
		{PII: &PII{}},
		{Where: ptr("words > 5 && pii == 0 && source.package != 'syscall' && not (text contains '<EMAIL>')")},
	}
}

// samples are records of every kind the steps treat differently.
func samples() []dataset.Record {
	return []dataset.Record{
		{ID: "prose", Text: prose},
		{ID: "short", Text: "Too short."},
		{ID: "empty"},
		{ID: "broken", Text: "<b>\u201cquoted\u201d</b>\r\n" + strings.ReplaceAll(prose, ",", " \u00e2\u20ac\u201d") + "\r\n\x00e\u0301"},
		{ID: "mail", Text: prose + " Write to anna.berg@posteo.de or call +49 30 901820 today."},
		{ID: "syscall", Text: prose, Meta: dataset.Meta{"package": "syscall"}},
		{ID: "repeats", Text: strings.Repeat(prose+"\n\n", 4)},
		{ID: "talk", Messages: []dataset.Message{{Role: "user", Content: "Who lives at anna.berg@posteo.de?\r\n"}, {Role: "assistant", Content: prose}}},
		{ID: "invalid", Text: "\xff\xfe\x80 " + prose},
	}
}

// asJSON makes values comparable in the form in which they are stored.
func asJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// Notes are Score's signals and edits with Judge's checks on the rows that Score's notes make.
func TestNotesAreScoreThenJudge(t *testing.T) {
	recs, steps := samples(), allSteps()
	whole := take(t, Notes(stream(recs), steps))
	for _, scored := range [][]Step{steps, ScoreOptions(steps)} {
		scores := take(t, Score(stream(recs), scored))
		rows := dataset.Join(stream(recs), Score(stream(recs), scored))
		checks := take(t, Judge(rows, steps))
		if len(scores) != len(recs) || len(checks) != len(recs) {
			t.Fatalf("%d scores, %d judgements of %d records", len(scores), len(checks), len(recs))
		}
		for i := range recs {
			if scores[i].Checks != nil || checks[i].Signals != nil || checks[i].Edits != nil {
				t.Errorf("%s: Score made checks, or Judge signals or edits", recs[i].ID)
			}
			got := dataset.Note{ID: scores[i].ID, Signals: scores[i].Signals, Edits: scores[i].Edits, Checks: checks[i].Checks}
			if whole[i].ID != recs[i].ID || asJSON(t, got) != asJSON(t, whole[i]) {
				t.Errorf("%s: Score then Judge gives\n%s\nNotes gives\n%s", recs[i].ID, asJSON(t, got), asJSON(t, whole[i]))
			}
		}
	}
}

// The verdict on each sample is its first failed rule, and texts that pass have checks too.
func TestVerdicts(t *testing.T) {
	want := map[string]string{"prose": "", "short": "language", "empty": "language", "broken": "", "mail": "where", "syscall": "where",
		"repeats": "gopher_repetition.dup_para_frac", "talk": "where", "invalid": ""}
	for _, n := range take(t, Notes(stream(samples()), allSteps())) {
		got := ""
		if v := n.Verdict(); v != nil {
			got = v.Rule
		}
		if got != want[n.ID] {
			t.Errorf("%s: dropped by %q, want %q", n.ID, got, want[n.ID])
		}
		if len(n.Checks) < 20 {
			t.Errorf("%s: %d checks: not every rule looked", n.ID, len(n.Checks))
		}
	}
}

// Notes do not depend on how the records are cut into shards.
func TestShardsDoNotMatter(t *testing.T) {
	recs := samples()
	want := asJSON(t, take(t, Notes(stream(recs), allSteps())))
	for _, shards := range []int{2, 7} {
		var got []dataset.Note
		for part := range slices.Chunk(recs, (len(recs)+shards-1)/shards) {
			got = append(got, take(t, Notes(stream(part), allSteps()))...)
		}
		if asJSON(t, got) != want {
			t.Errorf("%d shards give other notes than one", shards)
		}
	}
}

// A later step sees what earlier ones edited: the repaired text is what is measured.
func TestStepsSeeEdits(t *testing.T) {
	rec := dataset.Record{ID: "a", Text: "one\u200b two\r\nthree\r\nthree\r\n"}
	note := take(t, Score(stream([]dataset.Record{rec}), []Step{{FixText: &FixText{}}, {GopherRepetition: &GopherRepetition{}}}))[0]
	text, err := dataset.Apply(rec.Text, note.Edits)
	if err != nil {
		t.Fatal(err)
	}
	if len(note.Edits) == 0 || float64(len([]rune(text))) != note.Signals[SignalChars] {
		t.Errorf("chars is %v of the edited text %q", note.Signals[SignalChars], text)
	}
	if got, want := note.Signals["dup_line_frac"], 1.0/3; got != want {
		t.Errorf("dup_line_frac is %v, want %v", got, want)
	}
}

// Words and characters are there whatever the steps are.
func TestWordsAreAlwaysMeasured(t *testing.T) {
	for _, steps := range [][]Step{nil, {{FixText: &FixText{}}}, {{Where: ptr("words == 3 and chars == 15")}}, {{GopherQuality: &GopherQuality{}}}} {
		n := take(t, Notes(stream([]dataset.Record{{ID: "a", Text: "It's -- 2,5 kg."}}), steps))[0]
		if n.Signals[SignalWords] != 3.0 || n.Signals[SignalChars] != 15.0 {
			t.Errorf("signals %v, want 3 words and 15 chars", n.Signals)
		}
		if len(steps) == 1 && steps[0].Where != nil && n.Verdict() != nil {
			t.Errorf("dropped: %v", n.Verdict())
		}
	}
}

// Conversations are measured and judged, and never edited; what is left in them is said.
func TestConversationsAreNotEdited(t *testing.T) {
	talk := samples()[7]
	n := take(t, Notes(stream([]dataset.Record{talk}), []Step{{FixText: &FixText{}}, {PII: &PII{}}}))[0]
	if n.Edits != nil || n.Signals["pii_email"] != 1.0 {
		t.Errorf("edits %v, signals %v", n.Edits, n.Signals)
	}
	if len(n.Checks) != 1 || n.Checks[0].Rule != "pii" || n.Checks[0].Drop || n.Checks[0].Detail == "" {
		t.Errorf("checks %v, want one of pii that says why nothing was replaced", n.Checks)
	}
	n = take(t, Notes(stream([]dataset.Record{talk}), []Step{{PII: &PII{Action: "drop"}}}))[0]
	if n.Verdict() == nil {
		t.Error("kept by pii with action drop")
	}
}

// Pseudonyms are the same wherever a value occurs, need the key that the recipe means, and give the original back.
func TestPseudonyms(t *testing.T) {
	key := []byte("0123456789abcdef")
	steps := []Step{{PII: &PII{Redact: []string{"email"}, Action: "pseudonym", KeyID: "9f9f5111"}}}
	recs := []dataset.Record{{ID: "a", Text: "From anna@posteo.de to Bob@posteo.de."}, {ID: "b", Text: "Anna@posteo.de again"}}
	notes := take(t, Score(stream(recs), WithKey(steps, key)))
	name := func(i, k int) string { return notes[i].Edits[k].New }
	if name(0, 0) != name(1, 0) || name(0, 0) == name(0, 1) || !strings.HasPrefix(name(0, 0), "<EMAIL:") {
		t.Errorf("edits %v, %v", notes[0].Edits, notes[1].Edits)
	}
	out, err := dataset.Apply(recs[0].Text, notes[0].Edits)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := dataset.Undo(out, notes[0].Edits); err != nil || got != recs[0].Text {
		t.Errorf("%q came back as %q (%v)", out, got, err)
	}
	for want, k := range map[string][]byte{"need a key of 16 bytes": nil, "TEMPER_PII_KEY is the key ": []byte("fedcba9876543210")} {
		if err := Ready(WithKey(steps, k)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("key %q: error %v", k, err)
		}
	}
	if Ready(WithKey(steps, key)) != nil || asJSON(t, WithKey(steps, key)) != asJSON(t, steps) {
		t.Error("the key is not taken, or shows")
	}
}

// An error of the input, or of a row that was not scored, ends the stream.
func TestErrorsEndTheStream(t *testing.T) {
	broken := errors.New("broken")
	in := func(yield func(dataset.Record, error) bool) {
		_ = yield(dataset.Record{ID: "a", Text: prose}, nil) && yield(dataset.Record{}, broken) && yield(dataset.Record{ID: "b"}, nil)
	}
	for name, notes := range map[string]dataset.Notes{"score": Score(in, allSteps()), "notes": Notes(in, allSteps()),
		"judge": Judge(dataset.Join(in, Score(in, allSteps())), allSteps())} {
		var last error
		n := 0
		for _, err := range notes {
			n, last = n+1, err
		}
		if n != 2 || !errors.Is(last, broken) {
			t.Errorf("%s: %d notes, the last with error %v", name, n, last)
		}
	}
	for _, err := range Judge(dataset.Join(stream(samples())), allSteps()) {
		if err == nil || !strings.Contains(err.Error(), "score the rows") {
			t.Errorf("rows without signals: error %v", err)
		}
	}
}

// What Score is keyed by changes with what it yields, and not with thresholds.
func TestScoreOptions(t *testing.T) {
	strict := []Step{{NeMo: &NeMo{MaxURLs: 0.5}}, {C4: &C4{MinSentences: 9, MinLongLines: 3}}, {FineWeb: &FineWeb{MaxCharDup: 0.5}}, {RefinedWeb: &RefinedWeb{MaxRemoved: 0.5}},
		{URL: &URL{Words: []string{"a"}, MaxSoft: 5}}, {BadWords: &BadWords{Words: []string{"a"}, Max: 7}}, {Instructions: &Instructions{MinWords: 9}}, {Language: &Language{Keep: []string{"de"}, Min: 0.9}}, {GopherQuality: &GopherQuality{MinWords: 7}},
		{GopherRepetition: &GopherRepetition{Top2Gram: -1}}, {Where: ptr("words > 7")}}
	loose := []Step{{NeMo: &NeMo{}}, {C4: &C4{}}, {FineWeb: &FineWeb{}}, {RefinedWeb: &RefinedWeb{}},
		{URL: &URL{Words: []string{"a"}}}, {BadWords: &BadWords{Words: []string{"a"}}}, {Instructions: &Instructions{}}, {Language: &Language{}}, {GopherQuality: &GopherQuality{}}, {GopherRepetition: &GopherRepetition{}}}
	if !reflect.DeepEqual(ScoreOptions(strict), ScoreOptions(loose)) {
		t.Error("thresholds are part of the key")
	}
	for _, pair := range [][2]Step{{{PII: &PII{}}, {PII: &PII{Action: "drop"}}}, {{PII: &PII{}}, {PII: &PII{Redact: []string{"ip"}}}},
		{{FixText: &FixText{}}, {FixText: &FixText{Normalize: "none"}}}, {{C4: &C4{}}, {C4: &C4{Allow: []string{"policy"}}}}, {{C4: &C4{}}, {C4: &C4{MinLineWords: 2}}},
		{{RefinedWeb: &RefinedWeb{}}, {RefinedWeb: &RefinedWeb{MaxUpper: 0.4}}}, {{FineWeb: &FineWeb{}}, {FineWeb: &FineWeb{ShortLine: 20}}}, {{GopherQuality: &GopherQuality{}}, {GopherQuality: &GopherQuality{Compat: "nemo"}}},
		{{GopherRepetition: &GopherRepetition{}}, {GopherRepetition: &GopherRepetition{Compat: "nemo"}}}, {{BadWords: &BadWords{Words: []string{"a"}}}, {BadWords: &BadWords{Words: []string{"b"}}}},
		{{URL: &URL{Words: []string{"a"}}}, {URL: &URL{Words: []string{"b"}}}}, {{Instructions: &Instructions{}}, {Instructions: &Instructions{Banned: []string{"b"}}}}} {
		if reflect.DeepEqual(ScoreOptions(pair[:1]), ScoreOptions(pair[1:])) {
			t.Errorf("%s: what changes the text is not part of the key", pair[0].Name())
		}
	}
	if !reflect.DeepEqual(ScoreOptions([]Step{{PII: &PII{}}}), ScoreOptions([]Step{{PII: &PII{Action: "redact"}}})) {
		t.Error("a default is another key than its value")
	}
}
