package ngram

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
)

// WriteARPA writes the fitted model in the ARPA form, which KenLM and SRILM read, with its probabilities as they were before they
// were coded in 12 bits. The options must have asked for Names. Source: the format of Doug Paul at MIT Lincoln Labs, ngram-format(5) of SRILM.
func (t *Trainer) WriteARPA(w io.Writer) error {
	if !t.o.Names || t.tables == nil {
		return errors.New("no ARPA file can be written: the options did not ask for names, or nothing was fitted")
	}
	b := bufio.NewWriterSize(w, 256<<10)
	fmt.Fprintf(b, "\\data\\\nngram 1=%d\n", t.fit.Kept[0]+2) // a bufio.Writer keeps its first error, which Flush returns
	for i, n := range t.fit.Kept[1:] {
		fmt.Fprintf(b, "ngram %d=%d\n", i+2, n)
	}
	for order := 1; order <= t.o.Order; order++ {
		fmt.Fprintf(b, "\n\\%d-grams:\n", order)
		if order == 1 {
			i, _ := t.tables[0].at(begin(hashBegin))
			_, backoff := t.tables[0].logs(i, t.following(0))
			fmt.Fprintf(b, "%s\t<unk>\t0\n0\t<s>\t%s\n", decimal(float32(t.unknown)), decimal(backoff))
		}
		err := t.entries(func(e entry) error {
			if e.order == order && t.kept(e) {
				t.writeGram(b, e)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	b.WriteString("\n\\end\\\n")
	return b.Flush()
}

// writeGram writes the line of an n-gram.
func (t *Trainer) writeGram(b *bufio.Writer, e entry) {
	tab := &t.tables[e.order-1]
	i, _ := tab.at(t.key(e.words, 0, e.order))
	prob, backoff := tab.logs(i, t.following(e.order-1))
	b.WriteString(decimal(prob))
	for n := e.order - 1; n >= 0; n-- {
		b.WriteByte(map[bool]byte{true: '\t', false: ' '}[n == e.order-1])
		b.WriteString(t.names[e.words[n]])
	}
	if e.order < t.o.Order {
		b.WriteByte('\t')
		b.WriteString(decimal(backoff))
	}
	b.WriteByte('\n')
}

// decimal spells a value so that it reads back as it was.
func decimal(v float32) string {
	if v == 0 || math.IsNaN(float64(v)) {
		return "0"
	}
	return strconv.FormatFloat(float64(v), 'g', -1, 32)
}
