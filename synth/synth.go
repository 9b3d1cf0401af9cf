// Package synth makes instruction data of curated records: pairs from templates over what is known of a record, and questions that
// a language model writes about a passage, judged before they are kept.
package synth

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"

	"temper/dataset"
)

// A Step is one way to make rows; exactly one field is set.
type Step struct {
	Pairs             *Pairs     `json:"pairs,omitempty" doc:"questions and answers from templates over a record's fields"`
	QuestionsFromText *Questions `json:"questions_from_text,omitempty" doc:"questions a model writes about a passage"`
}

// Name is the key of the field that is set.
func (s Step) Name() string {
	if s.Pairs != nil {
		return "pairs"
	}
	return "questions_from_text"
}

// WithDefaults fills in what is absent.
func (s Step) WithDefaults() Step {
	if s.Pairs != nil {
		p := s.Pairs.WithDefaults()
		s.Pairs = &p
	}
	if s.QuestionsFromText != nil {
		q := s.QuestionsFromText.WithDefaults()
		s.QuestionsFromText = &q
	}
	return s
}

// Validate says what is wrong with s, after WithDefaults.
func (s Step) Validate() error {
	if (s.Pairs == nil) == (s.QuestionsFromText == nil) {
		return errors.New("a step has exactly one of pairs, questions_from_text")
	}
	if s.Pairs != nil {
		return s.Pairs.Validate()
	}
	return s.QuestionsFromText.Validate()
}

// Pairs makes question and answer from the fields of a record's meta.
type Pairs struct {
	PerRecord int        `json:"per_record,omitempty" doc:"pairs of a record at most, each from another template" default:"1"`
	Records   int        `json:"records,omitempty" doc:"records to make pairs of, chosen evenly by a hash; 0 for all" default:"0"`
	Templates []Template `json:"templates,omitempty" doc:"templates" default:"those for the records of go_doc"`
	MinAnswer int        `json:"min_answer,omitempty" doc:"characters of an answer at least" default:"24"`
	MaxAnswer int        `json:"max_answer,omitempty" doc:"characters of an answer at most; longer ones are cut at the end of a sentence" default:"600"`
	Seed      uint64     `json:"seed,omitempty" doc:"of the choice of records, templates and phrasings" default:"0"`
}

// A Template makes one pair. Its texts are Go templates over the record's meta, such as {{.name}}; it is left out where it names what
// the record does not have. For the records of go_doc there are functions: {{called .}} is strings.Fields, or http.Get from net/http;
// {{does .}} what a function does, as in "splits s around white space"; {{about .}} and {{lacks . "deprecated"}} are empty, and leave
// the template out where the documentation is not about the symbol, or where meta has the field.
type Template struct {
	Name   string   `json:"name" doc:"what rows made by it say in meta.template"`
	Kind   string   `json:"kind,omitempty" doc:"only for records whose meta.kind is one of these, with commas" default:"any"`
	Ask    []string `json:"ask" doc:"phrasings of the question, of which one is chosen"`
	Answer string   `json:"answer" doc:"the answer"`
	Code   bool     `json:"code,omitempty" doc:"the answer is code: it is never cut" default:"false"`
}

// WithDefaults fills in what is absent.
func (o Pairs) WithDefaults() Pairs {
	if o.PerRecord == 0 {
		o.PerRecord = 1
	}
	if len(o.Templates) == 0 {
		o.Templates = goTemplates
	}
	if o.MinAnswer == 0 {
		o.MinAnswer = 24
	}
	if o.MaxAnswer == 0 {
		o.MaxAnswer = 600
	}
	return o
}

// Validate says what is wrong with o, after WithDefaults.
func (o Pairs) Validate() error {
	switch {
	case o.PerRecord < 1 || o.PerRecord > 100:
		return fmt.Errorf("pairs.per_record is %d; it must be 1 to 100", o.PerRecord)
	case o.Records < 0:
		return fmt.Errorf("pairs.records is %d; it must not be negative", o.Records)
	case o.MinAnswer < 1 || o.MaxAnswer < o.MinAnswer:
		return fmt.Errorf("pairs.min_answer is %d and max_answer %d; they must be 1 or more, in this order", o.MinAnswer, o.MaxAnswer)
	}
	if _, err := forms(o.Templates); err != nil {
		return fmt.Errorf("pairs.%w", err)
	}
	return nil
}

// Questions lets a model write questions about passages; the answer is the passage's own text.
type Questions struct {
	PerRecord   int      `json:"per_record,omitempty" doc:"questions to ask for about a passage" default:"1"`
	Records     int      `json:"records,omitempty" doc:"passages, chosen evenly by a hash; 0 for all" default:"0"`
	Model       ModelRef `json:"model,omitempty" doc:"who is asked"`
	Judge       Judge    `json:"judge,omitempty" doc:"what a question must reach to be kept"`
	Budget      Budget   `json:"budget,omitempty" doc:"what may be spent"`
	MaxTokens   int      `json:"max_tokens,omitempty" doc:"longest question, in tokens" default:"40"`
	Temperature float64  `json:"temperature,omitempty" doc:"of the sampling; 0 takes the likeliest token" default:"0"`
	Seed        uint64   `json:"seed,omitempty" doc:"of the choice of passages and the sampling" default:"0"`
	MinText     int      `json:"min_text,omitempty" doc:"characters of a passage at least" default:"120"`
	MaxText     int      `json:"max_text,omitempty" doc:"characters of a passage at most" default:"600"`
}

// A ModelRef says who is asked.
type ModelRef struct {
	Base      string `json:"base,omitempty" doc:"a base on the worker: self is the one to be tuned, else a name or path" default:"self"`
	Endpoint  string `json:"endpoint,omitempty" doc:"an OpenAI-compatible endpoint instead, such as http://127.0.0.1:8080/v1"`
	Name      string `json:"name,omitempty" doc:"the endpoint's name for the model"`
	APIKeyEnv string `json:"api_key_env,omitempty" doc:"environment variable of the worker that holds the endpoint's key"`
}

// A Judge is a bar.
type Judge struct {
	Min    float64 `json:"min,omitempty" doc:"score from 0 to 10 that a question must reach; 0 keeps all" default:"0"`
	RougeL float64 `json:"rouge_l,omitempty" doc:"drop a question that is this like an earlier kept one of the step, by ROUGE-L from 0 to 1: 0.7 as in Self-Instruct (Wang et al. 2023); 0 keeps all" default:"0"`
}

// A Budget is a limit.
type Budget struct {
	Tokens int64 `json:"tokens,omitempty" doc:"tokens read and written, such as 200k; what is cached counts too; 0 for no limit" default:"0"`
}

// WithDefaults fills in what is absent.
func (o Questions) WithDefaults() Questions {
	o.PerRecord, o.MaxTokens = cmp.Or(o.PerRecord, 1), cmp.Or(o.MaxTokens, 40)
	o.MinText, o.MaxText = cmp.Or(o.MinText, 120), cmp.Or(o.MaxText, 600)
	if o.Model.Endpoint == "" {
		o.Model.Base = cmp.Or(o.Model.Base, "self")
	}
	return o
}

// Validate says what is wrong with o, after WithDefaults.
func (o Questions) Validate() error {
	switch {
	case o.PerRecord < 1 || o.PerRecord > 20:
		return fmt.Errorf("questions_from_text.per_record is %d; it must be 1 to 20", o.PerRecord)
	case o.PerRecord > 1 && o.Temperature == 0:
		return fmt.Errorf("questions_from_text.per_record is %d with temperature 0: the questions would be the same; raise temperature", o.PerRecord)
	case o.Records < 0:
		return fmt.Errorf("questions_from_text.records is %d; it must not be negative", o.Records)
	case o.MaxTokens < 8 || o.MaxTokens > 1024:
		return fmt.Errorf("questions_from_text.max_tokens is %d; it must be 8 to 1024", o.MaxTokens)
	case o.MinText < 1 || o.MaxText < o.MinText || o.MaxText > 100_000:
		return fmt.Errorf("questions_from_text.min_text is %d and max_text %d; they must be 1 to 100000, in this order", o.MinText, o.MaxText)
	case o.Temperature < 0 || o.Temperature > 10:
		return fmt.Errorf("questions_from_text.temperature is %g; it must be 0 to 10", o.Temperature)
	case o.Judge.Min < 0 || o.Judge.Min > 10:
		return fmt.Errorf("questions_from_text.judge.min is %g; it must be 0 to 10", o.Judge.Min)
	case !(o.Judge.RougeL >= 0 && o.Judge.RougeL <= 1):
		return fmt.Errorf("questions_from_text.judge.rouge_l is %g; it must be 0 to 1", o.Judge.RougeL)
	case o.Budget.Tokens < 0:
		return fmt.Errorf("questions_from_text.budget.tokens is %d; it must not be negative", o.Budget.Tokens)
	case o.Model.Endpoint != "" && !isEndpoint(o.Model.Endpoint):
		return errors.New("questions_from_text.model.endpoint must be an http or https address without user and password, such as http://127.0.0.1:8080/v1")
	case o.Model.Endpoint != "" && (o.Model.Base != "" || o.Model.Name == ""):
		return errors.New("questions_from_text.model needs endpoint and name, or base, not both")
	case o.Model.Endpoint == "" && (o.Model.Name != "" || o.Model.APIKeyEnv != ""):
		return errors.New("questions_from_text.model: name and api_key_env belong to an endpoint")
	}
	return nil
}

// isEndpoint reports whether s is an address to ask, without a secret in it: addresses stand in recipes, logs and errors.
func isEndpoint(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.User == nil && u.RawQuery == ""
}

// A Request asks a model for an answer to messages, or, with Choices, how likely it finds each of them as its answer.
type Request struct {
	Messages    []dataset.Message `json:"messages"`
	MaxTokens   int               `json:"max_tokens,omitempty"`
	Temperature float64           `json:"temperature,omitempty"`
	Seed        uint64            `json:"seed,omitempty"`
	Choices     []string          `json:"choices,omitempty"`
}

// A Response is a model's answer.
type Response struct {
	Text         string    `json:"text,omitempty"`
	PromptTokens int64     `json:"prompt_tokens"`
	OutputTokens int64     `json:"output_tokens"`
	Stop         string    `json:"stop,omitempty"`          // stop, or length
	Scores       []float64 `json:"scores,omitempty"`        // of each choice: the sum of log-probabilities of its tokens
	ChoiceTokens []int     `json:"choice_tokens,omitempty"` // of each choice
}

// A Model answers requests. An answer depends on its request alone.
type Model interface {
	Name() string // with what tells its versions apart: a part of the cache's keys
	Scores() bool // whether it can score choices

	// Complete returns an answer for each request. With an error come those answers that it has, so that they are kept: the ones
	// whose Stop is set.
	Complete(ctx context.Context, reqs []Request) ([]Response, error)
}

// A Cache keeps answers by request, so that none is paid for twice. It is used by one goroutine at a time.
type Cache interface {
	Get(ctx context.Context, key string) (Response, bool, error)
	Put(ctx context.Context, key string, r Response) error
}

// Usage counts what was asked for, cached answers included.
type Usage struct {
	Requests     int64 `json:"requests"`
	Cached       int64 `json:"cached"`
	PromptTokens int64 `json:"prompt_tokens"`
	OutputTokens int64 `json:"output_tokens"`
}

// made is a row with a question and an answer about a record.
func made(parent dataset.Record, how, question, answer string) dataset.Row {
	rec := dataset.Record{
		Messages: []dataset.Message{{Role: "user", Content: question}, {Role: "assistant", Content: answer}},
		Meta:     dataset.Meta{"template": how},
		Source:   parent.Source,
		Parents:  []string{parent.ID},
		Cluster:  cmp.Or(parent.Cluster, parent.ID),
	}
	for _, key := range []string{"package", "kind", "name", "symbol", "title", "path"} {
		if v := parent.Meta[key]; v != "" {
			rec.Meta[key] = v
		}
	}
	rec.ID = dataset.RecordID("synth/"+how, 0, parent.ID+"\x00"+question)
	return dataset.Row{Record: rec}
}

// judge adds a check to a row; one that drops is its verdict.
func judge(row dataset.Row, c dataset.Check) dataset.Row {
	row.Checks = append(row.Checks, c)
	if c.Drop && row.Verdict == nil {
		row.Verdict = &c
	}
	return row
}
