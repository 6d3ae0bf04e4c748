package compare

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"s3sync/internal/checksum"
	"s3sync/internal/plan"
	"s3sync/storage"
	"s3sync/storage/storagetest"
)

func TestModeString(t *testing.T) {
	var names []string
	for m := Newer; m <= NewerAndChecksum+1; m++ {
		names = append(names, m.String())
	}
	want := "newer, overwrite, size, mtime-and-size, etag, mtime-and-etag, checksum, mtime-and-checksum, Mode(8)"
	if got := strings.Join(names, ", "); got != want {
		t.Errorf("got %s", got)
	}
}

// What the listings tell.
func TestDecide(t *testing.T) {
	const (
		one = "11111111111111111111111111111111"
		two = "22222222222222222222222222222222"
	)
	base := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	object := func(size int64, etag string, age time.Duration) storage.Object {
		return storage.Object{Size: size, ETag: etag, ModTime: base.Add(-age)}
	}
	old, young := object(1, one, time.Hour), object(1, one, 0)
	unknown := answer{}
	for name, tt := range map[string]struct {
		mode           Mode
		source, target storage.Object
		missing        bool
		want           answer
	}{
		"new":                         {Newer, young, storage.Object{}, true, differs(plan.ReasonNew)},
		"new, by size":                {Size, young, storage.Object{}, true, differs(plan.ReasonNew)},
		"new, by ETag":                {ETag, young, storage.Object{}, true, differs(plan.ReasonNew)},
		"always":                      {Always, old, young, false, differs(plan.ReasonOverwrite)},
		"always, new":                 {Always, old, storage.Object{}, true, differs(plan.ReasonOverwrite)},
		"newer":                       {Newer, young, old, false, differs(plan.ReasonNewer)},
		"newer in the same second":    {Newer, object(1, one, -999*time.Millisecond), young, false, equals(plan.ReasonSame)},
		"older":                       {Newer, old, young, false, equals(plan.ReasonSame)},
		"older of another size":       {Newer, object(2, one, time.Hour), young, false, equals(plan.ReasonSame)},
		"size, newer":                 {Size, young, old, false, equals(plan.ReasonSame)},
		"size":                        {Size, old, object(2, one, 0), false, differs(plan.ReasonSize)},
		"newer or size, newer":        {NewerOrSize, young, old, false, differs(plan.ReasonNewer)},
		"newer or size, older":        {NewerOrSize, old, young, false, equals(plan.ReasonSame)},
		"newer or size, size":         {NewerOrSize, old, object(2, one, 0), false, differs(plan.ReasonSize)},
		"newer or size, both":         {NewerOrSize, young, object(2, one, time.Hour), false, differs(plan.ReasonSize)},
		"ETag, equal":                 {ETag, young, old, false, equals(plan.ReasonSameETag)},
		"ETag, other letters":         {ETag, object(1, strings.Repeat("AB", 16), 0), object(1, strings.Repeat("ab", 16), 0), false, equals(plan.ReasonSameETag)},
		"ETag, other":                 {ETag, young, object(1, two, 0), false, unknown},
		"ETag, equal of other size":   {ETag, young, object(2, one, 0), false, differs(plan.ReasonSize)},
		"ETag, one part, other":       {ETag, young, object(1, two+"-1", 0), false, unknown},
		"ETag, in parts":              {ETag, object(1, one+"-2", 0), object(1, one+"-2", 0), false, equals(plan.ReasonSameETag)},
		"ETag, a file":                {ETag, object(1, "", 0), young, false, unknown},
		"ETag, equal but no digests":  {ETag, object(1, "7", 0), object(1, "7", 0), false, unknown},
		"ETag, empty":                 {ETag, object(0, "", 0), object(0, two, 0), false, equals(plan.ReasonEmpty)},
		"newer and ETag, older":       {NewerAndETag, old, object(2, two, 0), false, equals(plan.ReasonSame)},
		"newer and ETag, newer":       {NewerAndETag, young, old, false, equals(plan.ReasonSameETag)},
		"newer and ETag, other":       {NewerAndETag, young, object(1, two, time.Hour), false, unknown},
		"checksum":                    {Checksum, young, old, false, unknown},
		"checksum, size":              {Checksum, young, object(2, one, 0), false, differs(plan.ReasonSize)},
		"checksum, empty":             {Checksum, object(0, one, 0), object(0, two, 0), false, equals(plan.ReasonEmpty)},
		"newer and checksum, older":   {NewerAndChecksum, old, object(2, two, 0), false, equals(plan.ReasonSame)},
		"newer and checksum, newer":   {NewerAndChecksum, young, old, false, unknown},
		"newer and checksum, smaller": {NewerAndChecksum, object(0, one, 0), old, false, differs(plan.ReasonSize)},
	} {
		t.Run(name, func(t *testing.T) {
			p := plan.Pair{Source: tt.source, Target: tt.target, Exists: !tt.missing}
			r := tt.mode.decide(&p)
			tt.want.check(t, &Decision{Verdict: r.Verdict, Reason: r.reason, Err: r.err})
		})
	}
}

// A pair about which the listings tell enough costs neither a request nor memory.
func TestListedPairsAreCheap(t *testing.T) {
	o := storagetest.Object{Data: "data"}
	source, target := bucket(t, o, nil), bucket(t, o, nil)
	p := pairOf(t, source, target)
	for _, mode := range []Mode{Newer, Always, Size, NewerOrSize, ETag, NewerAndETag} {
		c := comparer(t, Options{Mode: mode}, source, target)
		allocations := testing.AllocsPerRun(100, func() {
			d, err := c.Compare(t.Context(), p)
			if err != nil || d.Verdict == checksum.Unknown || d.Pair != p {
				t.Errorf("%s: %v, %+v", mode, err, d)
			}
			if why, unchanged := c.Unchanged(&p); unchanged != (d.Verdict == checksum.Equal) || why != d.Reason {
				t.Errorf("%s: unchanged %v, %q; decided %+v", mode, unchanged, why, d)
			}
		})
		if allocations > 0 {
			t.Errorf("%s: %v allocations", mode, allocations)
		}
	}
	calls(t, "source", source, 0, 0)
	calls(t, "target", target, 0, 0)
}

// An ETag of an object in one part is known by that of the whole.
func TestDecideOnePart(t *testing.T) {
	whole := storagetest.Object{Data: "data"}
	for name, pair := range map[string][2]storagetest.Object{"up": {whole, whole.In(4)}, "down": {whole.In(4), whole}} {
		source, target := bucket(t, pair[0], nil), bucket(t, pair[1], nil)
		d := decide(t, Options{Mode: ETag}, source, target)
		equals(plan.ReasonSameETag).check(t, &d)
		calls(t, fmt.Sprint("source, ", name), source, 0, 0)
		calls(t, fmt.Sprint("target, ", name), target, 0, 0)
	}
}
