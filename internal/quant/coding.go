package quant

// A Coding says what the codes of a format stand for: the code c of a group of Group values of a row is scale·Values[c] + low where
// codes have four Bits, and scale·c + low, c signed, where they have eight. Half means that scale and low are binary16 numbers.
type Coding struct {
	Bits, Group int
	Half, Low   bool
	Values      [16]float32
	read        func(t *Tensor, row, group int, codes []byte) (scale, low float32)
}

// from is 16 whole numbers from first on.
func from(first int) (v [16]float32) {
	for i := range v {
		v[i] = float32(first + i)
	}
	return v
}

var codings = [Types]Coding{
	Q4_0:   {4, 32, true, false, from(-8), codesQ4_0},
	Q4_1:   {4, 32, true, true, from(0), codesQ4_1},
	Q5_0:   {8, 32, true, false, from(0), codesQ5_0},
	Q5_1:   {8, 32, true, true, from(0), codesQ5_1},
	Q8_0:   {8, 32, true, false, from(0), codesQ8_0},
	Q2_K:   {4, 16, false, true, from(0), codesQ2K},
	Q3_K:   {4, 16, false, false, from(-4), codesQ3K},
	Q4_K:   {4, 32, false, true, from(0), codesQ4K},
	Q5_K:   {8, 32, false, true, from(0), codesQ5K},
	Q6_K:   {8, 16, false, false, from(0), codesQ6K},
	IQ4_NL: {4, 32, true, false, iq4Values, codesIQ4NL},
	IQ4_XS: {4, 32, false, false, iq4Values, codesIQ4XS},
	MXFP4:  {4, 32, false, false, mxfp4Values, codesMXFP4},
	NF4:    {4, 32, false, false, nf4Values, codesNF4},
	Int8:   {8, 32, false, false, from(0), codesInt8},
}

// Coding returns what the tensor's codes stand for; ok is false for formats without codes, for those of three values, and where a
// group of a row would cross two scales.
func (t *Tensor) Coding() (c Coding, ok bool) {
	c = codings[t.Type]
	switch {
	case c.read == nil || t.Cols%c.Group != 0:
		return c, false
	case t.Type == NF4:
		return c, t.Group%c.Group == 0 && t.before%c.Group == 0
	}
	return c, true
}

// Codes writes the codes of a group of a row, one a byte, and returns its scale and low.
func (c Coding) Codes(t *Tensor, row, group int, codes []byte) (scale, low float32) {
	return c.read(t, row, group, codes[:c.Group])
}

// block is the block of a row that holds the value at.
func (t *Tensor) block(row, at int) []byte {
	l := layouts[t.Type]
	i := row*(t.Cols/l.block) + at/l.block
	return t.Data[i*l.bytes : (i+1)*l.bytes]
}

// splitNibbles writes the low halves of 16 bytes, then the high ones.
func splitNibbles(codes, b []byte) {
	for i, v := range b[:16] {
		codes[i], codes[i+16] = v&15, v>>4
	}
}

func codesQ4_0(t *Tensor, row, group int, codes []byte) (scale, low float32) {
	b := t.block(row, 32*group)
	splitNibbles(codes, b[2:])
	return half(uint16At(b, 0)), 0
}

func codesQ4_1(t *Tensor, row, group int, codes []byte) (scale, low float32) {
	b := t.block(row, 32*group)
	splitNibbles(codes, b[4:])
	return half(uint16At(b, 0)), half(uint16At(b, 2))
}

// fifth adds the fifth bits, value i's at bit i of high, and takes less.
func fifth(codes []byte, high uint32, less byte) {
	for i := range codes[:32] {
		codes[i] = codes[i] + byte(high>>i&1)<<4 - less
	}
}

func codesQ5_0(t *Tensor, row, group int, codes []byte) (scale, low float32) {
	b := t.block(row, 32*group)
	splitNibbles(codes, b[6:])
	fifth(codes, uint32At(b, 2), 16)
	return half(uint16At(b, 0)), 0
}

func codesQ5_1(t *Tensor, row, group int, codes []byte) (scale, low float32) {
	b := t.block(row, 32*group)
	splitNibbles(codes, b[8:])
	fifth(codes, uint32At(b, 4), 0)
	return half(uint16At(b, 0)), half(uint16At(b, 2))
}

func codesQ8_0(t *Tensor, row, group int, codes []byte) (scale, low float32) {
	b := t.block(row, 32*group)
	copy(codes, b[2:])
	return half(uint16At(b, 0)), 0
}

func codesQ2K(t *Tensor, row, group int, codes []byte) (scale, low float32) {
	b, g := t.block(row, 16*group), group%16
	for i, v := range b[16+32*(g/8)+16*(g%2):][:16] {
		codes[i] = v >> (g % 8 / 2 * 2) & 3
	}
	d, dmin := half(uint16At(b, 80)), half(uint16At(b, 82))
	return d * float32(b[g]&15), -(dmin * float32(b[g]>>4))
}

func codesQ3K(t *Tensor, row, group int, codes []byte) (scale, low float32) {
	b, g := t.block(row, 16*group), group%16
	for i, v := range b[32+32*(g/8)+16*(g%2):][:16] {
		codes[i] = v>>(g%8/2*2)&3 | b[16*(g%2)+i]>>(g/2)&1<<2
	}
	scales := scales6(b[96:108])
	return half(uint16At(b, 108)) * float32(int(scales[g])-32), 0
}

// codesOf32 writes the codes of the sub-block g of a super-block in the order of Q4_K.
func codesOf32(codes, b []byte, g int) {
	for i, v := range b[32*(g/2):][:32] {
		codes[i] = v >> (4 * (g % 2)) & 15
	}
}

func codesQ4K(t *Tensor, row, group int, codes []byte) (scale, low float32) {
	b, g := t.block(row, 32*group), group%8
	codesOf32(codes, b[16:], g)
	s, m := scaleMin(b[4:16], g)
	return half(uint16At(b, 0)) * float32(s), -(half(uint16At(b, 2)) * float32(m))
}

func codesQ5K(t *Tensor, row, group int, codes []byte) (scale, low float32) {
	b, g := t.block(row, 32*group), group%8
	codesOf32(codes, b[48:], g)
	for i, v := range b[16:48] {
		codes[i] |= v >> g & 1 << 4
	}
	s, m := scaleMin(b[4:16], g)
	return half(uint16At(b, 0)) * float32(s), -(half(uint16At(b, 2)) * float32(m))
}

func codesQ6K(t *Tensor, row, group int, codes []byte) (scale, low float32) {
	b, g := t.block(row, 16*group), group%16
	h, quarter, part := g/8, g%8/2, g%2 // of 128 values, of 32, of 16
	lows, highs := b[64*h+32*(quarter%2)+16*part:], b[128+32*h+16*part:]
	for i := range codes[:16] {
		codes[i] = lows[i]>>(4*(quarter/2))&15 | highs[i]>>(2*quarter)&3<<4 - 32
	}
	return half(uint16At(b, 208)) * float32(int8(b[192+g])), 0
}

func codesIQ4NL(t *Tensor, row, group int, codes []byte) (scale, low float32) {
	return codesQ4_0(t, row, group, codes)
}

func codesIQ4XS(t *Tensor, row, group int, codes []byte) (scale, low float32) {
	b, g := t.block(row, 32*group), group%8
	splitNibbles(codes, b[8+16*g:])
	s := int(b[4+g/2]>>(4*(g%2))&15) | int(uint16At(b, 2)>>(2*g)&3)<<4
	return half(uint16At(b, 0)) * float32(s-32), 0
}

func codesMXFP4(t *Tensor, row, group int, codes []byte) (scale, low float32) {
	b := t.block(row, 32*group)
	splitNibbles(codes, b[1:])
	return halfPower(b[0]), 0
}

func codesNF4(t *Tensor, row, group int, codes []byte) (scale, low float32) {
	at := t.before + row*t.Cols + 32*group
	for i, v := range t.Data[at/2:][:16] {
		codes[2*i], codes[2*i+1] = v>>4, v&15
	}
	return t.Scales[at/t.Group], 0
}

func codesInt8(t *Tensor, row, group int, codes []byte) (scale, low float32) {
	copy(codes, t.Data[row*t.Cols+32*group:])
	return float32(float64(t.Scales[row]) / 127), 0
}
