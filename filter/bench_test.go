package filter

import (
	"testing"

	"temper/dataset"
)

// words are what the benchmark's texts are made of, roughly as often as in English.
var words = [...]string{"the", "of", "and", "to", "in", "a", "is", "that", "it", "was", "for", "on", "are", "with", "as", "his", "they", "be",
	"at", "one", "have", "this", "from", "harbour", "morning", "weather", "something", "different", "measure", "language", "stream",
	"record", "quality", "memory", "function", "between", "never", "often", "through", "people", "water", "number", "sentence"}

// english returns documents of about 4 KB without much repetition, bytes in all.
func english(docs int) (recs []dataset.Record, bytes int64) {
	state := uint64(7)
	for range docs {
		var b []byte
		for n := 1; len(b) < 4000; n++ {
			state = state*6364136223846793005 + 1442695040888963407
			r := int(state >> 33)
			b = append(b, words[min(r%len(words), (r>>8)%len(words))]...)
			switch {
			case n%120 == 0:
				b = append(b, ".\n\n"...)
			case n%14 == 0:
				b = append(b, ". "...)
			case n%9 == 0:
				b = append(b, ", "...)
			default:
				b = append(b, ' ')
			}
		}
		recs = append(recs, dataset.Record{ID: "b", Text: string(b)})
		bytes += int64(len(b))
	}
	return recs, bytes
}

// benchmark scores the texts by steps.
func benchmark(b *testing.B, names ...string) {
	recs, bytes := english(250)
	steps, err := Use(names)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(bytes)
	b.ReportAllocs()
	start := cpuTime(b)
	for b.Loop() {
		for _, err := range Score(stream(recs), steps) {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
	// Processor time is what matters on a machine that does other things too.
	b.ReportMetric(float64(b.N)*float64(bytes)/1e6/(cpuTime(b)-start).Seconds(), "MB/cpu-s")
}

func BenchmarkScoreGopher(b *testing.B)     { benchmark(b, "gopher") }
func BenchmarkScoreWeb(b *testing.B)        { benchmark(b, "gopher", "c4", "fineweb") }
func BenchmarkScoreC4(b *testing.B)         { benchmark(b, "c4") }
func BenchmarkScoreFineWeb(b *testing.B)    { benchmark(b, "fineweb") }
func BenchmarkScoreRefinedWeb(b *testing.B) { benchmark(b, "refinedweb") }
func BenchmarkScoreNeMo(b *testing.B)       { benchmark(b, "nemo") }
func BenchmarkScoreQuality(b *testing.B)    { benchmark(b, "quality") }
func BenchmarkScoreRepetition(b *testing.B) { benchmark(b, "repetition") }
func BenchmarkScoreFixText(b *testing.B)    { benchmark(b, "fix_text") }
func BenchmarkScorePII(b *testing.B)        { benchmark(b, "pii") }
func BenchmarkScoreLanguage(b *testing.B)   { benchmark(b, "language") }

func BenchmarkJudge(b *testing.B) {
	recs, _ := english(250)
	steps := allSteps()
	rows := take(b, dataset.Join(stream(recs), Score(stream(recs), steps)))
	for b.Loop() {
		for _, err := range Judge(func(yield func(dataset.Row, error) bool) {
			for _, r := range rows {
				if !yield(r, nil) {
					return
				}
			}
		}, steps) {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.N)*float64(len(rows))/b.Elapsed().Seconds(), "records/s")
}
