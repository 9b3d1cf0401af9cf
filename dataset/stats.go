package dataset

import (
	"math"
	"unicode/utf8"
)

// maxLabels bounds the values of a label that are counted by name; the rest are counted together as "other".
const maxLabels = 100

// Stats describes the rows of a published version: stats.json.
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
}

// A Range sums up a number over rows.
type Range struct {
	Count int64   `json:"count"`
	Min   float64 `json:"min"`
	Max   float64 `json:"max"`
	Mean  float64 `json:"mean"`
}

// add takes one value; those that are not finite are left out.
func (r *Range) add(v float64) {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return
	}
	if r.Count == 0 {
		r.Min, r.Max = v, v
	}
	r.Count++
	r.Min, r.Max = min(r.Min, v), max(r.Max, v)
	r.Mean += (v - r.Mean) / float64(r.Count)
}

// split returns the statistics of a split, empty ones at first.
func (s Stats) split(name string) *SplitStats {
	if s.Splits[name] == nil {
		s.Splits[name] = &SplitStats{Signals: map[string]*Range{}, Labels: map[string]map[string]int64{}, Reasons: Reasons{}, Licenses: map[string]int64{}}
	}
	return s.Splits[name]
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
	for _, m := range r.Messages {
		bytes += len(m.Content)
		chars += utf8.RuneCountInString(m.Content)
	}
	s.Records++
	s.Messages += int64(len(r.Messages))
	s.Bytes += int64(bytes)
	s.Chars.add(float64(chars))
	if r.Verdict != nil {
		s.Reasons[r.Verdict.Rule]++
	}
	if r.Source.License != "" {
		count(s.Licenses, r.Source.License)
	}
	for name, v := range r.Signals {
		switch v := v.(type) {
		case float64:
			if s.Signals[name] == nil {
				s.Signals[name] = &Range{}
			}
			s.Signals[name].add(v)
		case string:
			if s.Labels[name] == nil {
				s.Labels[name] = map[string]int64{}
			}
			count(s.Labels[name], v)
		}
	}
}

// count counts a value by name while there are few.
func count(m map[string]int64, v string) {
	if _, known := m[v]; !known && len(m) >= maxLabels {
		v = "other"
	}
	m[v]++
}
