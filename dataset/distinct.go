package dataset

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"math/bits"

	"github.com/zeebo/xxh3"
)

// A Distinct counts the different texts among many: HyperLogLog with 4096 registers, which merge exactly, in any order. The standard
// error is 1.6 %; Ertl's estimator (2017, arXiv:1702.01284, §4) needs no correction for few.
type Distinct struct{ registers []byte }

const (
	distinctBits  = 12
	distinctError = 0.01625 // 1.04 / sqrt(4096)
)

// Add counts a text.
func (d *Distinct) Add(s string) { d.add(xxh3.HashStringSeed(s, distinctBits)) }

func (d *Distinct) add(h uint64) {
	if d.registers == nil {
		d.registers = make([]byte, 1<<distinctBits)
	}
	i := h >> (64 - distinctBits)
	d.registers[i] = max(d.registers[i], byte(bits.LeadingZeros64(h<<distinctBits|1<<(distinctBits-1)))+1)
}

// Merge counts what other has counted.
func (d *Distinct) Merge(other *Distinct) {
	if len(other.registers) == 0 {
		return
	}
	if d.registers == nil {
		d.registers = make([]byte, 1<<distinctBits)
	}
	for i, r := range other.registers {
		d.registers[i] = max(d.registers[i], r)
	}
}

// Count returns about how many different texts there were.
func (d *Distinct) Count() int64 {
	if len(d.registers) == 0 {
		return 0
	}
	const m, q = 1 << distinctBits, 64 - distinctBits
	var of [q + 2]int
	for _, r := range d.registers {
		of[min(int(r), q+1)]++
	}
	z := m * tau(1-float64(of[q+1])/m)
	for k := q; k >= 1; k-- {
		z = 0.5 * (z + float64(of[k]))
	}
	z += m * sigma(float64(of[0])/m)
	return int64(math.Round(m / (2 * math.Ln2) * m / z))
}

// sigma and tau are Ertl's corrections for empty and for full registers.
func sigma(x float64) float64 {
	if x == 1 {
		return math.Inf(1)
	}
	for y, z := 1.0, x; ; {
		x *= x
		before := z
		if z += x * y; z == before {
			return z
		}
		y += y
	}
}

func tau(x float64) float64 {
	if x == 0 || x == 1 {
		return 0
	}
	for y, z := 1.0, 1-x; ; {
		x = math.Sqrt(x)
		before := z
		y *= 0.5
		if z -= (1 - x) * (1 - x) * y; z == before {
			return z / 3
		}
	}
}

// distinctJSON is a count as it is stored.
type distinctJSON struct {
	About     int64   `json:"about"`
	Error     float64 `json:"error"`               // standard, relative
	Registers string  `json:"registers,omitempty"` // base64, to merge by
}

// MarshalJSON implements [json.Marshaler].
func (d Distinct) MarshalJSON() ([]byte, error) {
	return json.Marshal(distinctJSON{d.Count(), distinctError, base64.StdEncoding.EncodeToString(d.registers)})
}

// UnmarshalJSON implements [json.Unmarshaler].
func (d *Distinct) UnmarshalJSON(b []byte) error {
	var in distinctJSON
	if err := json.Unmarshal(b, &in); err != nil {
		return err
	}
	r, err := base64.StdEncoding.DecodeString(in.Registers)
	if err != nil || len(r) != 0 && len(r) != 1<<distinctBits {
		return fmt.Errorf("a distinct count has %d registers: %w", len(r), ErrMalformed)
	}
	d.registers = r
	return nil
}
