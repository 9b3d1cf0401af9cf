package recipe

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A decoder fills structs from nodes by the names in their json tags. What does not fit is a problem, with its place.
type decoder struct{ problems }

var (
	percentType  = reflect.TypeFor[Percent]()
	durationType = reflect.TypeFor[time.Duration]()
)

// value decodes n into v; tag is that of the field v is.
func (d *decoder) value(n *node, v reflect.Value, key string, tag reflect.StructTag) {
	switch {
	case v.Type() == percentType:
		d.percent(n, v, key)
	case v.Type() == durationType:
		d.duration(n, v, key)
	case v.Kind() == reflect.Pointer:
		d.pointer(n, v, key, tag)
	case v.Kind() == reflect.Struct:
		d.object(n, v, key)
	case v.Kind() == reflect.Slice:
		d.list(n, v, key, tag)
	default:
		d.scalar(n, v, key, tag)
	}
}

// pointer: a key without a value stands for a struct with its defaults, such as `- exact:`.
func (d *decoder) pointer(n *node, v reflect.Value, key string, tag reflect.StructTag) {
	to := reflect.New(v.Type().Elem())
	if n.kind != null || to.Elem().Kind() != reflect.Struct {
		d.value(n, to.Elem(), key, tag)
	}
	v.Set(to)
}

// fields are a struct's keys in order, and the numbers of their fields.
func fields(t reflect.Type) (names []string, at map[string]int) {
	at = map[string]int{}
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		if name == "" || name == "-" {
			continue
		}
		names = append(names, name)
		at[name] = i
	}
	return names, at
}

// required reports whether a field must be given.
func required(f reflect.StructField) bool {
	_, options, _ := strings.Cut(f.Tag.Get("json"), ",")
	return !strings.Contains(options, "omitempty")
}

func (d *decoder) object(n *node, v reflect.Value, key string) {
	names, at := fields(v.Type())
	if n.kind != mapping {
		d.add(n, key, "is %s; it must be a mapping with %s", n.kind, strings.Join(names, ", "))
		return
	}
	for i, k := range n.keys {
		field, ok := at[k]
		if !ok {
			d.unknown(n.at[i], join(key, k), k, names)
			continue
		}
		d.value(n.values[i], v.Field(field), join(key, k), v.Type().Field(field).Tag)
	}
	for _, name := range names {
		if f := v.Type().Field(at[name]); required(f) && n.get(name) == nil {
			d.add(n, join(key, name), "is missing: %s", f.Tag.Get("doc"))
		}
	}
}

func (d *decoder) unknown(at *node, key, name string, names []string) {
	if like := nearest(name, names); like != "" {
		d.add(at, key, "there is no such key; did you mean %s?", like)
		return
	}
	d.add(at, key, "there is no such key; there are %s", strings.Join(names, ", "))
}

func (d *decoder) list(n *node, v reflect.Value, key string, tag reflect.StructTag) {
	if n.kind != list {
		d.add(n, key, "is %s; it must be a list, such as [%s]", n.kind, strings.TrimSpace(n.text))
		return
	}
	out := reflect.MakeSlice(v.Type(), len(n.values), len(n.values))
	for i, item := range n.values {
		d.value(item, out.Index(i), fmt.Sprintf("%s[%d]", key, i), tag)
	}
	v.Set(out)
}

func (d *decoder) scalar(n *node, v reflect.Value, key string, tag reflect.StructTag) {
	want := map[reflect.Kind]string{reflect.String: "text", reflect.Bool: "true or false", reflect.Float64: "a number"}[v.Kind()]
	if want == "" {
		want = "a whole number"
	}
	if n.kind == null || n.kind == mapping || n.kind == list {
		d.add(n, key, "is %s; it must be %s", n.kind, want)
		return
	}
	switch v.Kind() {
	case reflect.String:
		d.text(n, v, key, tag)
	case reflect.Bool:
		if n.kind != boolean {
			d.add(n, key, "is %q; it must be true or false", n.text)
			return
		}
		v.SetBool(n.text == "true" || n.text == "True" || n.text == "TRUE")
	case reflect.Float64:
		f, err := strconv.ParseFloat(strings.ReplaceAll(n.text, "_", ""), 64)
		if err != nil {
			d.add(n, key, "is %q; it must be a number, such as 0.5 or 2e-4", n.text)
			return
		}
		v.SetFloat(f)
	default:
		d.whole(n, v, key)
	}
}

func (d *decoder) text(n *node, v reflect.Value, key string, tag reflect.StructTag) {
	if n.kind != text {
		d.add(n, key, "is %s; it must be text: write \"%s\"", n.kind, n.text)
		return
	}
	if one := tag.Get("enum"); one != "" && !slices.Contains(strings.Split(one, ","), n.text) {
		d.add(n, key, "is %q; it must be %s", n.text, strings.ReplaceAll(one, ",", ", "))
		return
	}
	v.SetString(n.text)
}

// whole decodes integers; 64-bit ones may have a unit: 200k, 2GiB.
func (d *decoder) whole(n *node, v reflect.Value, key string) {
	s := strings.ReplaceAll(n.text, "_", "")
	if v.Kind() == reflect.Uint64 {
		u, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			d.add(n, key, "is %q; it must be a whole number, 0 or more", n.text)
			return
		}
		v.SetUint(u)
		return
	}
	example := "16"
	i, err := strconv.ParseInt(s, 10, 64)
	if v.Kind() == reflect.Int64 {
		example = "200k or 2GiB"
		i, err = quantity(s)
	}
	if err != nil || v.OverflowInt(i) {
		d.add(n, key, "is %q; it must be a whole number, such as %s", n.text, example)
		return
	}
	v.SetInt(i)
}

func (d *decoder) percent(n *node, v reflect.Value, key string) {
	p, err := parsePercent(n.text)
	if err != nil || n.kind != text {
		d.add(n, key, "is %q; it must be a percentage from 0%% to 100%%, such as 2%%", n.text)
		return
	}
	v.SetFloat(float64(p))
}

func (d *decoder) duration(n *node, v reflect.Value, key string) {
	t, err := time.ParseDuration(n.text)
	if err != nil || t < 0 {
		d.add(n, key, "is %q; it must be a time, such as 90s, 10m or 1h", n.text)
		return
	}
	v.SetInt(int64(t))
}

func join(key, name string) string {
	if key == "" {
		return name
	}
	return key + "." + name
}
