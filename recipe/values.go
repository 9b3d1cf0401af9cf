package recipe

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Percent is a share in percent, 0 to 100; YAML writes 2%.
type Percent float64

// MarshalText writes 2%.
func (p Percent) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (p *Percent) UnmarshalText(b []byte) (err error) {
	*p, err = parsePercent(string(b))
	return err
}

func (p Percent) String() string { return strconv.FormatFloat(float64(p), 'f', -1, 64) + "%" }

func parsePercent(s string) (Percent, error) {
	digits, ok := strings.CutSuffix(s, "%")
	if !ok {
		return 0, fmt.Errorf("%q has no %%", s)
	}
	f, err := strconv.ParseFloat(strings.TrimSpace(digits), 64)
	if err != nil || !(f >= 0 && f <= 100) {
		return 0, fmt.Errorf("%q is no percentage", s)
	}
	return Percent(f), nil
}

// units are the endings of quantities: SI for thousands, IEC 80000-13 for 1024s.
var units = []struct {
	name string
	size float64
}{
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40},
	{"kB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12},
	{"k", 1e3}, {"M", 1e6}, {"G", 1e9}, {"T", 1e12},
}

// quantity reads a whole number with or without a unit: 4096, 200k, 1.5GiB.
func quantity(s string) (int64, error) {
	if i, err := strconv.ParseInt(s, 10, 64); err == nil {
		return i, nil
	}
	for _, u := range units {
		digits, ok := strings.CutSuffix(s, u.name)
		if !ok {
			continue
		}
		f, err := strconv.ParseFloat(strings.TrimSpace(digits), 64)
		n := f * u.size
		if err != nil || math.IsNaN(n) || math.Abs(n) > 1<<62 || n != math.Trunc(n) {
			return 0, fmt.Errorf("%q is no whole number", s)
		}
		return int64(n), nil
	}
	return 0, fmt.Errorf("%q is no whole number", s)
}

// Quantity reads what the recipe's whole numbers may be written as: 4096, 200k, 1.5GiB.
func Quantity(s string) (int64, error) { return quantity(strings.ReplaceAll(s, "_", "")) }
