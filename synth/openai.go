package synth

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// An OpenAI is a model behind an OpenAI-compatible endpoint.
type OpenAI struct {
	Endpoint string        // such as https://api.openai.com/v1
	Model    string        // the endpoint's name for it
	Key      func() string // nil: no key is sent
	HTTP     *http.Client  // nil: http.DefaultClient
}

// maxResponse bounds a response, in bytes.
const maxResponse = 4 << 20

// Name implements Model.
func (o *OpenAI) Name() string { return o.Endpoint + " " + o.Model }

// Scores implements Model: the interface has no likelihoods of given texts.
func (o *OpenAI) Scores() bool { return false }

// Complete implements Model, one request after the other. Errors name the URL and what to do.
func (o *OpenAI) Complete(ctx context.Context, reqs []Request) ([]Response, error) {
	out := make([]Response, len(reqs))
	for i, r := range reqs {
		if len(r.Choices) > 0 {
			return nil, errors.New("an endpoint cannot score choices")
		}
		var err error
		if out[i], err = o.one(ctx, r); err != nil {
			return nil, err
		}
	}
	return out, nil
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
	if o.Key != nil {
		req.Header.Set("Authorization", "Bearer "+o.Key())
	}
	client := o.HTTP
	if client == nil {
		client = http.DefaultClient
	}
	res, err := client.Do(req)
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
		return Response{}, refusal(url, res, b)
	}
	var c completion
	if err := json.Unmarshal(b, &c); err != nil || len(c.Choices) == 0 {
		return Response{}, fmt.Errorf("%s: not a chat completion: %.200s", url, b)
	}
	return Response{Text: c.Choices[0].Message.Content, PromptTokens: c.Usage.PromptTokens, OutputTokens: c.Usage.CompletionTokens, Stop: c.Choices[0].FinishReason}, nil
}

// refusal says what an answer other than 200 means.
func refusal(url string, res *http.Response, body []byte) error {
	what := ""
	switch res.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden:
		what = "; check the key in the variable that model.api_key_env names"
	case http.StatusNotFound:
		what = "; check model.endpoint and model.name"
	case http.StatusTooManyRequests:
		what = "; the endpoint wants fewer requests"
		if after := res.Header.Get("Retry-After"); after != "" {
			what += ", again after " + after
		}
	}
	return fmt.Errorf("%s: %s%s: %.200s", url, res.Status, what, body)
}
