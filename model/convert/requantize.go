package convert

import (
	"fmt"
	"math"

	"temper/internal/kernel"
	"temper/internal/quant"
)

// Tensors are worked on in pieces of about this many values, and so many pieces at a time.
const (
	pieceValues = 1 << 18
	atOnce      = 16
)

// A piece is some rows of a tensor in the new type, with their error.
type piece struct {
	w                       *quant.Tensor
	squares, signal, widest float64
	err                     error
}

// requantize gives the rows of a tensor in its new type to put, in order, and notes the change. The error's sums do not depend on
// the number of threads.
func (j *job) requantize(it item, put func(*quant.Tensor) error) error {
	w := it.from
	step := max(1, pieceValues/max(1, w.Cols))
	if it.to == quant.NF4 { // a piece begins with a scale
		step = (step + quant.GroupNF4 - 1) / quant.GroupNF4 * quant.GroupNF4
	}
	pieces := (w.Rows + step - 1) / step
	c := Change{Name: it.name, From: w.Type.String(), To: it.to.String(), Rows: w.Rows, Cols: w.Cols}
	for first := 0; first < pieces; first += atOnce {
		batch := make([]piece, min(atOnce, pieces-first))
		if err := j.ctx.Err(); err != nil {
			return err
		}
		kernel.Parallel(len(batch), 1, func(_, lo, hi int) {
			for i := lo; i < hi; i++ {
				r0 := (first + i) * step
				batch[i] = it.piece(r0, min(w.Rows, r0+step))
			}
		})
		for _, p := range batch {
			if p.err != nil {
				return p.err
			}
			c.RMSE, c.Signal, c.Max = c.RMSE+p.squares, c.Signal+p.signal, max(c.Max, p.widest)
			c.Bytes += int64(p.w.Size())
			if err := put(p.w); err != nil {
				return err
			}
			j.done += int64(p.w.Rows) * int64(p.w.Cols)
		}
		j.progress(j.done, j.total)
	}
	if n := float64(c.Values()); n > 0 {
		c.RMSE, c.Signal = math.Sqrt(c.RMSE/n), math.Sqrt(c.Signal/n)
	}
	j.changes = append(j.changes, c)
	return nil
}

// source is the input's row that becomes the output's row r.
func (it item) source(r int) int {
	if it.row == nil {
		return r
	}
	return it.row(r)
}

// piece converts the rows [r0,r1). Rows of a type that stays are copied as they are.
func (it item) piece(r0, r1 int) (p piece) {
	w := it.from
	values := make([]float32, (r1-r0)*w.Cols)
	for r := r0; r < r1; r++ {
		w.Row(values[(r-r0)*w.Cols:], it.source(r), 0, w.Cols)
	}
	if it.delta != nil {
		it.add(values, r0)
	}
	for _, v := range values {
		p.signal += float64(v) * float64(v)
	}
	if it.to == w.Type && it.to.InGGUF() && it.delta == nil {
		p.w = &quant.Tensor{Name: w.Name, Type: w.Type, Rows: r1 - r0, Cols: w.Cols}
		for r := r0; r < r1; r++ {
			p.w.Data = append(p.w.Data, w.Bytes(it.source(r), 0, w.Cols)...)
		}
		return p
	}
	if p.w, p.err = quant.Quantize(it.to, it.name, r1-r0, w.Cols, values); p.err != nil {
		return p
	}
	row := make([]float32, w.Cols)
	for r := range r1 - r0 {
		p.w.Row(row, r, 0, w.Cols)
		for i, v := range row {
			d := math.Abs(float64(v) - float64(values[r*w.Cols+i]))
			p.squares += d * d
			p.widest = max(p.widest, d)
		}
	}
	if math.IsInf(p.widest, 0) || math.IsNaN(p.widest) {
		p.err = fmt.Errorf("tensor %s has values that %v cannot hold", it.name, it.to)
	}
	return p
}
