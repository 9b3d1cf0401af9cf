package filter

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"temper/dataset"
)

// BadWords drops what uses listed words or phrases. They match in any case, between characters that are no letters, digits
// or underscores; in Chinese, Japanese and Thai, which do not part words, anywhere. words and file are for every language, a
// list for texts in its language: the one that the language step before told, else the field language of meta, else
// English. Temper brings no list: the usual one for C4 is LDNOOBW's.
//
// Signal: bad_words, how often they occur; the longest match counts, and matches do not overlap.
//
// Source: Raffel et al. 2020, arXiv:1910.10683, §2.2; the words without borders follow datatrove's C4BadWordsFilter.
type BadWords struct {
	Words []string   `json:"words,omitempty" doc:"words or phrases to look for in every language"`
	File  string     `json:"file,omitempty" doc:"a file with more of them, one a line; # begins a comment"`
	Lists []WordList `json:"lists,omitempty" doc:"lists for one language each"`
	Max   int        `json:"max,omitempty" doc:"occurrences at most"`
}

// A WordList is a list of words of a language.
type WordList struct {
	Language string   `json:"language" doc:"ISO 639 code, such as en"`
	Words    []string `json:"words,omitempty" doc:"words or phrases"`
	File     string   `json:"file,omitempty" doc:"a file with more of them, one a line; # begins a comment"`
}

// unparted are the languages whose words nothing parts.
var unparted = []string{"ja", "th", "zh"}

// WithDefaults returns the options: none has a default but 0.
func (o BadWords) WithDefaults() BadWords { return o }

// Validate says what is wrong with the options.
func (o BadWords) Validate() error {
	if len(o.Words) == 0 && o.File == "" && len(o.Lists) == 0 {
		return errors.New("no words: give words, file or lists")
	}
	if o.Max < 0 {
		return fmt.Errorf("max is %d: must be 0 or more", o.Max)
	}
	seen := make(map[string]bool)
	for i, l := range o.Lists {
		switch {
		case !isLanguage(l.Language):
			return fmt.Errorf("lists[%d].language is %q: must be an ISO 639 code of 2 or 3 small letters, such as en", i, l.Language)
		case seen[l.Language]:
			return fmt.Errorf("lists[%d].language is %q, which another list has", i, l.Language)
		case len(l.Words) == 0 && l.File == "":
			return fmt.Errorf("lists[%d] has no words: give words or file", i)
		}
		seen[l.Language] = true
	}
	return nil
}

func (o *BadWords) files() []File {
	files := []File{{Key: "bad_words.file", Path: &o.File, Words: &o.Words}}
	for i := range o.Lists {
		l := &o.Lists[i]
		files = append(files, File{Key: fmt.Sprintf("bad_words.lists[%d].file", i), Path: &l.File, Words: &l.Words})
	}
	return files
}

func (o BadWords) name() string    { return stepBadWords }
func (o BadWords) validate() error { return o.Validate() }
func (o BadWords) names() []string { return []string{stepBadWords} }

// scored returns the options as far as they decide what score does.
func (o BadWords) scored() BadWords {
	o.Max = 0
	return o
}

// A badWords is a [BadWords] at work: a trie for every list, and the words for every language in each.
type badWords struct {
	BadWords
	lists map[string]*trie
	all   *trie
}

// ready returns the rule with its lists made ready.
func (o BadWords) ready() (rule, error) {
	if err := unread(o.files()); err != nil {
		return nil, err
	}
	b := badWords{BadWords: o, lists: make(map[string]*trie), all: newTrie()}
	for _, w := range o.Words {
		b.all.add(strings.ToLower(strings.TrimSpace(w)))
	}
	for _, l := range o.Lists {
		t := newTrie()
		for _, w := range append(slices.Clip(o.Words), l.Words...) {
			t.add(strings.ToLower(strings.TrimSpace(w)))
		}
		b.lists[l.Language] = t
	}
	return b, nil
}

func (o BadWords) score(*subject) { panic("filter: a bad_words rule that is not ready") }

func (b badWords) score(s *subject) {
	language, ok := s.signals[signalLanguage].(string)
	if !ok || language == undetermined {
		language = s.meta["language"]
	}
	if language == "" {
		language = "en"
	}
	t, ok := b.lists[language]
	if !ok {
		t = b.all
	}
	s.signals[stepBadWords] = float64(t.count(strings.ToLower(s.text), !slices.Contains(unparted, language)))
}

// count returns how often text has a word of t, only between characters that are not of words if parted.
func (t *trie) count(text string, parted bool) (n int) {
	inside := false // the character before belongs to a word
	for i := 0; i < len(text); {
		size := 1
		if t.first[text[i]] != 0 && !(parted && inside) {
			var end func(int) bool
			if parted {
				end = func(n int) bool { return !wordAt(text, i+n) }
			}
			if m := t.match(text[i:], end); m > 0 {
				n++
				last, _ := utf8.DecodeLastRuneInString(text[:i+m])
				inside = wordRune(last)
				i += m
				continue
			}
		}
		if c := text[i]; c < utf8.RuneSelf {
			inside = ascii[c] == kindLetter || ascii[c] == kindDigit || ascii[c] == kindJoin
		} else {
			var r rune
			r, size = utf8.DecodeRuneInString(text[i:])
			inside = wordRune(r)
		}
		i += size
	}
	return n
}

// wordAt reports whether a character of a word starts at i.
func wordAt(text string, i int) bool {
	r, _ := utf8.DecodeRuneInString(text[i:])
	return i < len(text) && wordRune(r)
}

// wordRune reports whether r belongs to a word: a letter, a digit, a mark, an underscore.
func wordRune(r rune) bool {
	return r == '_' || r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r))
}

func (o BadWords) judge(row dataset.Row, checks []dataset.Check) ([]dataset.Check, error) {
	return judgeLimits(stepBadWords, []limit{{signal: stepBadWords, op: "<=", bound: float64(o.Max)}}, row, checks)
}
