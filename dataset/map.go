package dataset

import (
	"iter"
	"sync"
)

// Map applies f to every value of in, n at a time (at least 1), and yields the results in order; at most n are in work or waiting.
// It is one of the module's two uses of goroutines: passes are sequential, shards run in separate activities. The other is kernels.
func Map[In, Out any](in iter.Seq2[In, error], n int, f func(In) (Out, error)) iter.Seq2[Out, error] {
	type result struct {
		out Out
		err error
	}
	return func(yield func(Out, error) bool) {
		slots := make(chan struct{}, max(n, 1)) // taken before a record is read, given back when its result is yielded
		queue := make(chan chan result, max(n, 1))
		stop := make(chan struct{})
		var wg sync.WaitGroup
		defer wg.Wait()
		defer close(stop)
		wg.Go(func() {
			defer close(queue)
			for v, err := range in {
				select {
				case slots <- struct{}{}:
				case <-stop:
					return
				}
				c := make(chan result, 1)
				queue <- c // has room: there are as many slots
				if err != nil {
					c <- result{err: err}
					return
				}
				wg.Go(func() {
					out, err := f(v)
					c <- result{out, err}
				})
			}
		})
		for c := range queue {
			r := <-c
			<-slots
			if !yield(r.out, r.err) || r.err != nil {
				return
			}
		}
	}
}
