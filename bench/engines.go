package main

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"temper/dataset"
	"temper/dedup"
	"temper/filter"
	"temper/model"
	"temper/model/tokenizer"
)

// A pass goes over texts once and counts what comes out.
type pass func(texts []dataset.Record) (int64, error)

// passes are the engines that go over texts; tokenize and html are made from what -base and -in say.
var passes = map[string]pass{
	"minhash":  minhash,
	"near":     near,
	"filters":  noted("gopher", "c4", "fineweb"),
	"fix_text": noted("fix_text"),
	"language": noted("language"),
	"pii":      noted("pii"),
	"spin":     spin,
}

// engineNames are what -run takes.
func engineNames() string {
	var names []string
	for name := range passes {
		names = append(names, name)
	}
	slices.Sort(names)
	return strings.Join(append(names, "tokenize", "html", "prefill", "decode"), ", ")
}

// A task is what one process measures: an engine on the texts of a file, by so many cores.
type task struct {
	engine, in, base string
	cores            int
}

// runEngine measures one of our engines in this process and prints the result: passes over texts by the seconds of processor time,
// generation by the time it takes on as many cores as training.
func runEngine(t task) error {
	if t.engine == "prefill" || t.engine == "decode" {
		got, err := generate(t.engine, t.base)
		if err != nil {
			return err
		}
		return json.NewEncoder(os.Stdout).Encode(got)
	}
	runtime.GOMAXPROCS(t.cores)
	var got result
	var err error
	if t.engine == "html" {
		got, err = readPages(t.in)
	} else {
		got, err = passOver(t)
	}
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(got)
}

// passOver measures a pass in its steady state.
func passOver(t task) (got result, err error) {
	texts, err := readTexts(t.in)
	if err != nil {
		return got, err
	}
	if len(texts) == 0 {
		return got, fmt.Errorf("%s has no texts", t.in)
	}
	var size int64
	for _, r := range texts {
		size += int64(len(r.Text))
	}
	p, err := engine(t.engine, t.base)
	if err != nil {
		return got, err
	}
	if _, err := p(texts[:max(1, len(texts)/10)]); err != nil {
		return got, err
	}
	runtime.GC()
	return steady(size, func() (int64, error) { return onCores(p, texts, t.cores) })
}

// steady measures whole passes over size bytes.
func steady(size int64, once func() (int64, error)) (got result, err error) {
	start, busy := time.Now(), processorTime()
	for got.Seconds < measured.Seconds() {
		if got.Count, err = once(); err != nil {
			return got, err
		}
		got.Units += size
		got.Seconds = (processorTime() - busy).Seconds()
	}
	got.Wall = time.Since(start).Seconds()
	return got, nil
}

// onCores lets each of so many cores go over its share of the texts, as activities go over shards.
func onCores(p pass, texts []dataset.Record, cores int) (n int64, err error) {
	if cores == 1 {
		return p(texts)
	}
	counts, errs := make([]int64, cores), make([]error, cores)
	var wg sync.WaitGroup
	for c := range cores {
		var share []dataset.Record
		for i := c; i < len(texts); i += cores {
			share = append(share, texts[i])
		}
		wg.Go(func() { counts[c], errs[c] = p(share) })
	}
	wg.Wait()
	for c := range cores {
		if errs[c] != nil {
			return n, errs[c]
		}
		n += counts[c]
	}
	return n, nil
}

// processorTime is what this process has used.
func processorTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// engine returns the pass of a name.
func engine(name, base string) (pass, error) {
	if p := passes[name]; p != nil {
		return p, nil
	}
	if name != "tokenize" {
		return nil, fmt.Errorf("-run takes %s", engineNames())
	}
	tok, err := openTokenizer(base)
	return func(texts []dataset.Record) (n int64, err error) {
		for _, t := range texts {
			n += int64(len(tok.Encode(t.Text, false)))
		}
		return n, nil
	}, err
}

// openTokenizer reads that of a GGUF file, or of a folder with a tokenizer.json.
func openTokenizer(base string) (*tokenizer.Tokenizer, error) {
	if info, err := os.Stat(base); err == nil && info.IsDir() {
		return tokenizer.FromHF(base)
	}
	m, err := model.Open(base)
	if err != nil {
		return nil, err
	}
	return m.Tokenizer, nil
}

func minhash(texts []dataset.Record) (n int64, err error) {
	for _, err := range dedup.Sign(stream(texts), dedup.Near{}, 1) {
		if err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// near counts the texts that are kept of near duplicates.
func near(texts []dataset.Record) (n int64, err error) {
	var signatures []dedup.Signature
	for s, err := range dedup.Sign(stream(texts), dedup.Near{}, 1) {
		if err != nil {
			return n, err
		}
		signatures = append(signatures, s)
	}
	again := func(yield func(dedup.Signature, error) bool) {
		for _, s := range signatures {
			if !yield(s, nil) {
				return
			}
		}
	}
	clusters, err := dedup.NearClusters(stream(texts), again, dedup.Near{}, &dedup.Memory{})
	if err != nil {
		return n, err
	}
	for note, err := range dedup.NearNotes(stream(texts), clusters, dedup.Near{}) {
		if err != nil {
			return n, err
		}
		if note.Verdict() == nil {
			n++
		}
	}
	return n, nil
}

// noted is a pass of filters with their defaults, which counts the rows that are kept.
func noted(names ...string) pass {
	return func(texts []dataset.Record) (n int64, err error) {
		steps, err := filter.Use(names)
		if err != nil {
			return 0, err
		}
		for note, err := range filter.Notes(stream(texts), steps) {
			if err != nil {
				return n, err
			}
			if note.Verdict() == nil {
				n++
			}
		}
		return n, nil
	}
}

// spin computes and touches no memory: what several cores of a machine do at best.
func spin(texts []dataset.Record) (n int64, err error) {
	x := uint64(1)
	for _, t := range texts {
		for range len(t.Text) {
			x ^= x << 13
			x ^= x >> 7
			x ^= x << 17
		}
	}
	return int64(x >> 63), nil
}

func stream(texts []dataset.Record) dataset.Records {
	return func(yield func(dataset.Record, error) bool) {
		for _, t := range texts {
			if !yield(t, nil) {
				return
			}
		}
	}
}
