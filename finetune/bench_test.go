package finetune

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"

	"temper/internal/kernel"
	"temper/lora"
)

// residents are a process's memory figures, in MiB: the most it ever held, and of what it holds now the anonymous part and the
// mapped files' part. They are read where the system tells them (Linux), and are 0 elsewhere.
func residents() (peak, anonymous, mapped float64) {
	b, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(b)) {
		name, rest, _ := strings.Cut(line, ":")
		f := strings.Fields(rest)
		if len(f) != 2 || f[1] != "kB" {
			continue
		}
		n, _ := strconv.ParseFloat(f[0], 64)
		switch name {
		case "VmHWM":
			peak = n / 1024
		case "RssAnon":
			anonymous = n / 1024
		case "RssFile":
			mapped = n / 1024
		}
	}
	return peak, anonymous, mapped
}

// processorTime is what the process has computed for, in seconds, where the system tells it (Linux), else 0. It says more than
// the time passed on a machine that has other work.
func processorTime() float64 {
	b, _ := os.ReadFile("/proc/self/stat")
	f := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
	if len(f) < 13 {
		return 0
	}
	user, _ := strconv.ParseFloat(f[11], 64)
	system, _ := strconv.ParseFloat(f[12], 64)
	return (user + system) / 100
}

// BenchmarkStep is one optimizer step of LoRA, rank 16 on every linear layer, over SmolLM2-135M in Q4_1: every token but the
// first is trained. Results are in docs/benchmarks.md.
func BenchmarkStep(b *testing.B) {
	for _, rows := range []int{512, 64} {
		for _, checkpointing := range []string{"none", "full"} {
			for _, compute := range []string{"f32", "bf16"} {
				b.Run(fmt.Sprintf("T=%d/%s/%s", rows, checkpointing, compute), func(b *testing.B) { benchmarkStep(b, rows, checkpointing, compute) })
			}
		}
	}
}

func benchmarkStep(b *testing.B, rows int, checkpointing, compute string) {
	if compute == "bf16" && !kernel.BF16.Supported() {
		b.Skip("this processor has no AVX512_BF16")
	}
	base := open(b, "models/SmolLM2-135M-Instruct.Q4_1.gguf")
	a, err := lora.New(base.Modules(), lora.Options{Rank: 16, Alpha: 32}, 1)
	if err != nil {
		b.Fatal(err)
	}
	ids := make([]int32, rows)
	for i := range ids {
		ids[i] = int32(i * 7919 % base.Vocab)
	}
	tokens := Windows(ids, rows, base.Vocab)
	debug.FreeOSMemory()
	os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) // starts the peak anew, where the system can
	t, err := newTrainer(Job{Base: base, Adapter: a, Tokens: tokens}, Options{Steps: 1 << 20, Batch: 1, Checkpointing: checkpointing, Compute: compute}.WithDefaults(), Hooks{})
	if err != nil {
		b.Fatal(err)
	}
	defer t.network.close()
	if _, err := t.next(b.Context()); err != nil {
		b.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	began := processorTime()
	for b.Loop() {
		if _, err := t.next(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	worked := processorTime() - began
	runtime.ReadMemStats(&after)
	peak, anonymous, mapped := residents()
	b.ReportMetric(float64(rows*b.N)/b.Elapsed().Seconds(), "tokens/s")
	b.ReportMetric(worked/float64(b.N), "cpu-s/op")
	b.ReportMetric(peak, "peak-MiB")
	b.ReportMetric(anonymous, "anon-MiB")
	b.ReportMetric(mapped, "mapped-MiB")
	b.ReportMetric(float64(t.memory.Total)/(1<<20), "predicted-MiB")
	b.ReportMetric(float64(after.TotalAlloc-before.TotalAlloc)/float64(b.N)/(1<<10), "alloc-KiB/op")
}
