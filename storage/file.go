package storage

import "math/bits"

// A FileID tells whether a file is still the one, and in the state, that it was before. If
// somebody writes to a file or replaces it, its FileID changes, even if size and time of
// modification are what they were. The zero FileID is that of an object that is no file, and
// of a file whose system does not tell enough.
type FileID struct {
	// Node stands for the device and the inode.
	Node uint64
	// Changed is when the system last changed the file or what it knows about the file
	// (ctime), in nanoseconds since 1970. Nobody can set it back.
	Changed int64
}

// NewFileID returns the FileID of what the system tells of a file.
func NewFileID(device, inode uint64, changed int64) FileID {
	const odd = 0x9e3779b97f4a7c15 // so that the devices of one machine differ in all bits
	return FileID{Node: inode ^ bits.RotateLeft64(device*odd, 32), Changed: changed}
}

// Known reports whether it is that of a file.
func (f FileID) Known() bool { return f.Changed != 0 }
