// Package rouge drops instructions that are like earlier ones by ROUGE-L, as Self-Instruct does, by an index instead of by comparing
// each with all before.
//
// ROUGE-L of two texts of m and n words is 2·LCS/(m+n), LCS being the length of their longest common subsequence of words: the
// F-measure of the share of LCS in each. In the order of the records, one is dropped if it is at least the threshold with an earlier
// one that was kept.
//
// The index rests on three bounds. LCS is at most the shorter length, so that lengths too far apart cannot reach the threshold. It is
// at most the number of words that both have, each as often as it occurs; so with both texts' words sorted from the rarest to the
// commonest, two that reach it share one among their first words, up to a place that the lengths tell: only those are in the
// index. And at each shared word what can still follow in both bounds the number from above. What is left is compared, by
// bits: 64 words at a time.
//
// Sources: Lin 2004, "ROUGE: A Package for Automatic Evaluation of Summaries" (ROUGE-L); Wang et al. 2023, arXiv:2212.10560, §2.2
// (0.7 for instructions); Xiao et al. 2008, "Efficient Similarity Joins for Near Duplicate Detection" (prefixes and places); Hyyrö 2004,
// "Bit-parallel LCS-length computation revisited".
package rouge

import (
	"cmp"
	"slices"
	"unicode"
	"unicode/utf8"

	"github.com/zeebo/xxh3"

	"temper/dataset"
)

// MaxWords is how many words of an instruction are looked at.
const MaxWords = 1024

// sample is how many rows the order of the words is learnt from.
const sample = 4096

// Novel drops the open rows whose instruction is like that of an earlier row that was kept: a check of the rule, whose value is the
// highest ROUGE-L with one of those where it reaches the threshold, above 0 and at most 1, else 0, and whose detail is the ID of
// that row, of equals the earliest. The instruction is the first message of the user; rows without one, or that were dropped
// before, pass as they are. The first 4,096 rows are held back, the order of rows stays. Memory grows with the words
// of what is kept.
func Novel(in dataset.Rows, rule string, threshold float64) dataset.Rows {
	return novel(in, rule, threshold, sample)
}

func novel(in dataset.Rows, rule string, threshold float64, sample int) dataset.Rows {
	return func(yield func(dataset.Row, error) bool) {
		x := newIndex(threshold)
		var ids []string
		holding := true
		pass := func(row dataset.Row) bool {
			text := words(instruction(row.Record))
			if row.Verdict != nil || len(text) == 0 {
				return yield(row, nil)
			}
			c := dataset.Check{Rule: rule, Op: "<", Threshold: threshold}
			if like, score := x.add(text); like >= 0 {
				c.Value, c.Drop, c.Detail = score, true, ids[like]
				row.Verdict = &c
			} else {
				ids = append(ids, row.ID)
			}
			row.Checks = append(slices.Clip(row.Checks), c)
			return yield(row, nil)
		}
		var held []dataset.Row
		release := func() bool {
			for _, row := range held {
				if !pass(row) {
					return false
				}
			}
			held, holding = nil, false
			return true
		}
		for row, err := range in {
			switch {
			case err != nil:
				if release() {
					yield(dataset.Row{}, err)
				}
				return
			case holding && len(held) < sample:
				if row.Verdict == nil {
					x.weigh(words(instruction(row.Record)))
				}
				held = append(held, row)
			case !release() || !pass(row):
				return
			}
		}
		release()
	}
}

// instruction is the first message of the user.
func instruction(rec dataset.Record) string {
	for _, m := range rec.Messages {
		if m.Role == "user" {
			return m.Content
		}
	}
	return ""
}

// words returns the hashes of a text's words, at most MaxWords: runs of letters, digits and marks, in small letters; each ideograph and
// each letter of Japanese by itself.
func words(text string) (out []uint64) {
	var word []byte
	flush := func() {
		if len(word) > 0 && len(out) < MaxWords {
			out = append(out, xxh3.Hash(word))
		}
		word = word[:0]
	}
	for _, r := range text {
		switch {
		case len(out) == MaxWords:
			return out
		case r >= 0x2e80 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana):
			flush()
			word = utf8.AppendRune(word, r)
			flush()
		case unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r):
			word = utf8.AppendRune(word, unicode.ToLower(r))
		default:
			flush()
		}
	}
	flush()
	return out
}

// score is ROUGE-L of texts of m and n words with a common subsequence of l.
func score(l, m, n int) float64 { return 2 * float64(l) / float64(m+n) }

// need is the shortest common subsequence with which texts of m and n words reach the threshold; it may be longer than they are.
func need(threshold float64, m, n int) int {
	l := max(0, int(threshold*float64(m+n)/2)-1)
	for score(l, m, n) < threshold {
		l++
	}
	return max(1, l)
}

// sorted puts a text's words in the order of the index, the rarest first, each with how often it stood before.
func (x *index) sorted(text []uint64) []element {
	out := x.buffer[:0]
	for _, w := range text {
		out = append(out, element{word: w, df: x.df[w>>dfShift]})
	}
	slices.SortFunc(out, func(a, b element) int { return cmp.Or(cmp.Compare(a.df, b.df), cmp.Compare(a.word, b.word)) })
	for i := 1; i < len(out); i++ {
		if out[i].word == out[i-1].word {
			out[i].nth = out[i-1].nth + 1
		}
	}
	x.buffer = out
	return out
}

// An element is a word of a text.
type element struct {
	word uint64
	df   uint32
	nth  uint32 // how often it stood before
}

// key is the index's key of an element in texts of a band of lengths.
func (e element) key(band int) uint64 {
	return e.word ^ (uint64(e.nth)<<8|uint64(band)+1)*0x9E3779B97F4A7C15
}
