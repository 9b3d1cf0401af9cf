package dataset

import "fmt"

// A Holdout says what is held out.
type Holdout struct {
	Test     float64 `json:"test,omitempty"`     // percent; 0 means 2
	Seed     uint64  `json:"seed,omitempty"`     // of the choice
	Stratify string  `json:"stratify,omitempty"` // a field: of each of its values the same share is held out; see [Stratify]. "": clusters by their hashes alone, see [SplitOf]
}

// WithDefaults fills in what is 0.
func (h Holdout) WithDefaults() Holdout {
	if h.Test == 0 {
		h.Test = 2
	}
	return h
}

// Validate refuses settings that cannot be meant; the error begins with the key.
func (h Holdout) Validate() error {
	if h = h.WithDefaults(); !(h.Test > 0 && h.Test <= 50) {
		return fmt.Errorf("test is %g%%; it must be above 0%% and at most 50%%", h.Test)
	}
	if h.Stratify == "" {
		return nil
	}
	if err := CheckField(h.Stratify); err != nil {
		return fmt.Errorf("stratify: %w", err)
	}
	return nil
}

// The splits of a published dataset.
const (
	Train = "train"
	Test  = "test"
)

// A Parting is how rows are parted into splits, and what is taken of those to train on.
type Parting struct {
	Mixture *Mixture // nil: all

	of func(cluster string) string
}

// Part decides how rows are parted: what is held out first, so that other mixes are measured on the same rows, then how much of the rest
// is trained on (m nil: all of it, once). Rows are read once to stratify and once to mix; size measures one in the unit named, see
// [PlanMix].
func Part(rows func() Rows, h Holdout, m *Mix, unit string, size func(Record) (int64, error)) (*Parting, error) {
	h = h.WithDefaults()
	p := &Parting{of: func(cluster string) string { return SplitOf(cluster, h.Test, h.Seed) }}
	if h.Stratify != "" {
		s, err := Stratify(rows(), h.Stratify, h.Test, h.Seed)
		if err != nil {
			return nil, err
		}
		p.of = s.Of
	}
	if m == nil {
		return p, nil
	}
	var err error
	p.Mixture, err = PlanMix(p.split(rows(), Train), *m, unit, size)
	return p, err
}

// Rows yields those of the rows that are of the split; of train, those that the mix leaves out too, with a verdict.
func (p *Parting) Rows(rows Rows, split string) Rows {
	in := p.split(rows, split)
	if split != Train || p.Mixture == nil {
		return in
	}
	return p.Mixture.Mixed(in)
}

func (p *Parting) split(rows Rows, split string) Rows {
	return func(yield func(Row, error) bool) {
		for row, err := range rows {
			if err == nil && p.of(ClusterOf(row)) != split {
				continue
			}
			if !yield(row, err) || err != nil {
				return
			}
		}
	}
}

// TextBytes is the bytes of a record's text and turns.
func TextBytes(r Record) int64 {
	n := len(r.Text)
	for _, m := range r.Messages {
		n += len(m.Content)
	}
	return int64(n)
}
