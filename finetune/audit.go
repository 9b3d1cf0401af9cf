package finetune

import (
	"fmt"
	"slices"

	"temper/dataset"
	"temper/model"
)

// audit says what would silently spoil a training on a sample, "" for nothing: the rule, and in words.
func audit(base *model.Model, ids []int32, trained []bool) (rule, detail string) {
	if (Sequence{IDs: ids, Trained: trained, Starts: []int32{0}}).trained() == 0 {
		return DropMask, ""
	}
	if bos, ok := base.Tokenizer.BOS(); ok && len(ids) > 1 && ids[0] == bos && ids[1] == bos {
		return DropBOS, fmt.Sprintf("it begins with %q twice", base.Tokenizer.Token(bos))
	}
	stop := base.Chat.Stop()
	if len(stop) == 0 {
		return "", "" // the base knows no end
	}
	for i, id := range ids {
		if !trained[i] || i+1 < len(ids) && trained[i+1] || slices.Contains(stop, id) {
			continue
		}
		if i+1 < len(ids) && slices.Contains(stop, ids[i+1]) {
			return DropEOS, fmt.Sprintf("%q after token %d ends an answer and is masked", base.Tokenizer.Token(ids[i+1]), i)
		}
		return DropEOS, fmt.Sprintf("the answer that ends with token %d is cut off: no token ends its turn", i)
	}
	return "", ""
}

// Audit fails closed on token batches that were made elsewhere: it returns an error that names the first sample without a trained
// token, with a doubled BOS, or with an answer whose end is missing, cut off or masked, and counts the others.
func Audit(base *model.Model, t Tokens) error {
	if base.Tokenizer == nil || t.Vocab != base.Vocab {
		return nil // nothing is known of the ids; a vocabulary that differs is refused with its numbers
	}
	first, wrong, all := "", 0, 0
	for i, s := range t.Sequences {
		for k := range s.Starts {
			from, to := s.sample(k)
			all++
			rule, detail := audit(base, s.IDs[from:to], s.Trained[from:to])
			if rule == "" {
				continue
			}
			if wrong++; wrong == 1 {
				first = fmt.Sprintf("sample %s of sequence %d: %s", s.Samples[k], i, rule)
				if detail != "" {
					first += ", " + detail
				}
			}
		}
	}
	if wrong == 0 {
		return nil
	}
	return fmt.Errorf("%d of %d samples cannot be trained on: %s: %w", wrong, all, first, dataset.ErrMalformed)
}
