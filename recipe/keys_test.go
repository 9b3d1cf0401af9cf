package recipe

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// whole is a recipe that says every key once, so that each can be changed.
const whole = `name: x
collect:
  - go_doc: {root: /a}
  - jsonl: {root: /b}
  - text: {root: /c}
  - markdown: {root: /d}
  - json: {root: /f}
  - csv: {root: /g}
  - parquet: {root: /h}
  - html: {root: "https://host/i", depth: 1}
  - warc: {root: /j}
  - code: {root: /k}
  - arrow: {root: /l}
  - sql: {root: /m, query: SELECT 1}
filter:
  - fix_text: {}
  - language: {keep: [en]}
  - gopher_quality: {}
  - gopher_repetition: {}
  - url: {words: [a]}
  - c4: {}
  - fineweb: {}
  - refinedweb: {}
  - nemo: {}
  - bad_words: {lists: [{language: en, words: [b]}]}
  - classifier: {file: m.json}
  - perplexity: {file: m.ngram}
  - instructions: {}
  - pii: {key_id: 0123abcd}
  - where: "true"
dedup:
  - exact: {}
  - near: {}
decontaminate: {against: [/e.jsonl]}
synthesize:
  - pairs: {templates: [{name: a, ask: [b], answer: c}]}
  - questions_from_text: {model: {endpoint: "http://127.0.0.1:1/v1", name: m}, temperature: 1}
  - questions_from_text: {model: {base: self}}
mix: {by: language, groups: [{name: en}]}
tune: {base: tiny}
gate: {}
schedule: {cron: "0 2 * * *"}
`

// noModel is a classifier whose weights are 0.
const noModel = `'{"format":"temper-linear/1","bits":16,"scale":1,"weights":"KLUv/WQA/wMACACkFVfx"}'`

// A leaf is a key that holds a value, in a place where --set reaches it.
type leaf struct {
	path string
	typ  reflect.Type
	tag  reflect.StructTag
}

// leaves lists all keys with a value, from the structs that recipes are read into.
func leaves(t reflect.Type, path string) (all []leaf) {
	names, at := fields(t)
	for _, name := range names {
		f := t.Field(at[name])
		key, typ := join(path, name), f.Type
		if typ.Kind() == reflect.Pointer {
			typ = typ.Elem()
		}
		switch {
		case typ.Kind() == reflect.Struct:
			all = append(all, leaves(typ, key)...)
		case typ.Kind() == reflect.Slice && typ.Elem().Kind() == reflect.Struct && oneOf(typ.Elem()):
			all = append(all, leaves(typ.Elem(), key)...)
		case typ.Kind() == reflect.Slice && typ.Elem().Kind() == reflect.Struct:
			all = append(all, leaves(typ.Elem(), key+".0")...)
		default:
			all = append(all, leaf{key, typ, f.Tag})
		}
	}
	return all
}

// other gives values for a key that differ from its default and may be right.
func (l leaf) other() []string {
	var enum []string
	for _, v := range strings.Split(l.tag.Get("enum"), ",") {
		if v != "" && v != l.tag.Get("default") {
			enum = append(enum, v)
		}
	}
	switch {
	case l.typ == percentType:
		return []string{"3.5%"}
	case l.typ == durationType:
		return []string{"7m"}
	case len(enum) > 0 || l.tag.Get("enum") != "":
		return enum
	case l.typ.Kind() == reflect.Slice:
		return []string{"[fr]", "[head]", "[ip]", "[javascript]", "[banned]", "[DE]", "[q_proj=4]", "[lm_head]", "[other]"}
	case l.typ.Kind() == reflect.Bool:
		return []string{"true", "false"}
	case l.typ.Kind() == reflect.Float64:
		return []string{"0.07", "7"}
	case l.typ.Kind() == reflect.String:
		return []string{"notes@0123456789ab", "best:stars", "license", "q_proj", "words > 3", "1 3 * * *", "Europe/Berlin", "'{{.doc}}'", "http://127.0.0.1:9/v1", "de", "windows-1252", noModel, "other"}
	}
	return []string{"3", "12", "150", "2MiB"}
}

// effect is all that a recipe makes: the run's input, without the copy of the recipe itself, and the schedule.
func effect(t *testing.T, sets ...string) (string, error) {
	r, err := Parse("whole.yaml", []byte(whole), sets)
	if err != nil {
		return "", err
	}
	in, err := Compile(r)
	if err != nil {
		t.Fatal(err)
	}
	in.Recipe = ""
	b, err := json.Marshal([]any{in, r.Schedule})
	if err != nil {
		t.Fatal(err)
	}
	return string(b), nil
}

// Every key is read by something: another value of it makes another run. A key that has one value only refuses others.
func TestEveryKeyIsRead(t *testing.T) {
	before, err := effect(t)
	if err != nil {
		t.Fatal(err)
	}
	all := leaves(reflect.TypeFor[Recipe](), "")
	if len(all) < 80 {
		t.Fatalf("only %d keys found", len(all))
	}
	for _, l := range all {
		if only := l.tag.Get("enum"); only != "" && len(l.other()) == 0 {
			if _, err := effect(t, l.path+"=other"); err == nil {
				t.Errorf("%s: takes a value that is not %s", l.path, only)
			}
			continue
		}
		changed, last := false, error(nil)
		for _, v := range l.other() {
			// The first element that has the key asks an endpoint, which goes without a base.
			path := strings.Replace(l.path, "synthesize.questions_from_text.model.base", "synthesize.2.questions_from_text.model.base", 1)
			sets := []string{path + "=" + v}
			if l.path == "tune.train.steps" || l.path == "tune.train.epochs" {
				sets = append(sets, fmt.Sprintf("%s=", map[string]string{"tune.train.steps": "tune.train.epochs", "tune.train.epochs": "tune.train.steps"}[l.path]))
			}
			if l.path == "collect.sql.connection" {
				sets = append(sets, "collect.sql.root=")
			}
			after, err := effect(t, sets...)
			if err != nil {
				last = err
			} else if after != before {
				changed = true
				break
			}
		}
		if !changed {
			t.Errorf("%s: no value of %q makes another run (%v)", l.path, l.other(), last)
		}
	}
}
