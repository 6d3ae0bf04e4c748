// Package plan is the vocabulary of decisions: what a run knows about an object on both
// sides, what to do with it, and why. Its values can be printed, compared and written
// down. Nothing here acts.
package plan

import (
	"fmt"
	"strings"

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
}

// A Guard is what must hold when an action is carried out. The zero Guard asks for
// nothing.
type Guard struct {
	// TargetETag, if not empty, must be the ETag of the target object.
	TargetETag string
	// TargetAbsent: the target must not have the object.
	TargetAbsent bool
	// SourceUnchanged: a server-side copy must read the object that was listed.
	SourceUnchanged bool
}
