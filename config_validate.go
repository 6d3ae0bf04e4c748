package s3sync

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"
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
	return c.ValidateGiven(c.changed())
}

// ValidateGiven is [Config.Validate] for a caller that knows which settings its
// user gave: given reports it for the address of a field. Validate itself takes
// a field as given if it differs from [DefaultConfig]. Faults of single values
// come first, then fields that do not go together, then what the file system
// says.
func (c *Config) ValidateGiven(given func(field any) bool) error {
	v := validator{Config: c, given: given}
	v.source = v.locate(&c.Source)
	v.target = v.locate(&c.Target)
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

	given          func(field any) bool
	source, target *location
	faults         []error
}

func (v *validator) add(field any, format string, args ...any) {
	v.faults = append(v.faults, v.fault(field, nil, fmt.Sprintf(format, args...)))
}

func (v *validator) add2(field any, reason string, other any) {
	v.faults = append(v.faults, v.fault(field, other, reason))
}

func (v *validator) locate(e *Endpoint) *location {
	if e.Store != nil {
		return nil
	}
	l, err := parseLocation(e.URL)
	if err != nil {
		v.add(&e.URL, "%v", err)
		return nil
	}
	return &l
}

// A bound is the range of one number: a max of 0 is none. Where zero is the
// value for "no limit" it is allowed unless it was given: the command says so
// by leaving the option out.
type bound struct {
	field           any
	value, min, max int64
	zero            bool
	show            func(int64) string
}

// ranges checks numbers.
func (v *validator) ranges() {
	t, r, o := &v.Transfer, &v.Retry, &v.Timeout
	for _, b := range []bound{
		{field: &v.AWS.MaxKeys, value: int64(v.AWS.MaxKeys), min: 1, max: math.MaxInt16, show: showNumber},
		{field: &t.Workers, value: int64(t.Workers), min: 1, max: math.MaxUint16, show: showNumber},
		{field: &t.ParallelParts, value: int64(t.ParallelParts), min: 1, max: math.MaxUint16, show: showNumber},
		{field: &t.Threshold, value: t.Threshold, min: minPart, max: maxPart, show: showBytes},
		{field: &t.ChunkSize, value: t.ChunkSize, min: minPart, max: maxPart, show: showBytes},
		{field: &t.ObjectsPerSecond, value: int64(t.ObjectsPerSecond), min: minObjects, zero: true, show: showNumber},
		{field: &t.BytesPerSecond, value: t.BytesPerSecond, min: minBandwidth, max: maxBandwidth, zero: true, show: showBytes},
		{field: &v.Delete.Max, value: v.Delete.Max, min: 1, zero: true, show: showNumber},
		{field: &v.Delete.MaxPercent, value: int64(v.Delete.MaxPercent), max: 100, show: showNumber},
		{field: &r.MaxAttempts, value: int64(r.MaxAttempts), min: 1, show: showNumber},
		{field: &r.ForceCount, value: int64(r.ForceCount), show: showNumber},
		{field: &r.InitialBackoff, value: int64(r.InitialBackoff), show: showDuration},
		{field: &r.ForceInterval, value: int64(r.ForceInterval), show: showDuration},
		{field: &o.Operation, value: int64(o.Operation), show: showDuration},
		{field: &o.Attempt, value: int64(o.Attempt), show: showDuration},
		{field: &o.Connect, value: int64(o.Connect), show: showDuration},
		{field: &o.Read, value: int64(o.Read), show: showDuration},
	} {
		v.within(b)
	}
	for _, size := range []**int64{&v.Filter.SmallerThan, &v.Filter.LargerThan} {
		if *size != nil && **size < 0 {
			v.add(size, "must be at least 0B, not %s", showBytes(**size))
		}
	}
	if need := v.leastMemory(); t.MaxMemory != 0 && t.MaxMemory < need {
		v.add(&t.MaxMemory, "must be at least %s, which is two parts or an object below the threshold, not %s",
			showBytes(need), showBytes(t.MaxMemory))
	}
}

func (v *validator) within(b bound) {
	switch {
	case b.zero && b.value == 0 && !v.given(b.field):
	case b.max == 0 && b.value < b.min:
		v.add(b.field, "must be at least %s, not %s", b.show(b.min), b.show(b.value))
	case b.max != 0 && (b.value < b.min || b.value > b.max):
		v.add(b.field, "must be between %s and %s, not %s", b.show(b.min), b.show(b.max), b.show(b.value))
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

func showNumber(n int64) string { return strconv.FormatInt(n, 10) }

func showDuration(n int64) string { return time.Duration(n).String() }

// showBytes writes a size as an option takes it: 8MiB, or plain bytes.
func showBytes(n int64) string {
	for _, unit := range []struct {
		size int64
		name string
	}{{GiB, "GiB"}, {MiB, "MiB"}, {KiB, "KiB"}} {
		if n != 0 && n%unit.size == 0 {
			return fmt.Sprintf("%d%s", n/unit.size, unit.name)
		}
	}
	return fmt.Sprintf("%dB", n)
}
