package finetune

import (
	"math/bits"
	"math/rand/v2"
)

// An order is the order of the data: a permutation for every epoch, a function of (seed, epoch) alone.
type order struct {
	seed    uint64
	n       int // sequences
	inOrder bool
	epoch   int // that perm is of
	perm    []int32
}

// at is the sequence at place i of all epochs, one after the other.
func (o *order) at(i int) int {
	epoch, at := i/o.n, i%o.n
	if o.inOrder {
		return at
	}
	if epoch != o.epoch || o.perm == nil {
		o.epoch, o.perm = epoch, permutation(o.seed, epoch, o.n)
	}
	return int(o.perm[at])
}

// permutation is Fisher and Yates' shuffle of 0 to n-1 (Knuth, TAOCP 2, 3.4.2 algorithm P).
func permutation(seed uint64, epoch, n int) []int32 {
	r := rand.NewPCG(seed, uint64(epoch))
	p := make([]int32, n)
	for i := range p {
		p[i] = int32(i)
	}
	for i := n - 1; i > 0; i-- {
		j, _ := bits.Mul64(r.Uint64(), uint64(i+1)) // in [0, i]; the bias is below n/2^64
		p[i], p[j] = p[j], p[i]
	}
	return p
}
