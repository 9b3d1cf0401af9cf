package filter

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"golang.org/x/net/publicsuffix"

	"temper/dataset"
)

// URL drops records by the address of their page: the field url of meta, else the URI of the source; a record whose
// address is none of the web passes. Domains match a host or the registered domain it belongs to (danger.org matches
// hey.danger.org, badsub.nice.com matches that host only); words are runs of ASCII letters and digits of the address, in
// any case; parts are looked for in the address with everything else left out.
//
// Signals: url_domain (1 if its domain is listed), url_words (banned words), url_soft_words (soft words, each once) and
// url_parts (banned parts).
//
// Source: Penedo et al. 2023, arXiv:2306.01116, appendix G.1; the definitions are datatrove's, but that words there match
// in the address' own case.
type URL struct {
	Domains  []string `json:"domains,omitempty" doc:"hosts or registered domains to drop"`
	Words    []string `json:"words,omitempty" doc:"words of which one is enough"`
	Parts    []string `json:"parts,omitempty" doc:"parts of words of which one is enough"`
	Soft     []string `json:"soft,omitempty" doc:"words of which it takes several"`
	MaxSoft  int      `json:"max_soft,omitempty" doc:"soft words at most; negative: off" default:"1"`
	WordFile string   `json:"word_file,omitempty" doc:"a file with more words, one a line; # begins a comment"`
	SoftFile string   `json:"soft_file,omitempty" doc:"a file with more soft words"`
	PartFile string   `json:"part_file,omitempty" doc:"a file with more parts"`
}

// WithDefaults fills in what is 0.
func (o URL) WithDefaults() URL {
	o.MaxSoft = orDefault(o.MaxSoft, 1)
	return o
}

// Validate says what is wrong with the options.
func (o URL) Validate() error {
	if len(o.Domains)+len(o.Words)+len(o.Parts)+len(o.Soft) == 0 && o.WordFile+o.SoftFile+o.PartFile == "" {
		return errors.New("no list: give domains, words, parts or soft, or a file of them")
	}
	for _, l := range []struct {
		name string
		list []string
	}{{"words", o.Words}, {"parts", o.Parts}, {"soft", o.Soft}} {
		for i, w := range l.list {
			if plain(w) == "" {
				return fmt.Errorf("%s[%d] is %q: must have an ASCII letter or digit", l.name, i, w)
			}
		}
	}
	return nil
}

// Files are the lists that are still in files, each with where it goes; see [Step.Files].
func (o *URL) files() []File {
	return []File{{Key: "url.word_file", Path: &o.WordFile, Words: &o.Words}, {Key: "url.soft_file", Path: &o.SoftFile, Words: &o.Soft}, {Key: "url.part_file", Path: &o.PartFile, Words: &o.Parts}}
}

func (o URL) name() string    { return stepURL }
func (o URL) validate() error { return o.Validate() }
func (o URL) names() []string {
	return []string{"url_domain", "url_words", "url_soft_words", "url_parts"}
}

// scored returns the options as far as they decide what score does.
func (o URL) scored() URL {
	o.MaxSoft = 0
	return o
}

// set returns the words of list as they are compared.
func set(list []string) map[string]bool {
	out := make(map[string]bool, len(list))
	for _, w := range list {
		out[plain(w)] = true
	}
	return out
}

// plain returns the ASCII letters and digits of text, in small letters.
func plain(text string) string {
	var b strings.Builder
	for i := range len(text) {
		if c := text[i]; ascii[c&127] == kindLetter && c < 128 {
			b.WriteByte(c | 0x20)
		} else if '0' <= c && c <= '9' {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// A urlLists is a [URL] at work.
type urlLists struct {
	URL
	domains, words, soft map[string]bool
	parts                *trie
}

// ready returns the rule with its lists made ready.
func (o URL) ready() (rule, error) {
	if err := unread(o.files()); err != nil {
		return nil, err
	}
	u := urlLists{URL: o, domains: make(map[string]bool), words: set(o.Words), soft: set(o.Soft), parts: newTrie()}
	for _, d := range o.Domains {
		u.domains[strings.ToLower(strings.TrimSpace(d))] = true
	}
	for _, p := range o.Parts {
		u.parts.add(plain(p))
	}
	return u, nil
}

func (o URL) score(*subject) { panic("filter: a URL rule that is not ready") }

func (u urlLists) score(s *subject) {
	domain, words, soft, parts := 0, 0, 0, 0
	if address, host := s.address(); host != "" {
		registered, err := publicsuffix.EffectiveTLDPlusOne(host)
		if u.domains[host] || err == nil && u.domains[registered] {
			domain = 1
		}
		seen := make(map[string]bool)
		for _, w := range strings.FieldsFunc(address, func(r rune) bool { return r >= 128 || ascii[r] != kindLetter && ascii[r] != kindDigit }) {
			if w = strings.ToLower(w); seen[w] {
				continue
			}
			seen[w] = true
			words += btoi(u.words[w])
			soft += btoi(u.soft[w])
		}
		all := plain(address)
		for i := range len(all) {
			parts += btoi(u.parts.match(all[i:], nil) > 0)
		}
	}
	s.signals["url_domain"], s.signals["url_words"] = float64(domain), float64(words)
	s.signals["url_soft_words"], s.signals["url_parts"] = float64(soft), float64(parts)
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// address returns the address of the page of s and its host, which is empty if it is none of the web.
func (s *subject) address() (address, host string) {
	address = s.meta["url"]
	if address == "" {
		address = s.source.URI
	}
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" {
		return address, ""
	}
	return address, strings.ToLower(strings.TrimSuffix(u.Hostname(), "."))
}

func (o URL) judge(row dataset.Row, checks []dataset.Check) ([]dataset.Check, error) {
	return judgeLimits(stepURL, []limit{atMost("url_domain", 0), atMost("url_words", 0), atMost("url_parts", 0),
		atMost("url_soft_words", float64(o.MaxSoft))}, row, checks)
}
