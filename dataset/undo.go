package dataset

import (
	"fmt"
	"strings"
)

// Undo returns the text that [Apply] made text of: edits are taken back, the last rule's first. A list that does not fit
// the text returns an error naming the edit.
func Undo(text string, edits []Edit) (string, error) {
	for len(edits) > 0 {
		last := len(edits)
		first := last - 1
		for first > 0 && edits[first-1].Rule == edits[last-1].Rule {
			first--
		}
		var b strings.Builder
		at, moved := 0, 0 // in text; how far the edits so far moved what follows them
		for _, e := range edits[first:last] {
			start := e.Start + moved
			if start < at || start+len(e.New) > len(text) || text[start:start+len(e.New)] != e.New {
				return "", fmt.Errorf("edit %s %d:%d does not fit the text of %d bytes that it made", e.Rule, e.Start, e.End, len(text))
			}
			b.WriteString(text[at:start])
			b.WriteString(e.Old)
			at = start + len(e.New)
			moved += len(e.New) - len(e.Old)
		}
		b.WriteString(text[at:])
		text, edits = b.String(), edits[:first]
	}
	return text, nil
}
