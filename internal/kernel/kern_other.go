//go:build !amd64 || purego

package kernel

// levels are the instruction sets of this processor, the fastest first.
func levels() []tile { return []tile{portable} }
