package graph

// dropped returns x, (N, in), with dropout applied: x itself where there is none, else a scratch copy.
func (l *linearGroup) dropped(x []float32) []float32 {
	b := l.block
	if !b.drops() {
		return x
	}
	out := b.share("dropout", b.cfg.Rows, b.widest()).Float32s()[:b.in.N*l.in]
	l.mask(out, x)
	return out
}

// mask writes to y, (N, in), the values of x that the sequence's mask keeps, scaled by 1/(1-p), and 0 for the others. The mask
// is a function of (key, layer, group, index), so that a pass that is computed again drops the same values.
func (l *linearGroup) mask(y, x []float32) {
	b := l.block
	p := b.cfg.Dropout
	keep := float32(1 / (1 - p))
	limit := uint64(p * (1 << 53))
	key := mix(b.in.Key ^ mix(uint64(b.in.Layer.Index)*Groups+uint64(l.group)))
	for i := range y {
		if mix(key+uint64(i))>>11 < limit {
			y[i] = 0
		} else {
			y[i] = x[i] * keep
		}
	}
}

// widest is the largest input of a linear layer.
func (b *Block) widest() int {
	return max(b.cfg.Dim, b.cfg.FF, b.cfg.Heads*b.cfg.HeadDim)
}

// mix is the output function of SplitMix64 (Steele, Lea, Flood 2014).
func mix(z uint64) uint64 {
	z += 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// drops reports whether the sequence has dropout.
func (b *Block) drops() bool { return b.cfg.Dropout > 0 && b.in.Key != 0 }
