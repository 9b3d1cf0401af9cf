package recipe

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"

	"temper/dataset"
	"temper/filter"
)

// Parse reads a recipe, overrides keys by sets ("a.b=v"), fills in the defaults and checks everything that can be known before a
// run. What is wrong comes back as [Problems].
func Parse(file string, b []byte, sets []string) (*Recipe, error) {
	root, err := parse(file, b)
	if err != nil {
		return nil, err
	}
	for _, s := range sets {
		if err := root.set(s); err != nil {
			return nil, err
		}
	}
	d := &decoder{}
	var r Recipe
	d.value(root, reflect.ValueOf(&r).Elem(), "", "")
	if err := d.err(); err != nil {
		return nil, err
	}
	r = r.WithDefaults()
	c := &checker{root: root}
	c.recipe(&r)
	return &r, c.err()
}

// Load reads a recipe's file; its paths that are relative begin at the file's folder.
func Load(file string, sets []string) (*Recipe, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, fmt.Errorf("recipe: %w; name a YAML file, such as a copy of examples/go-docs/recipe.yaml", err)
	}
	if info.IsDir() {
		return nil, Problems{{File: file, Line: 1, Column: 1, What: "is a folder; name the recipe in it"}}
	}
	if info.Size() > maxBytes {
		return nil, Problems{{File: file, Line: 1, Column: 1, What: fmt.Sprintf("the file has %d bytes; a recipe has at most %d", info.Size(), maxBytes)}}
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("recipe: %w", err)
	}
	r, err := Parse(file, b, sets)
	if err != nil {
		return nil, err
	}
	return r, r.rebase(file)
}

// A checker places what is wrong with values.
type checker struct {
	problems
	root *node
}

// at finds the deepest node on a path that is there.
func (c *checker) at(path ...string) *node {
	n := c.root
	for _, key := range path {
		next := n.get(key)
		if i, err := strconv.Atoi(key); err == nil && n.kind == list && i < len(n.values) {
			next = n.values[i]
		}
		if next == nil {
			return n
		}
		n = next
	}
	return n
}

var word = regexp.MustCompile(`^([a-z][a-z0-9_]*)(?:\[(\d+)\])?`)

// wrong places an error of an engine: its message begins with the key it is about, below path.
func (c *checker) wrong(err error, path ...string) {
	if err == nil {
		return
	}
	message := strings.TrimSuffix(err.Error(), ": "+dataset.ErrMalformed.Error())
	n, key := c.at(path...), spell(path)
	for rest := message; ; {
		m := word.FindStringSubmatch(rest)
		if m == nil || n.get(m[1]) == nil {
			break
		}
		n, key = n.get(m[1]), join(key, m[1])
		if i, err := strconv.Atoi(m[2]); err == nil && n.kind == list && i < len(n.values) {
			n, key = n.values[i], fmt.Sprintf("%s[%d]", key, i)
		}
		rest = strings.TrimLeft(rest[len(m[0]):], ".: ")
	}
	c.add(n, key, "%s", message)
}

// spell writes a path as keys are written.
func spell(path []string) string {
	var b strings.Builder
	for _, p := range path {
		if _, err := strconv.Atoi(p); err == nil {
			b.WriteString("[" + p + "]")
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('.')
		}
		b.WriteString(p)
	}
	return b.String()
}

func (c *checker) recipe(r *Recipe) {
	c.wrong(dataset.CheckName(r.Name), "name")
	if len(r.Collect) == 0 {
		c.add(c.at("collect"), "collect", "is empty; name at least one source, such as go_doc, jsonl, text or markdown")
	}
	for i, s := range r.Collect {
		c.wrong(s.Validate(), "collect", strconv.Itoa(i))
	}
	c.filter(r)
	c.dedup(r)
	if r.Decontaminate != nil {
		c.wrong(r.Decontaminate.Validate(), "decontaminate")
	}
	for i, s := range r.Synthesize {
		at := []string{"synthesize", strconv.Itoa(i)}
		c.wrong(s.Validate(), at...)
		if q := s.QuestionsFromText; q != nil && q.Model.Endpoint == "" && q.Model.Base == "self" && r.Tune == nil {
			c.wrong(errors.New("questions_from_text.model.base is self, the base to be tuned, and there is no tune: name a base, or an endpoint"), at...)
		}
	}
	if r.Split.Test <= 0 || r.Split.Test > 50 {
		c.wrong(fmt.Errorf("test is %s; it must be above 0%% and at most 50%%", r.Split.Test), "split")
	}
	if f := r.Split.Stratify; f != "" {
		if err := dataset.CheckField(f); err != nil {
			c.wrong(fmt.Errorf("stratify: %w", err), "split")
		}
	}
	if r.Mix != nil {
		c.wrong(r.Mix.Validate(), "mix")
	}
	c.tune(r)
	c.schedule(r.Schedule)
}

// filter checks steps one by one, and expressions with the steps before them.
func (c *checker) filter(r *Recipe) {
	for i := range r.Filter {
		if err := r.Filter[i].Validate(); err != nil {
			c.wrong(err, "filter", strconv.Itoa(i))
			return
		}
		if err := filter.Check(r.Filter[:i+1]); err != nil {
			message := strings.TrimPrefix(err.Error(), fmt.Sprintf("step %d: ", i+1))
			c.wrong(errors.New(message), "filter", strconv.Itoa(i))
			return
		}
	}
}

func (c *checker) dedup(r *Recipe) {
	var exact, near bool
	for i, s := range r.Dedup {
		at := []string{"dedup", strconv.Itoa(i)}
		switch {
		case (s.Exact == nil) == (s.Near == nil):
			c.wrong(errors.New("a step has exactly one of exact, near"), at...)
		case s.Exact != nil && (exact || near):
			c.wrong(errors.New("exact: comes once, and first"), at...)
		case s.Exact != nil:
			c.wrong(s.Exact.Validate(), at...)
		case s.Near != nil && near:
			c.wrong(errors.New("near: is there twice"), at...)
		case s.Near != nil:
			c.wrong(s.Near.Validate(), at...)
		}
		exact, near = exact || s.Exact != nil, near || s.Near != nil
	}
}

func (c *checker) tune(r *Recipe) {
	if r.Tune == nil {
		if r.Gate != nil {
			c.add(c.at("gate"), "gate", "there is no tune: nothing to decide on; add tune, or leave gate out")
		}
		return
	}
	if strings.TrimSpace(r.Tune.Base) == "" {
		c.add(c.at("tune", "base"), "tune.base", "is empty; give a name of the catalogue, or the path of a GGUF file")
	}
	c.wrong(r.Tune.LoRA.Validate(), "tune", "lora")
	c.wrong(r.Tune.Train.Validate(), "tune", "train")
	if n := r.Tune.Answers; n < 0 || n > 20 {
		c.wrong(fmt.Errorf("answers is %d; it must be 1 to 20", n), "tune")
	}
}

// field is one field of a cron expression, as Temporal reads it.
var field = regexp.MustCompile(`^[0-9A-Za-z*/,?#L-]+$`)

func (c *checker) schedule(s *Schedule) {
	if s == nil {
		return
	}
	parts := strings.Fields(s.Cron)
	ok := len(parts) == 5
	for _, p := range parts {
		ok = ok && field.MatchString(p)
	}
	if !ok {
		c.wrong(fmt.Errorf("cron is %q; it must be minute, hour, day of month, month, day of week, such as \"0 2 * * *\"", s.Cron), "schedule")
	}
	if _, err := time.LoadLocation(s.TimeZone); err != nil {
		c.wrong(fmt.Errorf("time_zone is %q; it must be an IANA name, such as Europe/Berlin", s.TimeZone), "schedule")
	}
}
