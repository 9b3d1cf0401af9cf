package finetune

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math"
	"slices"
)

// A Sequence is one or several samples, one after the other. Each sees only itself, at positions from 0.
type Sequence struct {
	IDs     []int32   // tokens
	Trained []bool    // by token: it is part of an answer, and the loss asks the model for it
	Starts  []int32   // where each sample begins; the first is 0
	Samples []string  // the samples' record IDs
	Weights []float32 // of the samples' losses, from 0; nil where all are 1
}

// Tokens is the sequences to train on or to evaluate, and whose ids they are.
type Tokens struct {
	Vocab     int // of the tokenizer that made the ids
	Sequences []Sequence
}

// weighted reports whether any sample has a weight of its own.
func (t Tokens) weighted() bool {
	return slices.ContainsFunc(t.Sequences, func(s Sequence) bool { return s.Weights != nil })
}

// Longest is the length of the longest sequence.
func (t Tokens) Longest() int {
	n := 0
	for _, s := range t.Sequences {
		n = max(n, len(s.IDs))
	}
	return n
}

// Counts is the number of tokens, and of those the trained ones.
func (t Tokens) Counts() (tokens, trained int64) {
	for _, s := range t.Sequences {
		tokens += int64(len(s.IDs))
		trained += int64(s.trained())
	}
	return tokens, trained
}

// digest is a SHA-256 over what training reads of t, in hex.
func (t Tokens) digest() string {
	h := sha256.New()
	var b []byte
	for _, s := range t.Sequences {
		b = binary.LittleEndian.AppendUint32(b[:0], uint32(len(s.IDs)))
		b = binary.LittleEndian.AppendUint32(b, uint32(len(s.Starts)))
		for i, id := range s.IDs {
			b = binary.LittleEndian.AppendUint32(b, uint32(id))
			if s.Trained[i] {
				b = append(b, 1)
			}
		}
		for _, at := range s.Starts {
			b = binary.LittleEndian.AppendUint32(b, uint32(at))
		}
		for _, w := range s.Weights {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(w))
		}
		h.Write(b)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// trained is the number of tokens the loss asks for: the trained ones that another of their sample precedes.
func (s Sequence) trained() int {
	n, next := 0, 0
	for i, t := range s.Trained {
		if next < len(s.Starts) && int(s.Starts[next]) == i {
			next++
		} else if t {
			n++
		}
	}
	return n
}

// weight is that of the i-th sample's losses.
func (s Sequence) weight(i int) float32 {
	if s.Weights == nil {
		return 1
	}
	return s.Weights[i]
}

// mass is the sum of the weights of the tokens the loss asks for.
func (s Sequence) mass() float64 {
	if s.Weights == nil {
		return float64(s.trained())
	}
	sum := 0.0
	for i := range s.Starts {
		from, to := s.sample(i)
		for at := from + 1; at < to; at++ {
			if s.Trained[at] {
				sum += float64(s.Weights[i])
			}
		}
	}
	return sum
}

// sample returns the part [from, to) of the i-th sample.
func (s Sequence) sample(i int) (from, to int) {
	from, to = int(s.Starts[i]), len(s.IDs)
	if i+1 < len(s.Starts) {
		to = int(s.Starts[i+1])
	}
	return from, to
}
