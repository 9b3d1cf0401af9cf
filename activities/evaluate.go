package activities

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"

	"temper/dataset"
	"temper/finetune"
	"temper/lora"
	"temper/model"
)

// EvaluateInput is the input of [Activities.Evaluate].
type EvaluateInput struct {
	Who     string      `json:"who"` // base, challenger, champion: names the stage
	Base    Base        `json:"base"`
	Adapter Adapter     `json:"adapter,omitzero"`
	Tokens  dataset.Ref `json:"tokens"` // held out
}

// A Score is a loss on held-out sequences.
type Score struct {
	Loss       float64 `json:"loss"`       // mean of -log p over the trained tokens, in nats
	Perplexity float64 `json:"perplexity"` // e^Loss
	Tokens     int64   `json:"tokens"`     // trained ones
}

// Evaluation is the result of [Activities.Evaluate].
type Evaluation struct {
	Score Score       `json:"score"`
	Stage StageResult `json:"stage"`
}

// Evaluate measures the loss of the base with the adapter. Losses by sample are its output "samples".
func (a *Activities) Evaluate(ctx context.Context, in EvaluateInput) (Evaluation, error) {
	inputs := []dataset.Ref{in.Tokens, in.Base.Ref, in.Adapter.Weights, in.Adapter.Config}
	s, err := a.stage(ctx, work{name: "evaluate " + in.Who, engine: engineScore, inputs: inputs, do: func(ctx context.Context, s *dataset.Stage) error {
		base, err := a.open(ctx, in.Base)
		if err != nil {
			return err
		}
		adapter, err := a.adapter(ctx, in.Adapter)
		if err != nil {
			return err
		}
		tokens, err := a.tokens(ctx, in.Tokens)
		if err != nil {
			return err
		}
		score, err := finetune.Evaluate(base, adapter, tokens, a.Threads, func(done, total int) error {
			say(ctx, Progress{Stage: s.Name, Done: int64(done), Total: int64(total), Unit: "sequences"})
			return context.Cause(ctx)
		})
		if err != nil {
			return err
		}
		samples, err := putJSONL(ctx, a.store(), score.Samples)
		s.Outputs["samples"] = []dataset.Ref{samples}
		s.Counts.In, s.Counts.Out = int64(len(score.Samples)), int64(len(score.Samples))
		s.Metrics["score"] = Score{score.Loss, score.Perplexity, score.Tokens}
		return err
	}})
	if err != nil {
		return Evaluation{}, err
	}
	s.Name = "evaluate " + in.Who // a cached score may have been another's: yesterday's challenger is today's champion
	return Evaluation{Score: metric[Score]([]StageResult{s}, "score"), Stage: s}, nil
}

// AnswersInput is the input of [Activities.Answers].
type AnswersInput struct {
	Base    Base          `json:"base"`
	Adapter Adapter       `json:"adapter"`
	Rows    []dataset.Ref `json:"rows"`  // held-out conversations
	Count   int           `json:"count"` // 0 means 3
}

// answerTokens is the longest answer that is shown.
const answerTokens = 96

// Answers lets the base and the tuned model answer a few held-out questions, for people to compare.
func (a *Activities) Answers(ctx context.Context, in AnswersInput) (StageResult, error) {
	if in.Count == 0 {
		in.Count = 3
	}
	inputs := append([]dataset.Ref{in.Base.Ref, in.Adapter.Weights, in.Adapter.Config}, in.Rows...)
	return a.stage(ctx, work{name: "answers", engine: engineScore, options: in.Count, inputs: inputs, do: func(ctx context.Context, s *dataset.Stage) error {
		base, err := a.open(ctx, in.Base)
		if err != nil {
			return err
		}
		adapter, err := a.adapter(ctx, in.Adapter)
		if err != nil {
			return err
		}
		if base.Chat == nil {
			return nil // it cannot be asked
		}
		shown, err := a.questions(ctx, in, base)
		if err != nil || len(shown) == 0 {
			return err
		}
		p := Progress{Stage: "answers", Unit: "tokens"}
		if err := respond(ctx, &p, base, nil, shown, func(a *Answer, text string) { a.Before = text }); err != nil {
			return err
		}
		if err := respond(ctx, &p, base, adapter, shown, func(a *Answer, text string) { a.After = text }); err != nil {
			return err
		}
		s.Counts.In, s.Counts.Out = int64(len(shown)), int64(len(shown))
		s.Metrics["answers"] = shown
		return nil
	}})
}

// questions chooses rows with a question and an answer by the hash of their ID, of different kinds first.
func (a *Activities) questions(ctx context.Context, in AnswersInput, asked *model.Model) ([]Answer, error) {
	type candidate struct {
		Answer
		kind, hash string
	}
	var all []candidate
	for row, err := range a.chain(ctx, in.Rows) {
		if err != nil {
			return nil, err
		}
		n := len(row.Messages)
		if n < 2 || row.Messages[n-1].Role != "assistant" || row.Messages[n-2].Role != "user" {
			continue
		}
		h := sha256.Sum256([]byte(row.ID))
		all = append(all, candidate{Answer{ID: row.ID, Question: row.Messages[n-2].Content, Expected: row.Messages[n-1].Content}, row.Meta["template"], hex.EncodeToString(h[:])})
	}
	slices.SortFunc(all, func(a, b candidate) int { return cmp.Compare(a.hash, b.hash) })
	var out []Answer
	seen, taken := map[string]bool{}, map[string]bool{}
	for _, distinct := range []bool{true, false} {
		for _, c := range all {
			if len(out) == in.Count || taken[c.ID] || distinct && seen[c.kind] {
				continue
			}
			prompt, err := asked.Chat.Prompt([]dataset.Message{{Role: "user", Content: c.Question}})
			if err != nil || len(prompt)+answerTokens > min(askContext, asked.Context) {
				continue // nothing to show side by side
			}
			seen[c.kind], taken[c.ID] = true, true
			out = append(out, c.Answer)
		}
	}
	return out, nil
}

// respond fills in the model's answers to all questions.
func respond(ctx context.Context, p *Progress, base *model.Model, adapter *lora.Adapter, shown []Answer, set func(*Answer, string)) error {
	gen, err := model.NewGenerator(base, adapter, askContext)
	if err != nil {
		return err
	}
	prompts := make([][]int32, len(shown))
	for i, q := range shown {
		if prompts[i], err = base.Chat.Prompt([]dataset.Message{{Role: "user", Content: q.Question}}); err != nil {
			return err
		}
	}
	ids, err := gen.Generate(prompts, model.Sampling{MaxTokens: answerTokens, Stop: base.Chat.Stop()}, func(int, int32) error {
		p.Done++
		say(ctx, *p)
		return context.Cause(ctx)
	})
	if err != nil {
		return err
	}
	for i := range shown {
		set(&shown[i], base.Tokenizer.Decode(ids[i]))
	}
	return nil
}
