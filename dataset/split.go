package dataset

import (
	"cmp"
	"math"
	"slices"

	"github.com/zeebo/xxh3"
)

// unit is how many values a draw may have.
const unit = 1 << 53

// draw is a cluster's place in the order in which clusters are held out, from 0 to unit.
func draw(cluster string, seed uint64) uint64 {
	return xxh3.HashStringSeed("split\x00"+cluster, seed) >> 11 // marked, so that no other choice by hash falls together with it
}

// partOf is testPercent as a part of 1.
func partOf(testPercent float64) float64 { return math.Min(math.Max(testPercent, 0), 100) / 100 }

// SplitOf returns the split of a cluster, "train" or "test", by its hash: the share testPercent of clusters, in percent, is held
// out. A cluster stays where it is when others come or go, and one that is held out stays so when testPercent grows.
func SplitOf(cluster string, testPercent float64, seed uint64) string {
	if float64(draw(cluster, seed)) < partOf(testPercent)*unit {
		return "test"
	}
	return "train"
}

// ClusterOf is what must not straddle a split: the row's cluster, or the row itself.
func ClusterOf(row Row) string { return cmp.Or(row.Cluster, row.ID) }

// A Strata is a stratified split: of the rows of every value of a field, the same share is held out.
type Strata struct {
	seed uint64
	held map[uint64]bool // draws of the clusters that are held out
}

// Stratify reads all rows and chooses what is held out. Within a value of the field, clusters are held out in the order of their
// hashes, whole, while they fit its share: testPercent of its rows, rounded; what rounding takes from one value it gives to the next,
// so that the whole comes to its share too. One cluster of every value is left to train on. A cluster of several values counts for
// the least of them. Neither the order of the rows nor how they are cut into shards matters. Memory is about 60 bytes a cluster.
func Stratify(rows Rows, field string, testPercent float64, seed uint64) (*Strata, error) {
	clusters := map[uint64]*stratum{}
	for row, err := range rows {
		if err != nil {
			return nil, err
		}
		d, value := draw(ClusterOf(row), seed), Field(row, field)
		c := clusters[d]
		if c == nil {
			c = &stratum{value: value, draw: d}
			clusters[d] = c
		}
		c.value = min(c.value, value)
		c.rows++
	}
	all := make([]*stratum, 0, len(clusters))
	for _, c := range clusters {
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b *stratum) int { return cmp.Or(cmp.Compare(a.value, b.value), cmp.Compare(a.draw, b.draw)) })
	s := &Strata{seed: seed, held: map[uint64]bool{}}
	over := 0.0 // rows that rounding has left over
	for len(all) > 0 {
		n := 1
		for n < len(all) && all[n].value == all[0].value {
			n++
		}
		over = s.hold(all[:n], partOf(testPercent), over)
		all = all[n:]
	}
	return s, nil
}

// A stratum is one cluster of a value of the field.
type stratum struct {
	value string
	draw  uint64
	rows  int
}

// hold holds clusters of one value out, in the order of their draws, and returns what rounding left over.
func (s *Strata) hold(clusters []*stratum, share, over float64) float64 {
	rows := 0
	for _, c := range clusters {
		rows += c.rows
	}
	exact := share*float64(rows) + over
	quota := int(math.Round(exact))
	free, left := quota, len(clusters)
	for _, c := range clusters {
		if c.rows <= free && left > 1 {
			s.held[c.draw] = true
			free, left = free-c.rows, left-1
		}
	}
	return exact - float64(quota)
}

// Of returns the split of a cluster that was among the rows: "train" or "test".
func (s *Strata) Of(cluster string) string {
	if s.held[draw(cluster, s.seed)] {
		return "test"
	}
	return "train"
}
