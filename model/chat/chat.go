// Package chat writes conversations as token ids with a base's chat template, and says which of the ids are to be trained: the
// assistant's words and the token that ends its turn.
package chat

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"temper/dataset"
	"temper/internal/jinja"
	"temper/model/tokenizer"
)

// Default is the template of bases that bring none.
const Default = "{% for message in messages %}{% if message['role'] == 'assistant' %}### Answer:\n{{ message['content'] + eos_token }}\n" +
	"{% else %}### Question:\n{{ message['content'] }}\n{% endif %}{% endfor %}{% if add_generation_prompt %}### Answer:\n{% endif %}"

// ErrMask means a conversation whose trained tokens cannot be told for certain: it is refused, never trained on by guess.
var ErrMask = errors.New("the answer's tokens cannot be told")

// A Chat is a tokenizer with a template. It is safe for concurrent use.
type Chat struct {
	t        *tokenizer.Tokenizer
	tmpl     *jinja.Template
	bos, eos string
}

// New parses the template; bos and eos are the texts of the special tokens, or "".
func New(t *tokenizer.Tokenizer, template, bos, eos string) (*Chat, error) {
	tmpl, err := jinja.Parse(template)
	if err != nil {
		return nil, err
	}
	return &Chat{t: t, tmpl: tmpl, bos: bos, eos: eos}, nil
}

// Render writes the conversation; addGenerationPrompt ends it where the assistant would begin.
func (c *Chat) Render(messages []dataset.Message, addGenerationPrompt bool) (string, error) {
	text, _, err := c.render(messages, addGenerationPrompt)
	return text, err
}

func (c *Chat) render(messages []dataset.Message, prompt bool) (string, []jinja.Span, error) {
	list := make([]any, len(messages))
	for i, m := range messages {
		list[i] = jinja.NewMap("role", m.Role, "content", m.Content)
	}
	return c.tmpl.Render(map[string]any{"messages": list, "tools": nil, "documents": nil, "add_generation_prompt": prompt,
		"bos_token": c.bos, "eos_token": c.eos, "strftime_now": jinja.Func(today)})
}

// Day is the date that templates are told when they ask for today's, the one that Llama's fall back on: a conversation has the same
// ids whenever it is written.
var Day = time.Date(2024, time.July, 26, 0, 0, 0, 0, time.UTC)

// today writes Day by a format of C's strftime.
func today(args []any, _ *jinja.Map) (any, error) {
	if len(args) != 1 {
		return nil, errors.New("strftime_now takes one format")
	}
	format, _ := args[0].(string)
	for of, layout := range map[string]string{"%d": "02", "%b": "Jan", "%B": "January", "%m": "01", "%Y": "2006", "%y": "06", "%A": "Monday",
		"%a": "Mon", "%H": "15", "%M": "04", "%S": "05"} {
		format = strings.ReplaceAll(format, of, Day.Format(layout))
	}
	return format, nil
}

// Prompt is the ids that ask for the next answer.
func (c *Chat) Prompt(messages []dataset.Message) ([]int32, error) {
	text, err := c.Render(messages, true)
	if err != nil {
		return nil, err
	}
	return c.begin(c.t.Encode(text, true)), nil
}

// begin puts BOS before ids where the model expects it and the template has not.
func (c *Chat) begin(ids []int32) []int32 {
	bos, ok := c.t.BOS()
	if !ok || !c.t.AddBOS() || len(ids) > 0 && ids[0] == bos {
		return ids
	}
	return append([]int32{bos}, ids...)
}

// Encode returns the ids of a conversation, and for each whether it is trained: the assistant's content and the token that ends its
// turn. The content is found by rendering the conversation up to each answer, without and with it: that the first is a prefix of
// the second, and the second of the whole, is checked. Where it is not, the content is found by putting another in its place.
func (c *Chat) Encode(messages []dataset.Message) (ids []int32, trained []bool, err error) {
	whole, spans, err := c.render(messages, false)
	if err != nil {
		return nil, nil, err
	}
	if len(spans) == 0 {
		if spans, err = c.answers(messages, whole); err != nil {
			return nil, nil, err
		}
	}
	if len(spans) == 0 {
		return nil, nil, fmt.Errorf("no message is the assistant's: %w", ErrMask)
	}
	at := 0
	for _, s := range spans {
		for _, part := range []struct {
			text  string
			train bool
		}{{whole[at:s.Start], false}, {whole[s.Start:s.End], true}} {
			more := c.t.Encode(part.text, true)
			ids = append(ids, more...)
			for range more {
				trained = append(trained, part.train)
			}
		}
		at = s.End
	}
	rest := c.t.Encode(whole[at:], true)
	ids = append(ids, rest...)
	trained = append(trained, make([]bool, len(rest))...)
	if full := c.begin(ids); len(full) > len(ids) {
		ids, trained = full, append([]bool{false}, trained...)
	}
	return ids, trained, c.check(ids, trained)
}

// answers finds where each answer and the end of its turn stand in the whole text.
func (c *Chat) answers(messages []dataset.Message, whole string) ([]jinja.Span, error) {
	var spans []jinja.Span
	for i, m := range messages {
		if m.Role != "assistant" {
			continue
		}
		s, err := c.between(messages, i, whole)
		if errors.Is(err, ErrMask) {
			s, err = c.marked(messages, i, whole)
		}
		if err != nil {
			return nil, err
		}
		spans = append(spans, s)
	}
	return spans, nil
}

// between is what stands between the conversation before message i, with what asks for it, and the conversation up to its end.
func (c *Chat) between(messages []dataset.Message, i int, whole string) (jinja.Span, error) {
	before, err := c.Render(messages[:i], true)
	if err != nil {
		return jinja.Span{}, err
	}
	after, err := c.Render(messages[:i+1], false)
	if err != nil {
		return jinja.Span{}, err
	}
	if !strings.HasPrefix(after, before) || !strings.HasPrefix(whole, after) {
		return jinja.Span{}, ErrMask
	}
	// What the template puts after the turn's end, such as a newline, is no part of the answer.
	return jinja.Span{Start: len(before), End: len(strings.TrimRight(after, "\n"))}, nil
}

// mark stands in for an answer's content: two characters of the private use area around a word, which no template writes.
const mark = "\ue000answer\ue001"

// marked is the content of message i and the stop token behind it, in templates that write a turn in another way once others follow
// it, such as those that drop what was thought. All around the content must be the same with another content in its place.
func (c *Chat) marked(messages []dataset.Message, i int, whole string) (jinja.Span, error) {
	refuse := func(why string) (jinja.Span, error) {
		return jinja.Span{}, fmt.Errorf("message %d: the template writes what comes before it in another way once it is there, and %s: %w", i, why, ErrMask)
	}
	others := slices.Clone(messages)
	others[i].Content = mark
	text, err := c.Render(others, false)
	if err != nil {
		return jinja.Span{}, err
	}
	before, after, found := strings.Cut(text, mark)
	switch {
	case !found || strings.Contains(after, mark):
		return refuse("its content does not stand there once")
	case len(before)+len(after) > len(whole) || !strings.HasPrefix(whole, before) || !strings.HasSuffix(whole, after):
		return refuse("what is around it depends on its content")
	}
	s := jinja.Span{Start: len(before), End: len(whole) - len(after)}
	if got, content := whole[s.Start:s.End], messages[i].Content; got != content && got != strings.TrimSpace(content) {
		return refuse("its content is changed")
	}
	space := len(after) - len(strings.TrimLeft(after, " \n"))
	for _, id := range c.Stop() {
		if stop := c.t.Token(id); strings.HasPrefix(after[space:], stop) {
			s.End += space + len(stop)
			return s, nil
		}
	}
	return refuse("no token that ends a turn follows it")
}

// check fails closed on what silently spoils a training: no trained token, a doubled BOS, an answer whose end is not trained.
func (c *Chat) check(ids []int32, trained []bool) error {
	last := -1
	for i, t := range trained {
		if t {
			last = i
		}
	}
	if last < 0 {
		return fmt.Errorf("no token of the answer is left: %w", ErrMask)
	}
	if !slices.Contains(c.Stop(), ids[last]) {
		return fmt.Errorf("the answer does not end with a token that ends a turn: %w", ErrMask)
	}
	if bos, ok := c.t.BOS(); ok && len(ids) > 1 && ids[0] == bos && ids[1] == bos {
		return fmt.Errorf("the conversation begins with BOS twice: %w", ErrMask)
	}
	return nil
}

// Stop are the ids that end an answer.
func (c *Chat) Stop() []int32 {
	var ids []int32
	for _, f := range []func() (int32, bool){c.t.EOS, c.t.EOT} {
		if id, ok := f(); ok && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids
}
