// Package rules says what is wrong with the settings of a Config: with single values, with
// combinations, and with settings that have no meaning for a kind of side. It reads a
// setting by the path of its field, such as "Check.Mode", and so needs to know no Config.
package rules

import (
	"fmt"
	"reflect"

	"s3sync/internal/compare"
	"s3sync/internal/fields"
	"s3sync/internal/location"
)

// A Fault says what is wrong with the setting Field, which is the path of a field, perhaps
// with a value: "Check.Mode=etag". Other, if not empty, is the setting that does not go
// with it: the text is "Field Reason Other".
type Fault struct {
	Field, Other string
	Reason       string
	// Misfit: the field has no meaning in the direction of this run. A run without it
	// would neither write nor delete more than the user wants.
	Misfit bool
}

// Check returns the faults of the struct that settings points to: those of single values
// first, then combinations, then those of the file system. given reports whether the user
// set the field at a path. Check looks at local paths and at nothing else outside.
func Check(settings any, given func(path string) bool) []Fault {
	v := validator{settings: settings, given: given}
	v.source, v.target = v.locate("Source"), v.locate("Target")
	v.ranges()
	v.texts()
	v.globs()
	v.combinations()
	v.lists()
	v.sides()
	v.trash()
	v.disk()
	return v.faults
}

// A validator collects faults. source and target are nil if the side has its own Store
// or an invalid URL.
type validator struct {
	settings       any
	given          func(path string) bool
	source, target *location.Location
	faults         []Fault
}

func (v *validator) add(setting, format string, args ...any) {
	v.faults = append(v.faults, Fault{Field: setting, Reason: fmt.Sprintf(format, args...)})
}

func (v *validator) add2(setting, reason, other string) {
	v.faults = append(v.faults, Fault{Field: setting, Other: other, Reason: reason})
}

func (v *validator) addIf(fault *Fault) {
	if fault != nil {
		v.faults = append(v.faults, *fault)
	}
}

func (v *validator) locate(side string) *location.Location {
	if !fields.At(v.settings, side+".Store").Value.IsNil() {
		return nil
	}
	l, err := location.Parse(v.text(side + ".URL"))
	if err != nil {
		v.add(side+".URL", "%v", err)
		return nil
	}
	return &l
}

// get returns the value of the field at a path, which has type T.
func get[T any](v *validator, path string) T {
	value, _ := reflect.TypeAssert[T](fields.At(v.settings, path).Value) // of another type would be a fault that any test of a Config finds
	return value
}

func (v *validator) text(path string) string { return fields.At(v.settings, path).Value.String() }

func (v *validator) on(path string) bool { return get[bool](v, path) }

func (v *validator) mode() compare.Mode { return get[compare.Mode](v, "Check.Mode") }
