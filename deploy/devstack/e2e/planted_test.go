package e2e

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"temper/activities"
	"temper/collect"
	"temper/dataset"
	"temper/dedup"
	"temper/deploy/devstack/stack"
	"temper/worker"
	"temper/workflows"
)

var planted = flag.Int("planted", 2000, "records of the planted corpus")

// plant writes n records in the order of a seed: each odd one begins as the even one before it, by a similarity of 0.5 to 1.
func plant(t *testing.T, file string, n int, seed uint64) {
	t.Helper()
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	out := bufio.NewWriterSize(f, 1<<20)
	enc := json.NewEncoder(out)
	for _, i := range rand.New(rand.NewPCG(seed, 5)).Perm(n) {
		r := rand.New(rand.NewPCG(1, uint64(i/2)))
		words := make([]string, 60+r.IntN(60))
		word := func() string { return fmt.Sprintf("w%x", r.Uint32()>>12) }
		for j := range words {
			words[j] = word()
		}
		if i%2 == 1 {
			s := float64(50+5*(i/2%11)) / 100
			for j := int(2 * s / (1 + s) * float64(len(words))); j < len(words); j++ {
				words[j] = word()
			}
		}
		if err := enc.Encode(map[string]string{"id": fmt.Sprintf("%08d", i), "text": strings.Join(words, " ")}); err != nil {
			t.Fatal(err)
		}
	}
	if err := out.Flush(); err != nil {
		t.Fatal(err)
	}
}

// nearly is a run that does nothing but find near duplicates.
func nearly(dir string) workflows.PipelineInput {
	return workflows.PipelineInput{Name: "planted", Recipe: `{"name": "planted"}`,
		Curate: workflows.CurateInput{Window: 7,
			Collect: []activities.PlanInput{{Source: collect.Source{JSONL: &collect.JSONL{Root: dir}}, TaskBytes: max(32<<10, int64(*planted)*30)}},
			Near:    &activities.NearInput{Options: dedup.Near{Similarity: 0.7, Keep: "least:id"}.WithDefaults()}},
		Publish: activities.PublishInput{Split: activities.Split{Test: 10}}}
}

// verdicts digests what became of every record, whatever its place: the records of its cluster, whether it was kept, and how like it is
// to the one it was dropped for. Records are named by the ids they came with, as a row's own ID tells its place.
func verdicts(ctx context.Context, t *testing.T, at stack.Info) (digest string, kept, dropped int) {
	t.Helper()
	s, err := openStore(ctx, at)
	if err != nil {
		t.Fatal(err)
	}
	c, err := worker.Dial(ctx, at.Temporal, at.Namespace)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var r workflows.PipelineResult
	if err := c.GetWorkflow(ctx, "run", "").Get(ctx, &r); err != nil {
		t.Fatal(err)
	}
	m, err := dataset.LoadManifest(ctx, s, r.Dataset.Name, r.Dataset.Version)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	first := map[string]string{} // of a cluster's records
	take := func(files []dataset.File, line func(id string, row dataset.Row)) {
		for row, err := range dataset.DatasetRows(ctx, s, dataset.DatasetDir(m.Name, m.Version), files) {
			if err != nil {
				t.Fatal(err)
			}
			line(row.Meta["id"], row)
		}
	}
	files := slices.Clone(m.Rejects)
	for _, split := range m.Splits {
		files = append(files, split.Files...)
	}
	take(files, func(id string, row dataset.Row) {
		if old, ok := first[row.Cluster]; !ok || id < old {
			first[row.Cluster] = id
		}
	})
	take(files, func(id string, row dataset.Row) {
		line := id
		if row.Cluster != "" {
			line += " " + first[row.Cluster]
		}
		if row.Verdict != nil {
			line += fmt.Sprintf(" %v", row.Verdict.Value)
			dropped++
		} else {
			kept++
		}
		all = append(all, line)
	})
	slices.Sort(all)
	return fmt.Sprintf("%x", sha256.Sum256([]byte(strings.Join(all, "\n")))), kept, dropped
}

// TestPlanted: clusters and keepers of a planted corpus are the same with 1, 2 and 7 workers, for files in another order, and for a run
// whose worker is killed with SIGKILL twice, in the middle of the signatures and of the clusters.
func TestPlanted(t *testing.T) {
	ctx, scratch := t.Context(), t.TempDir()
	want := ""
	for _, tt := range []struct {
		workers int
		seed    uint64
		kills   []string
	}{{1, 1, nil}, {2, 2, nil}, {7, 3, nil}, {1, 1, []string{".minhash", ".jsonl"}}} {
		t.Run(fmt.Sprintf("%d workers, order %d, %d kills", tt.workers, tt.seed, len(tt.kills)), func(t *testing.T) {
			data, start := t.TempDir(), time.Now()
			plant(t, filepath.Join(data, "rows.jsonl"), *planted, tt.seed)
			_, at := stackAt(t, t.TempDir())
			for i, part := range tt.kills {
				w := workerAt(t, at, scratch, part, 1)
				if i == 0 {
					begin(t, at, "run", nearly(data))
				}
				if s := w.line(); s != "stalled" {
					t.Fatalf("worker said %q", s)
				}
				w.kill()
			}
			for range tt.workers {
				workerAt(t, at, scratch, "", 0)
			}
			if len(tt.kills) == 0 {
				begin(t, at, "run", nearly(data))
			}
			got, kept, dropped := verdicts(ctx, t, at)
			t.Logf("%d records, %d kept, %d dropped, %.0f s, digest %.16s", *planted, kept, dropped, time.Since(start).Seconds(), got)
			if want == "" {
				want = got
			}
			if got != want || kept+dropped != *planted || dropped < *planted/5 {
				t.Errorf("%d kept, %d dropped, digest %.16s, not %.16s", kept, dropped, got, want)
			}
		})
	}
}
