package kernel

// Decode computes o for n new rows after past cached ones; k and v hold past+n rows of one sequence.
func (a Attention) Decode(o, q, k, v []float32, n, past int) {
	wide, narrow := a.Heads*a.Dim, a.KVHeads*a.Dim
	tiles := (n + queryRows - 1) / queryRows
	Parallel(a.Heads*tiles, 1, func(_, lo, hi int) {
		w := workspaces.take()
		for i := lo; i < hi; i++ {
			h, q0 := i/tiles, i%tiles*queryRows
			q1, kv := min(n, q0+queryRows), h/(a.Heads/a.KVHeads)
			k0 := a.first(0, past+q0)
			keys, at := past+q1-k0, k0*narrow+kv*a.Dim
			s := grow(&w.row, (q1-q0)*keys)
			serial(q1-q0, keys, a.Dim, left{q[q0*wide+h*a.Dim:], wide, 1}, strided{k[at:], 1, narrow}, s, keys, false)
			for t := q0; t < q1; t++ {
				a.softmax(s[(t-q0)*keys:(t-q0+1)*keys], a.first(0, past+t)-k0, past+t+1-k0)
			}
			serial(q1-q0, a.Dim, keys, left{s, keys, 1}, strided{v[at:], narrow, 1}, o[q0*wide+h*a.Dim:], wide, false)
		}
		workspaces.give(w)
	})
}

// softmax turns the scores from..to into probabilities and the others into zeros.
func (a Attention) softmax(r []float32, from, to int) {
	seen := r[from:to]
	scale := a.capped(seen)
	high := highest(seen) * scale
	Scale(seen, 1/expSum(seen, scale, high))
	clear(r[:from])
	clear(r[to:])
}

// DecodeEach computes o for one new row of each of several sequences: k[i] and v[i] hold the n[i] rows of sequence i, of which
// the last is new.
func (a Attention) DecodeEach(o, q []float32, k, v [][]float32, n []int) {
	wide, group := a.Heads*a.Dim, a.Heads/a.KVHeads
	total := 0
	for _, keys := range n {
		total += keys
	}
	chunk := 1
	if total*wide < matvecWork {
		chunk = len(n) * a.KVHeads
	}
	Parallel(len(n)*a.KVHeads, chunk, func(_, lo, hi int) {
		w := workspaces.take()
		for i := lo; i < hi; i++ {
			seq, kv := i/a.KVHeads, i%a.KVHeads
			at, from := seq*wide+kv*group*a.Dim, a.first(0, n[seq]-1)
			kept := from*a.KVHeads*a.Dim + kv*a.Dim
			a.decodeGroup(w, o[at:], q[at:], k[seq][kept:], v[seq][kept:], n[seq]-from)
		}
		workspaces.give(w)
	})
}

// decodeGroup is one row of the query heads, Dim values each, that share a key and value head with n rows.
func (a Attention) decodeGroup(w *workspace, o, q, k, v []float32, n int) {
	group, narrow := a.Heads/a.KVHeads, a.KVHeads*a.Dim
	s := grow(&w.row, group*n)
	t := current
	for h := range group {
		row, from := s[h*n:(h+1)*n], q[h*a.Dim:(h+1)*a.Dim]
		j := 0
		for ; j+4 <= n && t.dots1 != nil; j += 4 {
			four := k[j*narrow : (j+3)*narrow+a.Dim]
			t.dots1(int64(a.Dim), &from[0], 0, &four[0], int64(narrow), &row[j : j+4][0], 0)
		}
		for ; j < n; j++ {
			row[j] = dot(from, k[j*narrow:])
		}
		a.softmax(row, 0, n)
	}
	serial(group, a.Dim, n, left{s, n, 1}, strided{v, narrow, 1}, o, a.Dim, false)
}
