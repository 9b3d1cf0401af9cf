package ngram

import (
	"slices"
	"strings"
)

// An oracle has the counts of all orders in maps and computes a probability by the definition.
type oracle struct {
	o         Options
	raw, adj  []map[string]int // by order, of words joined by spaces
	discounts [][3]float64
	words     []string // and </s>
	lines     [][]string
}

func newOracle(o Options, texts []string) *oracle {
	or := &oracle{o: o}
	for range o.Order + 1 {
		or.raw, or.adj = append(or.raw, map[string]int{}), append(or.adj, map[string]int{})
	}
	before := make([]map[string]map[string]bool, o.Order+1)
	for n := range before {
		before[n] = map[string]map[string]bool{}
	}
	known := map[string]bool{"</s>": true}
	for _, text := range texts {
		for _, line := range strings.Split(text, "\n") {
			words := strings.Fields(line)
			if len(words) == 0 {
				continue
			}
			words = append(append([]string{"<s>"}, words...), "</s>")
			or.lines = append(or.lines, words[1:])
			for i := range words {
				known[words[i]] = true
				for n := 1; n <= o.Order && n <= i+1; n++ {
					gram := strings.Join(words[i-n+1:i+1], " ")
					or.raw[n][gram]++
					if i-n >= 0 {
						if before[n][gram] == nil {
							before[n][gram] = map[string]bool{}
						}
						before[n][gram][words[i-n]] = true
					}
				}
			}
		}
	}
	delete(known, "<s>")
	delete(or.raw[1], "<s>")
	for w := range known {
		or.words = append(or.words, w)
	}
	slices.Sort(or.words)
	for n := 1; n <= o.Order; n++ {
		of := [5]float64{}
		for gram, count := range or.raw[n] {
			if n < o.Order && !strings.HasPrefix(gram, "<s>") {
				count = len(before[n][gram])
			}
			or.adj[n][gram] = count
			if count < 5 {
				of[count]++
			}
		}
		y, d := of[1]/(of[1]+2*of[2]), [3]float64{}
		for k := 1; k <= 3; k++ {
			d[k-1] = float64(k) - float64(k+1)*y*of[k+1]/of[k]
		}
		for k := 1; k <= 3; k++ {
			if of[k] == 0 || !(d[k-1] >= 0) || d[k-1] > float64(k) {
				d = [3]float64{0.5, 1, 1.5}
			}
		}
		or.discounts = append(or.discounts, d)
	}
	return or
}

// prob is p(word | the last words of context), of n-grams of n words at most.
func (or *oracle) prob(context []string, word string, n int) float64 {
	if n == 0 {
		return 1 / float64(len(or.words)+1)
	}
	if len(context) > n-1 {
		context = context[len(context)-n+1:]
	}
	if len(context) < n-1 {
		return or.prob(context, word, len(context)+1)
	}
	prefix := strings.Join(append(slices.Clone(context), ""), " ")
	sum, share, own := 0.0, 0.0, 0.0
	for _, w := range or.words {
		count := or.adj[n][prefix+w]
		if count == 0 {
			continue
		}
		sum += float64(count)
		if or.raw[n][prefix+w] <= or.o.Prune[n-1] {
			share += float64(count)
			continue
		}
		d := or.discounts[n-1][min(count, 3)-1]
		share += d
		if w == word {
			own = float64(count) - d
		}
	}
	if n > 1 {
		context = context[1:]
	}
	lower := or.prob(context, word, n-1)
	if sum == 0 {
		return lower
	}
	return own/sum + share/sum*lower
}
