package kernel

import (
	"math"

	"temper/internal/quant"
)

// logitBytes bounds the logits held at one time.
const logitBytes = 24 << 20

// CrossEntropy computes loss[i] = -log p(targets[i]) for n hidden rows h (n, head.Cols) under the vocabulary head, and, unless
// dh is nil, dh = scale*weights[i] times the gradient of loss[i]. Rows are taken a few at a time, so that their logits stay
// within 24 MiB: there is no matrix of all logits. The head is frozen. Where cap is not 0, logits are bent as by [Cap].
func CrossEntropy(dh, loss, h []float32, targets []int32, weights []float32, n int, head *quant.Tensor, scale, cap float32) {
	CrossEntropyHead(dh, nil, loss, h, targets, weights, n, head, scale, cap)
}

// CrossEntropyHead is [CrossEntropy] of a head that is trained: it adds its gradient to dhead, (head.Rows, head.Cols), unless that is nil.
func CrossEntropyHead(dh, dhead, loss, h []float32, targets []int32, weights []float32, n int, head *quant.Tensor, scale, cap float32) {
	vocab, d := head.Rows, head.Cols
	chunk := min(n, max(1, logitBytes/4/vocab))
	w := large.take()
	defer large.give(w)
	logits := grow(&w.row, chunk*vocab)
	for r0 := 0; r0 < n; r0 += chunk {
		r1 := min(n, r0+chunk)
		MulT(logits, h[r0*d:r1*d], r1-r0, head, false)
		Parallel(r1-r0, 1, func(_, lo, hi int) {
			w := workspaces.take()
			defer workspaces.give(w)
			for i := r0 + lo; i < r0+hi; i++ {
				row := logits[(i-r0)*vocab : (i-r0+1)*vocab]
				factor := float32(0)
				if dh != nil {
					factor = scale * weights[i]
				}
				if cap == 0 {
					loss[i] = surprise(row, int(targets[i]), factor)
				} else {
					loss[i] = bentSurprise(w, row, int(targets[i]), factor, cap)
				}
			}
		})
		if dh != nil {
			Mul(dh[r0*d:r1*d], logits[:(r1-r0)*vocab], r1-r0, head, false)
		}
		if dhead != nil {
			Gemm(vocab, d, r1-r0, logits, 1, vocab, h[r0*d:], d, 1, dhead, d, true)
		}
	}
}

// surprise returns -log softmax(row)[target] and turns row into its gradient times factor.
func surprise(row []float32, target int, factor float32) float32 {
	high, at := highest(row), row[target]
	sum := 0.0
	for i := 0; i < len(row); i += 512 { // partial sums keep what a long float32 sum would lose
		sum += float64(expSum(row[i:min(i+512, len(row))], 1, high))
	}
	Scale(row, factor*float32(1/sum))
	row[target] -= factor
	return float32(math.Log(sum) + float64(high) - float64(at))
}

// bentSurprise is surprise for logits that cap bends.
func bentSurprise(w *workspace, row []float32, target int, factor, cap float32) float32 {
	bend(row, 1, cap)
	if factor == 0 {
		return surprise(row, target, 0)
	}
	bent := grow(&w.row, len(row))
	copy(bent, row)
	loss := surprise(row, target, factor)
	for i, v := range bent {
		row[i] *= 1 - v*v/(cap*cap)
	}
	return loss
}
