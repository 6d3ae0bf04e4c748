package fields

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"time"
	"unicode/utf8"

	"s3sync/internal/pattern"
	"s3sync/internal/size"
)

// A form is the written form of a struct: the fields that are not zero, by their
// paths.
type form struct {
	Version int                        `json:"version"`
	Fields  map[string]json.RawMessage `json:"fields"`
}

// Marshal writes the struct that group points to, in a form with that version. It
// omits secrets, functions, interfaces other than regular expressions, and loggers. It
// fails if a text is not valid UTF-8.
func Marshal(group any, version int) ([]byte, error) {
	written := form{version, map[string]json.RawMessage{}}
	for f := range Of(group) {
		if !f.Written() || f.Value.IsZero() {
			continue
		}
		data, err := f.marshal()
		if err != nil {
			return nil, fmt.Errorf("%s cannot be written: %w", f.Path, err)
		}
		written.Fields[f.Path] = data
	}
	return json.Marshal(written)
}

// Unmarshal reads what Marshal wrote into the struct that group points to. It does not
// change fields that are never written. After an error no field has changed.
func Unmarshal(data []byte, group any, version int) error {
	var written form
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	target := reflect.ValueOf(group).Elem()
	name := target.Type().Name()
	switch err := decoder.Decode(&written); {
	case err != nil:
		return fmt.Errorf("a %s cannot be read: %w", name, err)
	case written.Version != version:
		return fmt.Errorf("a %s of version %d cannot be read, only version %d", name, written.Version, version)
	}
	read := reflect.New(target.Type())
	read.Elem().Set(target)
	for f := range Of(read.Interface()) {
		if !f.Written() {
			continue
		}
		f.Value.SetZero()
		data, ok := written.Fields[f.Path]
		if !ok {
			continue
		}
		if err := f.unmarshal(data); err != nil {
			return fmt.Errorf("%s cannot be read: %w", f.Path, err)
		}
		delete(written.Fields, f.Path)
	}
	for _, path := range slices.Sorted(maps.Keys(written.Fields)) {
		return fmt.Errorf("a %s has no field %q, or none that is written", name, path)
	}
	target.Set(read.Elem())
	return nil
}

// Written reports whether the field is part of the form.
func (f Field) Written() bool {
	kind, t := f.Value.Kind(), f.Value.Type()
	return !f.Secret() && kind != reflect.Func && t != reflect.TypeFor[*slog.Logger]() &&
		(kind != reflect.Interface || t == reflect.TypeFor[pattern.Matcher]())
}

// SameForm reports whether the written forms of two fields are equal. A form that cannot be
// written equals none.
func (f Field) SameForm(other Field) bool {
	a, err := f.marshal()
	b, err2 := other.marshal()
	return err == nil && err2 == nil && bytes.Equal(a, b)
}

func (f Field) marshal() ([]byte, error) {
	value := reflect.Indirect(f.Value)
	switch v := f.Value.Interface().(type) {
	case pattern.Matcher:
		return marshalMatcher(v)
	case time.Duration:
		return json.Marshal(v.String())
	case string:
		if !utf8.ValidString(v) {
			return nil, errNoUTF8
		}
	case map[string]string:
		for name, text := range v {
			if !utf8.ValidString(name + text) {
				return nil, errNoUTF8
			}
		}
	}
	if !value.IsValid() { // a nil pointer
		return []byte("null"), nil
	}
	if f.Bytes() {
		return json.Marshal(size.Format(value.Int()))
	}
	return json.Marshal(value.Interface())
}

func (f Field) unmarshal(data []byte) error {
	target := f.Value.Addr().Interface()
	_, isDuration := target.(*time.Duration)
	if matcher, ok := target.(*pattern.Matcher); ok {
		return unmarshalMatcher(data, matcher)
	}
	if !isDuration && !f.Bytes() {
		return json.Unmarshal(data, target)
	}
	var text string
	err := json.Unmarshal(data, &text)
	var n int64
	switch {
	case err != nil:
		return err
	case isDuration:
		var d time.Duration
		d, err = time.ParseDuration(text)
		n = int64(d)
	default:
		n, err = size.Parse(text)
	}
	if f.Value.Kind() == reflect.Pointer {
		f.Value.Set(reflect.ValueOf(&n))
	} else {
		f.Value.SetInt(n)
	}
	return err
}

// A goRegexp is the written form of a regular expression of the standard library.
type goRegexp struct {
	Go string `json:"go"`
}

func marshalMatcher(matcher pattern.Matcher) ([]byte, error) {
	switch m := matcher.(type) {
	case *pattern.Regexp:
		return json.Marshal(m.String())
	case *regexp.Regexp:
		return json.Marshal(goRegexp{m.String()})
	case pattern.Any:
		all := make([]json.RawMessage, len(m))
		for i, one := range m {
			var err error
			if all[i], err = marshalMatcher(one); err != nil {
				return nil, err
			}
		}
		return json.Marshal(all)
	}
	return nil, fmt.Errorf("it is a %T", matcher)
}

func unmarshalMatcher(data []byte, matcher *pattern.Matcher) (err error) {
	var text string
	if json.Unmarshal(data, &text) == nil {
		*matcher, err = pattern.Compile(text)
		return err
	}
	var several []json.RawMessage
	if json.Unmarshal(data, &several) == nil {
		all := make([]pattern.Matcher, len(several))
		for i, one := range several {
			if err := unmarshalMatcher(one, &all[i]); err != nil {
				return err
			}
		}
		*matcher = pattern.AnyOf(all...)
		return nil
	}
	var standard goRegexp
	if err := json.Unmarshal(data, &standard); err != nil {
		return err
	}
	*matcher, err = regexp.Compile(standard.Go)
	return err
}

var errNoUTF8 = errors.New("it is not valid UTF-8")
