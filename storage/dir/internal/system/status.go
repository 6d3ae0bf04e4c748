// Package system has what package os lacks for a directory, the same on every system: files
// without the cost of an [os.File], paths that are looked up from a directory that is held
// open, and the identity of files. All paths are relative, with '/' between the segments;
// "" is the directory itself.
//
// It decides nothing about safety but where [Shortcut] says so: [OpenAt] and [StatAt] follow
// symbolic links, also those that lead outside. Errors are those of the system.
package system

import (
	"io/fs"
	"time"

	"s3sync/storage"
)

// A Status is what the system tells of a file: the part of fs.FileInfo that a directory
// needs, as a value that costs no allocation.
type Status struct {
	Mode    fs.FileMode
	Size    int64
	ModTime time.Time
	ID      Identity
	// Owner is the number of the user who owns the file, Links how many names the file has.
	// Both are 0 on a system that does not tell them by the name.
	Owner uint32
	Links uint64
	// Changed is that of storage.FileID, 0 if the system did not tell it.
	Changed int64
}

// StatusOf returns the status in what package os tells of a file.
func StatusOf(fi fs.FileInfo) Status {
	owner, links := ownerOf(fi)
	return Status{
		Mode: fi.Mode(), Size: fi.Size(), ModTime: fi.ModTime(), ID: IdentityOf(fi), Owner: owner, Links: links, Changed: changedOf(fi),
	}
}

// FileID returns what identifies the file in this state. It is not known where the system
// tells too little.
func (s *Status) FileID() storage.FileID {
	if s.Changed == 0 {
		return storage.FileID{}
	}
	device, inode := s.ID.numbers()
	return storage.NewFileID(device, inode, s.Changed)
}

// IsDir tells a directory.
func (s *Status) IsDir() bool { return s.Mode.IsDir() }

// IsRegular tells a regular file.
func (s *Status) IsRegular() bool { return s.Mode.IsRegular() }

// IsLink tells a symbolic link.
func (s *Status) IsLink() bool { return s.Mode.Type() == fs.ModeSymlink }

// Kind names what is neither a regular file nor a directory.
func Kind(mode fs.FileMode) string {
	switch {
	case mode&fs.ModeSymlink != 0:
		return "a symbolic link"
	case mode&fs.ModeNamedPipe != 0:
		return "a named pipe"
	case mode&fs.ModeSocket != 0:
		return "a socket"
	case mode&fs.ModeDevice != 0:
		return "a device"
	}
	return "a special file (" + mode.String() + ")"
}
