package kernel

import (
	"runtime"
	"sync"
	"sync/atomic"
)

var threads atomic.Int64

// SetThreads sets how many threads compute, for the whole process; 0 means the number of processors.
func SetThreads(n int) { threads.Store(int64(max(0, n))) }

// Threads is how many threads compute.
func Threads() int {
	if n := int(threads.Load()); n > 0 {
		return n
	}
	return runtime.GOMAXPROCS(0)
}

// Parallel calls f for chunks of [0,n), which threads take from a counter. worker is below Threads and names the caller's
// scratch. A range of one chunk runs on the calling goroutine.
func Parallel(n, chunk int, f func(worker, lo, hi int)) {
	tasks := (n + chunk - 1) / chunk
	t := min(Threads(), tasks)
	if t <= 1 {
		if n > 0 {
			f(0, 0, n)
		}
		return
	}
	var next atomic.Int64
	run := func(worker int) {
		for {
			i := int(next.Add(1)) - 1
			if i >= tasks {
				return
			}
			f(worker, i*chunk, min(n, (i+1)*chunk))
		}
	}
	var wg sync.WaitGroup
	for w := 1; w < t; w++ {
		wg.Go(func() { run(w) })
	}
	run(0)
	wg.Wait()
}
