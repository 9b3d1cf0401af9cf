package tokenizer

import (
	"encoding/json"
	"fmt"

	"temper/dataset"
)

// hfPiece is a part of a template: a token, or the text.
type hfPiece struct {
	SpecialToken *struct {
		ID string `json:"id"`
	} `json:"SpecialToken"`
	Sequence *struct {
		ID string `json:"id"`
	} `json:"Sequence"`
}

// hfSpecialTokens is the tokens a template's part stands for.
type hfSpecialTokens struct {
	IDs []int32 `json:"ids"`
}

// post sets what goes before and after a text, by the template of a single text.
func (h *hfStep) post(t *Tokenizer) error {
	steps, err := h.flat(func(h *hfStep) []hfStep { return h.Processors }, 0)
	if err != nil {
		return err
	}
	for i := range steps {
		var before, after []int32
		switch s := &steps[i]; s.Type {
		case "ByteLevel":
			continue
		case "TemplateProcessing":
			before, after, err = s.template()
		case "BertProcessing", "RobertaProcessing":
			if before, err = pairID(s.Cls); err == nil {
				after, err = pairID(s.Sep)
			}
		default:
			err = fmt.Errorf("post-processor %q: %w", s.Type, ErrUnsupported)
		}
		if err != nil {
			return err
		}
		t.before, t.after = append(before, t.before...), append(t.after, after...)
	}
	for _, id := range append(t.before[:len(t.before):len(t.before)], t.after...) {
		if id < 0 || int(id) >= len(t.tokens) {
			return fmt.Errorf("the template has token %d of %d: %w", id, len(t.tokens), dataset.ErrMalformed)
		}
	}
	return nil
}

func (h *hfStep) template() (before, after []int32, err error) {
	to := &before
	for _, p := range h.Single {
		switch {
		case p.SpecialToken != nil:
			special, ok := h.SpecialTokens[p.SpecialToken.ID]
			if !ok {
				return nil, nil, fmt.Errorf("the template's token %q is not explained: %w", p.SpecialToken.ID, dataset.ErrMalformed)
			}
			*to = append(*to, special.IDs...)
		case p.Sequence != nil && to == &before:
			to = &after
		default:
			return nil, nil, fmt.Errorf("a template with more than one text: %w", ErrUnsupported)
		}
	}
	return before, after, nil
}

// pairID is the id of ["[SEP]", 102].
func pairID(b json.RawMessage) ([]int32, error) {
	var id int32
	pair := []any{new(string), &id}
	if err := json.Unmarshal(b, &pair); err != nil || len(pair) != 2 {
		return nil, fmt.Errorf("token %.80s: %w", b, dataset.ErrMalformed)
	}
	return []int32{id}, nil
}
