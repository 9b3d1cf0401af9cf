package tokenizer

// A scanner finds the words of an expression by hand: next is the length of the word at the start of s, which is not empty.
// It covers every text: what the expression matches and what lies between are words alike.
type scanner interface{ next(s string) int }

// gpt2Words is 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+ , and with apart the same between
// numbers that are words of their own, digit by digit. Source: GPT-2's encoder.py.
type gpt2Words struct {
	*classTable
	apart bool
}

func (g gpt2Words) next(s string) int {
	if s[0] == '\'' {
		if n := contraction(s); n > 0 {
			return n
		}
	}
	class, n := g.at(s)
	if s[0] == ' ' && len(s) > 1 {
		after, width := g.at(s[1:])
		if after&space == 0 && !(g.apart && after == number) {
			class, n = after, 1+width
		}
	}
	switch {
	case class&space != 0:
		return g.spaces(s, g.takesNoSpace)
	case class == number && g.apart:
		return n
	}
	return g.run(s, n, class&(letter|number|other))
}

func (g gpt2Words) takesNoSpace(class uint8) bool { return g.apart && class == number }

// contraction is the length of 's, 't, 're, 've, 'm, 'll or 'd at the start of s, or 0.
func contraction(s string) int {
	if len(s) < 2 {
		return 0
	}
	switch s[1] {
	case 's', 't', 'm', 'd':
		return 2
	}
	if len(s) > 2 {
		switch s[1:3] {
		case "re", "ve", "ll":
			return 3
		}
	}
	return 0
}

// llama3Words is (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,digits}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|
// \s+(?!\S)|\s+ . Over wordClasses its letters are [\p{L}\p{M}]. Source: the tokenizer.json of Llama 3 and Qwen 2.
type llama3Words struct {
	*classTable
	digits int
	long   bool // (?i) folds ſ to s, as Unicode does
}

func (l llama3Words) next(s string) int {
	if s[0] == '\'' {
		if n := l.contraction(s); n > 0 {
			return n
		}
	}
	class, n := l.at(s)
	if class == letter {
		return l.run(s, n, letter)
	}
	if class == number {
		for count := 1; count < l.digits && n < len(s); count++ {
			class, width := l.at(s[n:])
			if class != number {
				break
			}
			n += width
		}
		return n
	}
	if class&newline == 0 && n < len(s) { // any one character may lead a word
		if after, width := l.at(s[n:]); after == letter {
			return l.run(s, n+width, letter)
		}
	}
	from := 0
	if s[0] == ' ' {
		from = 1
	}
	if end := l.run(s, from, other); end > from {
		return l.run(s, end, newline)
	}
	end := l.run(s, 0, space)
	for i := end; i > 0; i-- {
		if s[i-1] == '\n' || s[i-1] == '\r' {
			return i
		}
	}
	return l.spaces(s, nil)
}

func (l llama3Words) contraction(s string) int {
	if len(s) > 2 && l.long && s[1:min(len(s), 3)] == "ſ" {
		return 3
	}
	if len(s) < 2 {
		return 0
	}
	low := [2]byte{s[1] | 0x20}
	switch low[0] {
	case 's', 't', 'm', 'd':
		return 2
	}
	if len(s) > 2 {
		low[1] = s[2] | 0x20
		switch string(low[:]) {
		case "re", "ve", "ll":
			return 3
		}
	}
	return 0
}
