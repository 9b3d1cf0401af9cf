package lora

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"

	"temper/dataset"
)

// ends are a model's embedding and head.
var ends = []Module{{"model.embed_tokens", 6, 20}, {"lm_head", 6, 20}}

// withEnds is an adapter with an embedding and a head of its own.
func withEnds(t testing.TB) *Adapter {
	a := filled(t)
	for _, m := range ends {
		s := Saved{m, make([]float32, m.Out*m.In)}
		fillUniform(s.W, 1, 13, m.Name)
		a.Saved = append(a.Saved, s)
	}
	return a
}

// TestNewSaved holds which modules a new adapter trains whole, and what is refused.
func TestNewSaved(t *testing.T) {
	all := append(append([]Module{}, modules...), ends...)
	a, err := New(all, Options{Save: []string{"lm_head", "embed_tokens"}}, 1)
	if err != nil || len(a.Saved) != 2 || a.Saved[0].Module != ends[0] || a.Saved[1].Module != ends[1] || len(a.Pairs) != len(modules) {
		t.Fatalf("%+v, %v", a, err)
	}
	if got, want := a.Parameters(), adapter(t, Options{}).Parameters()+2*6*20; got != want {
		t.Errorf("%d values, want %d", got, want)
	}
	if _, err := a.Files(); err == nil || !strings.Contains(err.Error(), "model.embed_tokens has no values yet") {
		t.Errorf("files before training: %v", err)
	}
	if err := a.Fits(all[:len(all)-1]); err == nil || !strings.Contains(err.Error(), "lm_head") {
		t.Errorf("a base without a head: %v", err)
	}
	for says, o := range map[string]Options{`modules_to_save has "score"`: {Save: []string{"score"}}, `has "lm_head"; it must be some of embed_tokens,lm_head, each once`: {Save: []string{"lm_head", "lm_head"}}} {
		if _, err := New(all, o, 1); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("error is %v; it should say %q", err, says)
		}
	}
	if _, err := New(modules, Options{Save: []string{"lm_head"}}, 1); err == nil {
		t.Error("a base without a head: no error")
	}
}

// TestSavedFiles holds that whole modules are written under PEFT's names and read back as they were, whatever their order in the
// config, and what is refused.
func TestSavedFiles(t *testing.T) {
	a := withEnds(t)
	files, err := a.Files()
	if err != nil {
		t.Fatal(err)
	}
	head, weights := files[ConfigFile], files[WeightsFile]
	for _, name := range []string{`"base_model.model.model.embed_tokens.weight":{"dtype":"F32","shape":[20,6]`, `"base_model.model.lm_head.weight":{"dtype":"F32","shape":[20,6]`} {
		if !bytes.Contains(weights, []byte(name)) {
			t.Errorf("no %s", name)
		}
	}
	list := []byte("[\n    \"embed_tokens\",\n    \"lm_head\"\n  ]")
	for _, order := range []string{string(list), `["lm_head", "embed_tokens"]`, `["lm_head", "model.embed_tokens"]`} {
		back, err := Parse(bytes.Replace(head, list, []byte(order), 1), weights)
		if err != nil || !reflect.DeepEqual(back, a) {
			t.Errorf("%s: read back %+v, %v", order, back, err)
		}
	}
	for says, list2 := range map[string]string{"no part of the adapter": `["lm_head"]`, "twice": `["lm_head", "lm_head"]`} {
		if _, err := Parse(bytes.Replace(head, list, []byte(list2), 1), weights); err == nil || !strings.Contains(err.Error(), says) || errors.Is(err, dataset.ErrMalformed) != (says == "twice") {
			t.Errorf("%s: error is %v; it should say %q", list2, err, says)
		}
	}
	c := a.Clone()
	if c.Saved[0].W[0]++; c.Saved[0].W[0] == a.Saved[0].W[0] {
		t.Error("a clone shares its values")
	}
}
