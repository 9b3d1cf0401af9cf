package chat

import (
	"errors"
	"strings"
	"testing"

	"temper/dataset"
	"temper/internal/gguf"
	"temper/model/tokenizer"
)

func tiny(t *testing.T, template string) (*Chat, *tokenizer.Tokenizer) {
	t.Helper()
	f, err := gguf.Open("../tiny/tiny.gguf")
	if err != nil {
		t.Fatal(err)
	}
	tok, err := tokenizer.FromGGUF(f)
	if err != nil {
		t.Fatal(err)
	}
	if template == "" {
		template, _ = f.String("tokenizer.chat_template")
	}
	c, err := New(tok, template, "<|endoftext|>", "<|im_end|>")
	if err != nil {
		t.Fatal(err)
	}
	return c, tok
}

var talk = []dataset.Message{{Role: "user", Content: "What is Cut?"}, {Role: "assistant", Content: "Cut slices s."},
	{Role: "user", Content: "And Fields?"}, {Role: "assistant", Content: "Fields splits s."}}

// TestMask: exactly the answers and their end-of-turn tokens are trained, in both templates, and the ids say the whole text.
func TestMask(t *testing.T) {
	for name, template := range map[string]string{"chatml": "", "default": Default,
		"thought is dropped": "{% for m in messages %}<|im_start|>{{ m.role }}\n{% if loop.last and m.role == 'assistant' %}<think></think>{% endif %}{{ m.content }}<|im_end|>\n{% endfor %}" +
			"{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}",
		"generation": "{% for m in messages %}{% if m.role == 'assistant' %}A: {% generation %}{{ m.content + eos_token }}{% endgeneration %}{% else %}Q: {{ m.content }} {% endif %}{% endfor %}"} {
		t.Run(name, func(t *testing.T) {
			c, tok := tiny(t, template)
			ids, trained, err := c.Encode(talk)
			if err != nil {
				t.Fatal(err)
			}
			var answers strings.Builder
			for i, id := range ids {
				if trained[i] {
					answers.WriteString(strings.ReplaceAll(strings.ReplaceAll(tok.Token(id), "Ġ", " "), "Ċ", "\n"))
				}
			}
			want := "Cut slices s.<|im_end|>Fields splits s.<|im_end|>"
			if name == "thought is dropped" {
				want = "Cut slices s.<|im_end|><think></think>Fields splits s.<|im_end|>"
			}
			if got := answers.String(); got != want {
				t.Errorf("trained text %q, want %q", got, want)
			}
			whole, err := c.Render(talk, false)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := tok.Decode(ids), strings.ReplaceAll(whole, "<|im_end|>", ""); strings.ReplaceAll(got, "<|im_start|>", "") != strings.ReplaceAll(want, "<|im_start|>", "") {
				t.Errorf("ids say %q, want %q", got, want)
			}
		})
	}
}

// TestPrompt: a prompt is the beginning of the conversation with its answer.
func TestPrompt(t *testing.T) {
	c, _ := tiny(t, "")
	prompt, err := c.Prompt(talk[:1])
	if err != nil {
		t.Fatal(err)
	}
	ids, trained, err := c.Encode(talk[:2])
	if err != nil {
		t.Fatal(err)
	}
	for i, id := range prompt {
		if ids[i] != id || trained[i] {
			t.Fatalf("token %d: prompt %d, conversation %d, trained %v", i, id, ids[i], trained[i])
		}
	}
	if !trained[len(prompt)] {
		t.Error("the first token after the prompt is not trained")
	}
}

// TestFailsClosed: what cannot be masked for certain is refused.
func TestFailsClosed(t *testing.T) {
	for name, tt := range map[string]struct {
		template string
		messages []dataset.Message
	}{
		"no answer":            {"", talk[:1]},
		"end not trained":      {"{% for m in messages %}{{ m.content }}{% endfor %}{% if add_generation_prompt %}{% endif %}", talk[:2]},
		"content is changed":   {"{{ messages | length }}{% for m in messages %}{{ m.content | upper + eos_token }}{% endfor %}", talk[:2]},
		"surroundings depend":  {"{{ messages[-1].content | length }}{% for m in messages %}{{ m.content + eos_token }}{% endfor %}", talk[:2]},
		"twice":                {"{{ messages | length }}{% for m in messages %}{{ m.content + m.content + eos_token }}{% endfor %}", talk[:2]},
		"no end":               {"{{ messages | length }}{% for m in messages %}{{ m.content }}{% endfor %}", talk[:2]},
		"the template says no": {"{{ raise_exception('no') }}", talk},
	} {
		c, _ := tiny(t, tt.template)
		if _, _, err := c.Encode(tt.messages); err == nil || name != "the template says no" && !errors.Is(err, ErrMask) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
