package kernel

import (
	"fmt"
	"os"

	"temper/internal/quant"
)

// A level is one instruction set's operations. Those it lacks are nil, and are done in plain Go.
type level struct {
	name string
	tile
	vectors
	decode [quant.Types]decoder // by format; f is nil where there is none
	paired *pairedLevel         // of bfloat16; nil where there is none
	lanes  map[lanesKey]lanesKind
}

// A tile is micro-kernels of mr rows and 1, 2, … vectors of lane columns: c[mr,·] = a[mr,k]·b[k,·], added to c unless acc is 0.
// Element (i,p) of a is a[i*rs+p*cs], b is a packed panel, and ldc is c's row length. pack transposes tw rows of tw*n columns
// at a time; it may be nil.
type tile struct {
	mr, lane int
	kern     []func(k int64, a *float32, rs, cs int64, b, c *float32, ldc, acc int64)
	tw       int
	pack     func(n int64, src *float32, ld int64, dst *float32, dstStride int64)
}

// nr is the width of the widest micro-kernel.
func (t *tile) nr() int { return t.lane * len(t.kern) }

// width is the width of the panel for the next cols columns: the narrowest that has them, or the widest there is.
func (t *tile) width(cols int) int { return min(t.nr(), (cols+t.lane-1)/t.lane*t.lane) }

// vectors are operations on n values, n at least 1; what they compute stands at the functions that call them. dots1 and dots2 are
// y = a·bᵀ for one row of a, or two, and four of b.
type vectors struct {
	add          func(n int64, a, b, y *float32)
	axpy         func(n int64, a float32, x, y *float32)
	scale        func(n int64, a float32, x *float32)
	dot          func(n int64, a, b *float32) float32
	dots1, dots2 func(n int64, a *float32, lda int64, b *float32, ldb int64, y *float32, ldy int64)
	dot3         func(n int64, a, b, d *float32) float32
	norm         func(n int64, r float32, x, w, y *float32)
	normBack     func(n int64, r, k float32, x, w, dy, dx *float32)
	highest      func(n int64, x *float32) float32 // n at least 16
	expSum       func(n int64, scale, sub float32, x *float32) float32
	attend       func(n int64, scale, lse, delta float32, p, d *float32)
	swiglu       func(n int64, gate, up, y *float32)
	swigluBack   func(n int64, gate, up, dy, dgate, dup *float32)
	adam         func(n int64, k, p, g, m, v *float32)
}

// A decoder turns n units of a format, size bytes and values float32 each, n at least 1. dots, which may be nil, multiplies four
// rows of them, stride bytes apart, with x: bit for bit what dots1 does with their float32.
type decoder struct {
	values, size int
	f            func(n int64, src *byte, dst *float32)
	dots         func(n int64, w *byte, stride int64, x, y *float32)
}

// portable is plain Go, for processors without a level of their own.
var portable = level{name: "portable", tile: tile{mr: 2, lane: 4, kern: []func(int64, *float32, int64, int64, *float32, *float32, int64, int64){kernGo}}}

// current is the level in use.
var current = choose(os.Getenv("TEMPER_KERNEL"))

// choose returns the named level, or the fastest where name is empty or not of this processor.
func choose(name string) *level {
	all := levels()
	for _, l := range all {
		if l.name == name {
			return l
		}
	}
	return all[0]
}

// Level names the instruction set in use.
func Level() string { return current.name }

// SetLevel switches to the named instruction set; it is for tests and benchmarks, and not safe while products run.
func SetLevel(name string) error {
	for _, l := range levels() {
		if l.name == name {
			current = l
			return nil
		}
	}
	return fmt.Errorf("this processor has no kernel level %q", name)
}

// Levels are the names of the instruction sets of this processor, the fastest first.
func Levels() []string {
	var names []string
	for _, l := range levels() {
		names = append(names, l.name)
	}
	return names
}
