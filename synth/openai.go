package synth

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"temper/dataset"
)

// An OpenAI is a model behind an OpenAI-compatible endpoint.
type OpenAI struct {
	Endpoint string        // such as https://api.openai.com/v1
	Model    string        // the endpoint's name for it
	Key      func() string // nil: no key is sent
	HTTP     *http.Client  // nil: http.DefaultClient
}

const (
	inFlight    = 8         // requests that are put to an endpoint at once
	maxResponse = 4 << 20   // bytes
	maxAfter    = time.Hour // longest wait that is taken from an endpoint
)

// A Refusal is an endpoint's answer that is not 200.
type Refusal struct {
	URL    string
	Status int
	After  time.Duration // how long it says to wait; 0: it does not
	Text   string        // the beginning of what it says, without the key
}

// Error says what to do.
func (r *Refusal) Error() string {
	what := ""
	switch r.Status {
	case http.StatusUnauthorized, http.StatusForbidden:
		what = "; check the key in the variable that model.api_key_env names"
	case http.StatusNotFound:
		what = "; check model.endpoint and model.name"
	case http.StatusTooManyRequests:
		what = "; the endpoint wants fewer requests"
	}
	if r.After > 0 {
		what += fmt.Sprintf(", again after %v", r.After)
	}
	return fmt.Sprintf("%s: %d %s%s: %s", r.URL, r.Status, http.StatusText(r.Status), what, r.Text)
}

// Temporary reports whether asking again later can help: there is too much to do, or something broke at the endpoint.
func (r *Refusal) Temporary() bool {
	return r.Status == http.StatusTooManyRequests || r.Status == http.StatusRequestTimeout || r.Status >= 500
}

// Name implements Model.
func (o *OpenAI) Name() string { return o.Endpoint + " " + o.Model }

// Scores implements Model: the interface has no likelihoods of given texts.
func (o *OpenAI) Scores() bool { return false }

// Complete implements Model, a few requests at once. It does not ask again: that is for the caller, who can wait longer. Errors name
// the URL and what to do, and never the key; an answer other than 200 is a [Refusal].
func (o *OpenAI) Complete(ctx context.Context, reqs []Request) ([]Response, error) {
	type answer struct {
		Response
		err error // its own: the others' answers are good
	}
	each := func(yield func(Request, error) bool) {
		for _, r := range reqs {
			if !yield(r, nil) {
				return
			}
		}
	}
	var out []Response
	var failed error
	for a, err := range dataset.Map(each, inFlight, func(r Request) (answer, error) {
		res, err := o.one(ctx, r)
		return answer{res, err}, nil
	}) {
		out = append(out, a.Response)
		failed = cmp.Or(failed, a.err, err)
	}
	return out, failed
}

// completion is the part of an answer that is read.
type completion struct {
	Choices []struct {
		Message      struct{ Content string } `json:"message"`
		FinishReason string                   `json:"finish_reason"`
	} `json:"choices"`
	Usage struct {
		PromptTokens     int64 `json:"prompt_tokens"`
		CompletionTokens int64 `json:"completion_tokens"`
	} `json:"usage"`
}

func (o *OpenAI) one(ctx context.Context, r Request) (Response, error) {
	if len(r.Choices) > 0 {
		return Response{}, errors.New("an endpoint cannot score choices")
	}
	url := strings.TrimSuffix(o.Endpoint, "/") + "/chat/completions"
	body, err := json.Marshal(map[string]any{"model": o.Model, "messages": r.Messages, "max_tokens": r.MaxTokens, "temperature": r.Temperature, "seed": r.Seed})
	if err != nil {
		return Response{}, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return Response{}, fmt.Errorf("endpoint %s: %w", o.Endpoint, err)
	}
	req.Header.Set("Content-Type", "application/json")
	key := ""
	if o.Key != nil {
		key = o.Key()
		req.Header.Set("Authorization", "Bearer "+key)
	}
	res, err := cmp.Or(o.HTTP, http.DefaultClient).Do(req)
	if err != nil {
		return Response{}, fmt.Errorf("the model's endpoint cannot be reached: %w; check model.endpoint, and that the server runs", err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(io.LimitReader(res.Body, maxResponse+1))
	if err != nil {
		return Response{}, fmt.Errorf("%s: %w", url, err)
	}
	if len(b) > maxResponse {
		return Response{}, fmt.Errorf("%s: an answer of more than %d bytes", url, maxResponse)
	}
	if res.StatusCode != http.StatusOK {
		return Response{}, &Refusal{URL: url, Status: res.StatusCode, After: after(res.Header.Get("Retry-After"), time.Now()), Text: excerpt(b, key)}
	}
	var c completion
	if err := json.Unmarshal(b, &c); err != nil || len(c.Choices) == 0 {
		return Response{}, fmt.Errorf("%s: not a chat completion: %s", url, excerpt(b, key))
	}
	return Response{Text: c.Choices[0].Message.Content, PromptTokens: c.Usage.PromptTokens, OutputTokens: c.Usage.CompletionTokens,
		Stop: cmp.Or(c.Choices[0].FinishReason, "stop")}, nil
}

// excerpt is the beginning of what an endpoint says. Some repeat the key they were sent: it is not passed on.
func excerpt(b []byte, key string) string {
	s := string(b)
	if key != "" {
		s = strings.ReplaceAll(s, key, "***")
	}
	return strings.ToValidUTF8(cutRunes(s, 200), "\uFFFD")
}

// after reads a Retry-After: seconds, or a date (RFC 9110, §10.2.3). It is 0 where there is none, and at most an hour.
func after(value string, now time.Time) time.Duration {
	if n, err := strconv.ParseUint(value, 10, 31); err == nil {
		return min(time.Duration(n)*time.Second, maxAfter)
	}
	if at, err := http.ParseTime(value); err == nil && at.After(now) {
		return min(at.Sub(now).Round(time.Second), maxAfter)
	}
	return 0
}
