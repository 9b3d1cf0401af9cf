package kernel

import "temper/internal/quant"

// Products are matrix products that threads work on side by side: one start and one end for all of them, where a call for each would
// let threads wait for one another after each. It gives the bits of those calls. The zero value is empty, and Run leaves it so; what
// it allocated it keeps. It is not for use by several goroutines.
//
// Into begins a sum, and what follows, up to the next Into, is added up in it. Sums must not overlap in memory, nor with what any
// of them reads.
type Products struct {
	sums  []sum
	terms []term
	right []*strided // as many as there were float32 right sides at most
	used  int        // of right
}

// A sum is c (m,n; rows ldc apart), to which the terms [first,last) come.
type sum struct {
	c           []float32
	m, n, ldc   int
	acc         bool // c counts too
	first, last int

	width, height int // of a part
	stripes       int // parts side by side
	begin         int // which part of all is its first
}

// A term is a product a (m,k)·b, after which a row may be added to every row of the sum.
type term struct {
	k   int
	a   left
	b   source
	row []float32
}

// Into begins the sum c (m,n), rows ldc apart; what c holds is the first of its terms if acc.
func (p *Products) Into(c []float32, m, n, ldc int, acc bool) {
	p.sums = append(p.sums, sum{c: c, m: m, n: n, ldc: ldc, acc: acc, first: len(p.terms), last: len(p.terms)})
}

func (p *Products) add(t term) {
	p.terms = append(p.terms, t)
	p.sums[len(p.sums)-1].last = len(p.terms)
}

// Gemm adds a·b of depth k: element (i,p) of a is a[i*ars+p*acs], (p,j) of b is b[p*brs+j*bcs], where brs or bcs is 1.
func (p *Products) Gemm(k int, a []float32, ars, acs int, b []float32, brs, bcs int) {
	if p.used == len(p.right) {
		p.right = append(p.right, new(strided))
	}
	r := p.right[p.used]
	p.used++
	*r = strided{b, brs, bcs}
	p.add(term{k: k, a: left{a, ars, acs}, b: r})
}

// MulT adds x·wᵀ in precision c.
func (p *Products) MulT(c Compute, x []float32, w *quant.Tensor) {
	if c != FP32 {
		p.alone(c.MulT, x, w)
		return
	}
	p.add(term{k: w.Cols, a: left{x, w.Cols, 1}, b: transposed{w}})
}

// Mul adds dy·w in precision c.
func (p *Products) Mul(c Compute, dy []float32, w *quant.Tensor) {
	if c != FP32 {
		p.alone(c.Mul, dy, w)
		return
	}
	p.add(term{k: w.Rows, a: left{dy, w.Rows, 1}, b: straight{w}})
}

// AddRow adds the row b to each row.
func (p *Products) AddRow(b []float32) {
	s := &p.sums[len(p.sums)-1]
	if s.last == s.first { // what it comes after is in c already
		AddRow(s.c, b, s.m)
		return
	}
	p.terms[s.last-1].row = b
}

// alone computes what there is, and then adds a product to the last sum by a call of its own: the other precisions round left sides
// before threads can begin. The sum's rows must follow one another.
func (p *Products) alone(product func(c, a []float32, m int, w *quant.Tensor, acc bool), a []float32, w *quant.Tensor) {
	s := p.sums[len(p.sums)-1]
	acc := s.acc || s.last > s.first
	p.Run()
	product(s.c, a, s.m, w, acc)
	p.Into(s.c, s.m, s.n, s.ldc, true)
}

// Run computes all sums. A sum without terms is left as it is.
func (p *Products) Run() {
	threads, work := Threads(), 0
	for i := range p.sums {
		work += p.sums[i].work(p.terms)
	}
	if work < oneThread {
		threads = 1
	}
	parts := p.split(threads, work)
	if threads == 1 {
		p.run(0, 0, parts)
	} else {
		Parallel(parts, 1, p.run)
	}
	for _, r := range p.right[:p.used] {
		r.v = nil
	}
	clear(p.terms)
	clear(p.sums)
	p.sums, p.terms, p.used = p.sums[:0], p.terms[:0], 0
}

// work is how many multiplications and additions a sum takes.
func (s *sum) work(terms []term) int {
	k := 0
	for _, t := range terms[s.first:s.last] {
		k += t.k
	}
	return s.m * s.n * k
}

// split cuts every sum into parts, by its share of all work, and returns how many there are: about two or more for every thread.
func (p *Products) split(threads, all int) (parts int) {
	for i := range p.sums {
		s := &p.sums[i]
		s.begin, s.stripes = parts, 0
		if s.last == s.first || s.m == 0 || s.n == 0 {
			continue
		}
		want := 1
		if threads > 1 {
			want = max(1, (s.work(p.terms)*2*threads+all/2)/all)
		}
		s.width, s.height = current.cut(s.m, s.n, want)
		s.stripes = (s.n + s.width - 1) / s.width
		parts += s.stripes * ((s.m + s.height - 1) / s.height)
	}
	return parts
}

// run computes the parts [lo,hi) of all sums.
func (p *Products) run(_, lo, hi int) {
	w := workspaces.take()
	for at := lo; at < hi; at++ {
		i := len(p.sums) - 1
		for p.sums[i].begin > at || p.sums[i].stripes == 0 {
			i--
		}
		s := &p.sums[i]
		i0, j0 := (at-s.begin)/s.stripes*s.height, (at-s.begin)%s.stripes*s.width
		part := span{i0, min(s.m, i0+s.height), j0, min(s.n, j0+s.width)}
		for n, t := range p.terms[s.first:s.last] {
			stripe(current, w, part, t.k, t.a, t.b, s.c, s.ldc, s.acc || n > 0)
			if t.row == nil {
				continue
			}
			for r := part.i0; r < part.i1; r++ {
				y := s.c[r*s.ldc+part.j0 : r*s.ldc+part.j1]
				add(y, y, t.row[part.j0:part.j1])
			}
		}
	}
	workspaces.give(w)
}
