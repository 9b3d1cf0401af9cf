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
	Cluster    string  `json:"cluster"`         // the ID of the connected component's best record
	Keeper     string  `json:"keeper"`          // the record that is kept in its place; its own ID if it is kept
	Similarity float64 `json:"similarity"`      // to the keeper; 1 for the keeper itself
	Size       int     `json:"size"`            // records that this keeper stands for, itself included
	Known      bool    `json:"known,omitempty"` // the keeper is a record of an earlier pass
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
// It holds about 150 bytes a record, 24 a pair of candidates, and o.Memory of bands or shingles at once. Scratch takes 8 bytes
// a shingle of candidates: about as much as their texts.
func NearClusters(in dataset.Records, sigs iter.Seq2[Signature, error], o Near, scratch Scratch) ([]Cluster, error) {
	return NearKnown(in, sigs, nil, o, scratch)
}

// NearKnown is NearClusters after earlier passes: what they kept, the oldest first, comes before all records of in, whatever is to be
// kept. Only records of in are in the result; Size counts them alone, and a Cluster may be named for a kept record. With the records
// cut into passes that each know what those before kept, the records kept, and keeper and similarity of each that is not, are those of one
// pass over all in which the earlier ones are preferred, as long as no band's hash is that of more than 64 records: then one pass compares
// each with the first 64 of them, later passes with the first 64 that were kept.
//
// Of the files it reads the bands once, and the records that are candidates.
func NearKnown(in dataset.Records, sigs iter.Seq2[Signature, error], known []*Kept, o Near, scratch Scratch) ([]Cluster, error) {
	o = o.WithDefaults()
	if err := o.Validate(); err != nil {
		return nil, err
	}
	for _, k := range known {
		if err := k.fits(o); err != nil {
			return nil, err
		}
	}
	r, err := readRecords(sigs, o)
	if err != nil {
		return nil, err
	}
	r.old.files = known
	pairs, err := candidates(sigs, r, o, int(o.Memory))
	if err != nil {
		return nil, err
	}
	if *o.Verify {
		if pairs, err = verify(in, r, pairs, o, scratch, int(o.Memory)); err != nil {
			return nil, err
		}
	}
	return resolve(r, pairs)
}

// A choice is the keeper of a record.
type choice struct {
	keeper     uint32
	similarity float64
	member     bool // it is in a pair
}

// choose gives each record its keeper: of those before it that it is like, and that are kept, the one it is most like. Pairs are
// sorted by their second record.
func choose(n int, pairs []pair) (chosen []choice) {
	chosen = make([]choice, n)
	for i := range chosen {
		chosen[i] = choice{keeper: uint32(i), similarity: 1}
	}
	for _, p := range pairs { // ascending in b: every record before b has its keeper
		a, b := &chosen[p.a], &chosen[p.b]
		a.member, b.member = true, true
		if a.keeper == p.a && (b.keeper == p.b || p.similarity > b.similarity) {
			b.keeper, b.similarity = p.a, p.similarity
		}
	}
	return chosen
}

// resolve chooses the keepers.
func resolve(r *records, pairs []pair) ([]Cluster, error) {
	m := uint32(len(r.old.numbers))
	root := roots(int(m)+len(r.ids), pairs)
	slices.SortFunc(pairs, func(x, y pair) int { return cmp.Or(cmp.Compare(x.b, y.b), cmp.Compare(x.a, y.a)) })
	chosen := choose(len(root), pairs)
	var members []uint32
	size := map[uint32]int{}
	for n := m; int(n) < len(chosen); n++ {
		if chosen[n].member {
			members = append(members, n)
			size[chosen[n].keeper]++
		}
	}
	slices.SortFunc(members, func(a, b uint32) int { return cmp.Or(cmp.Compare(root[a], root[b]), cmp.Compare(a, b)) })
	name := r.names()
	out := make([]Cluster, len(members))
	for i, n := range members {
		c := chosen[n]
		keeper, err := name(c.keeper)
		if err != nil {
			return nil, err
		}
		cluster, err := name(root[n])
		if err != nil {
			return nil, err
		}
		out[i] = Cluster{ID: r.ids[n-m], Cluster: cluster.cluster, Keeper: keeper.id, Similarity: c.similarity, Size: size[c.keeper], Known: c.keeper < m}
	}
	return out, nil
}

// names tells the ID of a record, and the name of a cluster that it is the best of.
func (r *records) names() func(n uint32) (body, error) {
	m := uint32(len(r.old.numbers))
	read := map[uint32]body{}
	return func(n uint32) (body, error) {
		if n >= m {
			return body{id: r.ids[n-m], cluster: r.ids[n-m]}, nil
		}
		if v, there := read[n]; there {
			return v, nil
		}
		v, err := r.old.body(n)
		read[n] = body{id: v.id, cluster: v.cluster}
		return v, err
	}
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

func (c Cluster) chained() bool { return !c.dropped() && c.Cluster != c.ID }

// dropped says whether another record stands for this one: of an earlier pass, it may have the same ID.
func (c Cluster) dropped() bool { return c.Known || c.Keeper != c.ID }

// NearNotes drops the records that a keeper stands for: rule "near", or "known_near" where the keeper is of an earlier pass; its value
// is the similarity to the keeper and its detail the keeper's ID. Records in a cluster get the signal cluster_size, and those that only
// a chain links to its best one cluster_chained, 1.
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
				if c.dropped() {
					note.Checks[0].Value, note.Checks[0].Drop, note.Checks[0].Detail = c.Similarity, true, c.Keeper
					if c.Known {
						note.Checks[0].Rule = "known_near"
					}
				}
			}
			if !yield(note, nil) {
				return
			}
		}
	}
}
