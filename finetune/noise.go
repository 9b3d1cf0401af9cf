package finetune

import (
	"math"
	"math/rand/v2"
)

// perturb adds NEFTune's noise to the embeddings of a sequence: uniform within alpha/√(L·d) for a sample of L tokens of width d, a
// function of the key alone. Source: Jain et al. 2023, arXiv:2310.05914, algorithm 1.
func (n *network) perturb(s Sequence, key uint64) {
	r := rand.NewPCG(key, 0x6e6f697365)
	d := n.base.Dim
	for i := range s.Starts {
		from, to := s.sample(i)
		bound := n.noise / math.Sqrt(float64(to-from)*float64(d))
		for k, x := range n.inputs[0][from*d : to*d] {
			u := float64(r.Uint64()>>11)/(1<<52) - 1
			n.inputs[0][from*d+k] = x + float32(u*bound)
		}
	}
}
