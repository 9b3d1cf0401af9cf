package cli

import (
	"fmt"
	"strings"

	"temper/finetune"
	"temper/model"
	"temper/web"
)

// check says what would be trained on: how many samples, of what length, which records became none and why, and one sample with
// its trained tokens in colour, or between » and « where there is none. It fails where nothing would be trained on.
func (c *tokenizeCommand) check(a *app, m *model.Model) error {
	in := &input{a: a, paths: c.In}
	tokens, count, err := finetune.Encode(m, in.records(), c.options(), a.dropped)
	if err != nil {
		return err
	}
	longest := int64(0)
	for _, s := range tokens.Sequences {
		longest = max(longest, int64(len(s.IDs)))
	}
	if c.JSON {
		if err := a.printJSON(struct {
			finetune.Encoded
			Longest int64  `json:"longest"`
			Sample  string `json:"sample,omitempty"`
		}{count, longest, marked(m, tokens, "»", "«")}); err != nil {
			return err
		}
	} else {
		pairs := [][2]string{
			{"records", fmt.Sprintf("%s, of which %s became samples", web.Count(count.In), web.Count(count.Samples))},
			{"dropped", count.Reasons()},
			{"batches", fmt.Sprintf("%s sequences, the longest of %d tokens", web.Count(count.Sequences), longest)},
			{"tokens", fmt.Sprintf("%s, of which %s are trained (%.1f %%)", web.Count(count.Tokens), web.Count(count.Trained), 100*float64(count.Trained)/float64(max(1, count.Tokens)))},
		}
		printPairs(a, pairs)
		before, after := "»", "«"
		if terminal(a.out) {
			before, after = "\x1b[1;32m", "\x1b[0m"
		}
		if text := marked(m, tokens, before, after); text != "" {
			fmt.Fprintf(a.out, "\nsample   %s\n\n%s\n", printable(tokens.Sequences[0].Samples[0]), text)
		}
	}
	if count.Samples == 0 {
		return fmt.Errorf("none of %d records became a sample (%s): %w", count.In, count.Reasons(), errInput)
	}
	return nil
}

// marked is the first sample as text, its trained tokens between before and after; what a terminal would act on is left out.
func marked(m *model.Model, t finetune.Tokens, before, after string) string {
	if len(t.Sequences) == 0 {
		return ""
	}
	s := t.Sequences[0]
	end := len(s.IDs)
	if len(s.Starts) > 1 {
		end = int(s.Starts[1])
	}
	var b strings.Builder
	for from := 0; from < end; {
		to := from
		for to < end && s.Trained[to] == s.Trained[from] {
			to++
		}
		text := spoken(m, s.IDs[from:to])
		if s.Trained[from] {
			text = before + text + after
		}
		b.WriteString(text)
		from = to
	}
	return b.String()
}

// spoken decodes tokens with the special ones by name.
func spoken(m *model.Model, ids []int32) string {
	var b strings.Builder
	for len(ids) > 0 {
		n := 0
		for n < len(ids) && !m.Tokenizer.IsControl(ids[n]) {
			n++
		}
		for i, line := range strings.Split(m.Tokenizer.Decode(ids[:n]), "\n") {
			if i > 0 {
				b.WriteByte('\n')
			}
			b.WriteString(printable(line))
		}
		if n < len(ids) {
			b.WriteString(m.Tokenizer.Token(ids[n]))
			n++
		}
		ids = ids[n:]
	}
	return b.String()
}
