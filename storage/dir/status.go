package dir

import (
	"io/fs"
	"time"
)

// A status is what the system tells of a file: the part of fs.FileInfo that this package
// needs, as a value that costs no allocation.
type status struct {
	mode    fs.FileMode
	size    int64
	modTime time.Time
	id      identity
}

func statusOf(fi fs.FileInfo) status {
	return status{mode: fi.Mode(), size: fi.Size(), modTime: fi.ModTime(), id: identityOf(fi)}
}

func (s *status) isDir() bool     { return s.mode.IsDir() }
func (s *status) isRegular() bool { return s.mode.IsRegular() }
func (s *status) isLink() bool    { return s.mode.Type() == fs.ModeSymlink }
