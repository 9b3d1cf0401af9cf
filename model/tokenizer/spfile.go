package tokenizer

import (
	"fmt"
	"math"
	"os"

	"google.golang.org/protobuf/encoding/protowire"

	"temper/dataset"
)

// spFile is what is read of a tokenizer.model, SentencePiece's ModelProto. Source: sentencepiece_model.proto.
type spFile struct {
	tokens []string
	scores []float64
	kinds  []int64

	model                      uint64 // 1 is unigram, 2 BPE
	unknown, bos, eos          int32
	suffix                     bool // ▁ ends a word
	charsMap                   []byte
	prefix, squeeze, underline bool
}

// maxModel is the largest tokenizer.model read, in bytes, and maxTokens the most tokens of any vocabulary.
const (
	maxModel  = 256 << 20
	maxTokens = 1 << 22
)

// readBounded reads a file of at most limit bytes.
func readBounded(path string, limit int64) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > limit {
		return nil, fmt.Errorf("%s has %d bytes; at most %d are read: %w", path, info.Size(), limit, dataset.ErrMalformed)
	}
	return os.ReadFile(path)
}

func parseSentencePiece(b []byte) (*Tokenizer, error) {
	f, err := readSentencePiece(b)
	if err != nil {
		return nil, err
	}
	return f.tokenizer()
}

func readSentencePiece(b []byte) (*spFile, error) {
	f := spFile{model: 1, bos: 1, eos: 2, prefix: true, squeeze: true, underline: true}
	err := fields(b, func(num protowire.Number, v fieldValue) error {
		switch num {
		case 1:
			return f.piece(v.bytes)
		case 2:
			return fields(v.bytes, f.trainer)
		case 3:
			return fields(v.bytes, f.normalizer)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(f.tokens) == 0 {
		return nil, fmt.Errorf("no tokens: %w", dataset.ErrMalformed)
	}
	return &f, nil
}

// A fieldValue is a field of a message: a number or bytes.
type fieldValue struct {
	number uint64
	bytes  []byte
}

// id is a number as a token's id, -1 for one that is none.
func (v fieldValue) id() int32 {
	if v.number >= maxTokens {
		return -1
	}
	return int32(v.number)
}

// fields calls each with every field of a message.
func fields(b []byte, each func(protowire.Number, fieldValue) error) error {
	for len(b) > 0 {
		num, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return fmt.Errorf("%w: %w", protowire.ParseError(n), dataset.ErrMalformed)
		}
		b = b[n:]
		var v fieldValue
		switch kind {
		case protowire.VarintType:
			v.number, n = protowire.ConsumeVarint(b)
		case protowire.Fixed32Type:
			var x uint32
			x, n = protowire.ConsumeFixed32(b)
			v.number = uint64(x)
		case protowire.BytesType:
			v.bytes, n = protowire.ConsumeBytes(b)
		default:
			n = protowire.ConsumeFieldValue(num, kind, b)
		}
		if n < 0 {
			return fmt.Errorf("%w: %w", protowire.ParseError(n), dataset.ErrMalformed)
		}
		b = b[n:]
		if err := each(num, v); err != nil {
			return err
		}
	}
	return nil
}

func (f *spFile) piece(b []byte) error {
	if len(f.tokens) == maxTokens {
		return fmt.Errorf("more than %d tokens: %w", maxTokens, dataset.ErrMalformed)
	}
	text, score, kind := "", float32(0), int64(normal)
	err := fields(b, func(num protowire.Number, v fieldValue) error {
		switch num {
		case 1:
			text = string(v.bytes)
		case 2:
			score = math.Float32frombits(uint32(v.number))
		case 3:
			kind = int64(v.number)
		}
		return nil
	})
	if kind == unknown {
		f.unknown = int32(len(f.tokens))
	}
	f.tokens, f.scores, f.kinds = append(f.tokens, text), append(f.scores, float64(score)), append(f.kinds, kind)
	return err
}

func (f *spFile) trainer(num protowire.Number, v fieldValue) error {
	switch num {
	case 3:
		f.model = v.number
	case 24:
		f.suffix = v.number != 0
	case 41:
		f.bos = v.id()
	case 42:
		f.eos = v.id()
	}
	return nil
}

func (f *spFile) normalizer(num protowire.Number, v fieldValue) error {
	switch num {
	case 2:
		f.charsMap = v.bytes
	case 3:
		f.prefix = v.number != 0
	case 4:
		f.squeeze = v.number != 0
	case 5:
		f.underline = v.number != 0
	}
	return nil
}
