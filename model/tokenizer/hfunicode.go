package tokenizer

import (
	"fmt"
	"strings"
	"sync"
	"unicode"
)

// Hugging Face's tokenizers have tables of several years' Unicode: its normal forms are of version 9, its categories of version
// 8. A text with characters that are newer has other ids there than by newer tables, and a model has learned those. These are
// the differences from Go's tables, found by asking the library, version 0.23.3, for each character.
const (
	// of normal forms: to it these are characters without a class or a decomposition
	newerForms = "7fd 898-89f 8ca-8d3 9fe c3c d3b-d3c eba 1715 1abf-1ace 1df6-1dfa 32ff a7f2-a7f4 a82c ab69 10781-10785 10787-107b0 " +
		"107b2-107ba 10d24-10d27 10eab-10eac 10efd-10eff 10f46-10f50 10f82-10f85 11070 1133b 1145e 11839-1183a 11930 11935 " +
		"11938 1193d-1193e 11943 119e0 11a34 11a47 11a99 11d42 11d44-11d45 11d97 11f41-11f42 16ff0-16ff1 1e030-1e06d 1e08f " +
		"1e130-1e136 1e2ae 1e2ec-1e2ef 1e4ec-1e4ef 1f16c 1fbf0-1fbf9"
	// of \p{M}
	newerMarks = "7fd 898-89f 8ca-8d3 9fe afa-aff b55 c04 c3c cf3 d00 d3b-d3c d81 eba ece 1715 180f 1abf-1ace 1cf7 1df6-1dfa a82c a8ff " +
		"10d24-10d27 10eab-10eac 10efd-10eff 10f46-10f50 10f82-10f85 11070 11073-11074 110c2 11145-11146 111c9 111ce-111cf " +
		"11241 1133b 1145e 1182c-1183a 11930-11935 11937-11938 1193b-1193e 11940 11942-11943 119d1-119d7 119da-119e0 119e4 " +
		"11a01-11a0a 11a33-11a39 11a3b-11a3e 11a47 11a51-11a5b 11a8a-11a99 11d31-11d36 11d3a 11d3c-11d3d 11d3f-11d45 11d47 " +
		"11d8a-11d8e 11d90-11d91 11d93-11d97 11ef3-11ef6 11f00-11f01 11f03 11f34-11f3a 11f3e-11f42 13440 13447-13455 16f4f " +
		"16f7f-16f87 16fe4 16ff0-16ff1 1cf00-1cf2d 1cf30-1cf46 1e08f 1e130-1e136 1e2ae 1e2ec-1e2ef 1e4ec-1e4ef"
	// of \p{Mn}
	newerNonspacing = "7fd 898-89f 8ca-8e1 9fe afa-aff b55 c04 c3c d00 d3b-d3c d81 eba ece 180f 1885-1886 1abf-1ace 1df6-1dfb a82c a8c5 a8ff " +
		"a9bd 10d24-10d27 10eab-10eac 10efd-10eff 10f46-10f50 10f82-10f85 11070 11073-11074 110c2 111c9 111cf 1123e 11241 1133b " +
		"11438-1143f 11442-11444 11446 1145e 1182f-11837 11839-1183a 1193b-1193c 1193e 11943 119d4-119d7 119da-119db 119e0 " +
		"11a01-11a0a 11a33-11a38 11a3b-11a3e 11a47 11a51-11a56 11a59-11a5b 11a8a-11a96 11a98-11a99 11c30-11c36 11c38-11c3d " +
		"11c3f 11c92-11ca7 11caa-11cb0 11cb2-11cb3 11cb5-11cb6 11d31-11d36 11d3a 11d3c-11d3d 11d3f-11d45 11d47 11d90-11d91 " +
		"11d95 11d97 11ef3-11ef4 11f00-11f01 11f36-11f3a 11f40 11f42 13440 13447-13455 16f4f 16fe4 1cf00-1cf2d 1cf30-1cf46 " +
		"1e000-1e006 1e008-1e018 1e01b-1e021 1e023-1e024 1e026-1e02a 1e08f 1e130-1e136 1e2ae 1e2ec-1e2ef 1e4ec-1e4ef " +
		"1e944-1e94a"
	// of \p{P}
	newerPunctuation = "61d 9fd a76 c77 c84 1b7d-1b7e 2e43-2e4f 2e52-2e5d 10ead 10f55-10f59 10f86-10f89 1144b-1144f 1145a-1145b 1145d " +
		"11660-1166c 116b9 1183b 11944-11946 119e2 11a3f-11a46 11a9a-11a9c 11a9e-11aa2 11b00-11b09 11c41-11c45 11c70-11c71 " +
		"11ef7-11ef8 11f43-11f4f 11fff 12ff1-12ff2 16e97-16e9a 16fe2 1e95e-1e95f"
	newerFormat = "890-891 8e2 110cd 13430-1343f" // of \p{C}
)

// The sets as Hugging Face has them.
var (
	hfForms       = set(func(rune) bool { return false }, newerForms, "")
	hfMarks       = set(func(r rune) bool { return unicode.Is(unicode.M, r) }, "1cf2-1cf3", newerMarks)
	hfNonspacing  = set(isNonspacing, "1734", newerNonspacing)
	hfPunctuation = set(func(r rune) bool { return unicode.Is(unicode.P, r) }, "166d 111c9", newerPunctuation)
	hfFormat      = set(isFormat, "", newerFormat)
)

// set is what is has and plus, without minus; it is made when it is first asked for.
func set(is func(rune) bool, plus, minus string) func() func(rune) bool {
	return sync.OnceValue(func() func(rune) bool {
		in, out := inRanges(ranges(plus)), inRanges(ranges(minus))
		return func(r rune) bool { return (is(r) || in(r)) && !out(r) }
	})
}

// ranges reads "41-5a 61-7a".
func ranges(s string) (out []rune) {
	for _, f := range strings.Fields(s) {
		var lo, hi rune
		if n, _ := fmt.Sscanf(f, "%x-%x", &lo, &hi); n == 1 {
			hi = lo
		}
		out = append(out, lo, hi)
	}
	return out
}

// hfForm is a normal form as Hugging Face makes it: characters newer than its tables part a text.
func hfForm(f func(string) string) func(string) string {
	return unlessASCII(func(s string) string {
		newer := hfForms()
		if strings.IndexFunc(s, newer) < 0 {
			return f(s)
		}
		var b strings.Builder
		for s != "" {
			n := strings.IndexFunc(s, newer)
			if n < 0 {
				n = len(s)
			}
			b.WriteString(f(s[:n]))
			s = s[n:]
			n = strings.IndexFunc(s, func(r rune) bool { return !newer(r) })
			if n < 0 {
				n = len(s)
			}
			b.WriteString(s[:n])
			s = s[n:]
		}
		return b.String()
	})
}
