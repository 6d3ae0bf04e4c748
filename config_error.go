package s3sync

import (
	"strings"

	"s3sync/internal/fields"
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
			fields.At(new(Config), path)
		}
	}
	return &ConfigError{Field: setting, Other: other, Reason: reason}
}
