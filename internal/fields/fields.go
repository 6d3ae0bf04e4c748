// Package fields names the fields of a struct by their paths, such as "Check.Mode",
// and writes them under these names.
//
// A field that is a struct, except a time, is a group of fields. Any other field holds
// a value. Two tags have a meaning: secret:"true", and unit:"bytes" for a size.
package fields

import (
	"fmt"
	"iter"
	"reflect"
	"strings"
	"time"
)

// A Field is a field of a struct that holds a value of its own.
type Field struct {
	Path  string
	Value reflect.Value
	tag   reflect.StructTag
}

// Secret reports whether the value must appear in no output.
func (f Field) Secret() bool { return f.tag.Get("secret") == "true" }

// Bytes reports whether the value is a size.
func (f Field) Bytes() bool { return f.tag.Get("unit") == "bytes" }

// Of yields the fields of the struct that group points to. The caller can set them.
func Of(group any) iter.Seq[Field] {
	return func(yield func(Field) bool) {
		walk("", reflect.ValueOf(group).Elem(), yield)
	}
}

func walk(path string, group reflect.Value, yield func(Field) bool) bool {
	for i := range group.NumField() {
		info, value := group.Type().Field(i), group.Field(i)
		groups := isGroup(value)
		switch {
		case groups && !walk(path+info.Name+".", value, yield):
			return false
		case !groups && !yield(Field{path + info.Name, value, info.Tag}):
			return false
		}
	}
	return true
}

// At returns the field at a path, which must exist.
func At(group any, path string) Field {
	f := Field{Path: path, Value: reflect.ValueOf(group).Elem()}
	for name := range strings.SplitSeq(path, ".") {
		info, ok := reflect.StructField{}, isGroup(f.Value)
		if ok {
			info, ok = f.Value.Type().FieldByName(name)
		}
		if !ok {
			panic(noField(group, path)) //nolint:forbidigo // a fault of this program, which tests of the paths find
		}
		f.Value, f.tag = f.Value.FieldByIndex(info.Index), info.Tag
	}
	if isGroup(f.Value) {
		panic(noField(group, path)) //nolint:forbidigo // as above
	}
	return f
}

func noField(group any, path string) string { return fmt.Sprintf("%T has no field %q", group, path) }

// isGroup reports whether a value is a struct that groups fields.
func isGroup(value reflect.Value) bool {
	return value.Kind() == reflect.Struct && value.Type() != reflect.TypeFor[time.Time]()
}

// Equal reports whether the fields at a path of two structs of one type are equal. A
// nil map equals an empty one.
func Equal(a, b any, path string) bool {
	x, y := At(a, path).Value, At(b, path).Value
	if x.Kind() == reflect.Map && x.Len() == 0 && y.Len() == 0 {
		return true
	}
	return reflect.DeepEqual(x.Interface(), y.Interface())
}
