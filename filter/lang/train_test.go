package lang

import (
	"bytes"
	"flag"
	"maps"
	"math"
	"os"
	"slices"
	"sort"
	"strings"
	"testing"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

var (
	corpusDir = flag.String("corpus", "", "the folder of interop/langid/fetch: train on it, and compare the result with table.bin")
	update    = flag.Bool("update", false, "write what -corpus trains to table.bin")
)

// training is what the table is made with.
type training struct {
	letters int     // at most so many letters of a source are learned for a language
	prior   float64 // letters' worth of belief that a language is like any text
	floor   float64 // how often text of any kind has a feature of no language
	keep    int     // features in all
	bare    float64 // what a feature counts in a copy of the text without diacritics
}

// strip returns text without the marks on its letters.
func strip(text []rune) []rune {
	return []rune(norm.NFC.String(strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return r
	}, norm.NFD.String(string(text)))))
}

var usual = training{letters: 80_000, prior: 100, floor: 3e-6, keep: 90_000, bare: 0.25}

// counts are how often each class has each feature, and how many letters it was counted on.
type counts struct {
	features map[class]map[uint32]float64
	letters  map[class]float64
}

// learn counts the features of the texts; those a script alone tells are not learned.
func (t training) learn(sources map[string]map[string][]string, use func(source string) bool) counts {
	c := counts{map[class]map[uint32]float64{}, map[class]float64{}}
	for _, source := range slices.Sorted(maps.Keys(sources)) {
		if !use(source) {
			continue
		}
		for _, code := range slices.Sorted(maps.Keys(sources[source])) {
			left := map[script]int{}
			for _, text := range sources[source][code] {
				var n [scripts]int
				words := fold(nil, compose(text), true, &n)
				k, share := dominant(&n)
				if len(words) == 0 || share < 0.7 || only[k] != "" || k == han || k == otherScript || left[k] > t.letters {
					continue
				}
				left[k] += n[k]
				cl := class{code, k}
				if c.features[cl] == nil {
					c.features[cl] = map[uint32]float64{}
				}
				c.letters[cl] += float64(n[k])
				for _, h := range features(nil, words, k) {
					c.features[cl][h]++
				}
				if bare := strip(words); k == latin && !slices.Equal(bare, words) { // as typed without the marks
					for _, h := range features(nil, bare, k) {
						c.features[cl][h] += t.bare
					}
					c.letters[cl] += t.bare * float64(n[k])
				}
			}
		}
	}
	for cl, n := range c.letters { // words of another language in a script that it is not written in
		if n < 2000 {
			delete(c.letters, cl)
			delete(c.features, cl)
		}
	}
	return c
}

// train makes the model of the counts: weights are log(p/floor) for p smoothed toward floor, of the features that tell most.
func (t training) train(c counts) *model {
	classes := slices.SortedFunc(maps.Keys(c.letters), func(a, b class) int {
		if a.script != b.script {
			return int(a.script) - int(b.script)
		}
		return bytes.Compare([]byte(a.code), []byte(b.code))
	})
	rows, spread := map[uint32][]entry{}, map[uint32][]float64{}
	per := map[script]float64{}
	for _, cl := range classes {
		per[cl.script]++
	}
	for i, cl := range classes {
		for h, n := range c.features[cl] {
			p := (n + t.prior*t.floor) / (c.letters[cl] + t.prior)
			if w := math.Round(scale * math.Log(p/t.floor)); w >= 1 {
				rows[h] = append(rows[h], entry{uint8(i), uint8(min(w, 255))})
				spread[h] = append(spread[h], p)
			}
		}
	}
	type ranked struct {
		hash uint32
		gain float64
	}
	var all []ranked
	for h, row := range rows {
		mean, gain := 0.0, 0.0
		n := per[classes[row[0].class].script]
		for _, p := range spread[h] {
			mean += p / n
		}
		mean += t.floor
		for _, p := range spread[h] {
			gain += p * math.Log(p/mean)
		}
		all = append(all, ranked{h, gain})
	}
	sort.Slice(all, func(i, j int) bool {
		if all[i].gain != all[j].gain {
			return all[i].gain > all[j].gain
		}
		return all[i].hash < all[j].hash
	})
	for _, r := range all[min(t.keep, len(all)):] {
		delete(rows, r.hash)
	}
	traits := make([]trait, len(classes))
	for i, cl := range classes {
		sum := 0.0
		for h, n := range c.features[cl] {
			for _, e := range rows[h] {
				if int(e.class) == i {
					sum += n * float64(e.weight)
				}
			}
		}
		traits[i] = trait{cl, uint8(min(255, math.Round(sum/c.letters[cl])))}
	}
	return assemble(traits, rows)
}

// Trained on the other sources, the model tells the paragraphs of the Declaration of Human Rights, and the first 20 runes of them.
func TestHeldOut(t *testing.T) {
	if *corpusDir == "" {
		t.Skip("no -corpus: interop/langid/fetch unpacks one")
	}
	sources, err := corpus(*corpusDir)
	if err != nil {
		t.Fatal(err)
	}
	m := usual.train(usual.learn(sources, func(source string) bool { return source != "udhr" }))
	for _, runes := range []int{1 << 20, 20} {
		right, all := 0, 0
		for code := range strings.FieldsSeq("en de fr es it pt nl pl ru uk cs sv da fi tr ar hi vi id ro hu bg he ca nb hr") {
			for _, s := range sources["udhr"][code] {
				if n := len([]rune(s)); n < 25 || n < 60 && runes > 20 {
					continue
				}
				all++
				if got, _ := m.identify(prefix(s, runes)); got == code {
					right++
				}
			}
		}
		t.Logf("%d runes: %.2f%% of %d", runes, 100*float64(right)/float64(all), all)
		if least := map[bool]float64{true: 0.965, false: 0.885}[runes > 20]; float64(right) < least*float64(all) {
			t.Errorf("%d runes: %d of %d right", runes, right, all)
		}
	}
}

// The table is what the corpus makes it: training again gives the same bytes.
func TestTrain(t *testing.T) {
	if *corpusDir == "" {
		t.Skip("no -corpus: interop/langid/fetch unpacks one")
	}
	sources, err := corpus(*corpusDir)
	if err != nil {
		t.Fatal(err)
	}
	got := usual.train(usual.learn(sources, func(string) bool { return true })).encode()
	if *update {
		if err := os.WriteFile("table.bin", got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if !bytes.Equal(got, table) {
		t.Errorf("training gives %d bytes that are not table.bin's %d", len(got), len(table))
	}
}
