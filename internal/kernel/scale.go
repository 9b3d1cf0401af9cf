package kernel

// MulRow multiplies each of n rows of y by the row b, value by value.
func MulRow(y, b []float32, n int) {
	d := len(b)
	Parallel(n, rows(d), func(_, lo, hi int) {
		for t := lo; t < hi; t++ {
			r := y[t*d : (t+1)*d]
			for i, v := range b[:len(r)] {
				r[i] *= v
			}
		}
	})
}

// magnitudeColumns is how many columns a thread takes at once, for their sums in float64.
const magnitudeColumns = 64

// columns calls f for some columns of d at a time, in parallel.
func columns(d int, f func(lo, hi int)) {
	Parallel(d, magnitudeColumns, func(_, lo, hi int) {
		for ; lo < hi; lo += magnitudeColumns {
			f(lo, min(lo+magnitudeColumns, hi))
		}
	})
}

// Magnitude computes y = m/length·z + bias for n rows z of len(m) values, where bias is nil for none and y may be z: rows of weights
// stretched from their length to their magnitude (DoRA). A length of 0 gives bias alone. With add it adds to y.
// Source: Liu et al. 2024, arXiv:2402.09353, eq. 5.
func Magnitude(y, z, m, length, bias []float32, n int, add bool) {
	d := len(m)
	columns(d, func(lo, hi int) {
		var gain, shift [magnitudeColumns]float32
		gains(gain[:hi-lo], m[lo:hi], length[lo:hi])
		if bias != nil {
			copy(shift[:], bias[lo:hi])
		}
		for t := range n {
			to, from := y[t*d+lo:t*d+hi], z[t*d+lo:t*d+hi]
			for i, v := range from {
				v = v*gain[i] + shift[i]
				if add {
					v += to[i]
				}
				to[i] = v
			}
		}
	})
}

// MagnitudeBackward computes the gradients of [Magnitude], taking lengths for constants: dz = m/length·dy, which may lie in dy's
// place, and dm, each value the sum over the rows of dy·z/length.
func MagnitudeBackward(dz, dm, dy, z, m, length []float32, n int) {
	d := len(m)
	columns(d, func(lo, hi int) {
		var gain [magnitudeColumns]float32
		var sum [magnitudeColumns]float64
		gains(gain[:hi-lo], m[lo:hi], length[lo:hi])
		for at := lo; at < n*d; at += d {
			from := z[at : at+hi-lo]
			for i, g := range dy[at : at+hi-lo] {
				sum[i] += float64(g) * float64(from[i])
				dz[at+i] = g * gain[i]
			}
		}
		for i := range hi - lo {
			if dm[lo+i] = 0; length[lo+i] != 0 {
				dm[lo+i] = float32(sum[i] / float64(length[lo+i]))
			}
		}
	})
}

// gains are magnitudes by lengths; 0 for a length of 0.
func gains(dst, m, length []float32) {
	for i := range dst {
		if dst[i] = 0; length[i] != 0 {
			dst[i] = m[i] / length[i]
		}
	}
}
