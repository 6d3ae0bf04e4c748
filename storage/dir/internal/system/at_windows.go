package system

import (
	"io/fs"
	"os"
	"path/filepath"
)

// A directory that os.OpenFile holds open can be neither renamed nor removed
// here, so that its path leads to it.

// OpenAt opens what a path names below a directory, which "" is.
func OpenAt(dir *os.File, name string) (*Descriptor, error) {
	f, err := os.Open(filepath.Join(dir.Name(), filepath.FromSlash(name)))
	if err != nil {
		return nil, err
	}
	return NewDescriptor(f), nil
}

// StatAt describes what a path names below a directory, which "" is. The last
// link is followed if follow says so, the others are always.
func StatAt(dir *os.File, name string, follow bool) (Status, error) {
	path := filepath.Join(dir.Name(), filepath.FromSlash(name))
	stat := os.Lstat
	if follow {
		stat = os.Stat
	}
	fi, err := stat(path)
	if err != nil {
		return Status{}, err
	}
	return StatusOf(fi), nil
}

// A Descriptor is an open file or directory. It may be used concurrently.
type Descriptor struct{ *os.File }

// NewDescriptor takes a file over.
func NewDescriptor(f *os.File) *Descriptor { return &Descriptor{f} }

// Stat describes the file.
func (d *Descriptor) Stat() (Status, error) {
	fi, err := d.File.Stat()
	if err != nil {
		return Status{}, err
	}
	return StatusOf(fi), nil
}

// ownerOf returns nothing here: that is not known without opening the file.
func ownerOf(fs.FileInfo) (owner uint32, links uint64) { return 0, 0 }

// An Identity tells files of a system apart. That of no file is the zero value.
type Identity struct{ fi fs.FileInfo }

// numbers returns nothing here: they are not known without opening the file.
func (Identity) numbers() (device, inode uint64) { return 0, 0 }

// Known reports whether it is that of a file.
func (i Identity) Known() bool { return i.fi != nil }

// Is reports whether both are known, and are that of the same file.
func (i Identity) Is(other Identity) bool {
	return i.Known() && other.Known() && os.SameFile(i.fi, other.fi)
}

// Elsewhere reports whether both are known, and are on different file systems, which
// is not asked here.
func (i Identity) Elsewhere(Identity) bool { return false }

// Text is empty: the system tells no number of a file by its name.
func (i Identity) Text() string { return "" }

// IdentityOf returns the identity in what package os tells of a file.
func IdentityOf(fi fs.FileInfo) Identity { return Identity{fi} }
