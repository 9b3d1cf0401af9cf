package filter

import (
	"fmt"
	"math"
	"math/bits"
	"strings"

	"temper/dataset"
)

// GopherQuality drops texts that do not look like prose. In every option 0 is the default and a negative number turns
// the rule off; fractions are 0 to 1.
//
// Words are runs of letters and digits, with ' - . inside (and , between digits); an ideograph is a word of its own.
// The rules are those of Rae et al. 2021, appendix A.1.1, for English. Differences from datatrove: words are cut by
// characters instead of a language's tokenizer; fields between spaces are the words of alpha_words; stop words count in
// any case; blank lines are no lines; bullets are • ‣ ● ○ ◦ ▪ ■ ▶ – and the - and * that a space follows.
//
// With compat the signals are another project's: datatrove (words are tokens, symbols too; a bullet is • or -; blank lines
// are lines; stop words in small letters), dolma (words are runs without space, their median length, occurrences of stop
// words, * and - as bullets) or nemo (runs without space, twelve bullets, ellipses in eight forms). The thresholds stay.
//
// Source: Rae et al. 2021, arXiv:2112.11446.
type GopherQuality struct {
	MinWords          int     `json:"min_words,omitempty" doc:"words at least; negative: off" default:"50"`
	MaxWords          int     `json:"max_words,omitempty" doc:"words at most; negative: off" default:"100000"`
	MinMeanWordLength float64 `json:"min_mean_word_length,omitempty" doc:"characters of a word at least, on average; negative: off" default:"3"`
	MaxMeanWordLength float64 `json:"max_mean_word_length,omitempty" doc:"characters of a word at most, on average; negative: off" default:"10"`
	MaxSymbolRatio    float64 `json:"max_symbol_ratio,omitempty" doc:"# or ellipses a word at most, whichever are more; negative: off" default:"0.1"`
	MaxBulletLines    float64 `json:"max_bullet_lines,omitempty" doc:"fraction of lines that start with a bullet at most; negative: off" default:"0.9"`
	MaxEllipsisLines  float64 `json:"max_ellipsis_lines,omitempty" doc:"fraction of lines that end with an ellipsis at most; negative: off" default:"0.3"`
	MinAlphaWords     float64 `json:"min_alpha_words,omitempty" doc:"fraction of words with a letter at least; negative: off" default:"0.8"`
	MinStopWords      int     `json:"min_stop_words,omitempty" doc:"different words of the, be, to, of, and, that, have, with at least; negative: off" default:"2"`
	Compat            string  `json:"compat,omitempty" doc:"another project's definitions: datatrove, dolma or nemo" enum:"datatrove,dolma,nemo"`
}

// WithDefaults fills in what is 0.
func (o GopherQuality) WithDefaults() GopherQuality {
	o.MinWords = orDefault(o.MinWords, 50)
	o.MaxWords = orDefault(o.MaxWords, 100_000)
	o.MinMeanWordLength = orDefault(o.MinMeanWordLength, 3)
	o.MaxMeanWordLength = orDefault(o.MaxMeanWordLength, 10)
	o.MaxSymbolRatio = orDefault(o.MaxSymbolRatio, 0.1)
	o.MaxBulletLines = orDefault(o.MaxBulletLines, 0.9)
	o.MaxEllipsisLines = orDefault(o.MaxEllipsisLines, 0.3)
	o.MinAlphaWords = orDefault(o.MinAlphaWords, 0.8)
	o.MinStopWords = orDefault(o.MinStopWords, 2)
	return o
}

// Validate says what is wrong with the options.
func (o GopherQuality) Validate() error {
	o = o.WithDefaults()
	if o.MinWords > 0 && o.MaxWords > 0 && o.MinWords > o.MaxWords {
		return fmt.Errorf("min_words is %d, above max_words, %d", o.MinWords, o.MaxWords)
	}
	for _, v := range []float64{o.MinMeanWordLength, o.MaxMeanWordLength, o.MaxSymbolRatio} {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Errorf("a threshold is %v: must be a number", v)
		}
	}
	if o.MinMeanWordLength > 0 && o.MaxMeanWordLength > 0 && o.MinMeanWordLength > o.MaxMeanWordLength {
		return fmt.Errorf("min_mean_word_length is %v, above max_mean_word_length, %v", o.MinMeanWordLength, o.MaxMeanWordLength)
	}
	if err := compatOf(o.Compat, compatDatatrove, compatDolma, compatNeMo); err != nil {
		return err
	}
	if o.MinStopWords > len(stopWords) && (o.Compat == "" || o.Compat == compatDatatrove) {
		return fmt.Errorf("min_stop_words is %d: there are only %d of them", o.MinStopWords, len(stopWords))
	}
	for _, f := range []struct {
		option string
		v      float64
	}{{"max_bullet_lines", o.MaxBulletLines}, {"max_ellipsis_lines", o.MaxEllipsisLines}, {"min_alpha_words", o.MinAlphaWords}} {
		if err := fraction(f.option, f.v); err != nil {
			return err
		}
	}
	return nil
}

func (o GopherQuality) name() string    { return stepQuality }
func (o GopherQuality) validate() error { return o.Validate() }

func (o GopherQuality) names() []string {
	return []string{SignalWords, "mean_word_length", "symbol_ratio", "bullet_lines", "ellipsis_lines", "alpha_words", "stop_words"}
}

// scored returns the options as far as they decide what score does.
func (o GopherQuality) scored() GopherQuality { return GopherQuality{Compat: o.Compat} }

func (o GopherQuality) score(s *subject) {
	if o.Compat != "" {
		qualityOf(o.Compat, s)
		return
	}
	m := s.m
	m.read(s.text)
	lines := m.readLines(s.text)
	symbols := max(strings.Count(s.text, "#"), strings.Count(s.text, "...")+strings.Count(s.text, "…"))
	s.signals[SignalWords] = float64(m.words)
	s.signals["mean_word_length"] = float64(m.letters) / float64(max(1, m.words))
	s.signals["symbol_ratio"] = float64(symbols) / float64(max(1, m.words))
	s.signals["bullet_lines"] = share(lines.bullets, lines.count)
	s.signals["ellipsis_lines"] = share(lines.ellipses, lines.count)
	s.signals["alpha_words"] = share(m.alphaField, m.fields)
	s.signals["stop_words"] = float64(bits.OnesCount8(m.stops))
}

func (o GopherQuality) judge(row dataset.Row, checks []dataset.Check) ([]dataset.Check, error) {
	return judgeLimits(stepQuality, []limit{
		atLeast(SignalWords, float64(o.MinWords)),
		atMost(SignalWords, float64(o.MaxWords)),
		atLeast("mean_word_length", o.MinMeanWordLength),
		atMost("mean_word_length", o.MaxMeanWordLength),
		atMost("symbol_ratio", o.MaxSymbolRatio),
		atMost("bullet_lines", o.MaxBulletLines),
		atMost("ellipsis_lines", o.MaxEllipsisLines),
		atLeast("alpha_words", o.MinAlphaWords),
		atLeast("stop_words", float64(o.MinStopWords)),
	}, row, checks)
}
