// Package dedup finds what is there twice: equal records, near duplicates, records of earlier runs, and items of evaluations.
// Passes only say what they found; whoever applies their notes drops records.
package dedup

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/zeebo/xxh3"

	"temper/dataset"
)

// Exact removes equal records.
type Exact struct {
	Normalize bool `json:"normalize,omitempty" doc:"fold case and runs of white space before comparing" default:"false"`
}

// WithDefaults returns o: the zero value needs nothing filled in.
func (o Exact) WithDefaults() Exact { return o }

// content is what makes two records equal: the text, and the turns with their roles.
func content(rec dataset.Record, b []byte) []byte {
	b = append(b[:0], rec.Text...)
	for _, m := range rec.Messages {
		b = append(b, 0)
		b = append(b, m.Role...)
		b = append(b, 0)
		b = append(b, m.Content...)
	}
	return b
}

// folded is content in lower case with single spaces.
func folded(b []byte) []byte {
	out := make([]byte, 0, len(b))
	space := false
	for i := 0; i < len(b); {
		r, n := utf8.DecodeRune(b[i:])
		i += n
		if unicode.IsSpace(r) {
			space = len(out) > 0
			continue
		}
		if space {
			out = append(out, ' ')
			space = false
		}
		out = utf8.AppendRune(out, unicode.ToLower(r))
	}
	return out
}

// ExactNotes keeps the first of equal records: rule "exact", whose detail is the keeper's ID. Contents are compared by a 128-bit
// hash. It holds about 60 bytes a record.
func ExactNotes(in dataset.Records, o Exact) dataset.Notes {
	return func(yield func(dataset.Note, error) bool) {
		seen := map[xxh3.Uint128]string{}
		var b []byte
		for rec, err := range in {
			if err != nil {
				yield(dataset.Note{}, err)
				return
			}
			b = content(rec, b)
			key := b
			if o.Normalize {
				key = folded(b)
			}
			h := xxh3.Hash128(key)
			c := dataset.Check{Rule: "exact", Op: "<=", Threshold: 0}
			if first, dup := seen[h]; dup {
				c.Value, c.Drop, c.Detail = 1, true, first
			} else {
				seen[h] = strings.Clone(rec.ID)
			}
			if !yield(dataset.Note{ID: rec.ID, Checks: []dataset.Check{c}}, nil) {
				return
			}
		}
	}
}

// hash16 is the 16 bytes by which earlier records are known.
func hash16(rec dataset.Record, b []byte) ([16]byte, []byte) {
	b = content(rec, b)
	return xxh3.Hash128(b).Bytes(), b
}
