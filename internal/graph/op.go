package graph

import (
	"fmt"
	"hash"
	"hash/fnv"
	"sync/atomic"

	"github.com/chewxy/hm"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// ids tells operations apart: gorgonia merges nodes whose operations hash alike.
var ids atomic.Int64

// An op is a fused operation on matrices. It owns its output, so that a run allocates nothing.
type op struct {
	id    int64
	name  string
	block *Block
	arity int
	out   *tensor.Dense
	do    func(in [][]float32, out []float32)
	diff  func(in G.Nodes, out, grad *G.Node) (G.Nodes, error) // nil: a gradient's operation, not differentiated again
	args  [][]float32
	cheap bool // computed again for a backward pass, so that its output may lie in scratch
}

// op makes an operation whose output is out.
func (b *Block) op(name string, arity int, out *tensor.Dense, do func(in [][]float32, out []float32)) *op {
	return &op{id: ids.Add(1), name: name, block: b, arity: arity, out: out, do: do, args: make([][]float32, arity)}
}

// Arity is the number of inputs.
func (o *op) Arity() int { return o.arity }

// Type says that inputs and output are matrices of one element type.
func (o *op) Type() hm.Type {
	t := make([]hm.Type, o.arity+1)
	for i := range t {
		t[i] = G.TensorType{Dims: 2, Of: hm.TypeVariable('a')}
	}
	return hm.NewFnType(t...)
}

// InferShape is the output's shape, fixed when the graph is built.
func (o *op) InferShape(...G.DimSizer) (tensor.Shape, error) { return o.out.Shape().Clone(), nil }

// Do runs the operation. Panics come back as errors: it runs on the tape machine's goroutine, where nobody else recovers.
func (o *op) Do(in ...G.Value) (v G.Value, err error) {
	if o.diff != nil && o.block.reuse && (!o.cheap || o.block.intact) {
		return o.out, nil
	}
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%s: %v", o.name, p)
		}
	}()
	for i, v := range in {
		o.args[i] = floats(v)
	}
	o.do(o.args, o.out.Float32s())
	return o.out, nil
}

// ReturnsPtr says that the output is not a copy.
func (o *op) ReturnsPtr() bool { return true }

// CallsExtern says that no foreign code is called.
func (o *op) CallsExtern() bool { return false }

// OverwritesInput says that gorgonia must not count on an input being the output.
func (o *op) OverwritesInput() int { return -1 }

// WriteHash writes what no other operation writes.
func (o *op) WriteHash(h hash.Hash) { fmt.Fprintf(h, "%s#%d", o.name, o.id) }

// Hashcode is the hash of WriteHash.
func (o *op) Hashcode() uint32 {
	h := fnv.New32a()
	o.WriteHash(h)
	return h.Sum32()
}

// String names the operation in graphs and errors.
func (o *op) String() string { return fmt.Sprintf("%s#%d", o.name, o.id) }

// forwardOp is an op that gorgonia may differentiate.
type forwardOp struct{ *op }

// DiffWRT says that all n inputs have gradients.
func (o forwardOp) DiffWRT(n int) []bool {
	all := make([]bool, n)
	for i := range all {
		all[i] = true
	}
	return all
}

// SymDiff adds the operations of the gradients.
func (o forwardOp) SymDiff(in G.Nodes, out, grad *G.Node) (G.Nodes, error) {
	return o.diff(in, out, grad)
}

// apply adds a differentiable operation to the graph.
func (o *op) apply(in ...*G.Node) *G.Node { return G.Must(G.ApplyOp(forwardOp{o}, in...)) }

// side is a node for another output of the operation behind of: it depends on it and returns the buffer it fills.
func (b *Block) side(of *G.Node, name string, t *tensor.Dense) (*G.Node, error) {
	return G.ApplyOp(b.op(name, 1, t, func([][]float32, []float32) {}), of)
}

// output is the buffer of the operation behind a node, for operations that work in place.
func output(n *G.Node) *tensor.Dense {
	switch o := n.Op().(type) {
	case forwardOp:
		return o.out
	case *op:
		return o.out
	}
	panic(fmt.Sprintf("graph: %s has no buffer of ours", n.Name()))
}
