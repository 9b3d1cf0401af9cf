//go:build arm64 && !purego

package kernel

//go:noescape
func kern8x8NEON(k int64, a *float32, rs, cs int64, b, c *float32, ldc, acc int64)

//go:noescape
func kern8x4NEON(k int64, a *float32, rs, cs int64, b, c *float32, ldc, acc int64)

var neon = level{
	name: "neon",
	tile: tile{mr: 8, lane: 4, kern: []func(int64, *float32, int64, int64, *float32, *float32, int64, int64){kern8x4NEON, kern8x8NEON}},
}

// levels are the instruction sets of this processor, the fastest first. Every arm64 processor has NEON.
func levels() []*level { return []*level{&neon, &portable} }
