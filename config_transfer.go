package s3sync

import (
	"time"

	"s3sync/internal/limits"
	"s3sync/internal/plan"
	"s3sync/internal/resume"
	"s3sync/internal/transfer"
	"s3sync/storage"
)

// Concurrency is how many operations are in flight at once: a fixed number, or [Auto],
// which follows what pays, or AutoUpTo(n), which does so up to n.
type Concurrency = limits.Concurrency

// Auto and AutoUpTo are values of [Concurrency].
const Auto = limits.Auto

// AutoUpTo returns the Concurrency that follows what pays up to n.
func AutoUpTo(n int) Concurrency { return limits.AutoUpTo(n) }

// Transfer limits concurrency and says how objects are cut into parts.
type Transfer struct {
	Workers       Concurrency // objects at once
	ParallelParts Concurrency // parts at once, of all objects together
	// MaxMemory bounds the buffers of object data in bytes. 0 means 256 MiB, or the
	// size of two parts or of an object below Threshold if that is more.
	MaxMemory int64 `unit:"bytes"`

	Threshold int64 `unit:"bytes"` // objects of this size or more are sent in parts
	ChunkSize int64 `unit:"bytes"` // of one part
	// AutoChunkSize cuts target objects into the same parts as their sources.
	AutoChunkSize bool

	// PartsOf, if set, is asked for each object before it is transferred. If it returns a
	// PartRange, only these parts are transferred, and the object is left for another run:
	// for programs that share out an object among machines. It counts as failed with a
	// [*PartsLeftError] then, until a run transfers it as a whole: that one finds the parts in
	// Resume.Records and sends those that are missing. An object that cannot be left is transferred as
	// usual: one that is not in parts, to a target that is a directory or cannot go on with it,
	// without Resume.Records or State.Dir. It is called from many goroutines.
	PartsOf func(source storage.Object) *PartRange

	ObjectsPerSecond int   // 0 is no limit
	BytesPerSecond   int64 `unit:"bytes"` // in each direction; 0 is no limit
}

// State is what outlives a run. Losing it costs time, never data.
type State struct {
	// Dir is the directory of the files, one for each pair of sides. It is created if it
	// does not exist. If it is empty, nothing outlives the run, and the other fields mean
	// nothing. A second run of the same sides at the same time works without state.
	Dir string
	// MaxSize bounds the file of a pair; 0 means 1 GiB. Then the oldest digests make room.
	MaxSize int64 `unit:"bytes"`
	// VerifyCache is the percentage of files that are read although their digests are
	// known. A difference is a warning, and the new digest counts. A report reads all
	// files if it is 0.
	VerifyCache int
}

// Resume says what becomes of objects in parts that a run does not finish because it is
// interrupted or killed, or because of a temporary failure. With State.Dir or Records the
// next run goes on with them: a part that is there is not sent again if it has the bytes of
// the source. Without them such objects are removed, unless the run is killed.
type Resume struct {
	// Records, if set, is where such objects are remembered, in place of State.Dir: for
	// programs whose next run may be on another machine. They are those of one pair of sides.
	// A dry run and a report do not use them.
	Records UnfinishedRecords
	// Disable begins such objects anew, and removes what was written of them.
	Disable bool
	// MaxAge is how long ago an object may have been begun to be continued.
	MaxAge time.Duration
	// AbortOnInterrupt removes unfinished objects when the run is interrupted.
	AbortOnInterrupt bool
}

// UnfinishedRecords remember objects in parts that were begun and not finished.
type UnfinishedRecords = resume.Records

// UnfinishedObject says which object a record of [UnfinishedRecords] is of, or which one the
// prefix of All means. id is text, and the same for the record of the object and those of its
// parts. target is the key in the target, which only the record of the object has. Both are
// empty otherwise.
func UnfinishedObject(key string, record []byte) (id, target string) {
	o, _, _ := resume.ObjectOf(key, record) // else it has no key
	return resume.ID(key), o.Key
}

// A PartRange are parts of an object, counted from 1: from First to before End. If there are
// none, the object is only begun: other runs can add parts to it only then.
type PartRange = transfer.PartRange

// A PartsLeftError says that an object was left with some of its parts, because
// Transfer.PartsOf wanted so. The log tells of it only where it is detailed.
type PartsLeftError = plan.LeftError
