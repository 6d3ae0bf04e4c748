package report

import (
	"fmt"
	"time"

	"s3sync/internal/plan"
	"s3sync/storage"
)

// An EventType is the type of an [Event].
type EventType int

const (
	// EventStart: the run begins.
	EventStart EventType = iota + 1
	// EventListed: the listing of the source has ended. It has Objects objects of Bytes
	// bytes in total, before filters. A run over several ranges of keys emits one such
	// event for each range.
	EventListed
	// EventBegun: the transfer of an object begins, or begins again after it failed.
	EventBegun
	// EventWritten: Bytes of an object were written, in one piece or as Part. They are
	// visible after EventTransferred. Bytes that are written again have another event.
	EventWritten
	// EventMismatch: bytes that were read or written differ from what a server reports.
	// Err says what was compared. If it was an additional checksum, Checksums has its
	// Algorithm. The bytes do not count as transferred; the object's outcome follows.
	EventMismatch
	// EventTransferred: an object arrived and was published. In a dry run: it
	// would be transferred.
	EventTransferred
	// EventVerified: the ETags of an object were verified with the transferred bytes,
	// or the ETags of both sides of a server-side copy are equal. The object's
	// EventTransferred follows.
	EventVerified
	// EventChecksumVerified: every requested additional checksum was verified in the
	// same way, or source and target of a server-side copy report the same one. The
	// object's EventTransferred follows.
	EventChecksumVerified
	// EventNoChecksum: the source has no additional checksum, although its verification
	// was requested. It counts as a warning; the object's other events follow.
	EventNoChecksum
	// EventUnverified: neither ETags nor additional checksums verify the bytes of an
	// object. Err says why, and Cause has the kind of Err. The object's
	// EventTransferred follows.
	EventUnverified
	// EventSkipped: an object is left as it is; Reason says why.
	EventSkipped
	// EventCancelled: Config.Preprocess skipped an object. It counts as skipped.
	EventCancelled
	// EventTagged: an unchanged object got the tags of its source, or would get them in
	// a dry run. Tags are the tags of both sides before that. It counts as transferred.
	EventTagged
	// EventStatus: a report compared an object in one aspect; Line is the result.
	EventStatus
	// EventDeleted: a target object was deleted, or would be in a dry run.
	EventDeleted
	// EventPerhapsDeleted: the run was interrupted before the target answered whether
	// it deleted an object. It counts as a warning, too.
	EventPerhapsDeleted
	// EventRetry: an attempt failed with Err and is retried. It is not a warning: the
	// object's outcome follows.
	EventRetry
	// EventWarning: an object was skipped because of Err; the run goes on and ends with
	// exit code 3. An object that could not be compared (CauseIncomparable) counts as a
	// warning only, not as a skip. Objects without permission to read or write are
	// reported when the permissions of others are known: they are failures if nothing
	// at all could be transferred, or if more than 100 in a row are refused.
	EventWarning
	// EventFailed: an object, a listing or the run failed with Err.
	EventFailed
	// EventNote: Note is useful information that is neither a warning nor a failure. It
	// is not counted and does not change the exit code.
	EventNote
	// EventProgress: about a second has passed. Stats are the counters so far.
	EventProgress
	// EventEnd: the run ends. Stats are the final counters.
	EventEnd
)

// String is the name of the type in one or two words.
func (t EventType) String() string {
	names := [...]string{
		EventStart: "start", EventListed: "listed", EventBegun: "begun", EventWritten: "written",
		EventMismatch: "mismatch", EventTransferred: "transferred", EventVerified: "verified",
		EventChecksumVerified: "checksum verified", EventNoChecksum: "no checksum", EventUnverified: "unverified",
		EventSkipped: "skipped", EventCancelled: "cancelled", EventTagged: "tagged", EventStatus: "status",
		EventDeleted: "deleted", EventPerhapsDeleted: "perhaps deleted", EventRetry: "retry",
		EventWarning: "warning", EventFailed: "failed", EventNote: "note", EventProgress: "progress", EventEnd: "end",
	}
	if t <= 0 || int(t) >= len(names) {
		return fmt.Sprintf("EventType(%d)", int(t))
	}
	return names[t]
}

// An Event is something that happened to one object or to the run. What its
// pointers point to must not be changed.
//
//nolint:recvcheck // SetDigests changes it, and String is for values, too
type Event struct {
	Type EventType
	// DryRun: nothing was changed.
	DryRun bool
	// Cause is the kind of Err, where that matters.
	Cause Cause
	// Exists: what is transferred overwrites an object of the target.
	Exists bool
	// Took is how long the transfer of a transferred object took.
	Took time.Duration
	// Key is relative to both sides; empty for events of the run.
	Key string
	// Reason says why an object is skipped, transferred or deleted.
	Reason plan.Reason
	// Source and Target describe the object on either side, as far as known. The ETag
	// of a file is the one that was computed for it, if any.
	Source, Target storage.Object
	// Verified: the bytes of a transferred object were verified by its ETags, its
	// additional checksums or both.
	Verified bool
	// Part is the number of a part, from 1.
	Part int
	// Objects and Bytes are the totals of a listing (EventListed). For EventWritten,
	// Bytes is the number of written bytes.
	Objects, Bytes int64
	// Compared is the value that a filter of contents compared, if that is the Reason:
	// the Content-Type, or all metadata or tags in the form of Config.Filter.
	Compared string
	// Note is the text of an EventNote: one sentence. Settings are the fields of the
	// Config that it names, such as "Check.ReadBoth" or "Delete.MaxPercent=100".
	Note     string
	Settings []string
	// Err says why an attempt is retried, why an object was skipped with a warning or
	// failed, or why it is not verified.
	Err error
	// Checksums are additional checksums that were compared or verified; nil if
	// there are none.
	Checksums *Checksums
	// Tags are the tags of both sides, where they were compared; nil elsewhere.
	Tags *Tags
	// Written says how a transferred object was written. It is nil if the Type is not
	// EventTransferred, in a dry run, and if no Observer wants it.
	Written *Written
	// Line is a line of a report; nil if the Type is not EventStatus.
	Line *Line
	// Stats are the counters of the run; nil if the Type is neither EventProgress
	// nor EventEnd.
	Stats *Stats
}

// Checksums are the additional checksums of an object in one algorithm. Source is the
// checksum that the source has, or that was computed for it. Target is the checksum
// that the target has. Either is empty if there is none. A Source in another algorithm
// begins with the name of that algorithm and a colon.
type Checksums struct {
	Algorithm, Source, Target string
}

// Tags are the tags of an object on either side: name=value pairs in order of the
// names, percent-encoded and joined by ampersands.
type Tags struct {
	Source, Target string
}

// Written says how an object was written and what verified it.
type Written struct {
	// TargetKey is the key under which the target lists the object.
	TargetKey string
	// SHA256 is the SHA-256 of the whole content in hexadecimal digits. It is empty if the
	// bytes did not pass this program.
	SHA256 string
	// PartSize is the size in bytes of the parts in which a bucket has the object, of which
	// the last one may be smaller. PartSizes has all of them if they are not uniform. Both
	// are zero for an object in one piece, and for a file.
	PartSize  int64
	PartSizes []int64
	// ETag and Checksum say what verified the object, and Why why nothing did.
	ETag, Checksum bool
	Why            error
}

// A Cause is the kind of the Err of an event.
type Cause uint8

const (
	// CauseOther is any other kind.
	CauseOther Cause = iota
	// CauseVerificationOff: an object is unverified because the settings turn the
	// verification off.
	CauseVerificationOff
	// CauseUnknownParts: an object is unverified because the sizes of its parts are
	// not known, or cannot be kept in a server-side copy. It counts as a warning.
	CauseUnknownParts
	// CauseIncomparable: a warning of an object that was skipped because the update
	// check could not compare it.
	CauseIncomparable
	// CauseUnlisted: a warning about something that could not be listed. Key may stand
	// for many objects.
	CauseUnlisted
)

// SetDigests copies the results of a comparison or a verification into the event: the
// checksums, and the ETags that were computed for files.
func (ev *Event) SetDigests(d *plan.Digests) {
	if d.SourceETag != "" {
		ev.Source.ETag = d.SourceETag
	}
	if d.TargetETag != "" {
		ev.Target.ETag = d.TargetETag
	}
	if d.Algorithm != "" || d.Source != "" || d.Target != "" {
		ev.Checksums = &Checksums{Algorithm: d.Algorithm, Source: d.Source, Target: d.Target}
	}
}

// checksumsOf returns the checksums of the event, which may be empty.
func checksumsOf(ev *Event) Checksums {
	if ev.Checksums == nil {
		return Checksums{}
	}
	return *ev.Checksums
}

// tagsOf returns the tags of the event, which may be empty.
func tagsOf(ev *Event) Tags {
	if ev.Tags == nil {
		return Tags{}
	}
	return *ev.Tags
}
