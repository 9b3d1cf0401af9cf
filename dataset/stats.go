package dataset

import (
	"fmt"
	"maps"
	"slices"
	"unicode/utf8"
)

// Stats describes the rows of a published version: stats.json. Statistics of parts merge to those of the whole: see [Stats.Merge].
type Stats struct {
	SchemaVersion int                    `json:"schema_version"`
	Splits        map[string]*SplitStats `json:"splits"` // by split; dropped rows are under "rejects"
}

// SplitStats describes the rows of one split.
type SplitStats struct {
	Records  int64                       `json:"records"`
	Messages int64                       `json:"messages"`          // turns
	Bytes    int64                       `json:"bytes"`             // of text and turns
	Chars    Range                       `json:"chars"`             // characters of text and turns a row
	Signals  map[string]*Range           `json:"signals,omitempty"` // numbers
	Labels   map[string]map[string]int64 `json:"labels,omitempty"`  // strings: rows by value
	Reasons  Reasons                     `json:"reasons,omitempty"` // dropped rows by rule
	Licenses map[string]int64            `json:"licenses,omitempty"`
	Sources  map[string]int64            `json:"sources,omitempty"`  // rows by file
	Domains  map[string]int64            `json:"domains,omitempty"`  // rows by registered domain of the page they are of
	Missed   map[string]int64            `json:"missed,omitempty"`   // by label, license, source or domain: a count may be short by as many, and values below it are not listed
	Distinct map[string]*Distinct        `json:"distinct,omitempty"` // texts, sources, clusters: how many different ones
}

// The keys of [SplitStats.Missed] and [SplitStats.Distinct] beside the names of labels.
const (
	ofLicenses = "license"
	ofSources  = "source"
	ofDomains  = "domain"
	ofTexts    = "texts"
	ofClusters = "clusters"
)

// newSplitStats are the statistics of no rows.
func newSplitStats() *SplitStats {
	s := &SplitStats{}
	s.fill()
	return s
}

// fill makes the maps that JSON leaves out where they are empty.
func (s *SplitStats) fill() {
	for _, m := range []*map[string]int64{(*map[string]int64)(&s.Reasons), &s.Licenses, &s.Sources, &s.Domains, &s.Missed} {
		if *m == nil {
			*m = map[string]int64{}
		}
	}
	if s.Signals == nil {
		s.Signals = map[string]*Range{}
	}
	if s.Labels == nil {
		s.Labels = map[string]map[string]int64{}
	}
	if s.Distinct == nil {
		s.Distinct = map[string]*Distinct{}
	}
}

// split returns the statistics of a split, empty ones at first.
func (s Stats) split(name string) *SplitStats {
	if s.Splits[name] == nil {
		s.Splits[name] = newSplitStats()
	}
	return s.Splits[name]
}

// Merge adds the statistics of other rows, split by split. Statistics of parts come to the same whatever the order, and to those of
// all rows read at once; but where a label has more than [maxValues] values, counts may be short by what Missed says. Statistics
// written before they could be merged are an error.
func (s *Stats) Merge(other Stats) error {
	if s.Splits == nil {
		s.SchemaVersion, s.Splits = SchemaVersion, map[string]*SplitStats{}
	}
	for _, name := range slices.Sorted(maps.Keys(other.Splits)) {
		if err := s.split(name).merge(other.Splits[name]); err != nil {
			return fmt.Errorf("statistics of %s: %w", name, err)
		}
	}
	return nil
}

func (s *SplitStats) merge(o *SplitStats) error {
	s.fill()
	if o == nil {
		return nil
	}
	s.Records += o.Records
	s.Messages += o.Messages
	s.Bytes += o.Bytes
	if err := s.Chars.merge(&o.Chars); err != nil {
		return fmt.Errorf("chars: %w", err)
	}
	for name, r := range o.Signals {
		if s.Signals[name] == nil {
			s.Signals[name] = &Range{}
		}
		if err := s.Signals[name].merge(r); err != nil {
			return fmt.Errorf("signal %s: %w", name, err)
		}
	}
	for rule, n := range o.Reasons {
		s.Reasons[rule] += n
	}
	for name, n := range o.Missed {
		s.Missed[name] += n
	}
	for name, values := range o.Labels {
		s.tallyAll(name, s.label(name), values)
	}
	s.tallyAll(ofLicenses, s.Licenses, o.Licenses)
	s.tallyAll(ofSources, s.Sources, o.Sources)
	s.tallyAll(ofDomains, s.Domains, o.Domains)
	for name, d := range o.Distinct {
		s.distinct(name).Merge(d)
	}
	return nil
}

// seal sets what is told from other fields, before statistics are stored or shown.
func (s Stats) seal() {
	for _, sp := range s.Splits {
		sp.Chars.seal()
		for _, r := range sp.Signals {
			r.seal()
		}
	}
}

// watch adds every row that passes to the statistics.
func (s *SplitStats) watch(rows Rows) Rows {
	return func(yield func(Row, error) bool) {
		for row, err := range rows {
			if err == nil {
				s.add(row)
			}
			if !yield(row, err) || err != nil {
				return
			}
		}
	}
}

func (s *SplitStats) add(r Row) {
	bytes, chars := len(r.Text), utf8.RuneCountInString(r.Text)
	texts := s.distinct(ofTexts)
	content := r.Text
	for _, m := range r.Messages {
		bytes += len(m.Content)
		chars += utf8.RuneCountInString(m.Content)
		content += "\x00" + m.Content
	}
	texts.Add(content)
	s.Records++
	s.Messages += int64(len(r.Messages))
	s.Bytes += int64(bytes)
	s.Chars.add(float64(chars))
	if r.Verdict != nil {
		s.Reasons[r.Verdict.Rule]++
	}
	s.distinct(ofClusters).Add(ClusterOf(r))
	s.distinct(ofSources).Add(r.Source.URI)
	s.tally(ofSources, s.Sources, r.Source.URI, 1)
	if r.Source.License != "" {
		s.tally(ofLicenses, s.Licenses, r.Source.License, 1)
	}
	if domain := domainOf(r.Record); domain != "" {
		s.tally(ofDomains, s.Domains, domain, 1)
	}
	for name, v := range r.Signals {
		switch v := v.(type) {
		case float64:
			if s.Signals[name] == nil {
				s.Signals[name] = &Range{}
			}
			s.Signals[name].add(v)
		case string:
			s.tally(name, s.label(name), v, 1)
		}
	}
}

// label returns the counts of a label's values.
func (s *SplitStats) label(name string) map[string]int64 {
	if s.Labels[name] == nil {
		s.Labels[name] = map[string]int64{}
	}
	return s.Labels[name]
}

// distinct returns the count of different values of a name.
func (s *SplitStats) distinct(name string) *Distinct {
	if s.Distinct[name] == nil {
		s.Distinct[name] = &Distinct{}
	}
	return s.Distinct[name]
}
