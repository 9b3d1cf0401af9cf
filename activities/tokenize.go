package activities

import (
	"context"
	"fmt"
	"io"
	"os"

	"temper/dataset"
	"temper/finetune"
	"temper/model"
)

// TokenizeInput is the input of [Activities.Tokenize].
type TokenizeInput struct {
	Base  Base             `json:"base"`
	Rows  []dataset.Ref    `json:"rows"`
	Train finetune.Options `json:"train"` // only the sequence's length, packing and weights matter
	Split string           `json:"split"`
}

// Tokenize makes sequences of token ids with an answer mask of a split's rows. Rows that become no sample are counted by reason
// and listed in the output "skipped".
func (a *Activities) Tokenize(ctx context.Context, in TokenizeInput) (StageResult, error) {
	options := finetune.Options{Sequence: in.Train.Sequence, Pack: in.Train.Pack, WeightBy: in.Train.WeightBy}
	inputs := append(append([]dataset.Ref{}, in.Rows...), in.Base.Ref)
	return a.stage(ctx, work{name: "tokenize " + in.Split, engine: engineTokens, options: options, inputs: inputs, do: func(ctx context.Context, s *dataset.Stage) error {
		base, err := a.open(ctx, in.Base)
		if err != nil {
			return err
		}
		if err := suits(in.Train, base); err != nil {
			return err
		}
		var skipped []skippedRow
		rows := beat(ctx, Progress{Stage: s.Name, Unit: "records"}, records(a.chain(ctx, in.Rows)))
		tokens, n, err := finetune.Encode(base, rows, options, func(r dataset.Record, c dataset.Check) error {
			skipped = append(skipped, skippedRow{r.ID, c})
			return nil
		})
		if err != nil {
			return err
		}
		if n.Sequences == 0 {
			return fmt.Errorf("none of %d rows became a sample (%s): raise tune.train.sequence, or see what the rows hold: %w", n.In, n.Reasons(), errInput)
		}
		ref, err := a.putTokens(ctx, tokens)
		if err != nil {
			return err
		}
		left, err := putJSONL(ctx, a.store(), skipped)
		s.Outputs["tokens"], s.Outputs["skipped"] = []dataset.Ref{ref}, []dataset.Ref{left}
		s.Counts.In, s.Counts.Out, s.Counts.Dropped, s.Counts.Reasons = n.In, n.Samples, n.In-n.Samples, n.Dropped
		s.Metrics["sequences"], s.Metrics["tokens"], s.Metrics["trained_tokens"] = n.Sequences, n.Tokens, n.Trained
		return err
	}})
}

// suits says what the options ask for that the base cannot do.
func suits(o finetune.Options, base *model.Model) error {
	o = o.WithDefaults()
	switch err := o.Validate(); {
	case err != nil:
		return fmt.Errorf("tune.train: %w: %w", err, errInput)
	case base.Tokenizer == nil:
		return fmt.Errorf("base %s has no tokenizer: %w", base.Name, errInput)
	case o.Sequence > base.Context:
		return fmt.Errorf("tune.train.sequence is %d; the context of %s is %d: %w", o.Sequence, base.Name, base.Context, errInput)
	}
	return nil
}

// A skippedRow is a row that became no sample, and why.
type skippedRow struct {
	ID    string        `json:"id"`
	Check dataset.Check `json:"check"`
}

// putTokens stores token batches. They are written to a file first: the format is finished by seeking back.
func (a *Activities) putTokens(ctx context.Context, t finetune.Tokens) (dataset.Ref, error) {
	f, err := os.CreateTemp("", "temper-tokens-*")
	if err != nil {
		return dataset.Ref{}, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	if err := finetune.WriteTokens(f, t); err != nil {
		return dataset.Ref{}, fmt.Errorf("write tokens: %w", err)
	}
	return dataset.PutBlob(ctx, a.store(), ".arrow", func(w io.Writer) (int64, error) {
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return 0, err
		}
		_, err := io.Copy(w, f)
		return int64(len(t.Sequences)), err
	})
}

// tokens reads token batches and checks that they are of the base's vocabulary.
func (a *Activities) tokens(ctx context.Context, ref dataset.Ref) (finetune.Tokens, error) {
	obj, err := dataset.OpenBlob(ctx, a.store(), ref)
	if err != nil {
		return finetune.Tokens{}, err
	}
	defer obj.Close()
	return finetune.ReadTokens(io.NewSectionReader(obj, 0, ref.Bytes))
}
