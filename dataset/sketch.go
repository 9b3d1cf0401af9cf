package dataset

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
)

// A Sketch is a histogram of numbers whose buckets are as wide as they are far from zero: each power of two is cut into 2^bits equal
// parts. A quantile is within 2^-(bits+1) of the true one, relative to it. Buckets are told from the bits of a float64 alone, so that
// every machine has the same; where there are more than [maxBuckets], bits is lowered until there are not. What a sketch is depends
// on the numbers only, not on their order or on how sketches of parts were merged.
//
// The idea of relative buckets that merge exactly is DDSketch's (Masson et al. 2019, arXiv:1908.10693); linear parts of powers of two
// are HdrHistogram's.
type Sketch struct {
	drop    uint // 6 minus bits
	buckets map[int32]int64
}

const (
	sketchBits = 6 // of a mantissa that tell buckets apart, at first
	maxBuckets = 512
	maxDrop    = sketchBits + 4 // sixteen powers of two a bucket: 257 buckets at most
)

// bucketOf returns the bucket of a finite number at full resolution: 0 holds zero, and the sign is the number's.
func bucketOf(v float64) int32 {
	b := int32(math.Float64bits(math.Abs(v))>>(52-sketchBits)) + 1
	switch {
	case v == 0:
		return 0
	case v < 0:
		return -b
	}
	return b
}

// edges returns the least and the greatest magnitude of a bucket's numbers, with the sign of the bucket.
func (s *Sketch) edges(b int32) (near, far float64) {
	sign := 1.0
	if b < 0 {
		sign, b = -1, -b
	}
	if b == 0 {
		return 0, 0
	}
	edge := func(i int32) float64 {
		return sign * math.Float64frombits(min(uint64(i)<<(52-sketchBits+s.drop), math.Float64bits(math.MaxFloat64)))
	}
	return edge(b - 1), edge(b)
}

// Add takes a finite number.
func (s *Sketch) Add(v float64) {
	if s.buckets == nil {
		s.buckets = map[int32]int64{}
	}
	s.buckets[coarse(bucketOf(v), s.drop)]++
	s.fit()
}

// coarse is the bucket that holds b when drop bits fewer tell buckets apart.
func coarse(b int32, drop uint) int32 {
	switch {
	case b > 0:
		return (b-1)>>drop + 1
	case b < 0:
		return -((-b-1)>>drop + 1)
	}
	return 0
}

// fit lowers the resolution while there are too many buckets.
func (s *Sketch) fit() {
	for len(s.buckets) > maxBuckets && s.drop < maxDrop {
		s.lower(1)
	}
}

// lower drops bits.
func (s *Sketch) lower(bits uint) {
	wide := make(map[int32]int64, len(s.buckets))
	for b, n := range s.buckets {
		wide[coarse(b, bits)] += n
	}
	s.buckets, s.drop = wide, s.drop+bits
}

// Merge adds the numbers of other.
func (s *Sketch) Merge(other *Sketch) {
	if other.drop > s.drop {
		s.lower(other.drop - s.drop)
	}
	if s.buckets == nil {
		s.buckets = map[int32]int64{}
	}
	for b, n := range other.buckets {
		s.buckets[coarse(b, s.drop-other.drop)] += n
	}
	s.fit()
}

// Error is how far a quantile may be from the true one, relative to it; numbers nearer to zero than 1e-300 are not told from it.
func (s *Sketch) Error() float64 {
	if s.drop > sketchBits { // a bucket of several powers of two
		return math.Exp2(math.Exp2(float64(s.drop-sketchBits))) / 2
	}
	return math.Exp2(float64(s.drop) - sketchBits - 1)
}

// A Bucket counts the numbers from Low to High: with Low where it is positive, with High where that is negative.
type Bucket struct {
	Low, High float64
	Count     int64
}

// Buckets returns the buckets that hold numbers, from the least.
func (s *Sketch) Buckets() []Bucket {
	keys := make([]int32, 0, len(s.buckets))
	for b := range s.buckets {
		keys = append(keys, b)
	}
	slices.Sort(keys)
	out := make([]Bucket, len(keys))
	for i, b := range keys {
		near, far := s.edges(b)
		out[i] = Bucket{min(near, far), max(near, far), s.buckets[b]}
	}
	return out
}

// Quantile returns the number that q of all numbers are not above, q from 0 to 1, within [Sketch.Error]; 0 where there are none.
func (s *Sketch) Quantile(q float64) float64 {
	all := s.Buckets()
	total := int64(0)
	for _, b := range all {
		total += b.Count
	}
	rank := max(int64(math.Ceil(q*float64(total))), 1)
	for _, b := range all {
		if rank -= b.Count; rank <= 0 {
			return b.Low + (b.High-b.Low)/2
		}
	}
	return 0
}

// sketchJSON is a sketch as it is stored.
type sketchJSON struct {
	Error   float64      `json:"error"`   // of quantiles, relative
	Bits    int          `json:"bits"`    // 2^bits buckets a power of two
	Buckets [][3]float64 `json:"buckets"` // low, high, count
}

// MarshalJSON implements [json.Marshaler].
func (s Sketch) MarshalJSON() ([]byte, error) {
	out := sketchJSON{Error: s.Error(), Bits: sketchBits - int(s.drop), Buckets: [][3]float64{}}
	for _, b := range s.Buckets() {
		out.Buckets = append(out.Buckets, [3]float64{b.Low, b.High, float64(b.Count)})
	}
	return json.Marshal(out)
}

// UnmarshalJSON implements [json.Unmarshaler].
func (s *Sketch) UnmarshalJSON(b []byte) error {
	var in sketchJSON
	if err := json.Unmarshal(b, &in); err != nil {
		return err
	}
	drop := sketchBits - in.Bits
	if drop < 0 || drop > maxDrop {
		return fmt.Errorf("a histogram has %d bits: %w", in.Bits, ErrMalformed)
	}
	*s = Sketch{drop: uint(drop), buckets: map[int32]int64{}}
	for _, k := range in.Buckets {
		near, bucket := math.Max(k[0], 0), int32(0)
		if k[0] < 0 {
			near = math.Abs(math.Min(k[1], 0))
		}
		if bucket = int32(math.Float64bits(near)>>(52-sketchBits+s.drop)) + 1; k[0] < 0 {
			bucket = -bucket
		} else if k[1] == 0 {
			bucket = 0
		}
		s.buckets[bucket] += int64(k[2])
	}
	s.fit()
	return nil
}
