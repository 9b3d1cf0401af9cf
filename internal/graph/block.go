// Package graph is the transformer block as one gorgonia expression graph, and the only place that knows gorgonia's graphs.
//
// A block's nodes are our own fused operations (linear layers with their low-rank pairs, RMSNorm, rotary positions, causal
// attention inside documents, SwiGLU or GeGLU, residual), which call package kernel and own their outputs; gorgonia
// derives the backward pass from them and runs both on its tape machine. Frozen weights never enter the graph: operations
// read them from the layer bound at the time, so one graph serves every layer of a model. Shapes are those of the longest
// sequence; operations honour the number of rows bound.
//
// Which operations a block has is its Config's; what only changes an operation's numbers, such as a window, is the layer's.
//
// The backward pass runs the program of the whole graph. Where the block's values are still those of the forward pass to
// differentiate, forward operations return what they hold, but for those whose outputs cost more memory than time (norms and
// SwiGLU; gate and up too if the Config says selective), which lie in scratch and are computed again unless the scratch still
// holds them; otherwise all compute again: that is gradient checkpointing (Chen et al. 2016, arXiv:1604.06174), a block at a time.
package graph

import (
	"fmt"
	"runtime"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"temper/internal/kernel"
	"temper/internal/quant"
)

// Linears is how many linear layers a block has: query, key, value, output, gate, up, down.
const Linears = 7

// Groups is the number of groups of linear layers that read the same input: {q, k, v}, {output}, {gate, up}, {down}.
const Groups = 4

// gateUp is the group whose outputs are the most values of a block.
const gateUp = 2

// Members lists the linear layers of each group.
var Members = [Groups][]int{{0, 1, 2}, {3}, {4, 5}, {6}}

// Config is a block's shape.
type Config struct {
	Dim, Heads, KVHeads, HeadDim, FF int
	Rows                             int           // of the longest sequence
	Rank                             int           // of the low-rank pairs
	Scale                            float32       // of the low-rank pairs
	Adapted                          [Linears]bool // linear layers with a pair
	Dropout                          float64       // of the pairs' inputs
	Eps                              float32       // of the norms
	AttentionScale                   float32
	AttentionCap                     float32 // scores become cap·tanh(score/cap); 0 leaves them
	Window                           int     // rows that a local layer's attention sees
	Rope                             *kernel.Rope
	Interleaved                      bool // rotary pairs are adjacent
	QKNorm                           bool // RMSNorm of each head's query and key before rotation
	PostNorms                        bool // RMSNorm of each branch before it is added
	GELU                             bool // GeGLU instead of SwiGLU
	SharedA                          bool // the adapted layers of a group have one A

	Magnitudes bool // the rows of adapted layers have lengths of their own: DoRA

	Selective bool // gate and up are not kept for the backward pass but computed again
}

// A Layer is what a block computes with: frozen weights, and the pairs with their gradients. The A factors of a group lie one
// after the other in one slice, since they read the same input.
type Layer struct {
	Index                     int                    // among the layers; takes part in dropout
	AttnNorm, FFNNorm         []float32              // (Dim)
	PostAttnNorm, PostFFNNorm []float32              // (Dim); with PostNorms
	QNorm, KNorm              []float32              // (HeadDim); with QKNorm
	Local                     bool                   // attention sees the window only
	Unrotated                 bool                   // queries and keys have no positions
	Rope                      *kernel.Rope           // instead of the block's; nil means that
	Linear                    [Linears]*quant.Tensor // (out, in)
	Bias                      [Linears][]float32     // (out), or nil
	A, GradA                  [Groups][]float32      // (members adapted · Rank, in), or (Rank, in) with SharedA; nil if none is
	Scale                     [Linears]float32       // of each pair; 0 for the Config's
	B, GradB                  [Linears][]float32     // (out, Rank), and with Magnitudes (out) after it; nil if not adapted. Backward adds to the gradients
	Length                    [Linears][]float32     // (out), with Magnitudes: of the rows of W + s·B·A, constants to the gradient
}

// An Input is one sequence, of one or several documents, on its way through one layer.
type Input struct {
	X     []float32 // (Rows, Dim), of which the first N rows are used
	N     int
	Pos   []int32 // position of each row in its document
	Seg   []int32 // first row of each row's document
	Layer *Layer
	Key   uint64 // of this sequence's dropout masks; 0 drops nothing

	Compute kernel.Compute // of the products with the base's weights
}

// A Block is the graph with its buffers. It holds the values of one forward pass and is not safe for concurrent use.
type Block struct {
	cfg     Config
	scratch *Scratch
	bytes   int64

	in      Input
	live    bool // own buffers hold the forward pass of in
	reuse   bool // forward operations return what they hold
	intact  bool // and so do those whose output lies in scratch
	partly  bool // forward operations run only for the backward pass: the block's own output is not needed
	inputDX bool // the gradient of X is wanted

	x, y, dy, dx *G.Node
	gateUp       *G.Node
	a, da        [Groups]*G.Node
	b, db        [Linears]*G.Node
	forward      G.VM
	both         G.VM
}

// New builds the graph. Blocks that share scratch must not run at the same time.
func New(cfg Config, scratch *Scratch) (*Block, error) {
	b := &Block{cfg: cfg, scratch: scratch}
	g := G.NewGraph()
	b.compose(g)
	b.dy = b.matrix(g, "dy", cfg.Rows, cfg.Dim)
	inputs := G.Nodes{b.x}
	for i, n := range b.a {
		if n != nil {
			inputs = append(inputs, n)
			for _, m := range Members[i] {
				if b.b[m] != nil {
					inputs = append(inputs, b.b[m])
				}
			}
		}
	}
	// The forward program must be taken before Backpropagate adds the gradients' nodes.
	program, places, err := G.CompileFunction(g, inputs, G.Nodes{b.y})
	if err != nil {
		return nil, fmt.Errorf("compile block: %w", err)
	}
	b.forward = machine(g, G.WithPrecompiled(program, places))
	grads, err := G.Backpropagate(G.Nodes{b.y}, G.Nodes{b.dy}, inputs)
	if err != nil {
		return nil, fmt.Errorf("derive block: %w", err)
	}
	b.both = machine(g, G.WithEngine(&engine{block: b}))
	b.dx = grads[0]
	at := 1
	for i, n := range b.a {
		if n == nil {
			continue
		}
		b.da[i] = grads[at]
		at++
		for _, m := range Members[i] {
			if b.b[m] != nil {
				b.db[m] = grads[at]
				at++
			}
		}
	}
	return b, nil
}

// machine is a tape machine without its finalizer, which is there for other devices' memory: machine and block know each other,
// and a cycle with a finalizer in it is never freed.
func machine(g *G.ExprGraph, opts ...G.VMOpt) G.VM {
	m := G.NewTapeMachine(g, opts...)
	runtime.SetFinalizer(m, nil)
	return m
}

// Close frees the tape machines.
func (b *Block) Close() error {
	if err := b.forward.Close(); err != nil {
		return err
	}
	return b.both.Close()
}

// Forward computes the block and returns its output, (Rows, Dim), of which the first in.N rows count. It is valid until the
// next call.
func (b *Block) Forward(in Input) ([]float32, error) {
	b.live, b.reuse, b.intact, b.partly = false, false, false, false
	b.scratch.holder = nil
	if err := b.bind(in); err != nil {
		return nil, err
	}
	if err := b.run(b.forward); err != nil {
		return nil, fmt.Errorf("layer %d forward: %w", in.Layer.Index, err)
	}
	b.live, b.scratch.holder = true, b
	return floats(b.y.Value()), nil
}

// Backward adds the gradients of the layer's pairs, given dy, the gradient of the block's output for in, and overwrites dx,
// which may be dy, with the gradient of in.X. A nil dx skips what only it needs. If in is what Forward saw last, nothing is
// computed again.
func (b *Block) Backward(in Input, dx, dy []float32) error {
	b.reuse = b.live && b.in.Layer == in.Layer && &b.in.X[0] == &in.X[0] && b.in.N == in.N
	b.intact = b.reuse && b.scratch.holder == b
	b.live, b.partly, b.inputDX, b.scratch.holder = false, true, dx != nil, nil
	if err := b.bind(in); err != nil {
		return err
	}
	// A sum takes the engine of its first term, and dy is one; the machine gives its engine to what operations return only.
	grad := tensor.New(tensor.WithShape(b.cfg.Rows, b.cfg.Dim), tensor.WithBacking(dy), tensor.WithEngine(&engine{block: b}))
	if err := G.Let(b.dy, grad); err != nil {
		return err
	}
	if err := b.run(b.both); err != nil {
		return fmt.Errorf("layer %d backward: %w", in.Layer.Index, err)
	}
	if dx != nil {
		copy(dx[:in.N*b.cfg.Dim], floats(b.dx.Value()))
	}
	for i, n := range b.da {
		if n != nil {
			kernel.Axpy(in.Layer.GradA[i], 1, floats(n.Value()))
		}
	}
	for i, n := range b.db {
		if n != nil {
			kernel.Axpy(in.Layer.GradB[i], 1, floats(n.Value()))
		}
	}
	return nil
}

// run executes a program. A tape machine that is not reset first does nothing and reports success.
func (b *Block) run(vm G.VM) error {
	vm.Reset()
	return vm.RunAll()
}

// bind points the graph's inputs at in.
func (b *Block) bind(in Input) error {
	if in.N < 1 || in.N > b.cfg.Rows || len(in.X) != b.cfg.Rows*b.cfg.Dim {
		return fmt.Errorf("block for %d rows of %d given %d rows in a slice of %d", b.cfg.Rows, b.cfg.Dim, in.N, len(in.X))
	}
	b.in = in
	if err := G.Let(b.x, view(in.X, b.cfg.Rows, b.cfg.Dim)); err != nil {
		return err
	}
	for i, n := range b.a {
		if n == nil {
			continue
		}
		if err := G.Let(n, view(in.Layer.A[i], n.Shape()[0], n.Shape()[1])); err != nil {
			return err
		}
	}
	for i, n := range b.b {
		if n == nil {
			continue
		}
		if err := G.Let(n, view(in.Layer.B[i], n.Shape()[0], n.Shape()[1])); err != nil {
			return err
		}
	}
	return nil
}

// matrix adds an input node. Nodes of one name and shape are one node, so every name is used once.
func (b *Block) matrix(g *G.ExprGraph, name string, rows, cols int) *G.Node {
	return G.NewMatrix(g, tensor.Float32, G.WithShape(rows, cols), G.WithName(name))
}

// view is x as a matrix, without a copy.
func view(x []float32, rows, cols int) *tensor.Dense {
	return tensor.New(tensor.WithShape(rows, cols), tensor.WithBacking(x))
}

func floats(v G.Value) []float32 { return v.(*tensor.Dense).Float32s() }
