package jinja

import (
	"errors"
	"strings"
	"testing"
)

// TestRender: what Jinja2 with trim_blocks and lstrip_blocks renders; interop compares with Python's.
func TestRender(t *testing.T) {
	vars := func() map[string]any {
		return map[string]any{"name": "Ada", "n": 3, "xs": []any{"a", "b"}, "m": map[string]any{"role": "user", "content": " hi "}}
	}
	tests := []struct{ in, want string }{
		{"plain { text } %", "plain { text } %"},
		{"{{ name }} {{ 'a' + 'b' ~ n }}", "Ada ab3"},
		{"{% for x in xs %}{{ loop.index }}{{ x }}{% if not loop.last %}, {% endif %}{% endfor %}", "1a, 2b"},
		{"{% if n > 2 and name == 'Ada' %}yes{% elif n %}maybe{% else %}no{% endif %}", "yes"},
		{"{% if m['role'] != 'user' %}1{% elif 'i' in m.content %}2{% endif %}", "2"},
		{"[{{ m['content'] | trim }}][{{ m.content.strip() }}]", "[hi][hi]"},
		{"a\n  {% if true %}\n  b\n  {% endif %}\nc", "a\n  b\nc"},
		{"a  {{- ' b ' -}}  c", "a b c"},
		{"{% set y = xs | length %}{{ y * 2 - 1 }}{{ missing is defined }}{{ missing | default('d') }}", "3Falsed"},
		{"{{ 'x' if n == 4 else 'y' }}{{ xs[-1] }}{# note #}", "yb"},
		{"{{ 'a}}b' }}{{ \"it's\" }}{{ 'q\\n' }}", "a}}bit'sq\n"},
		{"{{ 7 // 2 }}{{ 7 % 4 }}{{ -n }}{{ 'c' not in xs }}", "33-3True"},
	}
	for _, tt := range tests {
		tmpl, err := Parse(tt.in)
		if err != nil {
			t.Errorf("%q: %v", tt.in, err)
			continue
		}
		got, _, err := tmpl.Render(vars())
		if err != nil || got != tt.want {
			t.Errorf("%q: got %q, %v; want %q", tt.in, got, err, tt.want)
		}
	}
}

// TestGeneration: the parts a template marks as generated are found in the output.
func TestGeneration(t *testing.T) {
	tmpl, err := Parse("a{% generation %}bcd{% endgeneration %}e")
	if err != nil {
		t.Fatal(err)
	}
	got, spans, err := tmpl.Render(map[string]any{})
	if err != nil || got != "abcde" || len(spans) != 1 || spans[0] != (Span{1, 4}) {
		t.Errorf("%q, %v, %v", got, spans, err)
	}
}

// TestRefused: what is broken, unknown or without end is an error, never a panic or a hang.
func TestRefused(t *testing.T) {
	for _, in := range []string{"{% if %}", "{{ a", "{% for x in %}{% endfor %}", "{% endif %}", "{% include 'f' %}", "{{ 'x }}",
		"{{ " + strings.Repeat("(", 1000) + " }}", strings.Repeat("{% if 1 %}", 1000), strings.Repeat("{% set (", 5000), "{{ 1" + strings.Repeat("+1", 10000) + " }}", "{{ " + strings.Repeat("not ", 1000) + "1 }}",
		"{% for x in xs %}{% else %}{% else %}{% endfor %}", "{{ 'a' '", "{% raw %}", "{# ", "{% if 1 %}{% else %}{% elif 2 %}{% endif %}", "{{ 1 $ 2 }}"} {
		if _, err := Parse(in); !errors.Is(err, ErrTemplate) {
			t.Errorf("Parse(%.40q) = %v", in, err)
		}
	}
	loop := "{% for a in xs %}{% for b in xs %}{% for c in xs %}{% for d in xs %}x{% endfor %}{% endfor %}{% endfor %}{% endfor %}"
	xs := make([]any, 200)
	for _, in := range []string{loop, "{{ raise_exception('no') }}", "{{ gone.x }}", "{{ 1 // 0 }}", "{{ open('f') }}", "{{ xs.append(1) }}", "{{ {}.update({}) }}",
		"{{ 'a' * 1000000000000 }}", "{% for i in range(99999999) %}{% endfor %}", "{{ '%999999999d' % 1 }}", "{{ 'x'.rjust(1000000000000) }}",
		"{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "{% set ns = namespace(a=[]) %}{% for i in range(100) %}{% set ns.a = [ns.a] %}{% endfor %}{{ ns.a }}",
		"{% set ns = namespace(s='xxxxxxxx') %}{% for i in range(64) %}{% set ns.s = ns.s + ns.s %}{% endfor %}", "{{ 9223372036854775807 + 1 }}",
		"{% set f = 'y' * 1000 %}{{ 'x'.ljust(1000000, f) }}", "{{ range(100) | list | tojson(separators=('x' * 10000000, ':')) | length }}",
		"{% set s = 'x' * 1000000 %}{{ '%s%s' | format(s, 'y' * 250000000) | length }}", "{{ ('x' * 100000000) | list | length }}",
		"{{ 'x'.strip('y' * 100000000) }}", "{{ 'a' | nosuch }}", "{{ 1 is nosuch }}", "{{ -9223372036854775807 * 2 }}"} {
		tmpl, err := Parse(in)
		if err != nil {
			t.Errorf("%q: %v", in, err)
			continue
		}
		if _, _, err := tmpl.Render(map[string]any{"xs": xs}); !errors.Is(err, ErrTemplate) {
			t.Errorf("Render(%.40q) = %v", in, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"{% for m in xs %}{{ m.a ~ 'b' | trim }}{% endfor %}", "{%- macro f(a, b='c') -%}{{ a[1:] | tojson(indent=2) }}{% endmacro %}{{ f(xs) }}",
		"{% set ns = namespace(a=1) %}{% set ns.a = ns.a ** 3 %}{{ '%s' % ns.a }}{# c -#} x", "{% raw %}{{ }}{% endraw %}{{ {'a': (1, 2)} | dictsort | list }}",
		"{% generation %}{{ xs | map(attribute='a') | join('-') }}{% endgeneration %}{{ '{:>3}'.format(xs | length) }}"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if tmpl, err := Parse(s); err == nil {
			tmpl.Render(map[string]any{"xs": []any{map[string]any{"a": "b"}}})
		}
	})
}
