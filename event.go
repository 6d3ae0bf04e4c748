package s3sync

import (
	"s3sync/internal/attributes"
	"s3sync/internal/plan"
	"s3sync/internal/report"
)

// The report of a run: Config.OnEvent receives every [Event], and [Sync] returns a
// [Report].
type (
	// An Event is something that happened to one object or to the run. It has a
	// String method.
	Event = report.Event
	// An EventType is the type of an [Event]: one of the constants Event….
	EventType = report.EventType
	// A Reason says why an object is transferred or skipped: one of the constants
	// Reason…, or the name of the filter that excluded it.
	Reason = plan.Reason
	// A Cause is the kind of the Err of an [Event]: one of the constants Cause….
	Cause = report.Cause
	// Checksums are additional checksums of both sides.
	Checksums = report.Checksums
	// Tags are the tags of both sides.
	Tags = report.Tags
	// Written says how an object was written and what verified it.
	Written = report.Written
	// A Line is the result of a report (Config.Report) for one object in one [Aspect].
	Line = report.Line
	// An Aspect is what a report compares of an object: one of the constants Aspect….
	Aspect = report.Aspect
	// A Status is the result of a report in one aspect: one of the constants
	// Status….
	Status = report.Status
	// A FieldStatus is the status of one field of the metadata.
	FieldStatus = report.FieldStatus

	// A Report is the result of a run. It is complete even if the run failed.
	Report = report.Report
	// Stats count outcomes. Each object is counted once per outcome.
	Stats = report.Stats
	// Progress is how far a run is.
	Progress = report.Progress
	// InFlight is an object that is under way.
	InFlight = report.InFlight
	// A Failure is an object that failed, with its error.
	Failure = report.Failure
	// StatusCounts are the counters of a report (Config.Report).
	StatusCounts = report.StatusCounts
	// AspectCounts are the counters of a report in one aspect.
	AspectCounts = report.AspectCounts

	// An Upload has everything that an object is written with besides its bytes.
	Upload = attributes.Upload
)

// ErrSkip is returned by Config.Preprocess to skip an object.
var ErrSkip = attributes.ErrSkip

// The types of events: docs/library.md has a table of them.
const (
	EventStart            = report.EventStart
	EventListed           = report.EventListed
	EventBegun            = report.EventBegun
	EventWritten          = report.EventWritten
	EventMismatch         = report.EventMismatch
	EventTransferred      = report.EventTransferred
	EventVerified         = report.EventVerified
	EventChecksumVerified = report.EventChecksumVerified
	EventNoChecksum       = report.EventNoChecksum
	EventUnverified       = report.EventUnverified
	EventSkipped          = report.EventSkipped
	EventCancelled        = report.EventCancelled
	EventTagged           = report.EventTagged
	EventStatus           = report.EventStatus
	EventDeleted          = report.EventDeleted
	EventPerhapsDeleted   = report.EventPerhapsDeleted
	EventRetry            = report.EventRetry
	EventWarning          = report.EventWarning
	EventFailed           = report.EventFailed
	EventNote             = report.EventNote
	EventProgress         = report.EventProgress
	EventEnd              = report.EventEnd
)

// The causes of an Err.
const (
	CauseOther           = report.CauseOther
	CauseVerificationOff = report.CauseVerificationOff
	CauseUnknownParts    = report.CauseUnknownParts
	CauseIncomparable    = report.CauseIncomparable
	CauseUnlisted        = report.CauseUnlisted
)

// The aspects and statuses of a report.
const (
	AspectExistence = report.AspectExistence
	AspectETag      = report.AspectETag
	AspectChecksum  = report.AspectChecksum
	AspectMetadata  = report.AspectMetadata
	AspectTagging   = report.AspectTagging
	StatusMatches   = report.StatusMatches
	StatusMismatch  = report.StatusMismatch
	StatusUnknown   = report.StatusUnknown
	StatusNotFound  = report.StatusNotFound
)

// The reasons to transfer, to skip and to delete.
const (
	ReasonNew          = plan.ReasonNew
	ReasonNewer        = plan.ReasonNewer
	ReasonTouched      = plan.ReasonTouched
	ReasonSize         = plan.ReasonSize
	ReasonETag         = plan.ReasonETag
	ReasonChecksum     = plan.ReasonChecksum
	ReasonOverwrite    = plan.ReasonOverwrite
	ReasonSame         = plan.ReasonSame
	ReasonEmpty        = plan.ReasonEmpty
	ReasonEmptyKey     = plan.ReasonEmptyKey
	ReasonDirectory    = plan.ReasonDirectory
	ReasonVersion      = plan.ReasonVersion
	ReasonOlder        = plan.ReasonOlder
	ReasonCallback     = plan.ReasonCallback
	ReasonArchived     = plan.ReasonArchived
	ReasonPreprocess   = plan.ReasonPreprocess
	ReasonSameETag     = plan.ReasonSameETag
	ReasonSameChecksum = plan.ReasonSameChecksum
	ReasonSameCopy     = plan.ReasonSameCopy
	ReasonSameContent  = plan.ReasonSameContent
	ReasonContent      = plan.ReasonContent
	ReasonNewVersion   = plan.ReasonNewVersion
	ReasonTags         = plan.ReasonTags
	ReasonExtraneous   = plan.ReasonExtraneous
	ReasonDeleted      = plan.ReasonDeleted
)

// Levels and attributes of the log records of [Config].Logger.
const (
	// LevelTrace is the level of the most detailed records, below debug.
	LevelTrace = report.LevelTrace
	// LevelNote is the level of useful information that is not a warning. It lies
	// between info and warning.
	LevelNote = report.LevelNote
	// SettingsAttr is the name of an attribute of log records. It lists the fields of
	// the Config that the record names, as a []string of paths with optional values,
	// such as "Check.ReadBoth" and "Delete.MaxPercent=100".
	SettingsAttr = report.SettingsAttr
)
