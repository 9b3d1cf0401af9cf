package kernel

import "math"

// dot is the inner product of a and as many values of b, in running sums of a fixed order.
func dot(a, b []float32) float32 {
	b = b[:len(a)]
	if f := current.dot; f != nil && len(a) > 0 {
		return f(int64(len(a)), &a[0], &b[0])
	}
	var s [8]float32
	i := 0
	for ; i+8 <= len(a); i += 8 {
		x, y := (*[8]float32)(a[i:]), (*[8]float32)(b[i:])
		for j := range s {
			s[j] += float32(x[j] * y[j])
		}
	}
	for ; i < len(a); i++ {
		s[0] += float32(a[i] * b[i])
	}
	return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]))
}

// dot3 is the sum of a·b·d.
func dot3(a, b, d []float32) float32 {
	b, d = b[:len(a)], d[:len(a)]
	if f := current.dot3; f != nil && len(a) > 0 {
		return f(int64(len(a)), &a[0], &b[0], &d[0])
	}
	var s float32
	for i, v := range a {
		s += v * b[i] * d[i]
	}
	return s
}

// highest is the largest of x, which is not empty.
func highest(x []float32) float32 {
	if f := current.highest; f != nil && len(x) >= 16 {
		return f(int64(len(x)), &x[0])
	}
	high := x[0]
	for _, v := range x {
		high = max(high, v)
	}
	return high
}

// expSum replaces x by exp(x·scale - sub) and returns the sum.
func expSum(x []float32, scale, sub float32) float32 {
	if f := current.expSum; f != nil && len(x) > 0 {
		return f(int64(len(x)), scale, sub, &x[0])
	}
	var sum float32
	for i, v := range x {
		e := exp(v*scale - sub)
		x[i] = e
		sum += e
	}
	return sum
}

// attend turns scores p and their values' gradients d into probabilities p = exp(p·scale - lse) and scores' gradients
// d = p·(d-delta)·scale.
func attend(p, d []float32, scale, lse, delta float32) {
	d = d[:len(p)]
	if f := current.attend; f != nil && len(p) > 0 {
		f(int64(len(p)), scale, lse, delta, &p[0], &d[0])
		return
	}
	for i, v := range p {
		e := exp(v*scale - lse)
		p[i], d[i] = e, e*(d[i]-delta)*scale
	}
}

// add computes y = a + b.
func add(y, a, b []float32) {
	a, b = a[:len(y)], b[:len(y)]
	if f := current.add; f != nil && len(y) > 0 {
		f(int64(len(y)), &a[0], &b[0], &y[0])
		return
	}
	for i := range y {
		y[i] = a[i] + b[i]
	}
}

// Scale multiplies x by s.
func Scale(x []float32, s float32) {
	if f := current.scale; f != nil && len(x) > 0 {
		f(int64(len(x)), s, &x[0])
		return
	}
	for i := range x {
		x[i] *= s
	}
}

// Axpy adds a*x to y.
func Axpy(y []float32, a float32, x []float32) {
	y = y[:len(x)]
	if f := current.axpy; f != nil && len(x) > 0 {
		f(int64(len(x)), a, &x[0], &y[0])
		return
	}
	for i, v := range x {
		y[i] += a * v
	}
}

// exp is e to the x, by range reduction and a polynomial of degree seven (Cephes expf); its error is below 2 units in the
// last place, and it is 0 below -87.33 and +Inf above 88.
func exp(x float32) float32 {
	switch {
	case x < -87.33:
		return 0
	case x > 88:
		return float32(math.Inf(1))
	case x != x:
		return x
	}
	z := x*1.44269504 + 0.5
	n := int32(z)
	if float32(n) > z {
		n--
	}
	f := x - float32(n)*0.693359375 + float32(n)*2.12194440e-4
	p := float32(1.9875691500e-4)
	p = p*f + 1.3981999507e-3
	p = p*f + 8.3334519073e-3
	p = p*f + 4.1665795894e-2
	p = p*f + 1.6666665459e-1
	p = p*f + 5.0000001201e-1
	p = p*f*f + f + 1
	return p * math.Float32frombits(uint32(n+127)<<23)
}
