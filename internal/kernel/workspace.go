package kernel

import (
	"sync"
	"unsafe"
)

// A workspace is one goroutine's scratch.
type workspace struct {
	panel, leftBuffer, row, edge []float32
	wide                         []float32 // a panel before its rows become pairs
	left                         []float32 // in leftBuffer: the padded rows of the current band
}

// A pool lends workspaces and keeps them for good: as many as were lent at once, each as large as it had to be.
type pool struct {
	mu   sync.Mutex
	free []*workspace
}

var (
	workspaces pool // of threads
	large      pool // of operations that share scratch between threads: logits, parts of gradients
)

func (p *pool) take() *workspace {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.free); n > 0 {
		w := p.free[n-1]
		p.free = p.free[:n-1]
		return w
	}
	return &workspace{}
}

func (p *pool) give(w *workspace) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.free = append(p.free, w)
}

// grow returns n values of *p, aligned to 64 bytes; their content is whatever was left there.
func grow(p *[]float32, n int) []float32 {
	if cap(*p) < n+16 {
		*p = make([]float32, n+16)
	}
	s := (*p)[:cap(*p)]
	at := int((64-uintptr(unsafe.Pointer(&s[0]))%64)%64) / 4
	return s[at : at+n]
}
