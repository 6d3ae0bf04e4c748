// Package plan is the vocabulary of decisions: what a run knows about an object on both
// sides, what to do with it, and why. Its values can be printed, compared and written
// down. Nothing here acts.
package plan

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"s3sync/storage"
)

// A Pair is one source object with its counterpart in the target. A scan makes it as the
// listings show them. The pairs in the values of later stages are copies: if a store was
// asked since, its response replaces the ETag and the size of Source, or all of Target.
type Pair struct {
	Source storage.Object
	// Target is the counterpart. It is meaningful if Exists.
	Target storage.Object
	Exists bool
	// TargetKey is the key under which the target lists the object. It differs from
	// Source.Key where the target cannot hold that key (storage.KeyMapper).
	TargetKey string
}

// Key is the key of the source object. It names the object in every message.
func (p *Pair) Key() string { return p.Source.Key }

// IsDirectory reports whether a key stands for a directory in a file store.
func IsDirectory(key string) bool { return strings.HasSuffix(key, "/") }

// Digests are the values that a comparison of contents used. A field is empty if the
// comparison did not need it or the side did not report it.
type Digests struct {
	// Algorithm is the algorithm of the additional checksums Source and Target.
	Algorithm, Source, Target string
	// SourceETag or TargetETag is the ETag that was computed of a file.
	SourceETag, TargetETag string
}

// A Kind is what is to be done about one object.
type Kind int

const (
	// Skip leaves the object as it is.
	Skip Kind = iota + 1
	// Transfer writes the bytes and attributes of the source object to the target.
	Transfer
	// Tag makes the tags of the target object those of the source object.
	Tag
	// Mark adds a delete marker to the target, which keeps versions.
	Mark
	// Delete deletes an object that only the target has. Source has only its key.
	Delete
)

// String is the name of the kind.
func (k Kind) String() string {
	switch k {
	case Skip:
		return "skip"
	case Transfer:
		return "transfer"
	case Tag:
		return "tag"
	case Mark:
		return "mark"
	case Delete:
		return "delete"
	}
	return fmt.Sprintf("Kind(%d)", int(k))
}

// An Action is a decision about one object: what to do, and why. Source and Target
// describe the two sides at the time of the decision, so that a later stage can check
// whether the decision is still valid.
type Action struct {
	Kind Kind
	Pair
	Reason Reason
	// Compared is what the Reason looked at, if it is a filter of contents.
	Compared string
	// Digests are what the Reason rests on, if it compares contents.
	Digests Digests
	// Info is the source's response about the object, if it was asked. It saves another
	// request, and is not written down.
	Info *storage.Info
	// Guard holds the conditions under which the target may be written.
	Guard Guard
	// Tags are those of the source, and OldTags those of the target, flattened, if the Kind
	// is Tag and they are known.
	Tags, OldTags string
}

// A Guard is what must hold when an action is carried out. The zero Guard asks for
// nothing.
type Guard struct {
	// TargetETag, if not empty, must be the ETag of the target object.
	TargetETag string
	// TargetAbsent: the target must not have the object.
	TargetAbsent bool
	// Optional: nobody asked for these two conditions. Where the server does not know them,
	// the target is looked at right before the write.
	Optional bool
	// SourceUnchanged: a server-side copy must read the object that was listed.
	SourceUnchanged bool
	// Planned: the action comes from a plan. The source must be as the action says.
	Planned bool
}

// ErrChanged says that an object is not the one that a plan was made of.
var ErrChanged = errors.New("not as planned")

// Changed returns how an object that a store describes now differs from the one that a
// plan was made of, as an error that wraps ErrChanged, or nil. ETags decide with the size
// where both are known, or else times. Where a store keeps whole seconds, these are
// compared. exact also compares the times if ETags are equal. Some servers list another
// ETag of an encrypted object than they report later, so such ETags decide only if equal.
func Changed(planned *storage.Object, now *storage.Info, exact bool) error {
	etags := planned.ETag != "" && now.ETag != ""
	differ := etags && planned.ETag != now.ETag
	switch {
	case planned.Size != now.Size:
		return fmt.Errorf("%w: it has %d bytes, and had %d", ErrChanged, now.Size, planned.Size)
	case differ && !now.ETagNotDigest:
		return fmt.Errorf("%w: it has the ETag %q, and had %q", ErrChanged, now.ETag, planned.ETag)
	case (exact || differ || !etags) && !sameTime(planned.ModTime, now.ModTime, etags):
		return fmt.Errorf("%w: it was modified at %s, and when the plan was made at %s", ErrChanged,
			now.ModTime.UTC().Format(time.RFC3339Nano), planned.ModTime.UTC().Format(time.RFC3339Nano))
	}
	return nil
}

// sameTime compares two times. Listings of a bucket may have milliseconds, and its other
// answers have seconds.
func sameTime(a, b time.Time, bucket bool) bool {
	if bucket {
		return a.Unix() == b.Unix()
	}
	return a.Equal(b)
}
