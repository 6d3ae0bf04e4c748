package s3sync

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"time"

	"s3sync/internal/fields"
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

	defaultMemory = 256 * MiB
)

// Validate reports all faults of c as [*ConfigError] values joined together, or
// nil. It looks at local paths but at nothing else outside c. [Sync] begins
// with it.
func (c *Config) Validate() error {
	defaults := DefaultConfig()
	return c.ValidateGiven(func(path string) bool { return !fields.Equal(c, defaults, path) })
}

// ValidateGiven is [Config.Validate] for a caller that knows which settings its
// user gave: given reports it for the path of a field. Validate itself takes
// a field as given if it differs from [DefaultConfig]. Faults of single values
// come first, then fields that do not go together, then what the file system
// says.
func (c *Config) ValidateGiven(given func(path string) bool) error {
	v := validator{Config: c, given: given}
	v.source = v.locate("Source.URL", &c.Source)
	v.target = v.locate("Target.URL", &c.Target)
	v.ranges()
	v.texts()
	v.rules()
	v.sides()
	v.disk()
	return errors.Join(v.faults...)
}

// A validator collects faults. source and target are nil where the side has a
// Store of its own or its URL is at fault.
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

// A bound is the range of the number in a field: a max of 0 is none. Where zero
// is the value for "no limit" it is allowed unless it was given: the command says
// so by leaving the option out.
type bound struct {
	field    string
	min, max int64
	zero     bool
}

func bounds() []bound {
	return []bound{
		{field: "AWS.MaxKeys", min: 1, max: math.MaxInt16},
		{field: "Transfer.Workers", min: 1, max: math.MaxUint16},
		{field: "Transfer.ParallelParts", min: 1, max: math.MaxUint16},
		{field: "Transfer.Threshold", min: minPart, max: maxPart},
		{field: "Transfer.ChunkSize", min: minPart, max: maxPart},
		{field: "Transfer.ObjectsPerSecond", min: minObjects, zero: true},
		{field: "Transfer.BytesPerSecond", min: minBandwidth, max: maxBandwidth, zero: true},
		{field: "Delete.Max", min: 1, zero: true},
		{field: "Delete.MaxPercent", max: 100},
		{field: "Retry.MaxAttempts", min: 1},
		{field: "Retry.ForceCount"},
		{field: "Retry.InitialBackoff"},
		{field: "Retry.ForceInterval"},
		{field: "Timeout.Operation"},
		{field: "Timeout.Attempt"},
		{field: "Timeout.Connect"},
		{field: "Timeout.Read"},
		{field: "Filter.SmallerThan"},
		{field: "Filter.LargerThan"},
	}
}

// ranges checks numbers.
func (v *validator) ranges() {
	for f := range fields.Of(v.Config) {
		if f.Value.Kind() == reflect.Interface && !f.Value.IsNil() && f.Value.Elem().Kind() == reflect.Pointer && f.Value.Elem().IsNil() {
			v.add(f.Path, "is a nil pointer of type %v: leave it out instead", f.Value.Elem().Type())
		}
	}
	if !v.Check.Mode.known() {
		v.add("Check.Mode", "must be one of the modes there are, not %v", v.Check.Mode)
	}
	for _, b := range bounds() {
		v.within(b)
	}
	if need := v.leastMemory(); v.Transfer.MaxMemory != 0 && v.Transfer.MaxMemory < need {
		v.add("Transfer.MaxMemory", "must be at least %s, which is two parts or an object below the threshold, not %s",
			size.Format(need), size.Format(v.Transfer.MaxMemory))
	}
}

func (v *validator) within(b bound) {
	f := fields.At(v.Config, b.field)
	value := f.Value
	if value.Kind() == reflect.Pointer {
		if value.IsNil() {
			return
		}
		value = value.Elem()
	}
	show := func(n int64) string {
		switch {
		case f.Bytes():
			return size.Format(n)
		case value.Type() == reflect.TypeFor[time.Duration]():
			return time.Duration(n).String()
		}
		return strconv.FormatInt(n, 10)
	}
	switch n := value.Int(); {
	case b.zero && n == 0 && !v.given(b.field):
	case b.max == 0 && n < b.min:
		v.add(b.field, "must be at least %s, not %s", show(b.min), show(n))
	case b.max != 0 && (n < b.min || n > b.max):
		v.add(b.field, "must be between %s and %s, not %s", show(b.min), show(b.max), show(n))
	}
}

// leastMemory is what the buffers need at least, in bytes: a part being filled
// while another one is sent, and an object that goes in one piece.
func (c *Config) leastMemory() int64 {
	return max(2*c.Transfer.ChunkSize, c.Transfer.Threshold)
}

// memory is the bound of the buffers in bytes.
func (c *Config) memory() int64 {
	if c.Transfer.MaxMemory != 0 {
		return c.Transfer.MaxMemory
	}
	return max(defaultMemory, c.leastMemory())
}
