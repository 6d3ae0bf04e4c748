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
)

// A Status is what the system tells of a file: the part of fs.FileInfo that a directory
// needs, as a value that costs no allocation.
type Status struct {
	Mode    fs.FileMode
	Size    int64
	ModTime time.Time
	ID      Identity
}

// StatusOf returns the status in what package os tells of a file.
func StatusOf(fi fs.FileInfo) Status {
	return Status{Mode: fi.Mode(), Size: fi.Size(), ModTime: fi.ModTime(), ID: IdentityOf(fi)}
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
