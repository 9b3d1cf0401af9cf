package e2e

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"temper/activities"
	"temper/collect"
	"temper/dedup"
	"temper/filter"
	"temper/finetune"
	"temper/lora"
	"temper/model/tiny"
	"temper/synth"
	"temper/workflows"
)

var nouns = strings.Fields(`reader writer buffer channel mutex slice map pointer method package module value error context timer
	ticker scanner decoder encoder request response handler server client socket address record field string number letter table index`)

var verbs = strings.Fields("returns closes copies reads writes locks flushes parses formats sends waits opens checks counts sorts joins splits")

// corpus writes n documents to a file. Some are equal, some nearly; two lines are broken.
func corpus(t *testing.T, file string, seed uint64, n int) {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 1))
	var b strings.Builder
	var docs []string
	for i := range n {
		title := fmt.Sprintf("%s %s %d", nouns[r.IntN(len(nouns))], nouns[r.IntN(len(nouns))], uint64(i)+1000*seed)
		var text strings.Builder
		for range 8 + r.IntN(8) {
			fmt.Fprintf(&text, "The %s of %s %s the %s and %s it. ", nouns[r.IntN(len(nouns))], title, verbs[r.IntN(len(verbs))], nouns[r.IntN(len(nouns))], verbs[r.IntN(len(verbs))])
		}
		doc := text.String()
		switch {
		case i > 10 && i%17 == 0:
			doc = docs[i-5]
		case i > 10 && i%13 == 0:
			doc = docs[i-7] + "And that is all."
		}
		docs = append(docs, doc)
		row, err := json.Marshal(map[string]string{"text": doc, "title": title, "summary": "The " + title + ": " + doc[:min(len(doc), 90)]})
		if err != nil {
			t.Fatal(err)
		}
		b.Write(append(row, '\n'))
		if i == 20 || i == 50 {
			b.WriteString("{\"text\": broken\n")
		}
	}
	if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// input is a small run over the files of a folder that does everything: several shards, every pass of Curate, both ways to synthesize,
// training of the tiny base with checkpoints.
func input(t *testing.T, dir string) workflows.PipelineInput {
	t.Helper()
	where := "words > 5"
	evals := filepath.Join(t.TempDir(), "evals.jsonl")
	if err := os.WriteFile(evals, []byte(`{"question": "a question that is nowhere in these few documents at all", "answer": "none"}`+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	return workflows.PipelineInput{
		Name: "small", Recipe: `{"name": "small"}`,
		Curate: workflows.CurateInput{
			Collect:       []activities.PlanInput{{Source: collect.Source{JSONL: &collect.JSONL{Root: dir}}, TaskBytes: 48 << 10}},
			Filter:        activities.FilterInput{Steps: []filter.Step{{FixText: &filter.FixText{}}, {Where: &where}}},
			Exact:         &activities.ExactInput{},
			Near:          &activities.NearInput{Options: dedup.Near{}.WithDefaults()},
			Decontaminate: &activities.DecontaminateInput{Options: dedup.Decontaminate{Against: []string{evals}}.WithDefaults()},
		},
		Synthesize: workflows.SynthesizeInput{Steps: []activities.SynthInput{
			{Self: tiny.Name, Step: synth.Step{Pairs: &synth.Pairs{Templates: []synth.Template{
				{Name: "about", Ask: []string{"What is {{.title}}?", "Tell me about {{.title}}."}, Answer: "{{.summary}}"}}}}.WithDefaults()},
			{Self: tiny.Name, Step: synth.Step{QuestionsFromText: &synth.Questions{Records: 40, MaxTokens: 24, MaxText: 200, Judge: synth.Judge{Min: 1}}}.WithDefaults()},
		}},
		Publish: activities.PublishInput{Split: activities.Split{Test: 10}},
		Tune: &workflows.TuneInput{Base: tiny.Name, Train: activities.TrainInput{LoRA: lora.Options{Rank: 4}.WithDefaults(),
			Options: finetune.Options{Steps: 60, Sequence: 256, Batch: 4, SaveEvery: 10, EvalEvery: 20, LR: 2e-3, Seed: 7}}},
		Gate: activities.GateInput{By: 1},
	}
}
