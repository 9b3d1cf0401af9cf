package kernel

import (
	"fmt"
	"os"
)

// A tile is one instruction set's micro-kernel: c[mr,nr] += a[mr,k]·b[k,nr], where a's element (i,p) is a[i*rs+p*cs], b is a
// packed panel, and ldc is c's row length. pack transposes tw rows of tw*n columns at a time; it may be nil.
type tile struct {
	name   string
	mr, nr int
	f      func(k int64, a *float32, rs, cs int64, b, c *float32, ldc int64)
	tw     int
	pack   func(n int64, src *float32, ld int64, dst *float32, dstStride int64)
}

// portable is plain Go, for processors without a kernel of their own.
var portable = tile{name: "portable", mr: 4, nr: 4, f: kernGo}

// current is the tile in use.
var current = choose(os.Getenv("TEMPER_KERNEL"))

// choose returns the named level, or the fastest where name is empty or not of this processor.
func choose(name string) tile {
	all := levels()
	for _, l := range all {
		if l.name == name {
			return l
		}
	}
	return all[0]
}

// Level names the instruction set in use: avx512, avx2 or portable. The environment variable TEMPER_KERNEL chooses a lower one.
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
