package recipe

import (
	"encoding/json"
	"reflect"
	"strconv"
	"strings"
)

// Schema is the JSON Schema (draft 2020-12) of recipes, made of the same structs that they are read into.
func Schema() ([]byte, error) {
	root := schemaOf(reflect.TypeFor[Recipe](), "")
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["title"] = "Temper recipe"
	b, err := json.MarshalIndent(root, "", "  ")
	return append(b, '\n'), err
}

type object = map[string]any

func schemaOf(t reflect.Type, tag reflect.StructTag) object {
	var s object
	switch {
	case t == percentType:
		s = object{"type": "string", "pattern": `^[0-9]+(\.[0-9]+)? *%$`}
	case t == durationType:
		s = object{"type": "string", "pattern": `^([0-9]+(\.[0-9]+)?(ns|us|ms|s|m|h))+$`}
	case t.Kind() == reflect.Pointer:
		s = schemaOf(t.Elem(), tag)
		if t.Elem().Kind() == reflect.Struct {
			s["type"] = []string{"object", "null"}
			delete(s, "required")
			if names := requiredNames(t.Elem()); len(names) > 0 {
				s["type"], s["required"] = "object", names
			}
		}
	case t.Kind() == reflect.Struct:
		s = structSchema(t)
	case t.Kind() == reflect.Slice:
		items := schemaOf(t.Elem(), "")
		if oneOf(t.Elem()) {
			items["minProperties"], items["maxProperties"] = 1, 1
		}
		s = object{"type": "array", "items": items}
	default:
		s = scalarSchema(t, tag)
	}
	describe(s, t, tag)
	return s
}

func structSchema(t reflect.Type) object {
	names, at := fields(t)
	properties := object{}
	for _, name := range names {
		f := t.Field(at[name])
		properties[name] = schemaOf(f.Type, f.Tag)
	}
	s := object{"type": "object", "properties": properties, "additionalProperties": false}
	if need := requiredNames(t); len(need) > 0 {
		s["required"] = need
	}
	return s
}

func requiredNames(t reflect.Type) (need []string) {
	names, at := fields(t)
	for _, name := range names {
		if required(t.Field(at[name])) {
			need = append(need, name)
		}
	}
	return need
}

// oneOf reports whether a struct is a choice: all its fields are pointers.
func oneOf(t reflect.Type) bool {
	if t.Kind() != reflect.Struct || t.NumField() == 0 {
		return false
	}
	for i := range t.NumField() {
		if t.Field(i).Type.Kind() != reflect.Pointer {
			return false
		}
	}
	return true
}

func scalarSchema(t reflect.Type, tag reflect.StructTag) object {
	switch t.Kind() {
	case reflect.String:
		s := object{"type": "string"}
		if one := tag.Get("enum"); one != "" {
			s["enum"] = strings.Split(one, ",")
		}
		return s
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.Float64:
		return object{"type": "number"}
	case reflect.Uint64:
		return object{"type": "integer", "minimum": 0}
	case reflect.Int64:
		return object{"type": []string{"integer", "string"}, "pattern": `^[0-9.]+ *(k|M|G|T|kB|MB|GB|TB|KiB|MiB|GiB|TiB)$`}
	}
	return object{"type": "integer"}
}

// describe adds the field's doc, and its default: as a value where it is one, else as words.
func describe(s object, t reflect.Type, tag reflect.StructTag) {
	doc, def := tag.Get("doc"), tag.Get("default")
	if def != "" {
		if v, ok := defaultValue(t, def); ok {
			s["default"] = v
		} else {
			doc += "; default: " + def
		}
	}
	if doc != "" {
		s["description"] = doc
	}
}

func defaultValue(t reflect.Type, def string) (any, bool) {
	switch t.Kind() {
	case reflect.String:
		return def, !strings.Contains(def, " ")
	case reflect.Bool:
		return def == "true", true
	case reflect.Float64:
		if t == percentType {
			return def, true
		}
		f, err := strconv.ParseFloat(def, 64)
		return f, err == nil
	case reflect.Int, reflect.Int64, reflect.Uint64:
		if t == durationType {
			return def, true
		}
		i, err := strconv.ParseInt(def, 10, 64)
		return i, err == nil
	case reflect.Pointer:
		return defaultValue(t.Elem(), def)
	}
	return nil, false
}
