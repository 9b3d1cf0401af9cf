package cli

import (
	"encoding/json"
	"fmt"

	"temper/dataset"
	"temper/finetune"
	"temper/model"
)

type evalCommand struct {
	Base     string `required:"" help:"A name of the catalogue, a GGUF file or a Hugging Face folder."`
	Adapter  string `help:"PEFT directory."`
	Data     string `required:"" help:"Conversations as JSONL, or token batches as .arrow."`
	Sequence int    `default:"512" help:"Longest sequence, in tokens."`
	Threads  int    `help:"Compute threads; 0 means all cores."`
}

// Help is shown below the flags.
func (c *evalCommand) Help() string {
	return "Examples:\n  temper eval --base smollm2-135m-instruct --data held-out.jsonl\n  temper eval --base smollm2-135m-instruct --adapter adapter --data held-out.jsonl"
}

// Run measures and prints one JSON object.
func (c *evalCommand) Run(a *app) error {
	m, adapter, err := a.open(c.Base, c.Adapter)
	if err != nil {
		return err
	}
	tokens, err := a.tokens(m, c.Data, finetune.Options{Sequence: c.Sequence})
	if err != nil {
		return err
	}
	score, err := finetune.Evaluate(m, adapter, tokens, c.Threads, func(int, int) error { return a.ctx.Err() })
	if err != nil {
		return err
	}
	return json.NewEncoder(a.out).Encode(score)
}

type generateCommand struct {
	Base        string  `required:"" help:"A name of the catalogue, a GGUF file or a Hugging Face folder."`
	Adapter     string  `help:"PEFT directory."`
	MaxTokens   int     `default:"128" help:"Longest answer, in tokens."`
	Temperature float64 `help:"0 is the likeliest token each time."`
	TopP        float64 `name:"top-p" default:"1" help:"Share of the probability to draw from."`
	Seed        uint64  `help:"The same seed gives the same answer."`
	Prompt      string  `arg:"" help:"What to ask."`
}

// Help is shown below the flags.
func (c *generateCommand) Help() string {
	return "Examples:\n  temper generate --base smollm2-135m-instruct \"What does Go's strings.Fields do?\"\n  temper generate --base smollm2-135m-instruct --adapter adapter --temperature 0.7 --seed 1 \"What is a mutex?\""
}

// Run prints one answer.
func (c *generateCommand) Run(a *app) error {
	m, adapter, err := a.open(c.Base, c.Adapter)
	if err != nil {
		return err
	}
	prompt, err := m.Chat.Prompt([]dataset.Message{{Role: "user", Content: c.Prompt}})
	if err != nil {
		return err
	}
	g, err := model.NewGenerator(m, adapter, min(m.Context, len(prompt)+c.MaxTokens))
	if err != nil {
		return err
	}
	answers, err := g.Generate([][]int32{prompt}, model.Sampling{Temperature: c.Temperature, TopP: c.TopP, Seed: c.Seed, MaxTokens: c.MaxTokens, Stop: m.Chat.Stop()},
		func(int, int32) error { return a.ctx.Err() })
	if err != nil {
		return err
	}
	fmt.Fprintln(a.out, m.Tokenizer.Decode(answers[0]))
	return nil
}
