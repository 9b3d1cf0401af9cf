package filter

import (
	"fmt"
	"iter"
	"reflect"
)

// A tag is a field's documented default and its value.
type tag struct{ want, got string }

// tagged yields the fields of the struct o that document a default.
func tagged(o any) iter.Seq2[string, tag] {
	return func(yield func(string, tag) bool) {
		v := reflect.ValueOf(o)
		for i := range v.NumField() {
			f := v.Type().Field(i)
			if want, ok := f.Tag.Lookup("default"); ok && !yield(f.Name, tag{want: want, got: fmt.Sprint(v.Field(i))}) {
				return
			}
		}
	}
}
