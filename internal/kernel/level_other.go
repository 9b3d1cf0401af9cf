//go:build (!amd64 && !arm64) || purego

package kernel

// levels are the instruction sets of this processor, the fastest first.
func levels() []*level { return []*level{&portable} }
