package dedup

import (
	"cmp"
	"slices"
	"strings"
)

const (
	shortAnswer  = 3   // words; longer answers may differ a little
	shortWindow  = 50  // words after the question in which a short answer is looked for
	longWindow   = 100 // in which a longer answer, or its passage, is looked for
	maxMisses    = 11  // words between seeds that are of one copy
	maxHits      = 1 << 16
	maxWeighed   = 1000 // words of an item that are weighed against a text
	partNeeded   = 0.3  // share of a question's words that seeds must touch before it is weighed
	answerNeeded = 0.8  // share of a longer answer
)

// A scan looks for items in one text.
type scan struct {
	e     *Evals
	text  string
	spans []wordSpan
	words []uint64
	seen  map[int32]bool // items found
	out   []Match
}

// scan returns the items found in a text, in order of their kind and place; only one if that is enough.
func (e *Evals) scan(text string, all bool) []Match {
	s := &scan{e: e, text: text, spans: wordSpans(text), seen: map[int32]bool{}}
	s.words = hashesOf(s.spans)
	var hits []hit
	longest := len(e.lengths) - 1
	for i := range s.words {
		h := uint64(0)
		for n := 1; n <= longest && i+n <= len(s.words); n++ {
			h = h*shingleTimes + s.words[i+n-1]
			if !e.lengths[n] {
				continue
			}
			key := runKey(h, n)
			if !e.maybe.has(key) {
				continue
			}
			if p, ok := e.runs[key]; ok && n == e.o.NGram {
				s.run(i, p)
			}
			if q, ok := e.whole[key]; ok && n < e.o.NGram {
				s.short(i, q)
			}
			if n == seedWords && len(hits) < maxHits {
				for _, q := range e.seeds[key] {
					hits = append(hits, hit{q, int32(i)})
				}
			}
		}
		if len(s.out) > 0 && !all {
			return s.out[:1]
		}
	}
	s.near(hits, all)
	return s.out
}

// found notes an item, once: words from to to of the text.
func (s *scan) found(q int32, of string, a int, what string, score float64, from, to int) {
	if s.seen[q] {
		return
	}
	s.seen[q] = true
	it := &s.e.items[q]
	m := Match{Item: it.answers[a].id, Part: what, Score: score, Asked: of, From: s.spans[from].from, To: s.spans[to-1].to}
	m.Found = s.text[m.From:m.To]
	s.out = append(s.out, m)
}

// run takes a run of NGram words at i, and those after it that go on as the item does.
func (s *scan) run(i int, p part) {
	if s.seen[p.item] {
		return
	}
	it := &s.e.items[p.item]
	words, text, what, a := it.words, it.text, "question", 0
	if p.answer >= 0 {
		a = int(p.answer)
		words, text, what = it.answers[a].words, it.answers[a].text, "answer"
	}
	to := i + s.e.o.NGram
	at := index(words, s.words[i:to])
	if at < 0 {
		return // another run with the same hash
	}
	for at += s.e.o.NGram; at < len(words) && to < len(s.words) && words[at] == s.words[to]; at++ {
		to++
	}
	s.found(p.item, text, a, what, s.e.weigh(s.words[i:to])/s.e.weigh(words), i, to)
}

// index is where run first occurs in words; -1 if it does not.
func index(words, run []uint64) int {
	for i := 0; i+len(run) <= len(words); i++ {
		if slices.Equal(words[i:i+len(run)], run) {
			return i
		}
	}
	return -1
}

// short takes a question of fewer than NGram words that stands whole at i.
func (s *scan) short(i int, q int32) {
	it := &s.e.items[q]
	to := i + len(it.words)
	if s.seen[q] || !slices.Equal(it.words, s.words[i:to]) {
		return
	}
	tiny := len(it.words) < s.e.o.Short
	for n, a := range it.answers {
		switch {
		case tiny:
			if end := to + len(a.words); len(a.words) > 0 && end <= len(s.words) && slices.Equal(a.words, s.words[to:end]) && s.same(i, to, it.text) {
				s.found(q, it.text+"\n"+a.text, n, "question+answer", 1, i, end)
			}
		case len(a.words) == 0 && a.passage < 0, s.e.o.Alone:
			s.found(q, it.text, n, "question", 1, i, to)
		default:
			if _, end := s.answered(a.words, to); end > 0 {
				s.found(q, it.text+"\n"+a.text, n, "question+answer", 1, i, end)
			} else if s.about(a.passage, i, to) {
				s.found(q, it.text, n, "question+passage", 1, i, to)
			}
		}
	}
}

// same reports whether words from to to stand as they do in an item, marks and all but white space: few words say little.
func (s *scan) same(from, to int, text string) bool {
	own := wordSpans(text)
	a, b := s.text[s.spans[from].from:s.spans[to-1].to], text[own[0].from:own[len(own)-1].to]
	return strings.EqualFold(strings.Join(strings.Fields(a), ""), strings.Join(strings.Fields(b), ""))
}

// answered returns how much of an answer stands near after at, weighed, and where it ends; 0, 0 if it is not there.
func (s *scan) answered(words []uint64, at int) (got float64, end int) {
	if len(words) == 0 {
		return 0, 0
	}
	if len(words) <= shortAnswer {
		after := s.words[at:min(len(s.words), at+shortWindow)]
		if i := index(after, words); i >= 0 {
			return s.e.weigh(words), at + i + len(words)
		}
		return 0, 0
	}
	words = words[:min(len(words), maxWeighed)]
	after := s.words[at:min(len(s.words), at+max(longWindow, 2*len(words)))]
	got, end = s.e.common(words, after)
	if got < answerNeeded*s.e.weigh(words) {
		return 0, 0
	}
	return got, at + end
}

// about reports whether a run of words of the passage stands near words from to to.
func (s *scan) about(p int32, from, to int) bool {
	if p < 0 {
		return false
	}
	for i := max(0, from-longWindow); i+passageWords <= min(len(s.words), to+longWindow); i++ {
		if (i+passageWords <= from || i >= to) && s.e.passages[p][runHash(s.words[i:i+passageWords])] {
			return true
		}
	}
	return false
}

// A hit is a run of seedWords words that an item has.
type hit struct{ item, at int32 }

// near weighs the items whose seeds stand together.
func (s *scan) near(hits []hit, all bool) {
	slices.SortFunc(hits, func(a, b hit) int { return cmp.Or(cmp.Compare(a.item, b.item), cmp.Compare(a.at, b.at)) })
	for len(hits) > 0 {
		n, touched := 1, seedWords
		for n < len(hits) && hits[n].item == hits[0].item && hits[n].at-hits[n-1].at <= seedWords+maxMisses {
			touched += int(min(seedWords, hits[n].at-hits[n-1].at))
			n++
		}
		if it := &s.e.items[hits[0].item]; !s.seen[hits[0].item] && float64(touched) >= partNeeded*float64(min(len(it.words), maxWeighed)) {
			s.weigh(hits[0].item, int(hits[0].at), int(hits[n-1].at)+seedWords)
		}
		if hits = hits[n:]; len(s.out) > 0 && !all {
			return
		}
	}
}

// weigh decides on an item of which words from to to are part.
func (s *scan) weigh(q int32, from, to int) {
	it := &s.e.items[q]
	words, total := it.words, it.weight
	if len(words) > maxWeighed {
		words = words[:maxWeighed]
		total = s.e.weigh(words)
	}
	from, to = max(0, from-len(words)), min(len(s.words), to+len(words))
	to = min(to, from+4*maxWeighed)
	got, end := s.e.common(words, s.words[from:to])
	start := from + s.e.startOf(words, s.words[from:from+end])
	end += from
	if score := got / total; score >= s.e.needed(len(words)) {
		s.found(q, it.text, 0, "question", score, start, end)
		return
	}
	for n, a := range it.answers {
		more, until := s.answered(a.words, end)
		if until == 0 {
			continue
		}
		if score := (got + more) / (total + s.e.weigh(a.words)); score >= s.e.needed(len(words)+len(a.words)) {
			s.found(q, it.text+"\n"+a.text, n, "question+answer", score, start, until)
			return
		}
	}
}

// needed is the score at which so many words of an item are a copy of it.
func (e *Evals) needed(words int) float64 {
	over := min(max(words-wholeWords, 0), enoughWords-wholeWords)
	return 1 - (1-e.o.Score)*float64(over)/(enoughWords-wholeWords)
}

// common is the weight of the heaviest common subsequence of an item's words and a text's, and how many of the text's words it
// takes up to its end.
func (e *Evals) common(words, text []uint64) (best float64, end int) {
	weights := make([]float64, len(words))
	for i, w := range words {
		weights[i] = e.weight(w)
	}
	row := make([]float64, len(words)+1)
	for j, w := range text {
		diagonal := 0.0
		for i, v := range words {
			up := row[i+1]
			if v == w {
				row[i+1] = max(up, row[i], diagonal+weights[i])
			} else {
				row[i+1] = max(up, row[i])
			}
			diagonal = up
		}
		if row[len(words)] > best {
			best, end = row[len(words)], j+1
		}
	}
	return best, end
}

// startOf is where the heaviest common subsequence begins at the latest.
func (e *Evals) startOf(words, text []uint64) int {
	words, text = slices.Clone(words), slices.Clone(text)
	slices.Reverse(words)
	slices.Reverse(text)
	_, n := e.common(words, text)
	return len(text) - n
}
