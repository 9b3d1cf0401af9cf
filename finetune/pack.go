package finetune

import "slices"

// A Sample is one record's tokens.
type Sample struct {
	ID      string // of the record
	IDs     []int32
	Trained []bool
	Weight  float32 // of its losses, where samples have weights
}

// openBins is how many sequences being filled first-fit looks at. More fill better and let memory grow.
const openBins = 64

// A packer puts samples into sequences of at most length tokens: each into the oldest open one where it fits whole. The
// result depends on the samples and their order alone.
type packer struct {
	length   int
	one      bool // a sample a sequence
	weighted bool // samples have weights
	open     []Sequence
}

// add takes a sample of at most length tokens and returns a sequence that is finished by it, if any.
func (p *packer) add(s Sample) (done Sequence, ok bool) {
	at := slices.IndexFunc(p.open, func(q Sequence) bool { return !p.one && len(q.IDs)+len(s.IDs) <= p.length })
	if at < 0 {
		if len(p.open) == openBins || p.one && len(p.open) > 0 {
			done, ok = p.open[0], true
			p.open = slices.Delete(p.open, 0, 1)
		}
		p.open = append(p.open, Sequence{})
		at = len(p.open) - 1
	}
	q := &p.open[at]
	q.Starts, q.Samples = append(q.Starts, int32(len(q.IDs))), append(q.Samples, s.ID)
	q.IDs, q.Trained = append(q.IDs, s.IDs...), append(q.Trained, s.Trained...)
	if p.weighted {
		q.Weights = append(q.Weights, s.Weight)
	}
	return done, ok
}

// rest returns the sequences still open.
func (p *packer) rest() []Sequence { return p.open }
