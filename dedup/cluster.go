package dedup

import (
	"cmp"
	"fmt"
	"iter"
	"slices"

	"temper/dataset"
)

// A Cluster is a record's place in a cluster of near duplicates. Records that have none are in no cluster.
type Cluster struct {
	ID         string  `json:"id"`
	Cluster    string  `json:"cluster"`    // the ID of the first record of the connected component
	Keeper     string  `json:"keeper"`     // the record that is kept in its place; its own ID if it is kept
	Similarity float64 `json:"similarity"` // to the keeper; 1 for the keeper itself
	Size       int     `json:"size"`       // records that this keeper stands for, itself included
}

// maxGroup bounds the records of one band's bucket that are compared with all of the others; beyond it each is compared with the
// first ones only, which finds the cluster all the same where they are alike.
const maxGroup = 64

// NearClusters finds the clusters among records from their signatures, in the order of the records. restart streams the records
// again, once, to compare the shingles of candidates; it is not called where o.Verify is false, and similarities are 1 then.
//
// Two records whose similarity reaches the threshold are linked; a connected component of links has one cluster name, so that a
// split never parts it. Within it, records are taken by rank: one is dropped if it reaches the threshold with a keeper that was
// taken before it, and is a keeper itself otherwise. So A~B~C with A≁C never drops C for A. The result depends on the records and
// their order alone.
func NearClusters(restart func() dataset.Records, sigs iter.Seq2[Signature, error], o Near) ([]Cluster, error) {
	o = o.WithDefaults()
	if err := o.Validate(); err != nil {
		return nil, err
	}
	var ids []string
	var ranks []float64
	type entry struct {
		hash uint64
		row  int32
	}
	var byBand [][]entry
	for s, err := range sigs {
		if err != nil {
			return nil, err
		}
		if len(ids) == 1<<31-1 {
			return nil, fmt.Errorf("more than %d records in one near-duplicate pass: split the source", len(ids))
		}
		for len(byBand) < len(s.Bands) {
			byBand = append(byBand, nil)
		}
		for b, h := range s.Bands {
			byBand[b] = append(byBand[b], entry{h, int32(len(ids))})
		}
		ids, ranks = append(ids, s.ID), append(ranks, s.Rank)
	}
	pairs := map[[2]int32]float64{}
	for b, band := range byBand {
		slices.SortFunc(band, func(a, b entry) int { return cmp.Or(cmp.Compare(a.hash, b.hash), cmp.Compare(a.row, b.row)) })
		for len(band) > 0 {
			n := 1
			for n < len(band) && band[n].hash == band[0].hash {
				n++
			}
			for i := range n {
				for j := range min(i, maxGroup) {
					pairs[[2]int32{band[j].row, band[i].row}] = 1
				}
			}
			band = band[n:]
		}
		byBand[b] = nil
	}
	if *o.Verify {
		if err := verify(restart, pairs, len(ids), o); err != nil {
			return nil, err
		}
	}
	return resolve(ids, ranks, pairs), nil
}

// verify replaces the similarity of candidates by the true one and removes those below the threshold. It holds the shingles of
// candidates only.
func verify(restart func() dataset.Records, pairs map[[2]int32]float64, n int, o Near) error {
	wanted := map[int32][]uint64{}
	for p := range pairs {
		wanted[p[0]], wanted[p[1]] = nil, nil
	}
	s := newSigner(o)
	row := int32(0)
	for rec, err := range restart() {
		if err != nil {
			return err
		}
		if _, ok := wanted[row]; ok {
			wanted[row] = slices.Clone(s.shingleSet(rec))
		}
		row++
	}
	if int(row) != n {
		return fmt.Errorf("%d signatures for %d records: %w", n, row, dataset.ErrMalformed)
	}
	for p := range pairs {
		if sim := jaccard(wanted[p[0]], wanted[p[1]]); sim >= o.Similarity {
			pairs[p] = sim
		} else {
			delete(pairs, p)
		}
	}
	return nil
}

// resolve chooses the keepers.
func resolve(ids []string, ranks []float64, pairs map[[2]int32]float64) []Cluster {
	links := map[int32][]int32{}
	for p := range pairs {
		links[p[0]] = append(links[p[0]], p[1])
		links[p[1]] = append(links[p[1]], p[0])
	}
	rows := make([]int32, 0, len(links))
	for r := range links {
		rows = append(rows, r)
	}
	slices.Sort(rows)
	name := components(rows, links)
	byRank := slices.Clone(rows)
	slices.SortFunc(byRank, func(a, b int32) int { return cmp.Or(cmp.Compare(ranks[b], ranks[a]), cmp.Compare(a, b)) })
	keeper, size := map[int32]int32{}, map[int32]int{}
	similarity := func(a, b int32) float64 { return pairs[[2]int32{min(a, b), max(a, b)}] }
	for _, r := range byRank {
		best := int32(-1)
		for _, other := range links[r] {
			if k, done := keeper[other]; !done || k != other {
				continue // not a keeper
			}
			if best < 0 || similarity(r, other) > similarity(r, best) || similarity(r, other) == similarity(r, best) && other < best {
				best = other
			}
		}
		if best < 0 {
			best = r
		}
		keeper[r] = best
		size[best]++
	}
	out := make([]Cluster, len(rows))
	for i, r := range rows {
		out[i] = Cluster{ID: ids[r], Cluster: ids[name[r]], Keeper: ids[keeper[r]], Similarity: 1, Size: size[keeper[r]]}
		if keeper[r] != r {
			out[i].Similarity = similarity(r, keeper[r])
		}
	}
	return out
}

// components maps each row to the first of its connected component.
func components(rows []int32, links map[int32][]int32) map[int32]int32 {
	name := make(map[int32]int32, len(rows))
	var todo []int32
	for _, first := range rows {
		if _, done := name[first]; done {
			continue
		}
		name[first] = first
		for todo = append(todo[:0], first); len(todo) > 0; {
			r := todo[len(todo)-1]
			todo = todo[:len(todo)-1]
			for _, other := range links[r] {
				if _, done := name[other]; !done {
					name[other] = first
					todo = append(todo, other)
				}
			}
		}
	}
	return name
}

// NearNotes drops the records that a keeper stands for: rule "near", whose detail is the keeper's ID. Records in a cluster get the
// signal cluster_size.
func NearNotes(in dataset.Records, clusters []Cluster, o Near) dataset.Notes {
	o = o.WithDefaults()
	of := make(map[string]*Cluster, len(clusters))
	for i := range clusters {
		of[clusters[i].ID] = &clusters[i]
	}
	return func(yield func(dataset.Note, error) bool) {
		for rec, err := range in {
			if err != nil {
				yield(dataset.Note{}, err)
				return
			}
			note := dataset.Note{ID: rec.ID, Checks: []dataset.Check{{Rule: "near", Op: "<=", Threshold: o.Similarity}}}
			if c := of[rec.ID]; c != nil {
				note.Signals = dataset.Signals{"cluster_size": float64(c.Size)}
				if c.Keeper != rec.ID {
					note.Checks[0].Value, note.Checks[0].Drop, note.Checks[0].Detail = c.Similarity, true, c.Keeper
				}
			}
			if !yield(note, nil) {
				return
			}
		}
	}
}
