package s3sync

import (
	"time"

	"s3sync/storage"
)

// An EventType says what an [Event] tells.
type EventType int

const (
	// EventStart: the run begins.
	EventStart EventType = iota + 1
	// EventBegun: the transfer of an object begins, or begins anew after it failed.
	EventBegun
	// EventWritten: Bytes of an object were written, in one piece or as Part. That
	// they are visible is told by EventTransferred. Where bytes are written anew,
	// so is this event.
	EventWritten
	// EventMismatch: bytes that were read or written are not what a server says;
	// Err tells what was compared, and Algorithm is that of the checksum, empty for
	// ETags. They do not count as transferred; the object's outcome follows.
	EventMismatch
	// EventTransferred: an object arrived and was published. In a dry run: it
	// would be transferred.
	EventTransferred
	// EventVerified: the ETags of an object were proved from the bytes that passed,
	// or those of a server-side copy are equal. The object's EventTransferred
	// follows.
	EventVerified
	// EventChecksumVerified: every additional checksum that was asked for was
	// proved so, or source and target of a server-side copy tell the same one. The
	// object's EventTransferred follows.
	EventChecksumVerified
	// EventNoChecksum: the source has no additional checksum, although the
	// verification of them was asked for. It counts as a warning; the object's
	// other events follow.
	EventNoChecksum
	// EventUnverified: neither ETags nor additional checksums prove the bytes
	// of an object; Err says why. The object's EventTransferred follows.
	EventUnverified
	// EventSkipped: an object is left as it is; Reason says why.
	EventSkipped
	// EventCancelled: Config.Preprocess left an object out. It counts as skipped.
	EventCancelled
	// EventTagged: the tags of an unchanged object were made like those of its
	// source, SourceTags, or would be in a dry run. It counts as transferred.
	EventTagged
	// EventStatus: a report compared an object in one Aspect; Status is the
	// result.
	EventStatus
	// EventDeleted: a target object was deleted, or would be in a dry run.
	EventDeleted
	// EventPerhapsDeleted: the run was interrupted before the target answered whether
	// it deleted an object. It counts as a warning, too.
	EventPerhapsDeleted
	// EventRetry: an attempt failed with Err and is made again. It is not a
	// warning: the object's outcome follows.
	EventRetry
	// EventWarning: an object was left out because of Err; the run goes on and
	// ends with exit code 3. An object that an update check could not compare is
	// a warning, and not a skip as well. Objects that may not be read or written are
	// told when it is known whether others may: they are failures if nothing at all
	// could be transferred, or if more than 100 in a row may not.
	EventWarning
	// EventFailed: an object, a listing or the run failed with Err.
	EventFailed
	// EventNote: Note tells something worth knowing that is neither a warning nor a
	// failure. It is not counted and leaves the exit code alone.
	EventNote
	// EventProgress: about a second has passed.
	EventProgress
	// EventEnd: the run ends; Stats are final.
	EventEnd
)

// An Event is something that happened to one object or to the run.
type Event struct {
	Type EventType
	// DryRun: nothing was changed.
	DryRun bool
	// Key is relative to both sides; empty for events of the run.
	Key string
	// Source and Target describe the object on either side, as far as known.
	Source, Target storage.Object
	// Algorithm is that of the additional checksums beside it: what the source
	// has or what was computed for it, and what the target has.
	Algorithm, SourceChecksum, TargetChecksum string
	// SourceTags and TargetTags are the tags on either side, where they were
	// compared: name=value pairs in order of the names, percent-encoded and joined by
	// ampersands.
	SourceTags, TargetTags string
	// Part is the number of a part, from 1, and Bytes is its size.
	Part  int
	Bytes int64
	// Reason tells why an object is skipped or transferred.
	Reason Reason
	// Aspect and Status are a line of a report. Fields are the fields of the
	// metadata, if that is the aspect.
	Aspect Aspect
	Status Status
	Fields []FieldStatus
	// Compared is what a filter of contents looked at, if that is the Reason: the
	// Content-Type, or all metadata or tags as Config.Filter has them.
	Compared string
	// Note is what an EventNote tells: one sentence. Settings are the fields of the
	// Config that it names, such as "Check.ReadBoth" or "Delete.MaxPercent=100".
	Note     string
	Settings []string
	// Err is the cause of a retry, a warning, a failure, or of a missing proof.
	Err error
	// Stats are the counters including this event.
	Stats Stats
}

// A Reason tells why an object is transferred or skipped: one of the constants,
// or the name of the filter option that left it out.
type Reason string

// Reasons to transfer and to skip.
const (
	ReasonNew       Reason = "new"                     // the target does not have it
	ReasonNewer     Reason = "source is newer"         // by whole seconds
	ReasonSize      Reason = "sizes differ"            //
	ReasonETag      Reason = "ETags differ"            // and no other digest shows that the contents are equal
	ReasonChecksum  Reason = "checksums differ"        // the same of additional checksums
	ReasonOverwrite Reason = "overwrite"               // no update check
	ReasonSame      Reason = "unchanged"               // the update check found no difference
	ReasonEmpty     Reason = "both are empty"          // which needs no digest
	ReasonEmptyKey  Reason = "key equals the prefix"   // nothing is left of the key
	ReasonDirectory Reason = "directory key with data" // cannot be a file
	ReasonVersion   Reason = "version exists"          // the target has the version
	// ReasonOlder: the target has a newer version, so that this one would come too late.
	ReasonOlder    Reason = "older than a version of the target"
	ReasonCallback Reason = "filter callback" // Filter.Func said so

	ReasonArchived   Reason = "archived"            // and IgnoreArchived is set
	ReasonPreprocess Reason = "preprocess callback" // Config.Preprocess said so

	// The contents are equal by ETags, which may be of different form if the
	// object is in one part on one side and in none on the other, or by
	// additional checksums, which stand in for ETags that cannot be compared.
	ReasonSameETag     Reason = "ETags are same"
	ReasonSameChecksum Reason = "checksums are same"

	// The bytes of both sides were read: Check.ReadBoth.
	ReasonSameContent Reason = "contents are same"
	ReasonContent     Reason = "contents differ"
)

// Stats count outcomes. Each object is counted once per outcome.
type Stats struct {
	// TransferredBytes counts object data as it is read from the source,
	// including attempts that failed later.
	TransferredBytes int64
	Transferred      int64
	ETagVerified     int64
	ChecksumVerified int64
	// Unverified counts transferred objects without a proof of their bytes.
	Unverified int64
	Deleted    int64
	// PerhapsDeleted counts objects of which nobody knows whether they are deleted,
	// because the run was interrupted before the answer came.
	PerhapsDeleted int64
	Skipped        int64
	Failed         int64
	Warnings       int64
	// Elapsed is the time since the run began.
	Elapsed time.Duration
}

// A Report is what a run did. It is complete also when the run failed.
type Report struct {
	Stats
	// Status is what a report (Config.Report) found.
	Status StatusCounts
	// Incomplete: a part of the source or target was not looked at, because it
	// could not be listed or because the run ended early. Entries that have a
	// warning of their own, with their key, do not make a run incomplete.
	Incomplete bool
	// FailedKeys are the keys of the first failed objects, at most 1,000, so
	// that memory stays bounded; the log and the events have all of them.
	FailedKeys []string
}
