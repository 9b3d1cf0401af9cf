package activities

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"temper/dataset"
	"temper/model"
	"temper/synth"
)

// askContext bounds the prompt and answer of a request to a local base, in tokens, and so the memory of its caches.
const askContext = 2048

// A Local is a base on this worker as a model to ask. An answer depends on its request alone, not on what else is asked with it:
// a run that resumes with half a batch cached gets the other half as it would have been.
type Local struct {
	base     *model.Model
	digest   string
	gen      *model.Generator
	computed func(tokens int) error // hears of what was computed; its error ends the work
}

// NewLocal returns the base as a model to ask. Its digest is its name; computed hears of the tokens it computes, and its error
// ends the work.
func NewLocal(base *model.Model, digest string, computed func(int) error) (*Local, error) {
	if base.Chat == nil {
		return nil, fmt.Errorf("%s has no tokenizer: it cannot be asked: %w", base.Path, errInput)
	}
	gen, err := model.NewGenerator(base, nil, askContext)
	return &Local{base: base, digest: digest, gen: gen, computed: computed}, err
}

// Name implements synth.Model.
func (l *Local) Name() string { return "sha256:" + l.digest }

// Scores implements synth.Model: a local base tells likelihoods.
func (l *Local) Scores() bool { return true }

// Complete implements synth.Model.
func (l *Local) Complete(ctx context.Context, reqs []synth.Request) ([]synth.Response, error) {
	out := make([]synth.Response, len(reqs))
	greedy := map[int][]int{} // requests of one answer length, which may go together
	for i, r := range reqs {
		var err error
		switch {
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case len(r.Choices) > 0:
			out[i], err = l.score(r)
		case r.Temperature > 0: // the draws depend on the place in a batch
			err = l.generate(reqs, []int{i}, out)
		default:
			greedy[r.MaxTokens] = append(greedy[r.MaxTokens], i)
		}
		if err != nil {
			return nil, err
		}
	}
	for i, r := range reqs { // in the order of the requests
		if group := greedy[r.MaxTokens]; len(group) > 0 && group[0] == i && len(r.Choices) == 0 {
			if err := l.generate(reqs, group, out); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// generate answers the requests of the given numbers, which have the same sampling.
func (l *Local) generate(reqs []synth.Request, numbers []int, out []synth.Response) error {
	first := reqs[numbers[0]]
	var prompts [][]int32
	fits := numbers[:0:0]
	for _, i := range numbers {
		prompt, err := l.base.Chat.Prompt(reqs[i].Messages)
		if err != nil {
			return fmt.Errorf("%w: %w", errInput, err)
		}
		if len(prompt) >= min(askContext, l.base.Context) { // no room for an answer: one passage, not the run
			out[i] = synth.Response{PromptTokens: int64(len(prompt)), Stop: "length"}
			continue
		}
		fits, prompts = append(fits, i), append(prompts, prompt)
	}
	numbers = fits
	s := model.Sampling{MaxTokens: first.MaxTokens, Temperature: first.Temperature, Seed: first.Seed, Stop: l.base.Chat.Stop()}
	ids, err := l.gen.Generate(prompts, s, func(int, int32) error { return l.computed(1) })
	if err != nil {
		return err
	}
	for j, i := range numbers {
		out[i] = synth.Response{Text: l.base.Tokenizer.Decode(ids[j]), PromptTokens: int64(len(prompts[j])), OutputTokens: int64(len(ids[j])), Stop: "stop"}
		if len(ids[j]) >= first.MaxTokens {
			out[i].Stop = "length"
		}
	}
	return nil
}

// score tells how likely the base finds each choice as the answer.
func (l *Local) score(r synth.Request) (synth.Response, error) {
	prompt, err := l.base.Chat.Prompt(r.Messages)
	if err != nil {
		return synth.Response{}, err
	}
	out := synth.Response{PromptTokens: int64(len(prompt)), Stop: "stop", ChoiceTokens: make([]int, len(r.Choices))}
	choices := make([][]int32, len(r.Choices))
	for i, c := range r.Choices {
		choices[i] = l.base.Tokenizer.Encode(c, false)
		out.ChoiceTokens[i] = len(choices[i])
		out.PromptTokens += int64(len(choices[i]))
	}
	if out.Scores, err = l.gen.Score(prompt, choices); err != nil {
		return out, fmt.Errorf("%w: %w", errInput, err)
	}
	return out, l.computed(int(out.PromptTokens))
}

// Answered caches responses on a store, under cache/llm/.
type Answered struct{ Store dataset.Store }

func (c Answered) key(key string) string { return "cache/llm/" + key[:2] + "/" + key + ".json" }

// Get implements synth.Cache. A broken entry is as good as none.
func (c Answered) Get(ctx context.Context, key string) (r synth.Response, found bool, err error) {
	obj, err := c.Store.Open(ctx, c.key(key))
	if errors.Is(err, fs.ErrNotExist) {
		return r, false, nil
	}
	if err != nil {
		return r, false, err
	}
	defer obj.Close()
	b, err := io.ReadAll(io.NewSectionReader(obj, 0, min(obj.Info().Size, 16<<20)))
	if err != nil {
		return r, false, err
	}
	return r, json.Unmarshal(b, &r) == nil, nil
}

// Put implements synth.Cache.
func (c Answered) Put(ctx context.Context, key string, r synth.Response) error {
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	_, err = c.Store.Put(ctx, c.key(key), bytes.NewReader(b), int64(len(b)))
	return err
}
