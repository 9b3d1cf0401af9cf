package dedup

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"flag"
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"temper/dataset"
)

var planted = flag.Int("planted", 20000, "records of the planted corpus")

// A plant is a corpus of n records: each odd one is like the even one before it, by a similarity that is known; no others are alike.
type plant struct {
	n        int
	seed     uint64
	words    int // of a record, at least; at most three times as many
	levels   []float64
	spelling []string
}

func newPlant(n, words int, seed uint64) *plant {
	p := &plant{n: n, seed: seed, words: words}
	for s := 50; s <= 100; s += 5 {
		p.levels = append(p.levels, float64(s)/100)
	}
	r := rand.New(rand.NewPCG(seed, 0))
	for range 1 << 16 {
		w := make([]byte, 2+r.IntN(9))
		for i := range w {
			w[i] = byte('a' + r.IntN(26))
		}
		p.spelling = append(p.spelling, string(w))
	}
	return p
}

// pair is the words of both records of a pair. The second begins as the first does and goes on with other words.
func (p *plant) pair(i int) (first, second []uint16) {
	r := rand.New(rand.NewPCG(p.seed, uint64(i)+1))
	first = make([]uint16, p.words+r.IntN(2*p.words))
	for j := range first {
		first[j] = uint16(r.Uint32())
	}
	second = slices.Clone(first)
	for j := p.shared(i, len(first)); j < len(second); j++ {
		second[j] = uint16(r.Uint32())
	}
	return first, second
}

// shared is how many words both records of a pair of so many words begin with.
func (p *plant) shared(i, words int) int {
	s := p.levels[i%len(p.levels)]
	return 4 + int(math.Round(2*s/(1+s)*float64(words-4)))
}

// similarity is that of the word 5-grams of a pair.
func (p *plant) similarity(first []uint16, i int) float64 {
	both := p.shared(i, len(first)) - 4
	return float64(both) / float64(2*(len(first)-4)-both)
}

func (p *plant) records() dataset.Records {
	return func(yield func(dataset.Record, error) bool) {
		for i := range p.n / 2 {
			first, second := p.pair(i)
			if !yield(dataset.Record{ID: p.id(2 * i), Text: p.text(first)}, nil) || !yield(dataset.Record{ID: p.id(2*i + 1), Text: p.text(second)}, nil) {
				return
			}
		}
	}
}

func (p *plant) id(i int) string { return fmt.Sprintf("%032x", i) }

func (p *plant) text(words []uint16) string {
	var b strings.Builder
	for _, w := range words {
		b.WriteString(p.spelling[w])
		b.WriteByte(' ')
	}
	return b.String()
}

// scratchFile is a file for scratch.
func scratchFile(t testing.TB) Scratch {
	t.Helper()
	f, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// spooled stores the signatures in a file and streams them.
func spooled(t testing.TB, in dataset.Records, o Near, workers int) iter.Seq2[Signature, error] {
	t.Helper()
	path := filepath.Join(t.TempDir(), "signatures")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = WriteSignatures(f, Sign(in, o, workers), o)
	if f.Close(); err != nil {
		t.Fatal(err)
	}
	return func(yield func(Signature, error) bool) {
		f, err := os.Open(path)
		if err != nil {
			yield(Signature{}, err)
			return
		}
		defer f.Close()
		for s, err := range ReadSignatures(f, o) {
			if !yield(s, err) || err != nil {
				return
			}
		}
	}
}

func digestOf(t testing.TB, clusters []Cluster) string {
	t.Helper()
	h := sha256.New()
	if err := json.NewEncoder(h).Encode(clusters); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%x", h.Sum(nil)[:8])
}

// cpuSeconds is the processor time this process has used.
func cpuSeconds() float64 {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return math.NaN()
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds()
}

// peak is the most memory this process has held, in MB, where the system tells.
func peak() int {
	b, _ := os.ReadFile("/proc/self/status")
	_, after, _ := bytes.Cut(b, []byte("VmHWM:"))
	kb, _ := strconv.Atoi(string(bytes.TrimSpace(after[:max(0, bytes.IndexByte(after, 'k'))])))
	return kb / 1024
}

// TestPlanted: of a corpus with pairs of similarities from 0.5 to 1 the S-curve's share is found at each of them, within five standard
// deviations and what is said below; every pair found is one that was planted, with its true similarity.
func TestPlanted(t *testing.T) {
	for _, tt := range []struct {
		name  string
		o     Near
		words int
	}{
		{"FineWeb", Near{Similarity: 0.49, Bands: 14, Rows: 8, Keep: "first"}, 120},
		{"short", Near{Similarity: 0.49, Bands: 14, Rows: 8, Keep: "first"}, 25},
		{"default", Near{Keep: "first"}, 120},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := tt.o.WithDefaults()
			p := newPlant(*planted, tt.words, 1)
			start, cpu := time.Now(), cpuSeconds()
			clusters, err := NearClusters(p.records(), spooled(t, p.records(), o, runtime.GOMAXPROCS(0)), o, scratchFile(t))
			if err != nil {
				t.Fatal(err)
			}
			bands, rows := o.Layout()
			took, used, held, size := time.Since(start).Seconds(), cpuSeconds()-cpu, peak(), 0
			for rec := range p.records() {
				size += len(rec.Text)
			}
			t.Logf("%d records of %d to %d words, %.0f MB, %d bands of %d, threshold %.2f: %.1f s, %.1f s of CPU with the making of the texts, peak %d MB, digest %s",
				p.n, tt.words, 3*tt.words, float64(size)/1e6, bands, rows, o.Similarity, took, used, held, digestOf(t, clusters))
			p.check(t, clusters, o)
		})
	}
}

// check holds clusters against what was planted.
func (p *plant) check(t *testing.T, clusters []Cluster, o Near) {
	found := make([]int, len(p.levels))
	for c := range slices.Chunk(clusters, 2) {
		i, err := strconv.ParseInt(c[0].ID, 16, 64)
		if err != nil || len(c) != 2 || c[1].ID != p.id(int(i)+1) || c[1].Keeper != c[0].ID || i%2 != 0 {
			t.Fatalf("%+v: no pair that was planted, %v", c, err)
		}
		first, second := p.pair(int(i / 2))
		want := p.similarity(first, int(i/2))
		if math.Abs(c[1].Similarity-want) > 1e-9 { // words may be the same by chance
			want = grams(p.text(first), p.text(second))
		}
		if math.Abs(c[1].Similarity-want) > 1e-9 || want < o.Similarity {
			t.Fatalf("%+v: similarity %v", c, want)
		}
		found[int(i/2)%len(p.levels)]++
	}
	for l, s := range p.levels {
		there := (p.n/2-l-1)/len(p.levels) + 1
		if s < o.Similarity+0.01 { // rounding puts some of them below the threshold
			continue
		}
		recall, want := float64(found[l])/float64(there), o.Recall(s)
		// The values are those of hashes thrown into bins, drawn without replacement: their curve is a little steeper than the S-curve.
		slack := 5*math.Sqrt(want*(1-want)/float64(there)) + 0.2*want*(1-want) + 1e-9
		t.Logf("similarity %.2f: %d of %d found, recall %.4f, S-curve %.4f", s, found[l], there, recall, want)
		if math.Abs(recall-want) > slack {
			t.Errorf("similarity %.2f: recall %.4f, S-curve %.4f ± %.4f", s, recall, want, slack)
		}
	}
}

// grams is the similarity of the runs of five words of two texts.
func grams(a, b string) float64 {
	in := map[string]int{}
	for side, text := range []string{a, b} {
		words := strings.Fields(text)
		for i := range len(words) - 4 {
			in[strings.Join(words[i:i+5], " ")] |= 1 << side
		}
	}
	both := 0
	for _, sides := range in {
		if sides == 3 {
			both++
		}
	}
	return float64(both) / float64(len(in))
}

// TestSameForAnyOrder: the clusters are the same bytes for 1, 2 and 7 workers, and for records in any order, unless it is the first
// that is kept.
func TestSameForAnyOrder(t *testing.T) {
	recs := slices.Concat(corpus(21, 800), texts(newPlant(2000, 40, 3).records()))
	for _, o := range []Near{{}, {Method: methodSimHash, Distance: 6, Similarity: 0.6}, {Keep: "best:none,shortest", Similarity: 0.5}} {
		o = o.WithDefaults()
		want := digestOf(t, clustersOf(t, recs, o))
		for _, workers := range []int{1, 2, 7} {
			clusters, err := NearClusters(all(recs), spooled(t, all(recs), o, workers), o, scratchFile(t))
			if got := digestOf(t, clusters); err != nil || got != want || len(clusters) < 100 {
				t.Errorf("%s, %d workers: %d records in clusters, digest %s, not %s; %v", o.Method, workers, len(clusters), got, want, err)
			}
		}
		other := slices.Clone(recs)
		for seed := range uint64(3) {
			rand.New(rand.NewPCG(seed, 2)).Shuffle(len(other), func(i, j int) { other[i], other[j] = other[j], other[i] })
			if got := digestOf(t, clustersOf(t, other, o)); got != want {
				t.Errorf("%s, shuffled: digest %s, not %s", o.Method, got, want)
			}
		}
	}
}

func texts(in dataset.Records) (out []dataset.Record) {
	for rec := range in {
		out = append(out, rec)
	}
	return out
}

// TestFewAtOnce: clusters do not depend on how much is held at once.
func TestFewAtOnce(t *testing.T) {
	recs, o := corpus(31, 600), Near{}.WithDefaults()
	want := digestOf(t, clustersOf(t, recs, o))
	r, err := readRecords(Sign(all(recs), o, 1), o)
	if err != nil {
		t.Fatal(err)
	}
	for _, memory := range []int{1, 3000, 100000} {
		pairs, err := candidates(Sign(all(recs), o, 1), r, o, memory)
		if err != nil {
			t.Fatal(err)
		}
		if pairs, err = verify(all(recs), r, pairs, o, scratchFile(t), memory); err != nil {
			t.Fatal(err)
		}
		clusters, err := resolve(r, pairs)
		if err != nil {
			t.Fatal(err)
		}
		if got := digestOf(t, clusters); got != want {
			t.Errorf("%d bytes at once: other clusters", memory)
		}
	}
}

// TestMemory: with less memory signatures are read more often, to the same clusters.
func TestMemory(t *testing.T) {
	p, o := newPlant(4000, 25, 5), Near{Similarity: 0.6}.WithDefaults()
	sigs := spooled(t, p.records(), o, 1)
	run := func(memory int64) (clusters string, reads int) {
		o.Memory = memory
		got, err := NearClusters(p.records(), func(yield func(Signature, error) bool) {
			reads++
			sigs(yield)
		}, o, scratchFile(t))
		if err != nil || len(got) < 1000 {
			t.Fatal(len(got), err)
		}
		return digestOf(t, got), reads
	}
	little, often := run(1 << 20)
	much, seldom := run(1 << 30)
	bands, _ := o.Layout()
	if want := 1 + (bands+15)/16; little != much || seldom != 2 || often != want || want < 3 { // 16 bands of 4000 records, 16 bytes each, fit
		t.Errorf("1 MiB: %s, read %d times; 1 GiB: %s, %d times", little, often, much, seldom)
	}
}
