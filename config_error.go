package s3sync

import (
	"fmt"
	"iter"
	"reflect"
	"strings"
	"time"
)

// A ConfigError says why a [Config] cannot be used. Its text reads "Field
// Reason", or "Field Reason Other" where two fields do not go together. It never
// holds the value of a secret field.
type ConfigError struct {
	// Field is the Go path of the field at fault, such as "Transfer.Workers", and
	// Other, if not empty, that of a second one. Where a single value is meant it
	// follows: "Check.Mode=etag".
	Field, Other string
	Reason       string
	// Misfit: the field has no meaning in the direction of this run, and leaving it
	// out would neither write nor delete more than the user wants.
	Misfit bool
}

func (e *ConfigError) Error() string {
	return strings.TrimSuffix(e.Field+" "+e.Reason+" "+e.Other, " ")
}

// fault makes a ConfigError of two settings; other may be empty. Neither may name
// a field that does not exist.
func fault(setting, other, reason string) *ConfigError {
	for _, s := range []string{setting, other} {
		if path, _, _ := strings.Cut(s, "="); path != "" {
			new(Config).at(path)
		}
	}
	return &ConfigError{Field: setting, Other: other, Reason: reason}
}

// A configField is a field of a Config that holds a value of its own. The structs
// that only group fields are none.
type configField struct {
	path  string
	tag   reflect.StructTag // secret:"true" and unit:"bytes" have a meaning here
	value reflect.Value
}

func (f configField) secret() bool { return f.tag.Get("secret") == "true" }

// bytes reports whether the value is a size.
func (f configField) bytes() bool { return f.tag.Get("unit") == "bytes" }

// fields yields every field of c.
func (c *Config) fields() iter.Seq[configField] {
	return func(yield func(configField) bool) {
		walk("", reflect.ValueOf(c).Elem(), yield)
	}
}

func walk(path string, group reflect.Value, yield func(configField) bool) bool {
	for i := range group.NumField() {
		info, value := group.Type().Field(i), group.Field(i)
		groups := value.Kind() == reflect.Struct && value.Type() != reflect.TypeFor[time.Time]()
		switch {
		case groups && !walk(path+info.Name+".", value, yield):
			return false
		case !groups && !yield(configField{path + info.Name, info.Tag, value}):
			return false
		}
	}
	return true
}

// at returns the field at a path, which must exist.
func (c *Config) at(path string) configField {
	for f := range c.fields() {
		if f.path == path {
			return f
		}
	}
	panic(fmt.Sprintf("Config has no field %q", path)) //nolint:forbidigo // a fault of this program, which TestPathsExist finds
}

// changed returns a function that tells whether the field at a path differs from
// [DefaultConfig].
func (c *Config) changed() func(path string) bool {
	defaults := DefaultConfig()
	return func(path string) bool {
		value, def := c.at(path).value, defaults.at(path).value
		if value.Kind() == reflect.Map && value.Len() == 0 && def.Len() == 0 {
			return false // nil and empty mean the same
		}
		return !reflect.DeepEqual(value.Interface(), def.Interface())
	}
}
