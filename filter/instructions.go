package filter

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"temper/dataset"
)

// Instructions drops poor examples of instruction data: records with messages; others pass. In numbers 0 is the default and
// a negative one turns the rule off.
//
// The instruction is the first message of the user, the answer the last of the assistant. Words are as in [GopherQuality].
// Signals: instruction_words; instruction_banned, how many of the banned words occur in the instruction (between characters
// that are not of words, in any case); instruction_start, 1 if it starts with an ASCII sign of punctuation, with a character
// beyond ASCII, or with Write a program; answer_words; answer_ratio, the answer's words an instruction's word;
// answer_refusal, 1 if the answer's first 200 characters say one of the refusals.
//
// Sources: Wang et al. 2023, arXiv:2212.10560, §2.2, with Alpaca's list of words that ask for more than text; refusals as in
// the filters of the open SFT sets. New instructions like earlier ones are for dedup.
type Instructions struct {
	MinWords       int      `json:"min_words,omitempty" doc:"words of the instruction at least; negative: off" default:"4"`
	MaxWords       int      `json:"max_words,omitempty" doc:"words of the instruction at most; negative: off" default:"150"`
	MinAnswerWords int      `json:"min_answer_words,omitempty" doc:"words of the answer at least; negative: off" default:"1"`
	MinRatio       float64  `json:"min_ratio,omitempty" doc:"words of the answer a word of the instruction at least; 0: off"`
	MaxRatio       float64  `json:"max_ratio,omitempty" doc:"the same at most; 0: off"`
	Banned         []string `json:"banned,omitempty" doc:"words that an instruction must not have; none given: Alpaca's, which ask for images, files, video and the like"`
	Refusals       []string `json:"refusals,omitempty" doc:"what begins an answer that is none; none given: the usual phrases in English"`
	Allow          []string `json:"allow,omitempty" doc:"what to leave alone: start, banned, refusal"`
}

// instructionsAllow are the rules that can be turned off by name.
var instructionsAllow = []string{"start", "banned", "refusal"}

// alpacaBanned are the words of Alpaca's filter.
var alpacaBanned = []string{"image", "images", "graph", "graphs", "picture", "pictures", "file", "files", "map", "maps", "draw", "plot",
	"go to", "video", "audio", "music", "flowchart", "diagram"}

// refusals are phrases that refuse, in small letters, with plain apostrophes.
var refusals = []string{"as an ai", "as a language model", "as a large language model", "i'm sorry, but i can", "i am sorry, but i can",
	"i'm sorry, i can", "i cannot fulfill", "i can't fulfill", "i cannot assist", "i can't assist", "i cannot help with", "i can't help with",
	"i'm unable to", "i am unable to", "i'm not able to", "i am not able to", "i cannot provide", "i can't provide", "i won't be able to"}

// WithDefaults fills in what is 0.
func (o Instructions) WithDefaults() Instructions {
	o.MinWords = orDefault(o.MinWords, 4)
	o.MaxWords = orDefault(o.MaxWords, 150)
	o.MinAnswerWords = orDefault(o.MinAnswerWords, 1)
	if len(o.Banned) == 0 {
		o.Banned = slices.Clone(alpacaBanned)
	}
	if len(o.Refusals) == 0 {
		o.Refusals = slices.Clone(refusals)
	}
	return o
}

// Validate says what is wrong with the options.
func (o Instructions) Validate() error {
	o = o.WithDefaults()
	if o.MinWords > 0 && o.MaxWords > 0 && o.MinWords > o.MaxWords {
		return fmt.Errorf("min_words is %d, above max_words, %d", o.MinWords, o.MaxWords)
	}
	if math.IsNaN(o.MinRatio) || math.IsNaN(o.MaxRatio) || o.MinRatio > 0 && o.MaxRatio > 0 && o.MinRatio > o.MaxRatio {
		return fmt.Errorf("min_ratio is %v, max_ratio %v: must be numbers, the first no larger", o.MinRatio, o.MaxRatio)
	}
	for i, a := range o.Allow {
		if !slices.Contains(instructionsAllow, a) {
			return fmt.Errorf("allow[%d] is %q: must be one of %s", i, a, strings.Join(instructionsAllow, ", "))
		}
	}
	if slices.Contains(append(slices.Clip(o.Banned), o.Refusals...), "") {
		return errors.New("banned and refusals must not have an empty entry")
	}
	return nil
}

func (o Instructions) name() string    { return stepInstructions }
func (o Instructions) validate() error { return o.Validate() }

func (o Instructions) names() []string {
	return []string{"instruction_words", "instruction_banned", "instruction_start", "answer_words", "answer_ratio", "answer_refusal"}
}

// scored returns the options as far as they decide what score does.
func (o Instructions) scored() Instructions {
	return Instructions{Banned: o.Banned, Refusals: o.Refusals}
}

// An instructions is an [Instructions] at work.
type instructions struct {
	Instructions
	banned *trie
}

// ready returns the rule with its lists made ready.
func (o Instructions) ready() (rule, error) {
	t := newTrie()
	for _, w := range o.Banned {
		t.add(strings.ToLower(w))
	}
	return instructions{Instructions: o, banned: t}, nil
}

func (o Instructions) score(*subject) { panic("filter: an instructions rule that is not ready") }

func (o instructions) score(s *subject) {
	ask, answer := exchange(s.messages)
	asked, answered := countWords(ask), countWords(answer)
	s.signals["instruction_words"], s.signals["answer_words"] = float64(asked), float64(answered)
	s.signals["answer_ratio"] = ratio(answered, asked)
	s.signals["instruction_banned"] = float64(o.banned.count(strings.ToLower(ask), true))
	s.signals["instruction_start"] = float64(btoi(badStart(ask)))
	s.signals["answer_refusal"] = float64(btoi(o.refused(answer)))
}

// exchange returns the first message of the user and the last of the assistant.
func exchange(messages []dataset.Message) (ask, answer string) {
	for _, m := range messages {
		if m.Role == "user" {
			ask = m.Content
			break
		}
	}
	for _, m := range slices.Backward(messages) {
		if m.Role == "assistant" {
			return ask, m.Content
		}
	}
	return ask, ""
}

// badStart reports whether an instruction starts as none does that asks for text.
func badStart(ask string) bool {
	ask = strings.TrimSpace(ask)
	if ask == "" {
		return false
	}
	r, _ := utf8.DecodeRuneInString(ask)
	return r >= utf8.RuneSelf || unicode.IsPunct(r) || unicode.IsSymbol(r) || strings.HasPrefix(strings.ToLower(ask), "write a program")
}

// refused reports whether an answer's beginning refuses.
func (o Instructions) refused(answer string) bool {
	n := 0
	for i := range answer {
		if n++; n > 200 {
			answer = answer[:i]
			break
		}
	}
	answer = strings.ReplaceAll(strings.ToLower(answer), "’", "'")
	return slices.ContainsFunc(o.Refusals, func(r string) bool { return strings.Contains(answer, strings.ToLower(r)) })
}

func (o Instructions) judge(row dataset.Row, checks []dataset.Check) ([]dataset.Check, error) {
	if len(row.Messages) == 0 {
		return checks, nil
	}
	ratios := []limit{atLeast("answer_ratio", o.MinRatio), atMost("answer_ratio", o.MaxRatio)}
	for i := range ratios {
		ratios[i].off = ratios[i].bound <= 0
	}
	named := []limit{atMost("instruction_start", 0), atMost("instruction_banned", 0), atMost("answer_refusal", 0)}
	for i, rule := range instructionsAllow {
		named[i].off = slices.Contains(o.Allow, rule)
	}
	return judgeLimits(stepInstructions, slices.Concat([]limit{
		atLeast("instruction_words", float64(o.MinWords)), atMost("instruction_words", float64(o.MaxWords)),
		atLeast("answer_words", float64(o.MinAnswerWords))}, ratios, named), row, checks)
}
