package s3sync

import "s3sync/internal/limits"

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

	ObjectsPerSecond int   // 0 is no limit
	BytesPerSecond   int64 `unit:"bytes"` // in each direction; 0 is no limit
}
