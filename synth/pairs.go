package synth

import (
	"slices"
	"strings"
	"unicode/utf8"

	"temper/dataset"
)

// FromTemplates makes pairs of records, in their order. Rows that are not fit come too, with the check that drops them:
// pairs.answer_length. A record that no template fits makes none. The result is a function of the records and the options.
func FromTemplates(in dataset.Records, o Pairs) dataset.Rows {
	o = o.WithDefaults()
	return func(yield func(dataset.Row, error) bool) {
		forms, err := forms(o.Templates)
		if err != nil {
			yield(dataset.Row{}, err)
			return
		}
		for rec, err := range choose(in, o.Records, o.Seed) {
			if err != nil {
				yield(dataset.Row{}, err)
				return
			}
			for _, row := range o.pairs(rec, forms) {
				if !yield(row, nil) {
					return
				}
			}
		}
	}
}

// pairs makes the pairs of one record, with templates in an order drawn for it.
func (o Pairs) pairs(rec dataset.Record, forms []form) []dataset.Row {
	var rows []dataset.Row
	for i, f := range shuffled(forms, hashOf(o.Seed, rec.ID)) {
		if len(rows) == o.PerRecord {
			break
		}
		if f.kinds != nil && !slices.Contains(f.kinds, rec.Meta["kind"]) {
			continue
		}
		ask := f.ask[hashOf(o.Seed+uint64(i)+1, rec.ID)%uint64(len(f.ask))]
		question, ok := fill(ask, rec.Meta)
		answer, ok2 := fill(f.answer, rec.Meta)
		if !ok || !ok2 {
			continue
		}
		if !f.Code {
			answer = cutSentences(answer, o.MaxAnswer)
		}
		n := utf8.RuneCountInString(answer)
		row := made(rec, f.Name, question, answer)
		row = judge(row, dataset.Check{Rule: "pairs.answer_length", Value: float64(n), Op: ">=", Threshold: float64(o.MinAnswer), Drop: n < o.MinAnswer})
		row = judge(row, dataset.Check{Rule: "pairs.answer_length", Value: float64(n), Op: "<=", Threshold: float64(o.MaxAnswer), Drop: n > o.MaxAnswer})
		rows = append(rows, row)
	}
	return rows
}

// shuffled returns the forms in an order told by h.
func shuffled(forms []form, h uint64) []form {
	out := slices.Clone(forms)
	for i := len(out) - 1; i > 0; i-- {
		h = h*6364136223846793005 + 1442695040888963407 // Knuth's linear congruential generator
		j := int((h >> 33) % uint64(i+1))
		out[i], out[j] = out[j], out[i]
	}
	return out
}

// cutSentences returns text if it has at most n characters, and else as many of its paragraphs and sentences as fit, without one that
// only leads over to what is cut. It is "" if the first sentence is longer.
func cutSentences(text string, n int) string {
	text = strings.TrimSpace(text)
	if utf8.RuneCountInString(text) <= n {
		return text
	}
	end, count, last := 0, 0, rune(0)
	for i, r := range text {
		if count++; count > n {
			break
		}
		after := text[i+utf8.RuneLen(r):]
		switch {
		case r == '\n' && strings.HasPrefix(after, "\n") && last != ':':
			end = i
		case (r == '.' || r == '!' || r == '?') && (strings.HasPrefix(after, " ") || strings.HasPrefix(after, "\n")) && !abbreviated(text[:i]):
			end = i + 1
		}
		last = r
	}
	return strings.TrimSpace(text[:end])
}

// abbreviated reports whether a full stop after s ends an abbreviation rather than a sentence.
func abbreviated(s string) bool {
	word := s[strings.LastIndexAny(s, " \n\t(")+1:]
	return slices.Contains([]string{"e.g", "i.e", "etc", "vs", "cf", "p", "pp", "Sec", "No"}, word) || utf8.RuneCountInString(word) == 1 && word != "I"
}
