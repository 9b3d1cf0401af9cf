package eval

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"temper/dataset"
)

// A Kind says how an item's answer is checked.
type Kind string

// The kinds of items.
const (
	Choice Kind = "multiple_choice" // the choice with the highest likelihood is the right one
	Number Kind = "numeric"         // the last number of the model's answer is the right one
	Words  Kind = "exact"           // the model's answer is the right one, but for case, punctuation, articles and spaces
)

// An Item is one question with its answer.
type Item struct {
	Kind     Kind
	Messages []dataset.Message // what is asked, the last by the user
	Choices  []string          // of Choice: at least two
	Right    int               // of Choice: which one
	Answer   string            // of Number, as it is written, and of Words
}

// bounds of one file.
const (
	maxItems   = 1 << 20
	maxChoices = 64
	maxLine    = 16 << 20 // bytes
)

// row is an item as files have it: the fields of GSM8K, MMLU, ARC, HellaSwag and of conversations.
type row struct {
	Messages  []dataset.Message `json:"messages"`
	Question  string            `json:"question"`
	Prompt    string            `json:"prompt"`
	Ctx       string            `json:"ctx"`
	Choices   json.RawMessage   `json:"choices"`
	Endings   []string          `json:"endings"`
	Answer    json.RawMessage   `json:"answer"`
	AnswerKey json.RawMessage   `json:"answerKey"`
	Label     json.RawMessage   `json:"label"`
}

// Read reads items as JSON lines. name is for errors, which wrap dataset.ErrMalformed and name the line. Every line counts: an item
// that is left out would change the score.
func Read(r io.Reader, name string) ([]Item, error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	var items []Item
	n := 1
	for ; lines.Scan(); n++ {
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		it, err := parse(lines.Bytes())
		if err != nil {
			return nil, fmt.Errorf("%w: %s:%d: %w", dataset.ErrMalformed, name, n, err)
		}
		if items = append(items, it); len(items) > maxItems {
			return nil, fmt.Errorf("%w: %s has more than %d items", dataset.ErrMalformed, name, maxItems)
		}
	}
	if errors.Is(lines.Err(), bufio.ErrTooLong) {
		return nil, fmt.Errorf("%w: %s:%d: the line is longer than %d bytes", dataset.ErrMalformed, name, n, maxLine)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if len(items) == 0 {
		return nil, fmt.Errorf("%w: %s has no items", dataset.ErrMalformed, name)
	}
	return items, nil
}

func parse(line []byte) (Item, error) {
	var r row
	if err := json.Unmarshal(line, &r); err != nil {
		return Item{}, fmt.Errorf("no JSON object with the fields of an item: %w", err)
	}
	ask, gold := r.ask()
	if len(ask) == 0 {
		return Item{}, fmt.Errorf(`no question: "question", "prompt", "ctx" or "messages" must hold one`)
	}
	choices, labels, err := r.choices()
	if err != nil {
		return Item{}, err
	}
	answer := first(r.Answer, r.AnswerKey, r.Label)
	if len(choices) > 0 {
		right, err := which(answer, choices, labels)
		return Item{Kind: Choice, Messages: ask, Choices: choices, Right: right}, err
	}
	if answer != nil {
		gold = text(answer)
	}
	if gold = strings.TrimSpace(gold); gold == "" {
		return Item{}, fmt.Errorf(`no answer: "answer" must hold one`)
	}
	if _, after, ok := strings.Cut(gold, "####"); ok {
		gold = strings.TrimSpace(after)
		if _, ok := number(gold); !ok {
			return Item{}, fmt.Errorf("%q after #### is no number", gold)
		}
	}
	if _, ok := number(gold); ok {
		return Item{Kind: Number, Messages: ask, Answer: gold}, nil
	}
	return Item{Kind: Words, Messages: ask, Answer: gold}, nil
}

// ask is what is asked, and the answer where a conversation ends with it.
func (r *row) ask() (ask []dataset.Message, answer string) {
	for _, q := range []string{r.Question, r.Prompt, r.Ctx} {
		if q != "" {
			return []dataset.Message{{Role: "user", Content: q}}, ""
		}
	}
	n := len(r.Messages)
	if n > 0 && r.Messages[n-1].Role == "assistant" {
		n--
		answer = r.Messages[n].Content
	}
	if n == 0 || r.Messages[n-1].Role != "user" {
		return nil, ""
	}
	return r.Messages[:n], answer
}

// choices are those of a row, a list of texts or ARC's object of texts and labels; none where it has none.
func (r *row) choices() (texts, labels []string, err error) {
	texts = r.Endings
	if len(r.Choices) > 0 && !bytes.Equal(r.Choices, []byte("null")) {
		if json.Unmarshal(r.Choices, &texts) != nil {
			var arc struct {
				Text  []string `json:"text"`
				Label []string `json:"label"`
			}
			if err := json.Unmarshal(r.Choices, &arc); err != nil {
				return nil, nil, fmt.Errorf(`"choices" is neither a list of texts nor {"text": [...], "label": [...]}`)
			}
			texts, labels = arc.Text, arc.Label
		}
		if len(texts) == 0 {
			return nil, nil, fmt.Errorf(`"choices" is empty`)
		}
	}
	if len(texts) == 1 || len(texts) > maxChoices {
		return nil, nil, fmt.Errorf("%d choices; there must be 2 to %d", len(texts), maxChoices)
	}
	for i, t := range texts {
		if strings.TrimSpace(t) == "" {
			return nil, nil, fmt.Errorf("choice %d is empty", i+1)
		}
	}
	return texts, labels, nil
}

// which is the number of the right choice, that answer names by its place from 0, its label, its letter or its text.
func which(answer json.RawMessage, choices, labels []string) (int, error) {
	if answer == nil {
		return 0, fmt.Errorf(`no answer: "answer", "answerKey" or "label" must name a choice`)
	}
	name := text(answer)
	for i, l := range labels {
		if i < len(choices) && l == name {
			return i, nil
		}
	}
	var place int
	if json.Unmarshal([]byte(name), &place) == nil && place >= 0 && place < len(choices) {
		return place, nil
	}
	if len(name) == 1 && name[0] >= 'A' && int(name[0]-'A') < len(choices) {
		return int(name[0] - 'A'), nil
	}
	for i, c := range choices {
		if c == name {
			return i, nil
		}
	}
	return 0, fmt.Errorf("the answer %q is none of the %d choices", name, len(choices))
}

// text is a JSON string's text, or another value as it is written.
func text(v json.RawMessage) string {
	var s string
	if json.Unmarshal(v, &s) == nil {
		return s
	}
	return string(v)
}

// first is the first value that is there.
func first(values ...json.RawMessage) json.RawMessage {
	for _, v := range values {
		if len(v) > 0 && !bytes.Equal(v, []byte("null")) {
			return v
		}
	}
	return nil
}
