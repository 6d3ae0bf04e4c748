package s3sync

import (
	"crypto/md5"
	"encoding/hex"
	"strings"
	"time"

	"s3sync/internal/checksum"
	"s3sync/storage"
)

// An item is one source object on its way through the run. Each stage fills its
// own fields and reads only earlier ones.
type item struct {
	// list
	source storage.Object
	target storage.Object // meaningful if exists
	exists bool
	// stray: the target holds the object under another key, mapped.
	stray  bool
	mapped string

	// decide
	reason Reason
	sums   sums // what reason rests on, if it was not the ETags
	// told is what the source told of the object, if it was asked.
	told *storage.Info

	// filter
	compared string // what reason rests on, if it is a filter of contents
}

// sums are an additional checksum of both sides.
type sums struct{ algorithm, source, target string }

// key is the object's key on the source side, which names it in every message.
func (it *item) key() string { return it.source.Key }

// event is one about the object.
func (it *item) event(t EventType) Event {
	return Event{
		Type: t, Key: it.key(), Reason: it.reason, Source: it.source, Target: it.target,
		Algorithm: it.sums.algorithm, SourceChecksum: it.sums.source, TargetChecksum: it.sums.target, Compared: it.compared,
	}
}

// A likeness says whether two objects are alike.
type likeness int

const (
	unsure    likeness = iota // what is known does not tell
	same                      // nothing is to be done
	different                 // the object is to be transferred
)

// decide applies the update check to what the listings told of both sides. It
// returns whether they differ, and why or why not.
func (c *Check) decide(it *item) (l likeness, why Reason) {
	switch {
	case c.Mode == CheckOverwrite:
		return different, ReasonOverwrite
	case !it.exists:
		return different, ReasonNew
	}
	isNewer := newer(it.source.ModTime, it.target.ModTime)
	switch c.Mode {
	case CheckSize, CheckMtimeAndSize:
		if it.source.Size != it.target.Size {
			return different, ReasonSize
		}
		isNewer = isNewer && c.Mode == CheckMtimeAndSize
	case CheckETag, CheckMtimeAndETag:
		if isNewer || c.Mode == CheckETag {
			return listedETags(it)
		}
	case CheckChecksum, CheckMtimeAndChecksum:
		if isNewer || c.Mode == CheckChecksum {
			return listedSizes(it)
		}
	case CheckNewer, CheckOverwrite:
	}
	if !isNewer {
		return same, ReasonSame
	}
	return different, ReasonNewer
}

// listedETags compares what listings tell of contents. They do not tell of
// encryption, which makes ETags that differ whatever the content is.
func listedETags(it *item) (l likeness, why Reason) {
	if it.source.Size == it.target.Size && matchETags(it.source.ETag, it.target.ETag) == same {
		return same, ReasonSameETag
	}
	return listedSizes(it)
}

func listedSizes(it *item) (l likeness, why Reason) {
	switch {
	case it.source.Size != it.target.Size:
		return different, ReasonSize
	case it.source.Size == 0:
		return same, ReasonEmpty
	}
	return unsure, ""
}

// newer compares whole seconds: some stores keep no more.
func newer(source, target time.Time) bool {
	return source.Unix() > target.Unix()
}

// matchETags compares two ETags that are digests. Those of objects in several
// parts tell nothing if they differ: the parts may be of other sizes.
func matchETags(a, b string) likeness {
	m, ok := checksum.ParseETag(a)
	n, ok2 := checksum.ParseETag(b)
	switch {
	case !ok || !ok2:
		return unsure
	case strings.EqualFold(a, b):
		return same
	case m == 0 && n == 1:
		return is(strings.EqualFold(onePartETag(a), b))
	case m == 1 && n == 0:
		return is(strings.EqualFold(a, onePartETag(b)))
	case m <= 1 && n <= 1:
		return different
	}
	return unsure
}

func is(equal bool) likeness {
	if equal {
		return same
	}
	return different
}

// onePartETag is the ETag of an object written in one part, from the one that
// it has if it is written whole.
func onePartETag(whole string) string {
	digest, err := hex.DecodeString(whole)
	if err != nil {
		return ""
	}
	sum := md5.Sum(digest)
	return hex.EncodeToString(sum[:]) + "-1"
}
