package s3sync

import (
	"errors"
	"fmt"
	"math"
	"reflect"

	"s3sync/internal/fields"
	"s3sync/internal/limits"
	"s3sync/internal/location"
	"s3sync/internal/size"
)

// Bounds of settings. Parts of an upload are 5 MiB to 5 GiB, see
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html.
const (
	minPart      = 5 * MiB
	maxPart      = 5 * GiB
	minBandwidth = 1 * MiB // per second
	maxBandwidth = 100 * GiB
	minObjects   = 10
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
	v := validator{Config: c, given: given}
	v.source = v.locate("Source.URL", &c.Source)
	v.target = v.locate("Target.URL", &c.Target)
	v.ranges()
	v.texts()
	v.globs()
	v.rules()
	v.sides()
	v.disk()
	return errors.Join(v.faults...)
}

// A validator collects errors. source and target are nil if the side has its own Store
// or an invalid URL.
type validator struct {
	*Config

	given          func(path string) bool
	source, target *location.Location
	faults         []error
}

func (v *validator) add(setting, format string, args ...any) {
	v.faults = append(v.faults, fault(setting, "", fmt.Sprintf(format, args...)))
}

func (v *validator) add2(setting, reason, other string) {
	v.faults = append(v.faults, fault(setting, other, reason))
}

func (v *validator) locate(path string, e *Endpoint) *location.Location {
	if e.Store != nil {
		return nil
	}
	l, err := location.Parse(e.URL)
	if err != nil {
		v.add(path, "%v", err)
		return nil
	}
	return &l
}

func bounds() []fields.Bound {
	return []fields.Bound{
		{Field: "AWS.MaxKeys", Min: 1, Max: math.MaxInt16},
		{Field: "AWS.ParallelListings", Min: 1, Max: math.MaxUint16},
		{Field: "Transfer.Threshold", Min: minPart, Max: maxPart},
		{Field: "Transfer.ChunkSize", Min: minPart, Max: maxPart},
		{Field: "Transfer.ObjectsPerSecond", Min: minObjects, Zero: true},
		{Field: "Transfer.BytesPerSecond", Min: minBandwidth, Max: maxBandwidth, Zero: true},
		{Field: "Delete.Max", Min: 1, Zero: true},
		{Field: "Delete.MaxPercent", Max: 100},
		{Field: "Retry.MaxAttempts", Min: 1},
		{Field: "Retry.ForceCount"},
		{Field: "Retry.InitialBackoff"},
		{Field: "Retry.ForceInterval"},
		{Field: "Timeout.Operation"},
		{Field: "Timeout.Attempt"},
		{Field: "Timeout.Connect"},
		{Field: "Timeout.Read"},
		{Field: "Filter.SmallerThan"},
		{Field: "Filter.LargerThan"},
	}
}

// ranges checks numbers.
func (v *validator) ranges() {
	for f := range fields.Of(v.Config) {
		if f.Value.Kind() == reflect.Interface && !f.Value.IsNil() && f.Value.Elem().Kind() == reflect.Pointer && f.Value.Elem().IsNil() {
			v.add(f.Path, "is a nil pointer of type %v: leave it out instead", f.Value.Elem().Type())
		}
	}
	if !v.Check.Mode.Known() {
		v.add("Check.Mode", "must be one of the modes there are, not %v", v.Check.Mode)
	}
	if fault := v.Transfer.Workers.Fault(); fault != "" {
		v.add("Transfer.Workers", "%s", fault)
	}
	if fault := v.Transfer.ParallelParts.Fault(); fault != "" {
		v.add("Transfer.ParallelParts", "%s", fault)
	}
	for _, b := range bounds() {
		if fault := b.Fault(v.Config, v.given); fault != "" {
			v.add(b.Field, "%s", fault)
		}
	}
	if need := limits.LeastMemory(v.Transfer.ChunkSize, v.Transfer.Threshold); v.Transfer.MaxMemory != 0 && v.Transfer.MaxMemory < need {
		v.add("Transfer.MaxMemory", "must be at least %s, which is two parts or an object below the threshold, not %s",
			size.Format(need), size.Format(v.Transfer.MaxMemory))
	}
}
