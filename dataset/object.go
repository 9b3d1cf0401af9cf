package dataset

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

const (
	maxMeta      = 64       // free fields of a record; more are dropped, in order of name
	maxMetaBytes = 64 << 10 // bytes of one; a longer one is dropped
	maxID        = 256      // bytes of an id a row brings
)

// pairs are the names that foreign datasets give to a question and its answer: Alpaca, then the plain ones.
var pairs = []struct{ question, context, answer string }{
	{"instruction", "input", "output"},
	{"question", "", "answer"},
	{"prompt", "", "completion"},
	{"prompt", "", "response"},
	{"prompt", "", "canonical_solution"}, // HumanEval
}

// roles are ShareGPT's names of the speakers.
var roles = map[string]string{"human": "user", "user": "user", "gpt": "assistant", "assistant": "assistant", "system": "system"}

// ReadObject returns the record of one decoded JSON object. Content is taken from the first of these that is there: text, or
// content; messages (role, content); conversations (from, value: ShareGPT); instruction, input, output (Alpaca); question, answer;
// prompt, and completion, response or canonical_solution. Other scalar fields go to Meta as their text, at most 64 of at most 64 KiB
// each; other nested ones are ignored. A field source that is an object {uri, offset, length, ...} replaces at, so that our own rows
// keep theirs. The errors say what is wrong with the row.
func ReadObject(fields map[string]json.RawMessage, at Source) (Record, error) {
	o := object{fields: fields, used: map[string]bool{}}
	rec := Record{Source: at}
	if err := o.own(&rec); err != nil {
		return Record{}, err
	}
	if err := o.content(&rec); err != nil {
		return Record{}, err
	}
	o.meta(&rec)
	if rec.ID == "" {
		rec.ID = contentID(rec, at)
	}
	return rec, nil
}

// contentID is the ID of a record that brings none.
func contentID(rec Record, at Source) string {
	text := rec.Text
	for _, m := range rec.Messages {
		text += "\x00" + m.Role + "\x00" + m.Content
	}
	return RecordID(at.URI, at.Offset, text)
}

// An object is a row being read: its fields and which of them were understood.
type object struct {
	fields map[string]json.RawMessage
	used   map[string]bool
}

// text returns a string field, if it is there and is one.
func (o object) text(name string) (s string, ok bool) {
	raw, ok := o.fields[name]
	if name == "" || !ok || len(raw) == 0 || raw[0] != '"' || json.Unmarshal(raw, &s) != nil {
		return "", false
	}
	return s, true
}

// content finds the record's text or conversation.
func (o object) content(rec *Record) error {
	for _, name := range []string{"text", "content"} {
		if s, ok := o.text(name); ok {
			rec.Text, o.used[name] = s, true
			break
		}
	}
	if err := o.messages(rec); err != nil || rec.Messages != nil || rec.Text != "" {
		return err
	}
	for _, p := range pairs {
		q, okQ := o.text(p.question)
		a, okA := o.text(p.answer)
		if !okQ || !okA {
			continue
		}
		o.used[p.question], o.used[p.answer] = true, true
		if c, ok := o.text(p.context); ok {
			o.used[p.context] = true
			if c != "" {
				q += "\n\n" + c
			}
		}
		rec.Messages = []Message{{"user", q}, {"assistant", a}}
		return nil
	}
	if o.used["text"] || o.used["content"] || o.used["messages"] || o.used["source"] {
		return nil // empty, or a row of our own, which leaves out what is empty
	}
	return errors.New("no text: wanted one of text, content, messages, conversations, instruction and output, question and answer, prompt and completion")
}

// messages reads a conversation in OpenAI's form or ShareGPT's.
func (o object) messages(rec *Record) error {
	for _, name := range []string{"messages", "conversations"} {
		raw, ok := o.fields[name]
		if !ok || isNull(raw) {
			continue
		}
		var turns []struct {
			Role, Content string
			From, Value   string
		}
		if err := json.Unmarshal(raw, &turns); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		o.used[name] = true
		for i, t := range turns {
			m := Message{Role: t.Role, Content: t.Content}
			if m.Role == "" {
				if m.Role = roles[t.From]; m.Role == "" {
					return fmt.Errorf("%s: turn %d has no role, or one that is not known: %q", name, i+1, t.From)
				}
				m.Content = t.Value
			}
			rec.Messages = append(rec.Messages, m)
		}
		if len(turns) > 0 {
			return nil
		}
	}
	return nil
}

// own reads the fields of this package's own rows.
func (o object) own(rec *Record) error {
	if raw := o.fields["source"]; len(raw) > 0 && raw[0] == '{' {
		var s Source
		if err := json.Unmarshal(raw, &s); err != nil {
			return fmt.Errorf("source: %w", err)
		}
		if s.URI != "" {
			rec.Source = s
		}
		o.used["source"] = true
	}
	if raw := o.fields["meta"]; len(raw) > 0 && raw[0] == '{' {
		var meta map[string]json.RawMessage
		if err := json.Unmarshal(raw, &meta); err != nil {
			return fmt.Errorf("meta: %w", err)
		}
		object{fields: meta, used: map[string]bool{}}.meta(rec)
		o.used["meta"] = true
	}
	if raw := o.fields["parents"]; len(raw) > 0 && json.Unmarshal(raw, &rec.Parents) == nil {
		o.used["parents"] = true
	}
	if s, ok := o.text("cluster"); ok {
		rec.Cluster, o.used["cluster"] = s, true
	}
	if id := scalar(o.fields["id"]); id != "" && len(id) <= maxID {
		rec.ID, o.used["id"] = id, true
	}
	for _, name := range []string{"signals", "checks", "verdict"} { // what an earlier pass said is said again
		if raw := o.fields[name]; len(raw) > 0 && raw[0] != '"' {
			o.used[name] = true
		}
	}
	return nil
}

// meta puts the scalar fields nothing else has used into the record.
func (o object) meta(rec *Record) {
	names := make([]string, 0, len(o.fields))
	for name := range o.fields {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if o.used[name] || len(rec.Meta) >= maxMeta || len(name) > maxID {
			continue
		}
		if s := scalar(o.fields[name]); s != "" && len(s) <= maxMetaBytes {
			if rec.Meta == nil {
				rec.Meta = Meta{}
			}
			rec.Meta[name] = s
		}
	}
}

// scalar returns a JSON string's value, or the text of a number or a truth value; "" for all else.
func scalar(raw json.RawMessage) string {
	if len(raw) == 0 || isNull(raw) {
		return ""
	}
	switch raw[0] {
	case '{', '[':
		return ""
	case '"':
		var s string
		if json.Unmarshal(raw, &s) != nil {
			return ""
		}
		return s
	}
	return string(raw)
}

func isNull(raw json.RawMessage) bool { return string(raw) == "null" }
