package synth

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"temper/dataset"
)

var update = flag.Bool("update", false, "write the golden files anew")

// records are some of go_doc's of Go 1.26, © The Go Authors, BSD-3-Clause.
func records(tb testing.TB) []dataset.Record {
	tb.Helper()
	f, err := os.Open("testdata/records.jsonl")
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	var out []dataset.Record
	for rec, err := range dataset.ReadJSONL(f, dataset.Source{}, nil) {
		if err != nil {
			tb.Fatal(err)
		}
		out = append(out, rec)
	}
	return out
}

// stream yields records.
func stream(recs []dataset.Record) dataset.Records {
	return func(yield func(dataset.Record, error) bool) {
		for _, r := range recs {
			if !yield(r, nil) {
				return
			}
		}
	}
}

// A failer is a test, or a rapid.T.
type failer interface {
	Helper()
	Fatal(args ...any)
}

// rows takes all rows of a stream.
func rows(t failer, in dataset.Rows) []dataset.Row {
	t.Helper()
	var out []dataset.Row
	for row, err := range in {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, row)
	}
	return out
}

// golden compares with a file of testdata, which people read.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	name = "testdata/" + name
	if *update {
		if err := os.WriteFile(name, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), string(got)); d != "" {
		t.Errorf("%s: want -, got +:\n%s", name, d)
	}
}

// say writes rows for people.
func say(rows []dataset.Row) []byte {
	var b bytes.Buffer
	for _, r := range rows {
		fmt.Fprintf(&b, "=== %s %s, %s\n", r.Meta["package"], r.Meta["name"], r.Meta["template"])
		if r.Verdict != nil {
			fmt.Fprintf(&b, "dropped: %s\n", r.Verdict)
		}
		fmt.Fprintf(&b, "Q: %s\nA: %s\n\n", r.Messages[0].Content, r.Messages[1].Content)
	}
	return b.Bytes()
}

// TestPairs: all pairs of some records are those of the golden file.
func TestPairs(t *testing.T) {
	golden(t, "pairs.txt", say(rows(t, FromTemplates(stream(records(t)), Pairs{PerRecord: 100}))))
}

// TestPairsName: every question names the symbol and its package, and every row tells its record, source and cluster, which are the
// record's, and has an ID of its own.
func TestPairsName(t *testing.T) {
	byID := map[string]dataset.Record{}
	for _, r := range records(t) {
		byID[r.ID] = r
	}
	ids := map[string]bool{}
	for _, row := range rows(t, FromTemplates(stream(records(t)), Pairs{PerRecord: 100})) {
		parent := byID[row.Parents[0]]
		q := row.Messages[0].Content
		name := parent.Meta["name"]
		if which := strings.HasPrefix(row.Meta["template"], "which"); !which && parent.Meta["kind"] != "package" && !strings.Contains(q, name[strings.LastIndexByte(name, '.')+1:]) {
			t.Errorf("%q does not name %s", q, name)
		}
		if !strings.Contains(q, parent.Meta["package"]) {
			t.Errorf("%q does not name %s", q, parent.Meta["package"])
		}
		if row.Source != parent.Source || row.Cluster != parent.ID || row.Meta["symbol"] != parent.Meta["symbol"] {
			t.Errorf("row %+v of %+v", row.Record, parent)
		}
		if ids[row.ID] {
			t.Errorf("ID %s twice", row.ID)
		}
		ids[row.ID] = true
	}
}

// TestPairsAlone: the pairs of a record do not depend on the records around it.
func TestPairsAlone(t *testing.T) {
	recs := records(t)
	o := Pairs{PerRecord: 2, Seed: 7}
	all := rows(t, FromTemplates(stream(recs), o))
	var one []dataset.Row
	for i := range recs {
		one = append(one, rows(t, FromTemplates(stream(recs[i:i+1]), o))...)
	}
	if d := cmp.Diff(all, one); d != "" {
		t.Errorf("together -, alone +:\n%s", d)
	}
	if cmp.Equal(all, rows(t, FromTemplates(stream(recs), Pairs{PerRecord: 2, Seed: 8}))) {
		t.Error("another seed gives the same pairs")
	}
}

// TestChoose: n records are chosen, in their order; one more keeps those chosen before; which they are does not depend on the order.
func TestChoose(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ids := rapid.SliceOfNDistinct(rapid.StringMatching("[a-f]{1,6}"), 1, 30, rapid.ID[string]).Draw(t, "ids")
		var recs []dataset.Record
		for _, id := range ids {
			recs = append(recs, dataset.Record{ID: id})
		}
		pick := func(recs []dataset.Record, n int) (out []string) {
			for r, err := range choose(stream(recs), n, 3) {
				if err != nil {
					t.Fatal(err)
				}
				out = append(out, r.ID)
			}
			return out
		}
		n := rapid.IntRange(1, len(recs)).Draw(t, "n")
		few, more := pick(recs, n), pick(recs, n+1)
		if len(few) != n || !subsequence(few, more) || !subsequence(more, ids) {
			t.Errorf("%d are %v, one more are %v, of %v", n, few, more, ids)
		}
		shuffled := rapid.Permutation(recs).Draw(t, "shuffled")
		again := map[string]bool{}
		for _, id := range pick(shuffled, n) {
			again[id] = true
		}
		for _, id := range few {
			if !again[id] {
				t.Errorf("in another order %s is not chosen", id)
			}
		}
	})
}

// subsequence reports whether a is in b, in order.
func subsequence(a, b []string) bool {
	for _, s := range b {
		if len(a) > 0 && a[0] == s {
			a = a[1:]
		}
	}
	return len(a) == 0
}

// TestAnswerLength: an answer that is too short or cannot be cut drops the row, with its length and the bound.
func TestAnswerLength(t *testing.T) {
	doc := strings.Repeat("A sentence of doc. ", 10)
	rec := dataset.Record{ID: "r", Meta: dataset.Meta{"doc": doc, "short": "Too short.", "code": strings.Repeat("x", 300)}}
	o := Pairs{PerRecord: 3, MinAnswer: 20, MaxAnswer: 100, Templates: []Template{
		{Name: "cut", Ask: []string{"q?"}, Answer: "{{.doc}}"},
		{Name: "short", Ask: []string{"q?"}, Answer: "{{.short}}"},
		{Name: "code", Ask: []string{"q?"}, Answer: "{{.code}}", Code: true},
		{Name: "none", Ask: []string{"q?"}, Answer: "{{.other}}"},
	}}
	got := map[string]string{}
	for _, row := range rows(t, FromTemplates(stream([]dataset.Record{rec}), o)) {
		got[row.Meta["template"]] = fmt.Sprint(row.Verdict)
	}
	want := map[string]string{
		"cut": "<nil>", "short": "pairs.answer_length: 10, must be >= 20", "code": "pairs.answer_length: 300, must be <= 100",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("want -, got +:\n%s", d)
	}
}

// TestCutSentences: what is cut ends with a sentence or paragraph, is no longer than asked for, and is the beginning of the text.
func TestCutSentences(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"One. Two. Three is long.", "One. Two."},
		{"One e.g. two. Three.", "One e.g. two."},
		{"A list:\n\n  - of things", ""},
		{"First one\n\nthen another par", "First one"},
		{"No end in these twenty", ""},
		{"Ends here.", "Ends here."},
	} {
		if got := cutSentences(tt.text, 16); got != tt.want {
			t.Errorf("%q: got %q, want %q", tt.text, got, tt.want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		text := strings.TrimSpace(rapid.StringMatching(`([a-zé]{1,8}[.!?:]?( |\n|\n\n)){0,20}`).Draw(t, "text"))
		n := rapid.IntRange(1, 80).Draw(t, "n")
		got := cutSentences(text, n)
		if utf8.RuneCountInString(got) > n || !strings.HasPrefix(text, got) {
			t.Errorf("%q cut at %d: %q", text, n, got)
		}
		if got != "" && got != text && !strings.ContainsAny(got[len(got)-1:], ".!?") && !strings.HasPrefix(text[len(got):], "\n\n") {
			t.Errorf("%q cut at %d ends in a sentence: %q", text, n, got)
		}
	})
}

// TestTemplatesRefused: a template that cannot work is refused with its place, before anything is made.
func TestTemplatesRefused(t *testing.T) {
	for _, tt := range []struct {
		template Template
		want     string
	}{
		{Template{Name: "a", Ask: []string{"q"}}, "templates[1] needs name, ask and answer"},
		{Template{Name: "a", Ask: []string{"{{.x"}, Answer: "b"}, "templates[1] (a)"},
		{Template{Name: "a", Ask: []string{"{{env \"HOME\"}}"}, Answer: "b"}, `function "env" not defined`},
	} {
		o := Pairs{Templates: []Template{goTemplates[0], tt.template}}.WithDefaults()
		if err := o.Validate(); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: %v, want %q", tt.template, err, tt.want)
		}
		for _, err := range FromTemplates(stream(nil), o) {
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%+v: %v, want %q", tt.template, err, tt.want)
			}
		}
	}
	if err := (Pairs{}).WithDefaults().Validate(); err != nil {
		t.Error(err)
	}
}
