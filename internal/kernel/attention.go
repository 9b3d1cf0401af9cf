package kernel

import "math"

// Attention is causal attention with grouped queries: Heads query heads share KVHeads key and value heads. Rows hold the heads
// one after the other, Dim values each. Scale multiplies the scores.
type Attention struct {
	Heads, KVHeads, Dim int
	Scale               float32
	Window              int     // a row sees itself and the Window-1 rows before it; 0 means all
	Cap                 float32 // scores become Cap·tanh(score/Cap), as in Gemma 2 (arXiv:2408.00118, §2); 0 leaves them
}

// first is the first row that row i of a document from start on sees.
func (a Attention) first(start, i int) int {
	if a.Window > 0 {
		return max(start, i-a.Window+1)
	}
	return start
}

// capped scales scores and bends them towards the cap, in place, and returns the scale that is left to apply.
func (a Attention) capped(scores []float32) float32 {
	if a.Cap == 0 {
		return a.Scale
	}
	bend(scores, a.Scale, a.Cap)
	return 1
}

// bend replaces x by cap·tanh(x·scale/cap).
func bend(x []float32, scale, cap float32) {
	expSum(x, 2*scale/cap, 0)
	for i, e := range x {
		x[i] = cap * (1 - 2/(e+1))
	}
}

// attend turns scores p and their values' gradients d into probabilities and scores' gradients.
func (a Attention) attend(p, d []float32, lse, delta float32) {
	if a.Cap == 0 {
		attend(p, d, a.Scale, lse, delta)
		return
	}
	a.capped(p)
	for i, v := range p {
		bent := v / a.Cap
		d[i] = (d[i] - delta) * (1 - bent*bent) * a.Scale
	}
	attend(p, d, 1, lse, 0)
}

// queryRows is the height of an attention tile.
const queryRows = 64

// Forward computes o (n, Heads*Dim) and lse (n, Heads), the log-sum-exp of each row's scores. Row i sees the rows seg[i]..i
// within the window: seg holds for each row the first row of its document.
func (a Attention) Forward(o, lse, q, k, v []float32, seg []int32, n int) {
	tiles := (n + queryRows - 1) / queryRows
	Parallel(a.Heads*tiles, 1, func(_, lo, hi int) {
		w := workspaces.take()
		for i := lo; i < hi; i++ {
			q0 := i % tiles * queryRows
			a.forwardTile(w, o, lse, q, k, v, seg, i/tiles, q0, min(n, q0+queryRows))
		}
		workspaces.give(w)
	})
}

// scores computes s (q1-q0, q1-k0) = queries·keysᵀ of one head, unscaled.
func (a Attention) scores(s, x, y []float32, kv, h, q0, q1, k0 int) {
	wide, narrow := a.Heads*a.Dim, a.KVHeads*a.Dim
	serial(q1-q0, q1-k0, a.Dim, left{x[q0*wide+h*a.Dim:], wide, 1}, strided{y[k0*narrow+kv*a.Dim:], 1, narrow}, s, q1-k0, false)
}

func (a Attention) forwardTile(w *workspace, o, lse, q, k, v []float32, seg []int32, h, q0, q1 int) {
	kv, k0 := h/(a.Heads/a.KVHeads), a.first(int(seg[q0]), q0)
	wide, narrow, keys := a.Heads*a.Dim, a.KVHeads*a.Dim, q1-k0
	s := grow(&w.row, 2*queryRows*len(seg))[:(q1-q0)*keys]
	a.scores(s, q, k, kv, h, q0, q1, k0)
	for i := q0; i < q1; i++ {
		r := s[(i-q0)*keys : (i-q0+1)*keys]
		from, to := a.first(int(seg[i]), i)-k0, i-k0+1
		scale := a.capped(r[from:to])
		high := highest(r[from:to]) * scale
		sum := expSum(r[from:to], scale, high)
		clear(r[:from])
		clear(r[to:])
		Scale(r[from:to], 1/sum)
		lse[i*a.Heads+h] = high + float32(math.Log(float64(sum)))
	}
	serial(q1-q0, a.Dim, keys, left{s, keys, 1}, strided{v[k0*narrow+kv*a.Dim:], narrow, 1}, o[q0*wide+h*a.Dim:], wide, false)
}

// serial is a product on the calling goroutine, which takes a workspace of its own.
func serial(m, n, k int, a left, b source, c []float32, ldc int, acc bool) {
	w := workspaces.take()
	stripe(current, w, span{0, m, 0, n}, k, a, b, c, ldc, acc)
	workspaces.give(w)
}

// Backward computes dq, dk and dv from do, with o and lse of [Attention.Forward]. The heads of a group are summed in order.
func (a Attention) Backward(dq, dk, dv, do, q, k, v, o, lse []float32, seg []int32, n int) {
	group := a.Heads / a.KVHeads
	narrow := a.KVHeads * a.Dim
	size := 2 * n * a.Dim // of one head's dk and dv
	w := large.take()
	parts := grow(&w.panel, a.Heads*size)
	Parallel(a.Heads, 1, func(_, lo, hi int) {
		w := workspaces.take()
		for h := lo; h < hi; h++ {
			p := parts[h*size : (h+1)*size]
			clear(p)
			for q0 := 0; q0 < n; q0 += queryRows {
				a.backwardTile(w, dq, p[:n*a.Dim], p[n*a.Dim:], do, q, k, v, o, lse, seg, h, q0, min(n, q0+queryRows))
			}
		}
		workspaces.give(w)
	})
	Parallel(n, rows(narrow*group), func(_, lo, hi int) {
		for t := lo; t < hi; t++ {
			for kv := range a.KVHeads {
				at := t*narrow + kv*a.Dim
				gk, gv := dk[at:at+a.Dim], dv[at:at+a.Dim]
				clear(gk)
				clear(gv)
				for h := kv * group; h < (kv+1)*group; h++ {
					p := parts[h*size+t*a.Dim:]
					Axpy(gk, 1, p[:a.Dim])
					Axpy(gv, 1, p[n*a.Dim:][:a.Dim])
				}
			}
		}
	})
	large.give(w)
}

// backwardTile adds one tile's part to a head's dk and dv (n, Dim each) and writes its dq.
func (a Attention) backwardTile(w *workspace, dq, dk, dv, do, q, k, v, o, lse []float32, seg []int32, h, q0, q1 int) {
	kv, k0 := h/(a.Heads/a.KVHeads), a.first(int(seg[q0]), q0)
	wide, narrow, keys, rows := a.Heads*a.Dim, a.KVHeads*a.Dim, q1-k0, q1-q0
	both := grow(&w.row, 2*queryRows*len(seg))[:2*rows*keys]
	p, dp := both[:rows*keys], both[rows*keys:]
	a.scores(p, q, k, kv, h, q0, q1, k0)
	a.scores(dp, do, v, kv, h, q0, q1, k0)
	for i := q0; i < q1; i++ {
		at := i*wide + h*a.Dim
		delta := dot(do[at:at+a.Dim], o[at:at+a.Dim])
		r, d := p[(i-q0)*keys:(i-q0+1)*keys], dp[(i-q0)*keys:(i-q0+1)*keys]
		from, to := a.first(int(seg[i]), i)-k0, i-k0+1
		a.attend(r[from:to], d[from:to], lse[i*a.Heads+h], delta)
		clear(r[:from])
		clear(r[to:])
		clear(d[:from])
		clear(d[to:])
	}
	row := q0*wide + h*a.Dim
	serial(keys, a.Dim, rows, left{p, 1, keys}, strided{do[row:], wide, 1}, dv[k0*a.Dim:], a.Dim, true)
	serial(rows, a.Dim, keys, left{dp, keys, 1}, strided{k[k0*narrow+kv*a.Dim:], narrow, 1}, dq[row:], wide, false)
	serial(keys, a.Dim, rows, left{dp, 1, keys}, strided{q[row:], wide, 1}, dk[k0*a.Dim:], a.Dim, true)
}
