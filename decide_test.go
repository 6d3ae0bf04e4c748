package s3sync

import (
	"strings"
	"testing"
	"time"

	"s3sync/internal/checksum"
	"s3sync/storage"
)

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
	for name, tt := range map[string]struct {
		check          Check
		source, target storage.Object
		missing        bool
		want           likeness
		why            Reason
	}{
		"new":                        {Check{}, young, storage.Object{}, true, different, ReasonNew},
		"overwrite":                  {Check{Mode: CheckOverwrite}, old, young, false, different, ReasonOverwrite},
		"overwrite, looking":         {Check{HeadEachTarget: true, NoTargetListing: true}, old, young, false, same, ReasonSame},
		"overwrite, by sum":          {Check{Mode: CheckChecksum, Algorithm: "SHA1", NoTargetListing: true}, old, young, false, unsure, ""},
		"newer":                      {Check{}, young, old, false, different, ReasonNewer},
		"older":                      {Check{}, old, young, false, same, ReasonSame},
		"older of another size":      {Check{}, object(2, one, time.Hour), young, false, same, ReasonSame},
		"size, newer":                {Check{Mode: CheckSize}, young, old, false, same, ReasonSame},
		"size":                       {Check{Mode: CheckSize}, old, object(2, one, 0), false, different, ReasonSize},
		"mtime and size, newer":      {Check{Mode: CheckMtimeAndSize}, young, old, false, different, ReasonNewer},
		"mtime and size, older":      {Check{Mode: CheckMtimeAndSize}, old, young, false, same, ReasonSame},
		"mtime and size, size":       {Check{Mode: CheckMtimeAndSize}, old, object(2, one, 0), false, different, ReasonSize},
		"etag, equal":                {Check{Mode: CheckETag}, young, old, false, same, ReasonSameETag},
		"etag, other letters":        {Check{Mode: CheckETag}, object(1, strings.Repeat("AB", 16), 0), object(1, strings.Repeat("ab", 16), 0), false, same, ReasonSameETag},
		"etag, other":                {Check{Mode: CheckETag}, young, object(1, two, 0), false, unsure, ""},
		"etag, equal of other size":  {Check{Mode: CheckETag}, young, object(2, one, 0), false, different, ReasonSize},
		"etag, one part":             {Check{Mode: CheckETag}, young, object(1, onePartETag(one), 0), false, same, ReasonSameETag},
		"etag, one part, turned":     {Check{Mode: CheckETag}, object(1, onePartETag(one), 0), young, false, same, ReasonSameETag},
		"etag, one part, other":      {Check{Mode: CheckETag}, young, object(1, two+"-1", 0), false, unsure, ""},
		"etag, in parts":             {Check{Mode: CheckETag}, object(1, one+"-2", 0), object(1, one+"-2", 0), false, same, ReasonSameETag},
		"etag, a file":               {Check{Mode: CheckETag}, object(1, "", 0), young, false, unsure, ""},
		"etag, equal but no digests": {Check{Mode: CheckETag}, object(1, "7", 0), object(1, "7", 0), false, unsure, ""},
		"etag, empty":                {Check{Mode: CheckETag}, object(0, "", 0), object(0, two, 0), false, same, ReasonEmpty},
		"mtime and etag, older":      {Check{Mode: CheckMtimeAndETag}, old, object(2, two, 0), false, same, ReasonSame},
		"mtime and etag, newer":      {Check{Mode: CheckMtimeAndETag}, young, old, false, same, ReasonSameETag},
		"mtime and etag, other":      {Check{Mode: CheckMtimeAndETag}, young, object(1, two, time.Hour), false, unsure, ""},
		"sum":                        {Check{Mode: CheckChecksum, Algorithm: "SHA1"}, young, old, false, unsure, ""},
		"sum, size":                  {Check{Mode: CheckChecksum, Algorithm: "SHA1"}, young, object(2, one, 0), false, different, ReasonSize},
		"sum, empty":                 {Check{Mode: CheckChecksum, Algorithm: "SHA1"}, object(0, one, 0), object(0, two, 0), false, same, ReasonEmpty},
		"mtime and sum, older":       {Check{Mode: CheckMtimeAndChecksum, Algorithm: "SHA1"}, old, object(2, two, 0), false, same, ReasonSame},
		"mtime and sum, newer":       {Check{Mode: CheckMtimeAndChecksum, Algorithm: "SHA1"}, young, old, false, unsure, ""},
	} {
		t.Run(name, func(t *testing.T) {
			it := item{source: tt.source, target: tt.target, exists: !tt.missing}
			if got, why := tt.check.decide(&it); got != tt.want || why != tt.why {
				t.Errorf("got %d, %q; want %d, %q", got, why, tt.want, tt.why)
			}
		})
	}
}

// Checksums as servers give them: with and without the type, and the number of
// parts.
func TestMatchSums(t *testing.T) {
	const (
		x       = "rfPzYw=="
		y       = "AAAAAA=="
		whole   = "11111111111111111111111111111111"
		inParts = whole + "-2"
	)
	lifted := onePartSum(checksum.CRC32, x)
	type told struct{ value, typ, etag string }
	for name, tt := range map[string]struct {
		a, b told
		want likeness
	}{
		"equal, whole":            {told{x, "", whole}, told{x, "", whole}, same},
		"other, whole":            {told{x, "", whole}, told{y, "", whole}, different},
		"equal, full":             {told{x, "FULL_OBJECT", inParts}, told{x, "FULL_OBJECT", whole}, same},
		"other, full":             {told{x, "FULL_OBJECT", inParts}, told{y, "", whole}, different},
		"equal, of unknown type":  {told{x, "", inParts}, told{x, "", whole}, same},
		"other, of unknown type":  {told{x, "", inParts}, told{y, "", whole}, unsure},
		"equal, of other type":    {told{x, "COMPOSITE", inParts}, told{x, "FULL_OBJECT", inParts}, unsure},
		"equal composites":        {told{x + "-2", "COMPOSITE", inParts}, told{x + "-2", "", inParts}, same},
		"other composites":        {told{x + "-2", "COMPOSITE", inParts}, told{y + "-2", "COMPOSITE", inParts}, unsure},
		"composite, number lost":  {told{x, "COMPOSITE", inParts}, told{x + "-2", "COMPOSITE", inParts}, same},
		"composite, nothing told": {told{x, "COMPOSITE", ""}, told{y, "COMPOSITE", inParts}, unsure},
		"one part":                {told{lifted, "COMPOSITE", whole + "-1"}, told{x, "FULL_OBJECT", whole}, same},
		"one part, turned":        {told{x, "", whole}, told{lifted, "", whole + "-1"}, same},
		"one part, other":         {told{y + "-1", "COMPOSITE", whole + "-1"}, told{x, "FULL_OBJECT", whole}, different},
		"a composite that is not": {told{x + "-2", "FULL_OBJECT", inParts}, told{y + "-2", "FULL_OBJECT", inParts}, unsure},
		"no checksums":            {told{"x", "", whole}, told{"x", "", whole}, unsure},
		"nothing":                 {told{"", "", whole}, told{"", "", whole}, unsure},
	} {
		t.Run(name, func(t *testing.T) {
			info := func(o told) *storage.Info {
				return &storage.Info{
					Object:    storage.Object{Size: 10, ETag: o.etag},
					Checksums: []storage.Checksum{{Algorithm: "CRC32", Value: o.value, Type: storage.ChecksumType(o.typ)}},
				}
			}
			if got := bySum(checksum.CRC32, info(tt.a), info(tt.b)); got.likeness != tt.want {
				t.Errorf("got %d, want %d", got.likeness, tt.want)
			}
		})
	}
}
