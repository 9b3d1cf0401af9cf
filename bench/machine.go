package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	"temper/dedup"
)

// A machine says where and on what was measured.
type machine struct {
	Date, CPU, System, Go, Commit    string
	Cores                            int
	Peers                            bool
	Sequence, Threads, Steps, Warmup int
	Sources, Prose, MinHash          string
}

func describe(ctx context.Context, s *setting) machine {
	bands, rows := dedup.Near{}.Layout()
	m := machine{Date: time.Now().UTC().Format(time.DateOnly), CPU: cpu(ctx), Cores: runtime.NumCPU(), System: runtime.GOOS + "/" + runtime.GOARCH,
		Go: runtime.Version(), Commit: "unknown", Peers: s.python != "", Sequence: sequence, Threads: threads, Steps: steps - warmup, Warmup: warmup,
		Sources: fmt.Sprintf("%d files, %.0f MB", s.code.count, float64(s.code.bytes)/1e6),
		Prose:   fmt.Sprintf("%d pages, %.0f MB", s.prose.count, float64(s.prose.bytes)/1e6),
		MinHash: fmt.Sprintf("from a text to the hashes of its bands; Temper's are %d bands of %d values.", bands, rows)}
	if out, err := output(ctx, "git", "describe", "--always", "--dirty"); err == nil {
		m.Commit = strings.TrimSpace(string(out))
	}
	return m
}

// cpu is the processor's name, or its architecture.
func cpu(ctx context.Context) string {
	if f, err := os.Open("/proc/cpuinfo"); err == nil {
		defer f.Close()
		for in := bufio.NewScanner(f); in.Scan(); {
			if key, name, ok := strings.Cut(in.Text(), ":"); ok && strings.TrimSpace(key) == "model name" {
				return strings.TrimSpace(name)
			}
		}
	}
	if out, err := output(ctx, "sysctl", "-n", "machdep.cpu.brand_string"); err == nil {
		return strings.TrimSpace(string(out))
	}
	return runtime.GOARCH
}
