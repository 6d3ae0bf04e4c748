package s3sync

import (
	"iter"
	"reflect"
)

// A ConfigError says why a [Config] cannot be used. Its text reads "Field
// Reason", or "Field Reason Other" where two fields do not go together, with the
// Go paths of the fields. It never holds the value of a secret field.
type ConfigError struct {
	// Field is the address of the field at fault. Other, if not nil, is that of
	// a second one. The command finds its option by them.
	Field, Other any
	Reason       string
	// Misfit: the field has no meaning in the direction of this run, and leaving it
	// out would neither write nor delete more than the user wants.
	Misfit bool

	path, otherPath string
}

func (e *ConfigError) Error() string {
	text := e.path
	if text == "" {
		text = "config"
	}
	text += " " + e.Reason
	if e.Other != nil {
		text += " " + e.otherPath
	}
	return text
}

// fault makes a ConfigError of two addresses of fields of c; other may be nil.
func (c *Config) fault(field, other any, reason string) *ConfigError {
	e := &ConfigError{Field: field, Other: other, Reason: reason}
	for path, addr := range c.fields() {
		switch addr.Interface() {
		case field:
			e.path = path
		case other:
			e.otherPath = path
		}
	}
	return e
}

// fields yields every field of c that holds a value of its own with its Go path
// and its address. The structs that only group fields are not among them.
func (c *Config) fields() iter.Seq2[string, reflect.Value] {
	return func(yield func(string, reflect.Value) bool) {
		walk("", reflect.ValueOf(c).Elem(), yield)
	}
}

func walk(path string, group reflect.Value, yield func(string, reflect.Value) bool) bool {
	for i := range group.NumField() {
		name, field := path+group.Type().Field(i).Name, group.Field(i)
		ours := field.Kind() == reflect.Struct && field.Type().PkgPath() == group.Type().PkgPath()
		switch {
		case ours && !walk(name+".", field, yield):
			return false
		case !ours && !yield(name, field.Addr()):
			return false
		}
	}
	return true
}

// changed returns a function that tells whether a field, named by its address,
// differs from [DefaultConfig].
func (c *Config) changed() func(field any) bool {
	defaults := map[string]reflect.Value{}
	for path, addr := range DefaultConfig().fields() {
		defaults[path] = addr.Elem()
	}
	differs := map[any]bool{}
	for path, addr := range c.fields() {
		value, def := addr.Elem(), defaults[path]
		if value.Kind() == reflect.Map && value.Len() == 0 && def.Len() == 0 {
			continue // nil and empty mean the same
		}
		differs[addr.Interface()] = !reflect.DeepEqual(value.Interface(), def.Interface())
	}
	return func(field any) bool { return differs[field] }
}
