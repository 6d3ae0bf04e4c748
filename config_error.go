package s3sync

import (
	"strings"

	"s3sync/internal/fields"
)

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

// fault returns a ConfigError about two settings; other may be empty. Both must name
// existing fields.
func fault(setting, other, reason string) *ConfigError {
	for _, s := range []string{setting, other} {
		if path, _, _ := strings.Cut(s, "="); path != "" {
			fields.At(new(Config), path)
		}
	}
	return &ConfigError{Field: setting, Other: other, Reason: reason}
}
