package dedup

import (
	"math/bits"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/zeebo/xxh3"

	"temper/dataset"
)

// plainUnits cuts a text the plain way.
func plainUnits(text, unit string) (out []string) {
	if unit == unitCharacters {
		for _, r := range strings.ToLower(strings.Join(strings.Fields(text), " ")) {
			out = append(out, string(r))
		}
		return out
	}
	word := ""
	for _, r := range text + " " {
		if isWord(r) {
			word += string(unicode.ToLower(r))
			continue
		}
		if word != "" {
			out, word = append(out, word), ""
		}
		if unit == unitTokens && !unicode.IsSpace(r) {
			out = append(out, string(r))
		}
	}
	return out
}

// TestUnits: hashes are equal where the plain units are, in any text, wherever a unit stands in it.
func TestUnits(t *testing.T) {
	texts := []string{"", " ", "a", "One two, THREE! four-five 6 seventeen_letters internationalization", "é É e\u0301 ñandú Straße", "x’s “quoted” — dash", "世界 hello世界 ok", "\xff\xfe bad", "tail123456789", "K kelvin \u212A", "ſ long s", "    \t\n  a  \n b "}
	r := rand.New(rand.NewPCG(1, 9))
	alphabet := []rune("aB9 é世.\n’Zzzzzzz")
	for range 300 {
		var b strings.Builder
		for range r.IntN(40) {
			b.WriteRune(alphabet[r.IntN(len(alphabet))])
		}
		texts = append(texts, b.String())
	}
	for _, unit := range []string{unitWords, unitCharacters, unitTokens} {
		names, hashes := map[uint64]string{}, map[string]uint64{}
		c := cutter{unit: unit}
		for _, text := range texts {
			want, got := plainUnits(text, unit), c.hashes(nil, []byte(text))
			if len(got) != len(want) {
				t.Fatalf("%s of %q: %d, want %q", unit, text, len(got), want)
			}
			for i, h := range got {
				if name, there := names[h]; there && name != want[i] {
					t.Errorf("%s: %q and %q have one hash", unit, name, want[i])
				}
				if hash, there := hashes[want[i]]; there && hash != h {
					t.Errorf("%s: %q has two hashes, in %q", unit, want[i], text)
				}
				names[h], hashes[want[i]] = want[i], h
			}
		}
	}
}

// TestShingles: a rolled hash is that of the same units elsewhere, and no other's.
func TestShingles(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 9))
	units := make([]uint64, 2000)
	for i := range units {
		units[i] = xxh3.HashString(string(rune('a' + r.IntN(3))))
	}
	for _, n := range []int{1, 2, 5, 24} {
		seen := map[uint64][]uint64{}
		got := shingles(nil, units, n)
		if len(got) != len(units)-n+1 {
			t.Fatalf("%d shingles of %d of %d units", len(got), n, len(units))
		}
		for i, h := range got {
			run := units[i : i+n]
			if alone := shingles(nil, run, n); alone[0] != h {
				t.Fatalf("run %d of %d: %x in the text, %x alone", i, n, h, alone[0])
			}
			if other, there := seen[h]; there && !slices.Equal(other, run) {
				t.Fatalf("two runs of %d have one hash", n)
			}
			seen[h] = run
		}
	}
	if a, b := shingles(nil, units[:3], 5), shingles(nil, units[:3], 3); len(a) != 1 || a[0] != b[0] {
		t.Errorf("a text of fewer units is %d shingles", len(a))
	}
}

// TestSimHash: a fingerprint's bits are those of most hashes, and fingerprints within the distance share a table's key.
func TestSimHash(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 9))
	for _, n := range []int{1, 2, 7, 1000, 70000} {
		hashes, count := make([]uint64, n), [64]int{}
		for i := range hashes {
			hashes[i] = r.Uint64() | r.Uint64()
			for b := range count {
				count[b] += int(fold(hashes[i]^mix(5+0x2545f4914f6cdd1d), wordTimes) >> b & 1)
			}
		}
		got := simHash(hashes, 5)
		for b, c := range count {
			if want := 2*c > n; got>>b&1 == 1 != want {
				t.Fatalf("%d hashes, bit %d: %d have it", n, b, c)
			}
		}
	}
	for distance := 1; distance <= maxDistance; distance++ {
		masks := tables(distance)
		for range 2000 {
			a := r.Uint64()
			b := a
			for range distance {
				b ^= 1 << r.IntN(64)
			}
			if !slices.ContainsFunc(masks, func(m uint64) bool { return a&m == b&m }) {
				t.Fatalf("distance %d: %x and %x share no key", distance, a, b)
			}
		}
	}
}

// TestSimHashClusters: every pair within the distance that is similar enough is found, and no other; without verification, those
// within the distance.
func TestSimHashClusters(t *testing.T) {
	recs := corpus(41, 1200)
	o := Near{Distance: 5, Similarity: 0.7, Keep: "first"}.WithDefaults()
	for _, verified := range []bool{true, false} {
		o.Verify = &verified
		in := map[string]string{}
		for _, c := range clustersOf(t, recs, o) {
			in[c.ID] = c.Cluster
		}
		var sigs []Signature
		for s := range Sign(all(recs), o, 1) {
			sigs = append(sigs, s)
		}
		linked := 0
		for i := range recs {
			for j := range i {
				near := bits.OnesCount64(sigs[i].Print^sigs[j].Print) <= o.Distance && (!verified || trueJaccard(recs[i], recs[j], o) >= o.Similarity)
				if near {
					linked++
				}
				if near && (in[recs[i].ID] == "" || in[recs[i].ID] != in[recs[j].ID]) {
					t.Errorf("%s and %s are in no cluster together", recs[i].ID, recs[j].ID)
				}
			}
		}
		if linked < 100 {
			t.Errorf("verified %v: only %d pairs", verified, linked)
		}
	}
}

// TestLayout: what is not given is chosen so that the threshold's pairs are found.
func TestLayout(t *testing.T) {
	for _, tt := range []struct {
		o           Near
		bands, rows int
	}{{Near{}, 28, 9}, {Near{Bands: 14, Rows: 8}, 14, 8}, {Near{Rows: 8}, 22, 8}, {Near{Bands: 22}, 22, 8}, {Near{Distance: 3}, 20, 1}} {
		o := tt.o.WithDefaults()
		if bands, rows := o.Layout(); bands != tt.bands || rows != tt.rows || o.Validate() != nil {
			t.Errorf("%+v: %d bands of %d, want %d of %d; %v", tt.o, bands, rows, tt.bands, tt.rows, o.Validate())
		}
	}
	for _, o := range []Near{{Keep: "best"}, {Keep: "longest:x"}, {Keep: "best:a,"}, {Keep: "best:a,b"}, {Keep: "first,longest"}, {Keep: "longest,best:a,longest"}, {Keep: "best:1,best:2,best:3,best:4,best:5,best:6,best:7,best:8,first"}, {Unit: "lines"}, {Method: "lsh"}, {Method: "minhash", Distance: 3}, {Distance: 9}, {Distance: 2, Bands: 3}, {Bands: 600}, {Rows: 100}, {Similarity: 2}, {Shingle: 65}, {Memory: -1}, {Memory: 1000}} {
		if err := o.WithDefaults().Validate(); err == nil {
			t.Errorf("%+v is allowed", o)
		}
	}
}

// TestRanks: dates and numbers rank as they are, what has none comes last, the next preference decides among equal ones and at last
// the ID, or the place where the first is kept; signatures hold the ranks.
func TestRanks(t *testing.T) {
	recs := []dataset.Record{
		{ID: "d", Text: "xxxx", Meta: dataset.Meta{"n": "-1", "d": "1999-12-31 23:59:59", "k": "2"}},
		{ID: "a", Text: "xx", Meta: dataset.Meta{"n": "3", "d": "2024-05-01", "k": "1"}},
		{ID: "c", Text: "xxx", Meta: dataset.Meta{"n": "many", "d": "yesterday"}},
		{ID: "b", Text: "x", Meta: dataset.Meta{"n": "10", "d": "2024-05-01T00:00:01Z", "k": "1"}},
	}
	for keep, want := range map[string]string{"longest": "dcab", "shortest": "bacd", "best:n": "badc", "least:n": "dabc", "newest:d": "badc", "oldest:d": "dabc",
		"first": "dacb", "best:k": "dabc", "least:k": "abdc", "least:k,first": "abdc", "best:k,shortest": "dbac", "best:k , oldest:d": "dabc",
		"best:none,first": "dacb", "best:none,least:k,best:n": "badc", "best:none,best:gone,longest": "dcab"} {
		o := Near{Keep: keep}.WithDefaults()
		if err := o.Validate(); err != nil {
			t.Fatal(err)
		}
		r, err := readRecords(spooled(t, all(recs), o, 1), o)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(r.ids, ""); got != want {
			t.Errorf("%s: %s, want %s", keep, got, want)
		}
	}
}

// TestRanked: a signal ranks where meta has no such field, and rows that are dropped are no records.
func TestRanked(t *testing.T) {
	meta := dataset.Meta{"stars": "3"}
	rows := []dataset.Row{
		{Record: dataset.Record{ID: "a", Meta: meta}, Signals: dataset.Signals{"stars": 7.0, "quality": 0.25, "other": 1.0}},
		{Record: dataset.Record{ID: "b"}, Verdict: &dataset.Check{}},
		{Record: dataset.Record{ID: "c"}},
	}
	var got []dataset.Record
	for rec, err := range (Near{Keep: "best:stars,best:quality,longest"}).Ranked(func(yield func(dataset.Row, error) bool) {
		for _, r := range rows {
			if !yield(r, nil) {
				return
			}
		}
	}) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, rec)
	}
	if want := []dataset.Record{{ID: "a", Meta: dataset.Meta{"stars": "3", "quality": "0.25"}}, {ID: "c"}}; !reflect.DeepEqual(got, want) || len(meta) != 1 {
		t.Errorf("%+v", got)
	}
}
