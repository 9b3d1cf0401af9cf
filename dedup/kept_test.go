package dedup

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/bits"
	"math/rand/v2"
	"slices"
	"testing"

	"temper/dataset"
)

// night is what one pass does that knows what earlier ones kept: it drops, and writes what it kept.
func night(t testing.TB, recs []dataset.Record, files []*Kept, o Near, workers int) ([]Cluster, *Kept, []byte) {
	t.Helper()
	sigs := spooled(t, all(recs), o, workers)
	clusters, err := NearKnown(all(recs), sigs, files, o, &Memory{})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if _, err := WriteKept(&b, all(recs), sigs, clusters, o, &Memory{}); err != nil {
		t.Fatal(err)
	}
	return clusters, opened(t, b.Bytes()), b.Bytes()
}

func opened(t testing.TB, b []byte) *Kept {
	t.Helper()
	k, err := OpenKept(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func merged(t testing.TB, files []*Kept) *Kept {
	t.Helper()
	var b bytes.Buffer
	n, err := MergeKept(&b, files)
	if err != nil {
		t.Fatal(err)
	}
	if k := opened(t, b.Bytes()); int64(k.Len()) == n {
		return k
	}
	t.Fatalf("%d records are written, others are read", n)
	return nil
}

// fates are the keeper and the similarity of each record that is dropped.
func fates(clusters []Cluster) map[string]string {
	out := map[string]string{}
	for _, c := range clusters {
		if c.dropped() {
			out[c.ID] = fmt.Sprintf("%s %.6f", c.Keeper, c.Similarity)
		}
	}
	return out
}

// parted cuts records into nights, and gives each the field rank: the earlier the night the larger, and within it by chance.
func parted(recs []dataset.Record, cuts []int) (nights [][]dataset.Record) {
	r, from := rand.New(rand.NewPCG(uint64(len(cuts)), 9)), 0
	for i, to := range append(slices.Clone(cuts), len(recs)) {
		part := slices.Clone(recs[from:to])
		for j := range part {
			part[j].Meta = map[string]string{"rank": fmt.Sprint(1000*(len(cuts)-i) + r.IntN(1000))}
		}
		nights, from = append(nights, part), to
	}
	return nights
}

// TestNights: passes over parts that each know what those before kept drop what one pass over all drops, for the same keepers, whose first
// preference is the earlier part: however the records are parted, by any number of workers, whether the files of what was kept are
// merged, and whatever else is preferred. Records that are kept have the same bands and shingles in the files as if one pass had
// written them.
func TestNights(t *testing.T) {
	recs := corpus(41, 500)
	rand.New(rand.NewPCG(41, 7)).Shuffle(len(recs), func(i, j int) { recs[i], recs[j] = recs[j], recs[i] })
	options := []Near{{Keep: "first", Similarity: 0.6}, {Keep: "first", Similarity: 0.65, Bands: 2, Rows: 1}, {Keep: "best:rank", Similarity: 0.5, Unit: unitTokens}, {Keep: "best:rank", Method: methodSimHash, Distance: 8, Similarity: 0.4}}
	for _, o := range options {
		o = o.WithDefaults()
		known := 0
		for i, cuts := range [][]int{{250}, {10, 20, 300}, {1, 2, 4, 8, 16, 32, 64, 128, 256}} {
			nights := parted(recs, cuts)
			one, _, whole := night(t, slices.Concat(nights...), nil, o, 1)
			want := fates(one)
			if len(want) < 60 {
				t.Fatalf("%+v: only %d records are dropped", o, len(want))
			}
			got := map[string]string{}
			var files []*Kept
			for _, part := range nights {
				clusters, file, _ := night(t, part, files, o, []int{1, 2, 7}[i])
				maps.Copy(got, fates(clusters))
				for _, c := range clusters {
					if c.Known {
						known++
					}
				}
				if files = append(files, file); i != 1 {
					files = compacted(t, files)
				}
			}
			if !maps.Equal(got, want) {
				t.Errorf("%+v, nights at %v: %d records dropped, not the %d of one pass", o, cuts, len(got), len(want))
			}
			if !bytes.Equal(bytesOf(t, merged(t, files)), bytesOf(t, opened(t, whole))) {
				t.Errorf("%+v, nights at %v: what is kept differs from one pass's", o, cuts)
			}
		}
		if known < 100 {
			t.Errorf("%+v: only %d records had an earlier keeper", o, known)
		}
	}
}

// compacted applies the rule of merging.
func compacted(t testing.TB, files []*Kept) []*Kept {
	n := Merged(sizesOf(files))
	if n == 0 {
		return files
	}
	at := len(files) - n
	return append(slices.Clone(files[:at]), merged(t, files[at:]))
}

// bytesOf writes a file again without the names of clusters, which passes that see less give otherwise.
func bytesOf(t testing.TB, k *Kept) []byte {
	t.Helper()
	var out []byte
	for band := range int(k.bands) {
		for e, err := range k.band(band) {
			if err != nil {
				t.Fatal(err)
			}
			out = fmt.Append(out, band, e)
		}
	}
	for n := range uint32(k.records) {
		v, err := k.body(n)
		if err != nil {
			t.Fatal(err)
		}
		out = fmt.Append(out, v.id, v.print, v.set)
	}
	return out
}

// TestNightsInAnyOrder: a pass after others gives the same bytes for any order of its records, any number of workers, whether the
// files before it are merged, and however little memory bands and shingles may take.
func TestNightsInAnyOrder(t *testing.T) {
	recs, o := corpus(43, 300), Near{Keep: "longest", Similarity: 0.5}.WithDefaults()
	rand.New(rand.NewPCG(43, 7)).Shuffle(len(recs), func(i, j int) { recs[i], recs[j] = recs[j], recs[i] })
	_, first, _ := night(t, recs[:80], nil, o, 1)
	_, second, _ := night(t, recs[80:150], []*Kept{first}, o, 1)
	want, _, file := night(t, recs[150:], []*Kept{first, second}, o, 1)
	if len(want) < 50 || !slices.ContainsFunc(want, func(c Cluster) bool { return c.Known }) {
		t.Fatalf("%d records in clusters", len(want))
	}
	other := slices.Clone(recs[150:])
	rand.New(rand.NewPCG(3, 2)).Shuffle(len(other), func(i, j int) { other[i], other[j] = other[j], other[i] })
	one := merged(t, []*Kept{first, second})
	for _, workers := range []int{1, 2, 7} {
		got, _, again := night(t, other, []*Kept{one}, o, workers)
		if !slices.Equal(got, want) || !bytes.Equal(again, file) {
			t.Errorf("another order of the records, %d workers: another result", workers)
		}
	}
	for _, memory := range []int{1, 10_000} {
		sigs := spooled(t, all(other), o, 1)
		r, err := readRecords(sigs, o)
		if err != nil {
			t.Fatal(err)
		}
		r.old.files = []*Kept{first, second}
		pairs, err := candidates(sigs, r, o, memory)
		if err == nil {
			pairs, err = verify(all(other), r, pairs, o, &Memory{}, memory)
		}
		if err != nil {
			t.Fatal(err)
		}
		if got, err := resolve(r, pairs); err != nil || !slices.Equal(got, want) {
			t.Errorf("%d bytes at once: another result, %v", memory, err)
		}
	}
}

// TestBrokenKept: of a file in which any byte is another, or that is cut anywhere, either nothing that counts is read or it is said to be
// malformed; what is merged has no broken record.
func TestBrokenKept(t *testing.T) {
	o := Near{Bands: 3, Rows: 1, Similarity: 0.3, Shingle: 2}.WithDefaults()
	_, _, b := night(t, texted("a b c d e f", "u v w x y z"), nil, o, 1)
	tonight := texted("a b c d e g", "l m n o p q")
	sigs := spooled(t, all(tonight), o, 1)
	try := func(b []byte) (string, error) {
		k, err := OpenKept(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			return "", err
		}
		clusters, err := NearKnown(all(tonight), sigs, []*Kept{k}, o, &Memory{})
		return fmt.Sprint(clusters), err
	}
	want, err := try(b)
	if err != nil || want == "[]" {
		t.Fatal(want, err)
	}
	malformed := 0
	for i := range b {
		broken := slices.Clone(b)
		broken[i] ^= 0x10
		got, err := try(broken)
		switch {
		case errors.Is(err, dataset.ErrMalformed):
			malformed++
		case err != nil || got != want:
			t.Errorf("byte %d of %d: %s, %v", i, len(b), got, err)
		}
		if i < keptHead {
			continue
		}
		k, err := OpenKept(bytes.NewReader(broken), int64(len(broken)))
		if err == nil {
			_, err = MergeKept(io.Discard, []*Kept{k})
		}
		if !errors.Is(err, dataset.ErrMalformed) {
			t.Errorf("byte %d of %d is merged: %v", i, len(b), err)
		}
	}
	if malformed < len(b)/2 {
		t.Errorf("%d of %d broken bytes are seen", malformed, len(b))
	}
	for n := range len(b) {
		if _, err := try(b[:n]); !errors.Is(err, dataset.ErrMalformed) {
			t.Errorf("cut at %d: %v", n, err)
		}
	}
}

// TestKnownNear: a record is dropped for an earlier one by a rule of its own, which names it; one that only a dropped record links to an
// earlier cluster stays and is in that cluster.
func TestKnownNear(t *testing.T) {
	words := sentence(rand.New(rand.NewPCG(1, 1)), 100)
	text := func(changed int) string {
		w := slices.Clone(words)
		for i := range changed {
			w[i] = fmt.Sprintf("other%d", i)
		}
		return fmt.Sprint(w)
	}
	o := Near{Similarity: 0.8, Keep: "first"}.WithDefaults()
	_, first, _ := night(t, []dataset.Record{{ID: "a", Text: text(0)}}, nil, o, 1)
	tonight := []dataset.Record{{ID: "b", Text: text(6)}, {ID: "c", Text: text(12)}, {ID: "d", Text: "nothing of the kind"}}
	clusters, second, _ := night(t, tonight, []*Kept{first}, o, 1)
	if d := dropped(t, NearNotes(all(tonight), clusters, o)); !slices.Equal(d, []string{"b<a"}) {
		t.Fatalf("dropped %v of clusters %+v", d, clusters)
	}
	if v := notes(t, NearNotes(all(tonight), clusters, o))[0].Verdict(); v.Rule != "known_near" || v.Value < 0.8 || v.Threshold != 0.8 {
		t.Errorf("verdict %v", v)
	}
	if c := clusters[slices.IndexFunc(clusters, func(c Cluster) bool { return c.ID == "c" })]; c.Cluster != "a" || c.Keeper != "c" || Chained(clusters) != 1 {
		t.Errorf("%+v", c)
	}
	if _, err := NearKnown(all(tonight), spooled(t, all(tonight), Near{Seed: 1}.WithDefaults(), 1), []*Kept{first}, Near{Seed: 1}, &Memory{}); !errors.Is(err, dataset.ErrMalformed) {
		t.Errorf("a file of other options is taken: %v", err)
	}
	third, _, _ := night(t, []dataset.Record{{ID: "e", Text: text(13)}}, []*Kept{first, second}, o, 1)
	if len(third) != 1 || third[0].Keeper != "c" || third[0].Cluster != "a" || !third[0].Known {
		t.Errorf("the cluster's name is lost: %+v", third)
	}
	again := []dataset.Record{{ID: "a", Text: text(1)}}
	renewed, fourth, _ := night(t, again, []*Kept{first}, o, 1)
	if d := dropped(t, NearNotes(all(again), renewed, o)); !slices.Equal(d, []string{"a<a"}) || fourth.Len() != 0 || Chained(renewed) != 0 {
		t.Errorf("a new version under the old ID: dropped %v, %d kept", d, fourth.Len())
	}
}

// TestMerged: files that are merged by the rule are few, each at least twice as large as the next, and a record is written few times.
func TestMerged(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	var sizes []int64
	var total, written int64
	for range 2000 {
		n := 1 + r.Int64N(1000)
		sizes, total, written = append(sizes, n), total+n, written+n
		if m := Merged(sizes); m > 0 {
			sum := int64(0)
			for _, s := range sizes[len(sizes)-m:] {
				sum += s
			}
			sizes, written = append(sizes[:len(sizes)-m], sum), written+sum
		}
		if len(sizes) > 1+bits.Len64(uint64(total)) {
			t.Fatalf("%d files of %d records", len(sizes), total)
		}
		for i := 1; i < len(sizes); i++ {
			if sizes[i-1] < 2*sizes[i] {
				t.Fatalf("sizes %v", sizes)
			}
		}
	}
	if times := float64(written) / float64(total); times > 2*float64(bits.Len64(uint64(total))) {
		t.Errorf("a record is written %.1f times", times)
	}
	if Merged(nil) != 0 || Merged([]int64{7}) != 0 {
		t.Error("one file is merged")
	}
}

// FuzzOpenKept: what is no file of kept records is malformed, and is read in bounded memory.
func FuzzOpenKept(f *testing.F) {
	o := Near{Bands: 2, Rows: 2}.WithDefaults()
	recs := texted("a b c d e f g", "a b c d e f h", "other words altogether")
	_, _, b := night(f, recs, nil, o, 1)
	f.Add(b)
	f.Add(b[:len(b)-3])
	f.Fuzz(func(t *testing.T, in []byte) {
		k, err := OpenKept(bytes.NewReader(in), int64(len(in)))
		if err != nil {
			if !errors.Is(err, dataset.ErrMalformed) {
				t.Fatal(err)
			}
			return
		}
		if k.records > 1000 || k.bands > 100 {
			return
		}
		bad := func(err error) bool {
			if err != nil && !errors.Is(err, dataset.ErrMalformed) {
				t.Fatal(err)
			}
			return err != nil
		}
		for band := range int(k.bands) {
			for _, err := range k.band(band) {
				bad(err)
			}
		}
		for n := range uint32(k.records) {
			_, err := k.body(n)
			bad(err)
		}
		_, err = MergeKept(&bytes.Buffer{}, []*Kept{k, k})
		bad(err)
	})
}
