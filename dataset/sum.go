package dataset

import (
	"fmt"
	"math"
	"math/big"
)

// An exactSum adds finite float64 numbers without rounding, so that parts add up to the same in any order: a fixed-point number of 2176
// bits in digits of 32, each with room for 2^30 carries (Neal 2015, arXiv:1505.05571).
type exactSum struct {
	digits [sumDigits]int64 // digit i counts 2^(32i-1074)
	adds   int32            // since carries were handed on
}

const (
	sumDigits = 68
	sumCarry  = 1 << 29 // adds between two hand-overs
)

// add takes a finite number.
func (s *exactSum) add(v float64) {
	bits := math.Float64bits(v)
	exp, m := int(bits>>52&0x7ff), bits&(1<<52-1)
	if exp == 0 {
		exp = 1 // subnormal
	} else {
		m |= 1 << 52
	}
	i, shift := (exp-1)/32, uint(exp-1)%32
	low, high := m<<shift, uint64(0)
	if shift > 0 {
		high = m >> (64 - shift)
	}
	parts := [3]int64{int64(low & math.MaxUint32), int64(low >> 32), int64(high)}
	for k, p := range parts {
		if bits>>63 == 1 {
			p = -p
		}
		s.digits[i+k] += p
	}
	if s.adds++; s.adds >= sumCarry {
		s.carry()
	}
}

// carry hands what a digit cannot hold on to the next. Digits are then from 0 to 2^32-1, but for the last, which has the sign.
func (s *exactSum) carry() {
	for i := range sumDigits - 1 {
		s.digits[i+1] += s.digits[i] >> 32
		s.digits[i] &= math.MaxUint32
	}
	s.adds = 0
}

// merge adds another sum.
func (s *exactSum) merge(other *exactSum) {
	s.carry()
	o := *other
	o.carry()
	for i, d := range o.digits {
		s.digits[i] += d
	}
	s.carry()
}

// float is the sum, exactly.
func (s *exactSum) float() *big.Float {
	c := *s
	c.carry()
	sum := new(big.Int)
	for i := sumDigits - 1; i >= 0; i-- {
		sum.Add(sum.Lsh(sum, 32), big.NewInt(c.digits[i]))
	}
	f := new(big.Float).SetPrec(sumDigits * 32).SetInt(sum)
	return f.SetMantExp(f, -1074)
}

// text writes the sum exactly; parse reads it.
func (s *exactSum) text() string { return s.float().Text('p', 0) }

func (s *exactSum) parse(text string) error {
	f, _, err := big.ParseFloat(text, 0, sumDigits*32, big.ToNearestEven)
	if err != nil || f.IsInf() || f.MantExp(nil) > 1024+64 {
		return fmt.Errorf("sum %.40q is no number: %w", text, ErrMalformed)
	}
	scaled, accuracy := new(big.Float).SetMantExp(f, 1074).Int(nil)
	if accuracy != big.Exact {
		return fmt.Errorf("sum %.40q is finer than numbers are: %w", text, ErrMalformed)
	}
	*s = exactSum{}
	mask := big.NewInt(math.MaxUint32)
	for i := range sumDigits - 1 {
		s.digits[i] = new(big.Int).And(scaled, mask).Int64()
		scaled.Rsh(scaled, 32)
	}
	s.digits[sumDigits-1] = scaled.Int64()
	return nil
}

// mean is the sum by a count, rounded once.
func (s *exactSum) mean(count int64) float64 {
	f := s.float()
	mean, _ := f.Quo(f, new(big.Float).SetInt64(count)).Float64()
	return mean
}
