package recipe

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
)

// YAML writes the recipe with every value that is not its type's zero; reading it gives the same recipe.
func (r *Recipe) YAML() string {
	var b strings.Builder
	writeFields(&b, reflect.ValueOf(*r), "")
	return b.String()
}

// writeFields writes a struct's fields, each on lines of its own that begin with indent.
func writeFields(b *strings.Builder, v reflect.Value, indent string) {
	names, at := fields(v.Type())
	for _, name := range names {
		f := v.Field(at[name])
		if f.IsZero() || f.Kind() == reflect.Slice && f.Len() == 0 {
			continue
		}
		b.WriteString(indent + name + ":")
		writeValue(b, f, indent)
	}
}

// writeValue writes what stands after a key.
func writeValue(b *strings.Builder, v reflect.Value, indent string) {
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	switch v.Kind() {
	case reflect.Struct:
		if v.IsZero() {
			b.WriteString(" {}\n")
			return
		}
		b.WriteString("\n")
		writeFields(b, v, indent+"  ")
	case reflect.Slice:
		writeList(b, v, indent)
	default:
		b.WriteString(" " + scalar(v) + "\n")
	}
}

func writeList(b *strings.Builder, v reflect.Value, indent string) {
	if e := v.Type().Elem(); e.Kind() != reflect.Struct {
		items := make([]string, v.Len())
		for i := range items {
			items[i] = scalar(v.Index(i))
		}
		b.WriteString(" [" + strings.Join(items, ", ") + "]\n")
		return
	}
	b.WriteString("\n")
	for i := range v.Len() {
		var item strings.Builder
		writeFields(&item, v.Index(i), indent+"    ")
		b.WriteString(indent + "  - " + strings.TrimPrefix(item.String(), indent+"    "))
	}
}

func scalar(v reflect.Value) string {
	switch x := v.Interface().(type) {
	case Percent:
		return x.String()
	case time.Duration:
		return x.String()
	case float64:
		return strconv.FormatFloat(x, 'g', -1, 64)
	case string:
		return quote(x)
	default:
		return fmt.Sprint(x)
	}
}

// quote writes text so that YAML reads it as that text, in block and in flow style.
func quote(s string) string {
	plain, err := yaml.Marshal(s)
	if err == nil && strings.TrimSuffix(string(plain), "\n") == s && !strings.ContainsAny(s, ",[]{}:#'\"\n%&*!|>@`") {
		return s
	}
	return strconv.Quote(s)
}
