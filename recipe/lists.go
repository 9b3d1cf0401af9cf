package recipe

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"

	"temper/filter"
)

// maxList bounds a file of words: it becomes part of the recipe, which lies in every run's history.
const maxList = 256 << 10 // bytes

// readLists puts the words of the filter section's files into the recipe, so that it says by itself what is done.
func readLists(file, dir string, steps []filter.Step) error {
	for i := range steps {
		for _, l := range steps[i].Files() {
			words, err := readList(*l.Path, dir)
			if err != nil {
				return fmt.Errorf("%s: %s.%s: %w", file, spell([]string{"filter", strconv.Itoa(i)}), l.Key, err)
			}
			*l.Words, *l.Path = append(*l.Words, words...), ""
		}
		if err := steps[i].Validate(); err != nil {
			return fmt.Errorf("%s: filter[%d]: %w", file, i, err)
		}
	}
	return nil
}

// readList reads a file of words, one a line; # begins a comment.
func readList(path, dir string) (words []string, err error) {
	if path, err = absolute(path, dir); err != nil {
		return nil, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxList {
		return nil, fmt.Errorf("%s has %d bytes; a list of words has at most %d", path, info.Size(), maxList)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(bytes.ToValidUTF8(b, []byte("\uFFFD")))) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			words = append(words, line)
		}
	}
	if len(words) == 0 {
		return nil, fmt.Errorf("%s has no words", path)
	}
	return words, nil
}
