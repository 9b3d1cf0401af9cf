package cli

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"temper/dataset"
	"temper/eval"
	"temper/finetune"
	"temper/lora"
	"temper/model"
)

type evalCommand struct {
	Base      string   `required:"" help:"A name of the catalogue, a GGUF file or a Hugging Face folder."`
	Adapter   string   `help:"PEFT directory. With --tasks the base alone is asked too, and compared."`
	Data      string   `help:"Conversations as JSONL, or token batches as .arrow: gives loss and perplexity."`
	Tasks     []string `help:"Items with answers to check, as JSONL: multiple choice, numbers such as GSM8K's, or words."`
	Limit     int      `help:"Ask only the first N items of a task; 0 means all."`
	MaxTokens int      `default:"256" help:"Longest answer to a task's item, in tokens."`
	Sequence  int      `default:"512" help:"Longest sequence of --data, in tokens."`
	Threads   int      `help:"Compute threads; 0 means all cores."`
}

// Help is shown below the flags.
func (c *evalCommand) Help() string {
	return `Prints one JSON object a line: of --data the loss, of every task the share of right answers with its 95 % interval, and with
an adapter what it gained and lost against the base, item by item, with the exact test's p.

A task's line is {"question": ..., "answer": "... #### 42"} or another number, {"question": ..., "choices": [...], "answer": 2},
also as ARC and HellaSwag have it, or {"question": ..., "answer": "some words"}; "messages" may hold question and answer.

Examples:
  temper eval --base smollm2-135m-instruct --data held-out.jsonl
  temper eval --base smollm2-135m-instruct --adapter adapter --data held-out.jsonl
  temper eval --base smollm2-135m-instruct --adapter adapter --tasks gsm8k_test.jsonl --limit 100`
}

// Run measures and prints.
func (c *evalCommand) Run(a *app) error {
	if c.Data == "" && len(c.Tasks) == 0 {
		return fmt.Errorf("%w: nothing to evaluate: give --data or --tasks", errInput)
	}
	if c.Limit < 0 || c.MaxTokens < 1 {
		return fmt.Errorf("%w: --limit is at least 0 and --max-tokens at least 1", errInput)
	}
	tasks := make([][]eval.Item, len(c.Tasks)) // read before anything is computed
	for i, name := range c.Tasks {
		var err error
		if tasks[i], err = readTask(name, c.Limit); err != nil {
			return err
		}
	}
	threads(c.Threads)
	m, adapter, err := a.open(c.Base, c.Adapter)
	if err != nil {
		return err
	}
	out := json.NewEncoder(a.out)
	if c.Data != "" {
		tokens, err := a.tokens(m, c.Data, finetune.Options{Sequence: c.Sequence})
		if err != nil {
			return err
		}
		score, err := finetune.Evaluate(m, adapter, tokens, c.Threads, func(int, int) error { return a.ctx.Err() })
		if err != nil {
			return err
		}
		if err := out.Encode(score); err != nil {
			return err
		}
	}
	for i, items := range tasks {
		r, err := c.task(a, m, adapter, c.Tasks[i], items)
		if err != nil {
			return err
		}
		if err := out.Encode(r); err != nil {
			return err
		}
	}
	return nil
}

// taskReport is a line of output.
type taskReport struct {
	Task    string           `json:"task"`
	Base    eval.Score       `json:"base"`
	Adapter *eval.Score      `json:"adapter,omitempty"`
	Compare *eval.Comparison `json:"compare,omitempty"`
}

func (c *evalCommand) task(a *app, m *model.Model, adapter *lora.Adapter, file string, items []eval.Item) (taskReport, error) {
	name := filepath.Base(file)
	ask := func(who string, ad *lora.Adapter) (eval.Score, error) {
		meter := a.meter(name + ", " + who)
		defer meter.end()
		return eval.Run(m, ad, items, eval.Options{MaxTokens: c.MaxTokens}, func(done, total int) error {
			meter.set(int64(done), int64(total), "items")
			return a.ctx.Err()
		})
	}
	r := taskReport{Task: name}
	var err error
	if r.Base, err = ask("base", nil); err != nil || adapter == nil {
		return r, err
	}
	tuned, err := ask("adapter", adapter)
	if err != nil {
		return r, err
	}
	compared, err := eval.Compare(r.Base, tuned)
	r.Adapter, r.Compare = &tuned, &compared
	return r, err
}

// readTask reads at most limit items of a file, or all.
func readTask(name string, limit int) ([]eval.Item, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	plain, err := dataset.Decompress(name, f)
	if err != nil {
		return nil, err
	}
	items, err := eval.Read(plain, name)
	if limit > 0 && limit < len(items) {
		items = items[:limit]
	}
	return items, err
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
