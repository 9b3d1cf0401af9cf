package dataset

import (
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/publicsuffix"
)

// maxValues bounds the values of a label that are counted. With no more of them every count is exact, and merges exactly. With more, the
// commonest are kept and every count may be short by what the label missed, at most one row in maxValues (Misra and Gries 1982; they
// merge as Agarwal et al. 2012, doi:10.1145/2213556.2213562, show).
const maxValues = 1000

// tally counts a value n times.
func (s *SplitStats) tally(name string, counts map[string]int64, value string, n int64) {
	if counts[value] += n; len(counts) <= 2*maxValues {
		return
	}
	s.prune(name, counts)
}

// tallyAll adds other counts.
func (s *SplitStats) tallyAll(name string, counts, other map[string]int64) {
	for value, n := range other {
		counts[value] += n
	}
	if len(counts) > 2*maxValues {
		s.prune(name, counts)
	}
}

// prune takes what the first value too many has from all, and forgets those that come to nothing.
func (s *SplitStats) prune(name string, counts map[string]int64) {
	all := make([]int64, 0, len(counts))
	for _, n := range counts {
		all = append(all, n)
	}
	slices.Sort(all)
	less := all[len(all)-maxValues-1]
	for value := range counts {
		if counts[value] -= less; counts[value] <= 0 {
			delete(counts, value)
		}
	}
	s.Missed[name] += less
}

// domainOf is the registered domain of the page a record was read from, or "".
func domainOf(rec Record) string {
	address := rec.Meta["url"]
	if address == "" {
		address = rec.Source.URI
	}
	if !strings.HasPrefix(address, "http://") && !strings.HasPrefix(address, "https://") {
		return ""
	}
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	host := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	if registered, err := publicsuffix.EffectiveTLDPlusOne(host); err == nil {
		return registered
	}
	return host
}
