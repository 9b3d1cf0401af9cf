package dedup

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"iter"
	"math"

	"temper/dataset"
)

// The form of a file of signatures: a magic, the digest of the options and the numbers of bands and of ranks, then for each record the
// length of its ID, the ID, its ranks, its fingerprint, whether it has bands, and the bands. Numbers are little-endian.
const (
	signatureMagic = "TMPMIN3\n"
	maxID          = 4096
	maxBands       = 4096
)

// WriteSignatures writes signatures made with o and returns how many.
func WriteSignatures(w io.Writer, in iter.Seq2[Signature, error], o Near) (n int64, err error) {
	bands, _ := o.Layout()
	ranks, _ := o.ranked()
	out := bufio.NewWriter(w)
	out.WriteString(signatureMagic)
	var b []byte
	b = binary.LittleEndian.AppendUint64(b, o.digest())
	b = binary.LittleEndian.AppendUint32(b, uint32(bands))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(ranks)))
	out.Write(b)
	for s, err := range in {
		if err != nil {
			return n, err
		}
		if len(s.ID) > maxID || len(s.Bands) != 0 && len(s.Bands) != bands || len(s.Ranks) != len(ranks) {
			return n, fmt.Errorf("signature of %.40s: %d bands, %d ranks, id of %d bytes; there must be %d bands and %d ranks, and at most %d bytes", s.ID, len(s.Bands), len(s.Ranks), len(s.ID), bands, len(ranks), maxID)
		}
		b = binary.LittleEndian.AppendUint16(b[:0], uint16(len(s.ID)))
		b = append(b, s.ID...)
		for _, v := range s.Ranks {
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
		}
		b = binary.LittleEndian.AppendUint64(b, s.Print)
		if len(s.Bands) == 0 {
			b = append(b, 0)
		} else {
			b = append(b, 1)
		}
		for _, h := range s.Bands {
			b = binary.LittleEndian.AppendUint64(b, h)
		}
		out.Write(b)
		n++
	}
	return n, out.Flush()
}

// ReadSignatures reads what WriteSignatures wrote with the same options. Anything else is dataset.ErrMalformed.
func ReadSignatures(r io.Reader, o Near) iter.Seq2[Signature, error] {
	return func(yield func(Signature, error) bool) {
		in := bufio.NewReader(r)
		wrong := func(format string, args ...any) {
			yield(Signature{}, fmt.Errorf("signatures: %s: %w", fmt.Sprintf(format, args...), dataset.ErrMalformed))
		}
		head := make([]byte, len(signatureMagic)+16)
		if _, err := io.ReadFull(in, head); err != nil || string(head[:len(signatureMagic)]) != signatureMagic {
			wrong("not a file of signatures")
			return
		}
		head = head[len(signatureMagic):]
		bands, ranks := binary.LittleEndian.Uint32(head[8:]), binary.LittleEndian.Uint32(head[12:])
		if binary.LittleEndian.Uint64(head) != o.digest() {
			wrong("they were made with other options")
			return
		}
		if bands == 0 || bands > maxBands {
			wrong("%d bands; there must be 1 to %d", bands, maxBands)
			return
		}
		if ranks > maxPreferences {
			wrong("%d ranks; at most %d", ranks, maxPreferences)
			return
		}
		for n := 0; ; n++ {
			s, err := readSignature(in, int(bands), int(ranks))
			if err == io.EOF {
				return
			}
			if err != nil {
				wrong("signature %d: %v", n, err)
				return
			}
			if !yield(s, nil) {
				return
			}
		}
	}
}

// readSignature reads one; io.EOF means that there is none.
func readSignature(in *bufio.Reader, bands, ranks int) (s Signature, err error) {
	var b [8]byte
	if _, err := io.ReadFull(in, b[:2]); err != nil {
		return s, err
	}
	n := binary.LittleEndian.Uint16(b[:])
	if n > maxID {
		return s, fmt.Errorf("id of %d bytes; at most %d", n, maxID)
	}
	rest := make([]byte, int(n)+8*ranks+9)
	if _, err := io.ReadFull(in, rest); err != nil {
		return s, io.ErrUnexpectedEOF
	}
	s.ID, rest = string(rest[:n]), rest[n:]
	s.Ranks = make([]float64, ranks)
	for i := range s.Ranks {
		s.Ranks[i] = math.Float64frombits(binary.LittleEndian.Uint64(rest[8*i:]))
		if math.IsNaN(s.Ranks[i]) {
			return s, fmt.Errorf("rank is no number")
		}
	}
	s.Print = binary.LittleEndian.Uint64(rest[8*ranks:])
	if rest[len(rest)-1] == 0 {
		return s, nil
	}
	all := make([]byte, 8*bands)
	if _, err := io.ReadFull(in, all); err != nil {
		return s, io.ErrUnexpectedEOF
	}
	s.Bands = make([]uint64, bands)
	for i := range s.Bands {
		s.Bands[i] = binary.LittleEndian.Uint64(all[8*i:])
	}
	return s, nil
}
