package filter

import "fmt"

// A File is a list, or a text, of a step that lies in a file: who reads it appends its lines to Words, or puts all of it into
// Text, and empties Path. One that stays is read where the step runs: only its path is made absolute.
type File struct {
	Key   string    // of the option, such as bad_words.file
	Path  *string   // "" once it was read
	Words *[]string // nil for a text
	Text  *string   // nil for a list
	Stays bool
}

// Files returns what of s lies in files. The engine reads no files: a step is ready only when all are read, so
// that what it does is said by its options alone.
func (s *Step) Files() []File {
	var all []File
	if s.URL != nil {
		all = append(all, s.URL.files()...)
	}
	if s.Classifier != nil {
		all = append(all, s.Classifier.files()...)
	}
	if s.Perplexity != nil {
		all = append(all, s.Perplexity.files()...)
	}
	if s.BadWords != nil {
		all = append(all, s.BadWords.files()...)
	}
	files := all[:0]
	for _, f := range all {
		if *f.Path != "" {
			files = append(files, f)
		}
	}
	return files
}

// A preparer is a rule that has to be made ready before it scores.
type preparer interface {
	ready() (rule, error)
}

// prepare returns rules that can score.
func prepare(rules []rule) ([]rule, error) {
	for i, r := range rules {
		p, ok := r.(preparer)
		if !ok {
			continue
		}
		r, err := p.ready()
		if err != nil {
			return nil, fmt.Errorf("step %d: %w", i+1, err)
		}
		rules[i] = r
	}
	return rules, nil
}

// unread refuses lists that still lie in files.
func unread(files []File) error {
	for _, f := range files {
		if *f.Path != "" {
			return fmt.Errorf("%s: %s was not read", f.Key, *f.Path)
		}
	}
	return nil
}
