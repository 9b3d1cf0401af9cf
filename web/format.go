package web

import (
	"encoding/json"
	"fmt"
	"html/template"
	"math"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"temper/activities"
	"temper/dataset"
	"temper/recipe"
	"temper/worker"
)

// functions are what the templates use beside their data.
var functions = template.FuncMap{
	"bytes":   Bytes,
	"count":   Count,
	"num":     number,
	"times":   func(a, b float64) float64 { return a * b },
	"change":  Change,
	"short":   short,
	"json":    indented,
	"recipe":  RecipeText,
	"took":    took,
	"secs":    Seconds,
	"when":    func(t time.Time) string { return t.Local().Format("2006-01-02 15:04:05") },
	"iso":     func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
	"run":     runPath,
	"rejects": rejectsPath,
	"dataset": func(name, version string) string { return "/" + dataset.DatasetDir(name, version) },
	"adapter": func(name, version string) string {
		return "/" + strings.TrimSuffix(activities.AdapterDir(name, version), "/")
	},
	"rows": func(name, version string, pairs ...string) string {
		return "/" + dataset.DatasetDir(name, version) + "/rows" + query(pairs...)
	},
	"round":   math.Round,
	"plural":  plural,
	"percent": func(part, whole int64) string { return fmt.Sprintf("%.1f %%", 100*share(part, whole)) },
	"bar":     func(part, whole int64) string { return fmt.Sprintf("%.1f", 100*share(part, whole)) },
}

// runPath is the page of a run, whose ID may hold anything.
func runPath(id string) string { return "/runs/" + url.PathEscape(id) }

// rejectsPath is the page of the rows a run has dropped.
func rejectsPath(id string, pairs ...string) string {
	return "/rejects/" + url.PathEscape(id) + query(pairs...)
}

// plural is n of a thing: 1 check, 2 checks.
func plural(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return Count(int64(n)) + " " + thing + "s"
}

// query is keys and values as a query string; pairs without a value are left out.
func query(pairs ...string) string {
	v := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			v.Set(pairs[i], pairs[i+1])
		}
	}
	if len(v) == 0 {
		return ""
	}
	return "?" + v.Encode()
}

// share is part of whole, 0 to 1.
func share(part, whole int64) float64 {
	if whole <= 0 || part <= 0 {
		return 0
	}
	return min(1, float64(part)/float64(whole))
}

// Bytes prints a size for people: 98.4 MB.
func Bytes(n int64) string {
	units := []string{"B", "kB", "MB", "GB", "TB"}
	f, i := float64(n), 0
	for f >= 1000 && i < len(units)-1 {
		f, i = f/1000, i+1
	}
	if i == 0 {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%.1f %s", f, units[i])
}

// Count prints a number with commas between its thousands.
func Count(n int64) string {
	digits := strconv.FormatInt(n, 10)
	for i := len(digits) - 3; i > 0 && digits[i-1] != '-'; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// number prints a measured value: whole ones as counts, others with what tells them apart.
func number(v float64) string {
	if v == math.Trunc(v) && math.Abs(v) < 1e15 {
		return Count(int64(v))
	}
	return strconv.FormatFloat(v, 'g', 5, 64)
}

// Change prints by how many percent to differs from from, or "" where that says nothing.
func Change(from, to float64) string {
	if from == 0 || to == 0 {
		return ""
	}
	return fmt.Sprintf("%+.1f %%", 100*(to/from-1))
}

// Seconds prints a time for people: 0.4 s, 12 s, 3 min 20 s, 2 h 5 min.
func Seconds(s float64) string {
	switch d := time.Duration(s * float64(time.Second)); {
	case s < 10:
		return fmt.Sprintf("%.1f s", s)
	case d < time.Minute:
		return fmt.Sprintf("%.0f s", s)
	case d < time.Hour:
		return fmt.Sprintf("%d min %d s", int(d.Minutes()), int(d.Seconds())%60)
	default:
		return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
	}
}

// Took is how long a run took, or has been going.
func Took(r worker.Run) time.Duration {
	if r.Ended.IsZero() {
		return time.Since(r.Started)
	}
	return r.Ended.Sub(r.Started)
}

func took(r worker.Run) string { return Seconds(Took(r).Seconds()) }

// short is the beginning of a digest or version.
func short(s string) string { return s[:min(12, len(s))] }

// cut is the first characters of s, at most n bytes of it, and how many bytes are left.
func cut(s string, n int) (head string, left int) {
	if len(s) <= n {
		return s, 0
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n], len(s) - n
}

// RecipeText is a recipe that a manifest holds as JSON, in the YAML that recipes are written in.
func RecipeText(manifest string) string {
	var r recipe.Recipe
	if err := json.Unmarshal([]byte(manifest), &r); err != nil {
		return indented(manifest) // of another version of this program
	}
	return r.YAML()
}

// indented is v as JSON for people; a string that holds JSON is taken as it.
func indented(v any) string {
	if s, ok := v.(string); ok {
		var parsed any
		if json.Unmarshal([]byte(s), &parsed) != nil {
			return s
		}
		v = parsed
	}
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return fmt.Sprint(v)
	}
	return strings.TrimSpace(b.String())
}
