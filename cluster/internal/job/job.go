// Package job has the values that the parts of a cluster job hand to one another: what
// is to be done (Spec), who does which keys (Lease), and what came of it (Result). They
// travel through the engine's history, so they are small, hold no secret, and each has
// the version of its form.
//
// Truth is in the state store. What the engine holds can be made again from there.
package job

import (
	"time"

	"s3sync"
)

// Version is the version of the form of all values of this package.
const Version = 1

// A Run names one job, and where its truth is.
type Run struct {
	Version int    `json:"version"`
	Job     string `json:"job"`
	// Epoch is 1 for a new job, and grows when a job is planned anew from its state store.
	// Workers of an older epoch are refused.
	Epoch int `json:"epoch"`
	// Store is the state store: an s3:// URL, or a directory that all workers share.
	Store Place `json:"store"`
	// Spec is the Spec in the state store.
	Spec Ref `json:"spec"`
}

// A Place is a URL, and the name of the connection that it is reached by. Each worker
// resolves the name from its own environment, so that no credential leaves it.
type Place struct {
	URL        string `json:"url"`
	Connection string `json:"connection,omitempty"`
}

// A Ref is an immutable object of the state store.
type Ref struct {
	Key     string `json:"key"`
	SHA256  string `json:"sha256"` // of its bytes, in hex
	Records int64  `json:"records,omitempty"`
}

// A Spec says what a job does.
type Spec struct {
	Version int    `json:"version"`
	Job     string `json:"job"`
	Source  Place  `json:"source"`
	Target  Place  `json:"target"`
	// Settings are those of a sync. Source, Target and everything that holds a secret are
	// not set.
	Settings *s3sync.Config `json:"settings"`
	Limits   Limits         `json:"limits"`
	Leases   Leases         `json:"leases"`
	// Splits are keys at which the ranges begin, in ascending order. If there are none,
	// they are found by listing.
	Splits []Key `json:"splits,omitempty"`
	// Ranges is how many ranges the key space is cut into, if Splits is empty.
	Ranges int `json:"ranges"`
	// Approve lets the job wait for an approval before it deletes.
	Approve bool `json:"approve,omitempty"`
	// BigObject is the size in bytes from which several workers share an object, if it is
	// written in parts. 0 is 16 GiB.
	BigObject int64 `json:"big_object,omitempty"`
}

// Limits bound what all workers of a job do together. 0 is no limit.
type Limits struct {
	Requests float64 `json:"requests,omitempty"` // objects a second, as RateLimitObjects of a sync
	Bytes    int64   `json:"bytes,omitempty"`    // bytes a second
	InFlight int     `json:"in_flight"`          // leases at once, at least 1
}

// Leases say how long a worker keeps a range.
type Leases struct {
	Keys int64         `json:"keys"` // of the source and target, before the lease ends
	Time time.Duration `json:"time"`
	// A checkpoint is written after so many keys or so much time, whichever comes first.
	CheckpointKeys int64         `json:"checkpoint_keys"`
	CheckpointTime time.Duration `json:"checkpoint_time"`
	// Silence is how long a worker may be unheard of before its lease is given to another.
	Silence time.Duration `json:"silence"`
	// SweepDelay is how long failed keys wait before they are tried again. Each later round
	// waits longer. 0 is 10 s.
	SweepDelay time.Duration `json:"sweep_delay,omitempty"`
}

// A Phase is what a lease does with its keys.
type Phase string

// Phases in their order.
const (
	PhaseCopy   Phase = "copy"   // compare, transfer, collect what only the target has
	PhaseParts  Phase = "parts"  // parts of big objects, which a sweep publishes
	PhaseSweep  Phase = "sweep"  // the keys that failed, again
	PhaseDelete Phase = "delete" // what was collected
)

// A Lease gives a range of keys to one worker for a time.
type Lease struct {
	Version int   `json:"version"`
	Run     Run   `json:"run"`
	Phase   Phase `json:"phase"`
	// Range is a number of the range, unique in the epoch. A range that is split keeps its
	// number for the first part.
	Range int  `json:"range"`
	Keys  Keys `json:"keys"`
	// Generation counts the leases of Range, in all phases. It and the attempt of the engine
	// fence workers that were given up.
	Generation int `json:"generation"`
	// Previous is the checkpoint of the accepted result of the lease of this range before:
	// of the keys before Keys.From in PhaseCopy, of all keys of the range in later phases.
	// It is empty for the first lease of a range.
	Previous Ref `json:"previous,omitzero"`
	// Share is what this lease may use of Limits.
	Share Limits `json:"share"`
	// Round counts sweeps from 1.
	Round int `json:"round,omitempty"`
	// Slice and Slices, in PhaseParts, say which of the parts of all big objects of the range
	// are meant: slice number Slice, from 0, of Slices, which differ by one part at most.
	Slice  int `json:"slice,omitempty"`
	Slices int `json:"slices,omitempty"`
	// Most is how many objects a lease of PhaseDelete may delete.
	Most int64 `json:"most,omitempty"`
	// Totals is Verdict.Totals, in PhaseDelete. It permits the deletions.
	Totals Ref `json:"totals,omitzero"`
	// Approved: somebody approved that Verdict. It must be set if the Verdict waits.
	Approved bool `json:"approved,omitempty"`
}

// A Result is what came of a lease. It is accepted once, however often the lease ran.
type Result struct {
	Version int `json:"version"`
	// Checkpoint is the last one of the lease: what was done up to Cursor.
	Checkpoint Ref `json:"checkpoint"`
	// Done: nothing of the range is left. Otherwise the rest begins at Cursor.
	Done   bool `json:"done"`
	Cursor Key  `json:"cursor,omitempty"`
	// Split, if not empty, is a key about in the middle of the rest.
	Split Key `json:"split,omitempty"`
	// Counters are those of this lease. The first result after a job was planned anew has
	// those of the earlier leases of its range, too.
	Counters Counters `json:"counters"`
	// Throttled is the part of the requests that the servers asked to be fewer, 0 to 1.
	Throttled     float64 `json:"throttled,omitempty"`
	KeysPerSecond float64 `json:"keys_per_second,omitempty"`
	Worker        string  `json:"worker"`
}

// Counters add up over leases to those of the whole job.
type Counters struct {
	Listed           int64 `json:"listed"` // keys of the source
	Held             int64 `json:"held"`   // keys of the target
	Added            int64 `json:"added"`  // keys that are new in the target
	Transferred      int64 `json:"transferred"`
	TransferredBytes int64 `json:"transferred_bytes"`
	ETagVerified     int64 `json:"etag_verified"`
	ChecksumVerified int64 `json:"checksum_verified"`
	Verified         int64 `json:"verified"`
	Unverified       int64 `json:"unverified"`
	Deleted          int64 `json:"deleted"`
	PerhapsDeleted   int64 `json:"perhaps_deleted"`
	Skipped          int64 `json:"skipped"`
	Failed           int64 `json:"failed"`
	Warnings         int64 `json:"warnings"`
	Extraneous       int64 `json:"extraneous"` // what only the target has
	// Incomplete counts checkpoints of which a part was not listed, and Unsafe those that
	// lack a transfer. Nothing is deleted unless both are 0.
	Incomplete int64 `json:"incomplete"`
	Unsafe     int64 `json:"unsafe"`
}

// Plus returns the sums of two Counters.
func (c Counters) Plus(o Counters) Counters {
	return Counters{
		Listed: c.Listed + o.Listed, Held: c.Held + o.Held, Added: c.Added + o.Added,
		Transferred: c.Transferred + o.Transferred, TransferredBytes: c.TransferredBytes + o.TransferredBytes,
		ETagVerified: c.ETagVerified + o.ETagVerified, ChecksumVerified: c.ChecksumVerified + o.ChecksumVerified,
		Verified: c.Verified + o.Verified, Unverified: c.Unverified + o.Unverified,
		Deleted: c.Deleted + o.Deleted, PerhapsDeleted: c.PerhapsDeleted + o.PerhapsDeleted,
		Skipped: c.Skipped + o.Skipped, Failed: c.Failed + o.Failed, Warnings: c.Warnings + o.Warnings,
		Extraneous: c.Extraneous + o.Extraneous, Incomplete: c.Incomplete + o.Incomplete, Unsafe: c.Unsafe + o.Unsafe,
	}
}
