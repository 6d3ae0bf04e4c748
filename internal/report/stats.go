package report

import (
	"encoding/json"
	"errors"
	"time"
)

// Stats count outcomes. Each object is counted once per outcome.
type Stats struct {
	// TransferredBytes counts object data as it is read from the source, including
	// attempts that fail later.
	TransferredBytes int64
	Transferred      int64
	ETagVerified     int64
	ChecksumVerified int64
	// Verified counts transferred objects whose bytes were verified in either way.
	Verified int64
	// Unverified counts transferred objects whose bytes were not verified.
	Unverified int64
	Deleted    int64
	// PerhapsDeleted counts objects that may or may not be deleted, because the run was
	// interrupted before the response came.
	PerhapsDeleted int64
	Skipped        int64
	Failed         int64
	Warnings       int64
	// Retries counts requests and other attempts that were made again after a failure. Only
	// the counters of the whole run have it.
	Retries int64
	// Elapsed is the time since the run began.
	Elapsed time.Duration
}

// Add adds the counters of another part of a run.
func (st *Stats) Add(other *Stats) {
	st.TransferredBytes += other.TransferredBytes
	st.Transferred += other.Transferred
	st.ETagVerified += other.ETagVerified
	st.ChecksumVerified += other.ChecksumVerified
	st.Verified += other.Verified
	st.Unverified += other.Unverified
	st.Deleted += other.Deleted
	st.PerhapsDeleted += other.PerhapsDeleted
	st.Skipped += other.Skipped
	st.Failed += other.Failed
	st.Warnings += other.Warnings
	st.Retries += other.Retries
	st.Elapsed += other.Elapsed
}

// MaxFailures bounds Report.Failures, so that a run whose every object fails needs no
// more memory than any other run.
const MaxFailures = 1000

// A Report is the result of a run. It is complete even if the run failed.
type Report struct {
	Stats
	// Status has the counters of a report (Config.Report).
	Status StatusCounts
	// Incomplete: a part of the source or target was not looked at, because it could
	// not be listed or because the run ended early. Entries that have their own
	// warning, with their key, do not make a run incomplete.
	Incomplete bool
	// Failures are the first objects that failed, at most 1,000, so that memory stays
	// bounded. The log and the events have all of them.
	Failures []Failure
}

// A Failure is an object that failed.
type Failure struct {
	Key string
	// Err is the Err of the event.
	Err error
}

// writtenFailure is a Failure as JSON.
type writtenFailure struct {
	Key   string `json:"key"`
	Error string `json:"error"`
}

// MarshalJSON writes the text of the error.
func (f Failure) MarshalJSON() ([]byte, error) {
	return json.Marshal(writtenFailure{f.Key, f.Err.Error()})
}

// UnmarshalJSON reads the output of MarshalJSON. The error keeps only its text, not its
// kind.
func (f *Failure) UnmarshalJSON(data []byte) error {
	var w writtenFailure
	if err := json.Unmarshal(data, &w); err != nil {
		return err
	}
	*f = Failure{w.Key, errors.New(w.Error)}
	return nil
}

// FailedKeys returns the keys of the Failures, in their order.
func (r *Report) FailedKeys() []string {
	if len(r.Failures) == 0 {
		return nil
	}
	keys := make([]string, len(r.Failures))
	for i := range r.Failures {
		keys[i] = r.Failures[i].Key
	}
	return keys
}

// count adds an event.
func (r *Report) count(ev *Event) {
	st := &r.Stats
	switch ev.Type {
	case EventTransferred, EventTagged:
		st.Transferred++
		if ev.Verified {
			st.Verified++
		}
	case EventVerified:
		st.ETagVerified++
	case EventChecksumVerified:
		st.ChecksumVerified++
	case EventNoChecksum, EventWarning:
		st.Warnings++
	case EventUnverified:
		st.Unverified++
		if ev.Cause == CauseUnknownParts {
			st.Warnings++
		}
	case EventSkipped, EventCancelled:
		st.Skipped++
	case EventStatus:
		r.Status.count(ev.Line)
	case EventDeleted:
		st.Deleted++
	case EventPerhapsDeleted:
		st.PerhapsDeleted++
		st.Warnings++
	case EventFailed:
		st.Failed++
		if ev.Key != "" && len(r.Failures) < MaxFailures {
			r.Failures = append(r.Failures, Failure{Key: ev.Key, Err: ev.Err})
		}
	case EventStart, EventListed, EventBegun, EventWritten, EventMismatch, EventRetry, EventNote, EventProgress, EventEnd:
	}
}
