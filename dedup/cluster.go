package dedup

import (
	"cmp"
	"iter"
	"slices"

	"temper/dataset"
)

// A Cluster is a record's place in a cluster of near duplicates. Records that have none are in no cluster.
type Cluster struct {
	ID         string  `json:"id"`
	Cluster    string  `json:"cluster"`    // the ID of the connected component's best record
	Keeper     string  `json:"keeper"`     // the record that is kept in its place; its own ID if it is kept
	Similarity float64 `json:"similarity"` // to the keeper; 1 for the keeper itself
	Size       int     `json:"size"`       // records that this keeper stands for, itself included
}

// NearClusters finds the clusters among records from their signatures: cluster by cluster, in each the best record first. The
// signatures are read more than once. in are their records, in the same order, to compare the shingles of candidates, which go to
// scratch meanwhile; they are read once, or not at all where o.Verify is false: MinHash's similarities are 1 then, and SimHash's
// the share of equal bits.
//
// Two records whose similarity reaches the threshold are linked; a connected component of links has one cluster name, so that a
// split never parts it. Within it, records are taken by rank: one is dropped if it reaches the threshold with a keeper that was
// taken before it, and is a keeper itself otherwise. So A~B~C with A≁C never drops C for A; see [Chained]. The result depends on
// the records alone, and on their order only where the first is to be kept.
//
// It holds about 150 bytes a record, 24 a pair of candidates, and at most 64 MB of bands or shingles at once. Scratch takes 8 bytes
// a shingle of candidates: about as much as their texts.
func NearClusters(in dataset.Records, sigs iter.Seq2[Signature, error], o Near, scratch Scratch) ([]Cluster, error) {
	o = o.WithDefaults()
	if err := o.Validate(); err != nil {
		return nil, err
	}
	r, err := readRecords(sigs, o)
	if err != nil {
		return nil, err
	}
	pairs, err := candidates(sigs, r, o, bandMemory)
	if err != nil {
		return nil, err
	}
	if *o.Verify {
		if pairs, err = verify(in, r, pairs, o, scratch, verifyMemory); err != nil {
			return nil, err
		}
	}
	return resolve(r, pairs), nil
}

// resolve chooses the keepers.
func resolve(r *records, pairs []pair) []Cluster {
	root := roots(len(r.ids), pairs)
	// A record looks only at keepers of smaller numbers: the pairs that it is the second of.
	slices.SortFunc(pairs, func(x, y pair) int { return cmp.Or(cmp.Compare(x.b, y.b), cmp.Compare(x.a, y.a)) })
	type choice struct {
		keeper     uint32
		similarity float64
		member     bool
	}
	chosen := make([]choice, len(r.ids))
	for i := range chosen {
		chosen[i] = choice{keeper: uint32(i), similarity: 1}
	}
	var members []uint32
	join := func(n uint32) {
		if !chosen[n].member {
			chosen[n].member = true
			members = append(members, n)
		}
	}
	for _, p := range pairs { // ascending in b: every record before b has its keeper
		join(p.a)
		join(p.b)
		if c := &chosen[p.b]; chosen[p.a].keeper == p.a && (c.keeper == p.b || p.similarity > c.similarity) {
			c.keeper, c.similarity = p.a, p.similarity
		}
	}
	size := map[uint32]int{}
	for _, n := range members {
		size[chosen[n].keeper]++
	}
	slices.SortFunc(members, func(a, b uint32) int { return cmp.Or(cmp.Compare(root[a], root[b]), cmp.Compare(a, b)) })
	out := make([]Cluster, len(members))
	for i, n := range members {
		c := chosen[n]
		out[i] = Cluster{ID: r.ids[n], Cluster: r.ids[root[n]], Keeper: r.ids[c.keeper], Similarity: c.similarity, Size: size[c.keeper]}
	}
	return out
}

// Chained counts the records that are kept though a better one of their cluster is: they are linked to it only by way of others.
func Chained(clusters []Cluster) (n int) {
	for _, c := range clusters {
		if c.chained() {
			n++
		}
	}
	return n
}

func (c Cluster) chained() bool { return c.Keeper == c.ID && c.Cluster != c.ID }

// NearNotes drops the records that a keeper stands for: rule "near", whose value is the similarity to the keeper and whose detail
// the keeper's ID. Records in a cluster get the signal cluster_size, and those that only a chain links to its best one
// cluster_chained, 1.
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
				if c.chained() {
					note.Signals["cluster_chained"] = 1.0
				}
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
