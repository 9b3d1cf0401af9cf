package convert

import (
	"encoding/json"
	"testing"
)

// TestPreTokenizerNames: each way to cut words that is written to a folder is known by its name when it is read, and one with a step
// more, or a setting that GGUF has no word for, is none of them.
func TestPreTokenizerNames(t *testing.T) {
	name := func(pre any) (string, bool) {
		b, err := json.Marshal(pre)
		var p preTokenizer
		if err == nil {
			err = json.Unmarshal(b, &p)
		}
		if err != nil {
			t.Fatal(err)
		}
		return p.name()
	}
	for want, pre := range preTokenizers {
		if got, ok := name(pre); !ok || got != want {
			t.Errorf("%s is called %q, %v", want, got, ok)
		}
		more := []any{map[string]any{"type": "Punctuation", "behavior": "Isolated"}}
		if one := pre.(map[string]any); one["type"] == "Sequence" {
			more = append(more, one["pretokenizers"].([]any)...)
		} else {
			more = append(more, one)
		}
		if got, ok := name(map[string]any{"type": "Sequence", "pretokenizers": more}); ok {
			t.Errorf("%s behind punctuation is called %q", want, got)
		}
	}
	spaced, whole := byteLevel(true), byteLevel(false)
	spaced["add_prefix_space"] = true
	for what, pre := range map[string]any{"a space before": spaced, "no words": whole, "none": nil, "an empty row": map[string]any{"type": "Sequence"},
		"other words": words(`\p{L}+`), "numbers apart": map[string]any{"type": "Sequence", "pretokenizers": []any{
			map[string]any{"type": "Digits", "individual_digits": false}, byteLevel(true)}}} {
		if got, ok := name(pre); ok {
			t.Errorf("%s: called %q", what, got)
		}
	}
}
