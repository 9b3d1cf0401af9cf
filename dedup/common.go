package dedup

import (
	"github.com/zeebo/xxh3"

	"temper/dataset"
)

// A reach is in how many records a line stands, and the last of them.
type reach struct{ records, last uint32 }

// commonLines returns the lines that more than o.Common records have, nil if none are asked for. It holds about 50 bytes a line
// meanwhile.
func commonLines(in dataset.Records, o Exact) (map[xxh3.Uint128]struct{}, error) {
	if o.Common == 0 {
		return nil, nil
	}
	lines, equal := map[xxh3.Uint128]reach{}, map[xxh3.Uint128]struct{}{}
	var b []byte
	for rec, err := range in {
		if err != nil {
			return nil, err
		}
		b = content(rec, b)
		key := b
		if o.Normalize {
			key = folded(b)
		}
		h := xxh3.Hash128(key)
		if _, again := equal[h]; again {
			continue
		}
		equal[h] = struct{}{}
		number := uint32(len(equal))
		cutLines(rec.Text, func(at block) {
			h, ok := o.block(rec.Text[at.from:at.to])
			if r := lines[h]; ok && r.last != number {
				lines[h] = reach{r.records + 1, number}
			}
		})
	}
	common := map[xxh3.Uint128]struct{}{}
	for h, r := range lines {
		if uint64(r.records) > uint64(o.Common) {
			common[h] = struct{}{}
		}
	}
	return common, nil
}

// linesOf are the lines of a text that are among some.
func linesOf(text string, o Exact, some map[xxh3.Uint128]struct{}) (spans []span) {
	cutLines(text, func(at block) {
		h, ok := o.block(text[at.from:at.to])
		if _, common := some[h]; ok && common {
			spans = append(spans, span{at.from, at.next})
		}
	})
	return spans
}
