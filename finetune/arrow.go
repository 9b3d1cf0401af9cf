package finetune

import (
	"fmt"
	"io"
	"slices"
	"strconv"

	"github.com/apache/arrow/go/v16/arrow"
	"github.com/apache/arrow/go/v16/arrow/array"
	"github.com/apache/arrow/go/v16/arrow/ipc"
	"github.com/apache/arrow/go/v16/arrow/memory"

	"temper/dataset"
)

// The columns of a token file: an Arrow IPC file with one record batch of one row a sequence, so that the batch's number is
// the sequence's. Metadata of the schema: format version, vocabulary.
var tokenFields = []arrow.Field{
	{Name: "ids", Type: arrow.ListOfNonNullable(arrow.PrimitiveTypes.Int32)},
	{Name: "mask", Type: arrow.ListOfNonNullable(arrow.PrimitiveTypes.Uint8)},
	{Name: "starts", Type: arrow.ListOfNonNullable(arrow.PrimitiveTypes.Int32)},
	{Name: "samples", Type: arrow.ListOfNonNullable(arrow.BinaryTypes.String)},
}

// weightField is one more column in files of samples with weights.
var weightField = arrow.Field{Name: "weights", Type: arrow.ListOfNonNullable(arrow.PrimitiveTypes.Float32)}

const (
	tokensVersion = "1"
	keyVersion    = "temper.tokens"
	keyVocab      = "temper.vocab"
)

// WriteTokens writes t as an Arrow IPC file: columns ids, mask (1 for trained tokens), starts and samples, and weights where samples
// have them. The bytes depend on t alone.
func WriteTokens(w io.WriteSeeker, t Tokens) error {
	meta := arrow.NewMetadata([]string{keyVersion, keyVocab}, []string{tokensVersion, strconv.Itoa(t.Vocab)})
	fields := slices.Clone(tokenFields)
	if t.weighted() {
		fields = append(fields, weightField)
	}
	schema := arrow.NewSchema(fields, &meta)
	f, err := ipc.NewFileWriter(w, ipc.WithSchema(schema))
	if err != nil {
		return fmt.Errorf("write tokens: %w", err)
	}
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	for i, s := range t.Sequences {
		appendSequence(b, s)
		rec := b.NewRecord()
		err := f.Write(rec)
		rec.Release()
		if err != nil {
			return fmt.Errorf("write sequence %d: %w", i, err)
		}
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("write tokens: %w", err)
	}
	return nil
}

func appendSequence(b *array.RecordBuilder, s Sequence) {
	list := func(i int) *array.ListBuilder {
		l := b.Field(i).(*array.ListBuilder)
		l.Append(true)
		return l
	}
	list(0).ValueBuilder().(*array.Int32Builder).AppendValues(s.IDs, nil)
	mask := list(1).ValueBuilder().(*array.Uint8Builder)
	for _, t := range s.Trained {
		if t {
			mask.Append(1)
		} else {
			mask.Append(0)
		}
	}
	list(2).ValueBuilder().(*array.Int32Builder).AppendValues(s.Starts, nil)
	list(3).ValueBuilder().(*array.StringBuilder).AppendValues(s.Samples, nil)
	if len(b.Fields()) > 4 {
		weights := list(4).ValueBuilder().(*array.Float32Builder)
		for i := range s.Starts {
			weights.Append(s.weight(i))
		}
	}
}

// ReadTokens reads what WriteTokens wrote. Anything else is dataset.ErrMalformed, with the sequence it is in.
func ReadTokens(r ipc.ReadAtSeeker) (t Tokens, err error) {
	defer func() { // the library panics on some broken files
		if p := recover(); p != nil {
			err = fmt.Errorf("token file: %v: %w", p, dataset.ErrMalformed)
		}
	}()
	f, err := ipc.NewFileReader(r)
	if err != nil {
		return t, fmt.Errorf("token file: %w: %w", err, dataset.ErrMalformed)
	}
	defer f.Close()
	meta := f.Schema().Metadata()
	if version, _ := meta.GetValue(keyVersion); version != tokensVersion {
		return t, fmt.Errorf("token file: format %q, this build reads %s: %w", version, tokensVersion, dataset.ErrMalformed)
	}
	vocab, _ := meta.GetValue(keyVocab)
	if t.Vocab, err = strconv.Atoi(vocab); err != nil || t.Vocab < 1 {
		return t, fmt.Errorf("token file: vocabulary %q: %w", vocab, dataset.ErrMalformed)
	}
	if own := f.Schema(); !own.Equal(arrow.NewSchema(tokenFields, nil)) && !own.Equal(arrow.NewSchema(append(slices.Clone(tokenFields), weightField), nil)) {
		return t, fmt.Errorf("token file: columns are %v: %w", f.Schema().Fields(), dataset.ErrMalformed)
	}
	for i := range f.NumRecords() {
		rec, err := f.RecordAt(i)
		if err != nil {
			return t, fmt.Errorf("token file: sequence %d: %w: %w", i, err, dataset.ErrMalformed)
		}
		s, err := sequence(rec)
		rec.Release()
		if err == nil {
			err = s.check(t.Vocab)
		}
		if err != nil {
			return t, fmt.Errorf("token file: sequence %d: %w: %w", i, err, dataset.ErrMalformed)
		}
		t.Sequences = append(t.Sequences, s)
	}
	return t, nil
}

// sequence copies a batch of one row.
func sequence(rec arrow.Record) (Sequence, error) {
	var s Sequence
	if rec.NumRows() != 1 {
		return s, fmt.Errorf("a batch of %d rows; one is expected", rec.NumRows())
	}
	values := func(i int) (arrow.Array, int, int) {
		l := rec.Column(i).(*array.List)
		from, to := l.ValueOffsets(0)
		return l.ListValues(), int(from), int(to)
	}
	ids, from, to := values(0)
	s.IDs = append(s.IDs, ids.(*array.Int32).Int32Values()[from:to]...)
	mask, from, to := values(1)
	for _, m := range mask.(*array.Uint8).Uint8Values()[from:to] {
		s.Trained = append(s.Trained, m != 0)
	}
	starts, from, to := values(2)
	s.Starts = append(s.Starts, starts.(*array.Int32).Int32Values()[from:to]...)
	samples, from, to := values(3)
	for i := from; i < to; i++ {
		s.Samples = append(s.Samples, string([]byte(samples.(*array.String).Value(i)))) // its own copy: the batch is released
	}
	if rec.NumCols() > 4 {
		weights, from, to := values(4)
		s.Weights = append([]float32{}, weights.(*array.Float32).Float32Values()[from:to]...)
	}
	return s, nil
}

// check says what is wrong with a sequence that was read.
func (s Sequence) check(vocab int) error {
	switch {
	case len(s.IDs) < 1 || len(s.IDs) > maxSequence:
		return fmt.Errorf("%d tokens; 1 to %d are expected", len(s.IDs), maxSequence)
	case len(s.Trained) != len(s.IDs):
		return fmt.Errorf("a mask of %d for %d tokens", len(s.Trained), len(s.IDs))
	case len(s.Starts) == 0 || s.Starts[0] != 0:
		return fmt.Errorf("the first sample does not start at 0")
	case len(s.Samples) != len(s.Starts):
		return fmt.Errorf("%d names for %d samples", len(s.Samples), len(s.Starts))
	case s.Weights != nil && len(s.Weights) != len(s.Starts):
		return fmt.Errorf("%d weights for %d samples", len(s.Weights), len(s.Starts))
	}
	for i, w := range s.Weights {
		if !(w >= 0 && w <= maxWeight) {
			return fmt.Errorf("sample %d weighs %g; 0 to %g is expected", i, w, float64(maxWeight))
		}
	}
	for i, at := range s.Starts[1:] {
		if at <= s.Starts[i] || int(at) >= len(s.IDs) {
			return fmt.Errorf("sample %d starts at %d", i+1, at)
		}
	}
	for i, id := range s.IDs {
		if id < 0 || int(id) >= vocab {
			return fmt.Errorf("token %d at position %d is outside the vocabulary of %d", id, i, vocab)
		}
	}
	return nil
}
