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

// readLists puts what the filter section's files hold into the recipe, so that it says by itself what is done.
func readLists(file, dir string, steps []filter.Step) error {
	for i := range steps {
		for _, l := range steps[i].Files() {
			if err := readInto(l, dir); err != nil {
				return fmt.Errorf("%s: %s.%s: %w", file, spell([]string{"filter", strconv.Itoa(i)}), l.Key, err)
			}
		}
		if err := steps[i].Validate(); err != nil {
			return fmt.Errorf("%s: filter[%d]: %w", file, i, err)
		}
	}
	return nil
}

// readInto reads a file of a step: a text whole, a list line by line; # begins a comment. Of one that stays where it is, only the
// path is made absolute.
func readInto(l filter.File, dir string) error {
	path, err := absolute(*l.Path, dir)
	if err != nil {
		return err
	}
	if l.Stays {
		*l.Path = path
		return nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if info.Size() > maxList {
		return fmt.Errorf("%s has %d bytes; what becomes part of a recipe has at most %d", path, info.Size(), maxList)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	text := string(bytes.ToValidUTF8(b, []byte("\uFFFD")))
	*l.Path = ""
	if l.Text != nil {
		*l.Text = text
		return nil
	}
	found := 0
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			*l.Words = append(*l.Words, line)
			found++
		}
	}
	if found == 0 {
		return fmt.Errorf("%s has no words", path)
	}
	return nil
}
