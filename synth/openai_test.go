package synth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"temper/dataset"
)

const secret = "sk-very-secret"

// endpoint serves chat completions with h, and returns a client of it.
func endpoint(t *testing.T, h http.HandlerFunc) *OpenAI {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return &OpenAI{Endpoint: s.URL + "/v1", Model: "m", Key: func() string { return secret }, HTTP: s.Client()}
}

// say answers with a completion.
func saying(w http.ResponseWriter, text string) {
	json.NewEncoder(w).Encode(map[string]any{
		"choices": []any{map[string]any{"message": map[string]any{"role": "assistant", "content": text}, "finish_reason": "stop"}},
		"usage":   map[string]any{"prompt_tokens": 5, "completion_tokens": 3},
	})
}

// ask is n different requests.
func ask(n int) []Request {
	var out []Request
	for i := range n {
		out = append(out, Request{Messages: []dataset.Message{{Role: "user", Content: fmt.Sprintf("question %d", i)}}, MaxTokens: 9, Temperature: 0.5, Seed: 3})
	}
	return out
}

// TestOpenAI: requests arrive as the interface has them, a bounded number at once, and the answers come in the order of the requests.
func TestOpenAI(t *testing.T) {
	var now, most atomic.Int64
	o := endpoint(t, func(w http.ResponseWriter, r *http.Request) {
		n := now.Add(1)
		defer now.Add(-1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		var body struct {
			Model       string
			Messages    []dataset.Message
			MaxTokens   int `json:"max_tokens"`
			Temperature float64
			Seed        uint64
		}
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			t.Error(err)
		}
		if r.URL.Path != "/v1/chat/completions" || r.Header.Get("Authorization") != "Bearer "+secret || body.Model != "m" || body.MaxTokens != 9 || body.Temperature != 0.5 || body.Seed != 3 {
			t.Errorf("%s %v %+v", r.URL, r.Header, body)
		}
		saying(w, "answer to "+body.Messages[0].Content)
	})
	got, err := o.Complete(context.Background(), ask(40))
	if err != nil || len(got) != 40 {
		t.Fatalf("%d answers, %v", len(got), err)
	}
	for i, r := range got {
		if r.Text != fmt.Sprintf("answer to question %d", i) || r.Stop != "stop" || r.PromptTokens != 5 || r.OutputTokens != 3 {
			t.Errorf("answer %d: %+v", i, r)
		}
	}
	if most.Load() > inFlight {
		t.Errorf("%d requests at once", most.Load())
	}
}

// TestOpenAIRefused: what is not an answer is an error that names the address and says what to do, tells what is worth another try and
// when, and never has the key in it.
func TestOpenAIRefused(t *testing.T) {
	tests := []struct {
		name      string
		answer    func(w http.ResponseWriter)
		want      string
		refusal   bool
		temporary bool
		after     time.Duration
	}{
		{"too many", func(w http.ResponseWriter) { w.Header().Set("Retry-After", "7"); w.WriteHeader(429) }, "fewer requests, again after 7s", true, true, 7 * time.Second},
		{"too many, for years", func(w http.ResponseWriter) { w.Header().Set("Retry-After", "999999999"); w.WriteHeader(429) }, "again after 1h", true, true, time.Hour},
		{"broken", func(w http.ResponseWriter) { w.WriteHeader(500) }, "500 Internal Server Error", true, true, 0},
		{"overloaded", func(w http.ResponseWriter) { w.WriteHeader(503); fmt.Fprint(w, "busy") }, "busy", true, true, 0},
		{"wrong key", func(w http.ResponseWriter) { w.WriteHeader(401); fmt.Fprint(w, "Incorrect API key: "+secret) }, "check the key in the variable", true, false, 0},
		{"wrong path", func(w http.ResponseWriter) { w.WriteHeader(404) }, "check model.endpoint and model.name", true, false, 0},
		{"no JSON", func(w http.ResponseWriter) { fmt.Fprint(w, "<html>"+secret) }, "not a chat completion: <html>***", false, false, 0},
		{"no choices", func(w http.ResponseWriter) { fmt.Fprint(w, `{"choices":[]}`) }, "not a chat completion", false, false, 0},
		{"too long", func(w http.ResponseWriter) { w.Write(make([]byte, maxResponse+1)) }, "more than 4194304 bytes", false, false, 0},
		{"breaks off", func(w http.ResponseWriter) { w.Header().Set("Content-Length", "100"); fmt.Fprint(w, "{") }, "unexpected EOF", false, false, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := endpoint(t, func(w http.ResponseWriter, _ *http.Request) { tt.answer(w) })
			_, err := o.Complete(context.Background(), ask(1))
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), o.Endpoint) {
				t.Fatalf("error %v; want %q and the address", err, tt.want)
			}
			if strings.Contains(err.Error(), secret) {
				t.Errorf("the key is in the error: %v", err)
			}
			var r *Refusal
			if errors.As(err, &r) != tt.refusal || r != nil && (r.Temporary() != tt.temporary || r.After != tt.after) {
				t.Errorf("refusal %+v; want %v, temporary %v, after %v", r, tt.refusal, tt.temporary, tt.after)
			}
		})
	}
}

// TestOpenAIUnreachable: an endpoint that is not there is an error that names its address and says what to check.
func TestOpenAIUnreachable(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	o := &OpenAI{Endpoint: "http://" + address + "/v1", Model: "m", Key: func() string { return secret }}
	_, err = o.Complete(context.Background(), ask(1))
	if err == nil || !strings.Contains(err.Error(), address) || !strings.Contains(err.Error(), "check model.endpoint") || strings.Contains(err.Error(), secret) {
		t.Errorf("error %v", err)
	}
}

// TestOpenAIPartly: where one request fails, the answers to the others are there, are kept, and are not asked for again.
func TestOpenAIPartly(t *testing.T) {
	var fails atomic.Bool
	var asked atomic.Int64
	fails.Store(true)
	o := endpoint(t, func(w http.ResponseWriter, r *http.Request) {
		var body struct{ Messages []dataset.Message }
		json.NewDecoder(r.Body).Decode(&body)
		if fails.Load() && body.Messages[0].Content == "question 3" {
			w.WriteHeader(500)
			return
		}
		asked.Add(1)
		saying(w, "fine")
	})
	w := &asker{ctx: context.Background(), Asking: Asking{Model: o, Cache: memory{}}}
	if _, err := w.complete(ask(8)); err == nil {
		t.Fatal("no error")
	}
	fails.Store(false)
	got, err := w.complete(ask(8))
	if err != nil || len(got) != 8 || got[3].Text != "fine" {
		t.Fatalf("%v, %v", got, err)
	}
	if n := asked.Load(); n != 8 {
		t.Errorf("%d answers were given for 8 requests", n)
	}
}

// TestOpenAICancel: a cancelled context ends a request that does not answer.
func TestOpenAICancel(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	release := make(chan struct{})
	o := endpoint(t, func(w http.ResponseWriter, r *http.Request) {
		cancel()
		<-release
	})
	defer close(release)
	if _, err := o.Complete(ctx, ask(1)); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want the context's error", err)
	}
}

// TestAfter: Retry-After is seconds or a date.
func TestAfter(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"": 0, "0": 0, "3": 3 * time.Second, "-1": 0, "soon": 0, "1.5": 0, "86400": time.Hour,
		now.Add(90 * time.Second).Format(http.TimeFormat): 90 * time.Second, now.Add(-time.Hour).Format(http.TimeFormat): 0,
	} {
		if got := after(value, now); got != want {
			t.Errorf("%q: %v, want %v", value, got, want)
		}
	}
}

// TestQuestionsValidate: options that cannot work are refused, secrets in addresses among them.
func TestQuestionsValidate(t *testing.T) {
	at := func(endpoint string) Questions { return Questions{Model: ModelRef{Endpoint: endpoint, Name: "m"}} }
	for _, tt := range []struct {
		o    Questions
		want string
	}{
		{Questions{}, ""},
		{at("http://127.0.0.1:8080/v1"), ""},
		{at("https://user:secret@host/v1"), "without user and password"},
		{at("https://host/v1?key=secret"), "must be an http or https address"},
		{at("host:8080"), "must be an http or https address"},
		{Questions{Model: ModelRef{Endpoint: "http://h/v1"}}, "endpoint and name"},
		{Questions{Model: ModelRef{Name: "m"}}, "belong to an endpoint"},
		{Questions{PerRecord: 2}, "raise temperature"},
		{Questions{Judge: Judge{Min: 11}}, "judge.min"},
		{Questions{MinText: 10, MaxText: 5}, "min_text"},
		{Questions{MaxTokens: 2}, "max_tokens"},
	} {
		err := tt.o.WithDefaults().Validate()
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: %v, want %q", tt.o, err, tt.want)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("the secret is in the error: %v", err)
		}
	}
}
