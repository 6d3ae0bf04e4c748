package rules

import (
	"math"
	"reflect"
	"time"

	"s3sync/internal/fields"
	"s3sync/internal/limits"
	"s3sync/internal/size"
)

const (
	mib = 1 << 20
	gib = 1 << 30
)

// bounds lists the numbers that have a range. Parts of an upload are 5 MiB to 5 GiB, see
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html.
func bounds() []fields.Bound {
	return []fields.Bound{
		{Field: "AWS.MaxKeys", Min: 1, Max: math.MaxInt16},
		{Field: "AWS.ParallelListings", Min: 1, Max: math.MaxUint16},
		{Field: "Transfer.Threshold", Min: 5 * mib, Max: 5 * gib},
		{Field: "Transfer.ChunkSize", Min: 5 * mib, Max: 5 * gib},
		{Field: "Transfer.ObjectsPerSecond", Min: 10, Zero: true},
		{Field: "Transfer.BytesPerSecond", Min: mib, Max: 100 * gib, Zero: true},
		{Field: "Resume.MaxAge", Min: int64(time.Second)},
		{Field: "Delete.Max", Min: 1, Zero: true},
		{Field: "Delete.MaxPercent", Max: 100},
		{Field: "Trash.Keep"},
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
		{Field: "State.MaxSize", Min: mib, Zero: true},
		{Field: "State.VerifyCache", Max: 100},
	}
}

// ranges checks numbers.
func (v *validator) ranges() {
	for f := range fields.Of(v.settings) {
		if f.Value.Kind() == reflect.Interface && !f.Value.IsNil() && f.Value.Elem().Kind() == reflect.Pointer && f.Value.Elem().IsNil() {
			v.add(f.Path, "is a nil pointer of type %v: leave it out instead", f.Value.Elem().Type())
		}
	}
	if !v.mode().Known() {
		v.add("Check.Mode", "must be one of the modes there are, not %v", v.mode())
	}
	for _, path := range []string{"Transfer.Workers", "Transfer.ParallelParts"} {
		if fault := get[limits.Concurrency](v, path).Fault(); fault != "" {
			v.add(path, "%s", fault)
		}
	}
	for _, b := range bounds() {
		if fault := b.Fault(v.settings, v.given); fault != "" {
			v.add(b.Field, "%s", fault)
		}
	}
	need := limits.LeastMemory(get[int64](v, "Transfer.ChunkSize"), get[int64](v, "Transfer.Threshold"))
	if most := get[int64](v, "Transfer.MaxMemory"); most != 0 && most < need {
		v.add("Transfer.MaxMemory", "must be at least %s, which is two parts or an object below the threshold, not %s",
			size.Format(need), size.Format(most))
	}
}
