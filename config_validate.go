package s3sync

import (
	"errors"
	"strings"

	"s3sync/internal/fields"
	"s3sync/internal/rules"
)

// Validate returns all errors of c as joined [*ConfigError] values, or nil. It checks
// local paths but nothing else outside c. [Sync] begins with it.
func (c *Config) Validate() error {
	defaults := DefaultConfig()
	return c.ValidateGiven(func(path string) bool { return !fields.Equal(c, defaults, path) })
}

// ValidateGiven is [Config.Validate] for a caller that knows which settings its user
// gave: given reports that for the path of a field. Validate treats a field as given if
// it differs from [DefaultConfig]. Errors of single values come first, then
// incompatible fields, then errors of the file system.
func (c *Config) ValidateGiven(given func(path string) bool) error {
	var all []error
	for _, f := range rules.Check(c, given) {
		all = append(all, fault(&f))
	}
	return errors.Join(all...)
}

// Choices returns the valid values of the text field at a path, and nil for every other
// field. Values are case-sensitive.
func Choices(field string) []string { return rules.Choices(field) }

// A ConfigError says why a [Config] is invalid. Its text is "Field Reason", or "Field
// Reason Other" if two fields are incompatible. It never contains the value of a secret
// field.
type ConfigError struct {
	// Field is the Go path of the invalid field, such as "Transfer.Workers", and Other,
	// if not empty, that of a second field. A path may be followed by a value:
	// "Check.Mode=etag".
	Field, Other string
	Reason       string
	// Misfit: the field has no meaning in the direction of this run. A run without it
	// would neither write nor delete more than the user wants.
	Misfit bool
}

func (e *ConfigError) Error() string {
	return strings.TrimSuffix(e.Field+" "+e.Reason+" "+e.Other, " ")
}

// fault returns the error of a fault, or nil if there is none. It must name fields that
// exist.
func fault(f *rules.Fault) error {
	if f == nil {
		return nil
	}
	for _, setting := range []string{f.Field, f.Other} {
		if path, _, _ := strings.Cut(setting, "="); path != "" {
			fields.At(new(Config), path)
		}
	}
	return (*ConfigError)(f)
}
