package s3sync

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
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// configVersion is the version of the written form of a Config.
const configVersion = 1

// writtenConfig is the form in which a Config is written: the fields that are not
// zero, by their paths.
type writtenConfig struct {
	Version int                        `json:"version"`
	Fields  map[string]json.RawMessage `json:"fields"`
}

// MarshalJSON writes c without its secrets, functions, stores and logger. The
// reader has to add those again: secrets are the fields with the tag
// secret:"true". Every other field that is not zero is written under its path, so
// that the form does not depend on what [DefaultConfig] returns. Sizes are text
// such as "8MiB", durations text such as "1m0s", times RFC 3339, and regular
// expressions their text, those of the standard library as {"go": text}.
//
// Text that is not valid UTF-8, such as an odd path of the file system, is an
// error, because JSON cannot hold it.
func (c Config) MarshalJSON() ([]byte, error) {
	written := writtenConfig{configVersion, map[string]json.RawMessage{}}
	for f := range c.fields() {
		if !f.writable() || f.value.IsZero() {
			continue
		}
		data, err := f.marshal()
		if err != nil {
			return nil, fmt.Errorf("%s cannot be written: %w", f.path, err)
		}
		written.Fields[f.path] = data
	}
	return json.Marshal(written)
}

// UnmarshalJSON sets c to what [Config.MarshalJSON] wrote. Fields that are not
// written keep what c has: secrets, functions, stores and the logger. Another
// version and unknown fields are errors. [Config.Validate] checks the values.
func (c *Config) UnmarshalJSON(data []byte) error {
	var written writtenConfig
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	switch err := decoder.Decode(&written); {
	case err != nil:
		return fmt.Errorf("a Config cannot be read: %w", err)
	case written.Version != configVersion:
		return fmt.Errorf("a Config of version %d cannot be read, only version %d", written.Version, configVersion)
	}
	read := *c
	for f := range read.fields() {
		if !f.writable() {
			continue
		}
		f.value.SetZero()
		data, ok := written.Fields[f.path]
		if !ok {
			continue
		}
		if err := f.unmarshal(data); err != nil {
			return fmt.Errorf("%s cannot be read: %w", f.path, err)
		}
		delete(written.Fields, f.path)
	}
	for _, path := range slices.Sorted(maps.Keys(written.Fields)) {
		return fmt.Errorf("a Config has no field %q, or none that is written", path)
	}
	*c = read
	return nil
}

// writable reports whether the field is part of the written form.
func (f configField) writable() bool {
	kind, isMatcher := f.value.Kind(), f.value.Type() == reflect.TypeFor[Matcher]()
	return !f.secret() && kind != reflect.Func && (kind != reflect.Interface || isMatcher) && f.value.Type() != reflect.TypeFor[*slog.Logger]()
}

func (f configField) marshal() ([]byte, error) {
	value := reflect.Indirect(f.value)
	switch v := f.value.Interface().(type) {
	case *Regexp:
		return json.Marshal(v.String())
	case *regexp.Regexp:
		return json.Marshal(goRegexp{v.String()})
	case Matcher:
		return nil, fmt.Errorf("it is a %T", v)
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
	if f.bytes() {
		return json.Marshal(formatBytes(value.Int()))
	}
	return json.Marshal(value.Interface())
}

func (f configField) unmarshal(data []byte) error {
	target := f.value.Addr().Interface()
	_, isDuration := target.(*time.Duration)
	if matcher, ok := target.(*Matcher); ok {
		return unmarshalMatcher(data, matcher)
	}
	if !isDuration && !f.bytes() {
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
		n, err = parseBytes(text)
	}
	if f.value.Kind() == reflect.Pointer {
		f.value.Set(reflect.ValueOf(&n))
	} else {
		f.value.SetInt(n)
	}
	return err
}

// A goRegexp is the written form of a regular expression of the standard library.
type goRegexp struct {
	Go string `json:"go"`
}

func unmarshalMatcher(data []byte, matcher *Matcher) (err error) {
	var text string
	if json.Unmarshal(data, &text) == nil {
		*matcher, err = CompileRegexp(text)
		return err
	}
	var standard goRegexp
	if err := json.Unmarshal(data, &standard); err != nil {
		return err
	}
	*matcher, err = regexp.Compile(standard.Go)
	return err
}

var errNoUTF8 = errors.New("it is not valid UTF-8")

// parseBytes reads what [formatBytes] wrote.
func parseBytes(text string) (int64, error) {
	for _, unit := range units() {
		if number, ok := strings.CutSuffix(text, unit.name); ok {
			n, err := strconv.ParseInt(number, 10, 64)
			if err != nil || n*unit.size/unit.size != n {
				break
			}
			return n * unit.size, nil
		}
	}
	return 0, fmt.Errorf("%q is no size such as 8MiB", text)
}
