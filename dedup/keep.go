package dedup

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"temper/dataset"
)

// A preference is one of those that say which record of a cluster is kept.
type preference struct {
	by    string // longest, shortest, first, best, least, newest, oldest
	field string // for the last four
}

const maxPreferences = 8

// preferences reads what is to be kept.
func (o Near) preferences() ([]preference, error) {
	var all []preference
	for part := range strings.SplitSeq(o.Keep, ",") {
		by, field, has := strings.Cut(strings.TrimSpace(part), ":")
		switch by {
		case "longest", "shortest", "first":
			if has {
				return nil, fmt.Errorf("%s takes no field", by)
			}
		case "best", "least", "newest", "oldest":
			if field == "" {
				return nil, fmt.Errorf("%s wants a field, such as %s:stars", by, by)
			}
		default:
			return nil, errors.New("it must be longest, shortest, first, or best, least, newest or oldest with a field, such as best:stars; or several of them, the first that differs decides: best:stars,longest")
		}
		if p := (preference{by, field}); !slices.Contains(all, p) {
			all = append(all, p)
		} else {
			return nil, fmt.Errorf("%s is there twice", part)
		}
	}
	if at := slices.Index(all, preference{by: "first"}); at >= 0 && at < len(all)-1 {
		return nil, errors.New("after first nothing is left to decide: it comes last")
	}
	if len(all) > maxPreferences {
		return nil, fmt.Errorf("it has %d parts; at most %d", len(all), maxPreferences)
	}
	return all, nil
}

// ranked are the preferences that give a rank, and whether the first of equal records is kept.
func (o Near) ranked() (all []preference, first bool) {
	all, _ = o.preferences() // Validate tells
	if n := len(all); n > 0 && all[n-1].by == "first" {
		return all[:n-1], true
	}
	return all, false
}

// rank is how far a preference is for a record: the larger is kept. A record without the field, or with another kind of value in it,
// comes last.
func (p preference) rank(rec dataset.Record) float64 {
	v := math.NaN()
	switch p.by {
	case "longest", "shortest":
		n := len(rec.Text)
		for _, m := range rec.Messages {
			n += len(m.Content)
		}
		v = float64(n)
	case "best", "least":
		if n, err := strconv.ParseFloat(rec.Meta[p.field], 64); err == nil {
			v = n
		}
	case "newest", "oldest":
		for _, layout := range []string{time.RFC3339, "2006-01-02 15:04:05", time.DateOnly} {
			if t, err := time.Parse(layout, rec.Meta[p.field]); err == nil {
				v = float64(t.UnixMilli())
				break
			}
		}
	}
	switch {
	case math.IsNaN(v):
		return math.Inf(-1)
	case p.by == "shortest" || p.by == "least" || p.by == "oldest":
		return -v
	}
	return v
}

// Ranked are the records of rows that are not dropped, with the signals that Keep asks for in meta, where meta has no such field:
// what [Sign] ranks records by.
func (o Near) Ranked(rows dataset.Rows) dataset.Records {
	all, _ := o.WithDefaults().preferences()
	return func(yield func(dataset.Record, error) bool) {
		for row, err := range rows {
			if err == nil && row.Verdict != nil {
				continue
			}
			rec := row.Record
			for _, p := range all {
				if p.field != "" {
					rec = signalled(rec, row.Signals, p.field)
				}
			}
			if !yield(rec, err) || err != nil {
				return
			}
		}
	}
}

// signalled is rec with a signal in meta, unless meta has the field.
func signalled(rec dataset.Record, signals dataset.Signals, field string) dataset.Record {
	v, there := signals[field]
	if _, has := rec.Meta[field]; has || !there {
		return rec
	}
	meta := make(dataset.Meta, len(rec.Meta)+1)
	for k, v := range rec.Meta {
		meta[k] = v
	}
	meta[field] = fmt.Sprint(v)
	rec.Meta = meta
	return rec
}
