package dedup

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"

	"github.com/zeebo/xxh3"
)

// Near removes near duplicates: MinHash signatures (Broder 1997), candidates by bands (Leskovec et al., Mining of Massive
// Datasets, §3.4), verified by the true Jaccard similarity of the shingles; or SimHash (Charikar 2002; Manku, Jain and Das Sarma
// 2007) in place of MinHash.
type Near struct {
	Similarity float64 `json:"similarity,omitempty" doc:"Jaccard similarity of the shingles from which two records are duplicates, above 0 and at most 1" default:"0.8"`
	Verify     *bool   `json:"verify,omitempty" doc:"compare the shingles of candidates themselves, not only their signatures" default:"true"`
	Keep       string  `json:"keep,omitempty" doc:"which of a cluster is kept: longest, shortest, first, best:FIELD or least:FIELD (the largest or smallest number in that meta field or signal), newest:FIELD or oldest:FIELD (a date or time in it); several, as in best:stars,longest: the first that differs decides" default:"longest"`
	Unit       string  `json:"unit,omitempty" doc:"what shingles are made of: words, characters, or tokens (words, and every mark by itself: for code)" enum:"words,characters,tokens" default:"words"`
	Shingle    int     `json:"shingle,omitempty" doc:"units of a shingle; absent: 5 words or tokens, 24 characters"`
	Bands      int     `json:"bands,omitempty" doc:"bands of MinHash values; absent: as many as find 98 in 100 pairs at the similarity"`
	Rows       int     `json:"rows,omitempty" doc:"MinHash values a band; absent: as many as still find 98 in 100 pairs at the similarity. FineWeb has 14 bands of 8 rows"`
	Method     string  `json:"method,omitempty" doc:"how candidates are found: minhash, or simhash (64 bits, of which few differ)" enum:"minhash,simhash" default:"minhash"`
	Distance   int     `json:"distance,omitempty" doc:"bits in which two records may differ for simhash, which it implies; at most 8, absent: 3"`
	Seed       uint64  `json:"seed,omitempty" doc:"of the hash functions" default:"0"`
	Memory     int64   `json:"memory,omitempty" doc:"bytes that the bands, and then the shingles, held at once may take, such as 1GiB, from 1MiB; one band of all records is held at least, 16 bytes each. With more, signatures are read less often; the result is the same" default:"67108864"`
	Remember   *bool   `json:"remember,omitempty" doc:"under a schedule: compare with all that earlier nights kept too, and remember what is kept" default:"true"`
}

const (
	methodMinHash = "minhash"
	methodSimHash = "simhash"
)

// WithDefaults fills in what is absent.
func (o Near) WithDefaults() Near {
	if o.Similarity == 0 {
		o.Similarity = 0.8
	}
	if o.Verify == nil {
		yes := true
		o.Verify = &yes
	}
	if o.Remember == nil {
		yes := true
		o.Remember = &yes
	}
	if o.Memory == 0 {
		o.Memory = 64 << 20
	}
	if o.Keep == "" {
		o.Keep = "longest"
	}
	if o.Unit == "" {
		o.Unit = unitWords
	}
	if o.Shingle == 0 {
		o.Shingle = 5
		if o.Unit == unitCharacters {
			o.Shingle = 24
		}
	}
	if o.Method == "" {
		o.Method = methodMinHash
		if o.Distance != 0 {
			o.Method = methodSimHash
		}
	}
	if o.Method == methodSimHash && o.Distance == 0 {
		o.Distance = 3
	}
	return o
}

// Validate says what is wrong with o, after WithDefaults.
func (o Near) Validate() error {
	switch {
	case !(o.Similarity > 0 && o.Similarity <= 1):
		return fmt.Errorf("near.similarity is %g; it must be above 0 and at most 1", o.Similarity)
	case !slices.Contains([]string{unitWords, unitCharacters, unitTokens}, o.Unit):
		return fmt.Errorf("near.unit is %q; it must be words, characters or tokens", o.Unit)
	case o.Shingle < 1 || o.Shingle > 64:
		return fmt.Errorf("near.shingle is %d %s; it must be 1 to 64", o.Shingle, o.Unit)
	case o.Memory < 1<<20:
		return fmt.Errorf("near.memory is %d bytes; it must be 1MiB at least", o.Memory)
	case o.Method != methodMinHash && o.Method != methodSimHash:
		return fmt.Errorf("near.method is %q; it must be minhash or simhash", o.Method)
	case o.Method == methodMinHash && o.Distance != 0:
		return fmt.Errorf("near.distance is for method simhash; minhash has similarity")
	case o.Method == methodSimHash && (o.Bands != 0 || o.Rows != 0):
		return fmt.Errorf("near.bands and near.rows are for method minhash; simhash has distance")
	case o.Method == methodSimHash && (o.Distance < 1 || o.Distance > maxDistance):
		return fmt.Errorf("near.distance is %d bits; it must be 1 to %d", o.Distance, maxDistance)
	case o.Bands < 0 || o.Rows < 0 || o.Bands > maxValues || o.Rows > maxValues:
		return fmt.Errorf("near.bands is %d and near.rows %d; they must be 1 to %d", o.Bands, o.Rows, maxValues)
	}
	if _, err := o.preferences(); err != nil {
		return fmt.Errorf("near.keep is %q; %w", o.Keep, err)
	}
	if bands, rows := o.Layout(); o.Method == methodMinHash && bands*rows > maxValues {
		return fmt.Errorf("%d bands of %d rows are needed to find 98 in 100 pairs of similarity %g; near.bands times near.rows must be at most %d", bands, rows, o.Similarity, maxValues)
	}
	return nil
}

// digest names the options that signatures depend on.
func (o Near) digest() uint64 {
	o = o.WithDefaults()
	bands, rows := o.Layout()
	b, _ := json.Marshal([]any{o.Unit, o.Shingle, o.Seed, bands, rows, o.Method, o.Distance, o.Keep})
	return xxh3.Hash(b)
}

// wantedRecall is the share of pairs at the threshold that the bands must find.
const wantedRecall = 0.98

// Layout is the number of bands and of rows a band. What is not given is chosen so that wantedRecall of the pairs at the threshold
// are found: with the most rows, for those yield the fewest false candidates, where the bands are given or there are at most 256
// values; with the fewest bands where the rows are given. SimHash has its tables as bands, of one row each.
func (o Near) Layout() (bands, rows int) {
	o = o.WithDefaults()
	if o.Method == methodSimHash {
		return len(tables(o.Distance)), 1
	}
	switch {
	case o.Bands != 0 && o.Rows != 0:
		return o.Bands, o.Rows
	case o.Rows != 0:
		return bandsFor(o.Similarity, o.Rows), o.Rows
	case o.Bands != 0:
		for rows = max(1, min(16, maxValues/o.Bands)); rows > 1 && bandsFor(o.Similarity, rows) > o.Bands; {
			rows--
		}
		return o.Bands, rows
	}
	for rows = 16; rows > 1; rows-- {
		if bands = bandsFor(o.Similarity, rows); bands*rows <= 256 {
			return bands, rows
		}
	}
	return min(256, bandsFor(o.Similarity, 1)), 1
}

// bandsFor is how many bands of rows values find wantedRecall of the pairs of similarity s.
func bandsFor(s float64, rows int) int {
	p := math.Pow(s, float64(rows))
	if p >= 1 {
		return 1
	}
	return int(min(1e6, math.Ceil(math.Log(1-wantedRecall)/math.Log(1-p))))
}

// Recall is the share of pairs of a similarity that become candidates under MinHash: the S-curve of the layout.
func (o Near) Recall(similarity float64) float64 {
	bands, rows := o.Layout()
	return SCurve(bands, rows, similarity)
}

// SCurve is the probability that two records of a Jaccard similarity collide in at least one of bands of rows values:
// 1-(1-similarity^rows)^bands.
func SCurve(bands, rows int, similarity float64) float64 {
	return -math.Expm1(float64(bands) * math.Log1p(-math.Pow(similarity, float64(rows))))
}
