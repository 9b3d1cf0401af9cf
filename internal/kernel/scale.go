package kernel

// MulRow multiplies each of n rows of y by the row b, value by value.
func MulRow(y, b []float32, n int) {
	d := len(b)
	Parallel(n, rows(d), func(_, lo, hi int) {
		for t := lo; t < hi; t++ {
			times(y[t*d:(t+1)*d], y[t*d:(t+1)*d], b)
		}
	})
}

// times computes y = a·b, value by value; y may be a.
func times(y, a, b []float32) { norm(y, a, b, 1) }

const (
	magnitudeColumns = 128 // that a thread takes at once, for their sums
	magnitudeRows    = 16  // that are summed in float32, before float64
)

// columns calls f for some columns of d at a time, in parallel, with three rows as long to work in.
func columns(d int, f func(lo, hi int, a, b, c []float32)) {
	Parallel(d, magnitudeColumns, func(_, lo, hi int) {
		w := workspaces.take()
		for ; lo < hi; lo += magnitudeColumns {
			n := min(magnitudeColumns, hi-lo)
			rows := grow(&w.row, 3*n)
			f(lo, lo+n, rows[:n], rows[n:2*n], rows[2*n:3*n])
		}
		workspaces.give(w)
	})
}

// Magnitude computes y = m/length·z + bias for n rows z of len(m) values, where bias is nil for none and y may be z: rows of weights
// stretched from their length to their magnitude (DoRA). A length of 0 gives bias alone. With more it adds to y.
// Source: Liu et al. 2024, arXiv:2402.09353, eq. 5.
func Magnitude(y, z, m, length, bias []float32, n int, more bool) {
	d := len(m)
	columns(d, func(lo, hi int, gain, product, _ []float32) {
		gains(gain, m[lo:hi], length[lo:hi])
		for t := range n {
			to, from := y[t*d+lo:t*d+hi], z[t*d+lo:t*d+hi]
			out := to
			if more {
				out = product
			}
			times(out, from, gain)
			if bias != nil {
				add(out, out, bias[lo:hi])
			}
			if more {
				add(to, to, out)
			}
		}
	})
}

// MagnitudeBackward computes the gradients of [Magnitude], taking lengths for constants: dz = m/length·dy, which may lie in dy's
// place, and dm, each value the sum over the rows of dy·z/length.
func MagnitudeBackward(dz, dm, dy, z, m, length []float32, n int) {
	d := len(m)
	columns(d, func(lo, hi int, gain, product, part []float32) {
		var sum [magnitudeColumns]float64
		gains(gain, m[lo:hi], length[lo:hi])
		clear(part)
		for t := range n {
			from := dy[t*d+lo : t*d+hi]
			times(product, from, z[t*d+lo:t*d+hi])
			add(part, part, product)
			times(dz[t*d+lo:t*d+hi], from, gain)
			if t%magnitudeRows == magnitudeRows-1 || t == n-1 {
				for i, v := range part {
					sum[i] += float64(v)
				}
				clear(part)
			}
		}
		for i := range part {
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
