package dir

import (
	"io/fs"
	"os"
	"path/filepath"
)

// A directory that os.OpenFile holds open can be neither renamed nor removed
// here, so that its path leads to it.

// openAt opens what a path names below a directory, which "" is.
func openAt(dir *os.File, name string) (*descriptor, error) {
	f, err := os.Open(filepath.Join(dir.Name(), filepath.FromSlash(name)))
	if err != nil {
		return nil, err
	}
	return newDescriptor(f), nil
}

// statAt describes what a path names below a directory, which "" is. The last
// link is followed if follow says so, the others are always.
func statAt(dir *os.File, name string, follow bool) (status, error) {
	path := filepath.Join(dir.Name(), filepath.FromSlash(name))
	stat := os.Lstat
	if follow {
		stat = os.Stat
	}
	fi, err := stat(path)
	if err != nil {
		return status{}, err
	}
	return statusOf(fi), nil
}

// A descriptor is an open file or directory.
type descriptor struct{ *os.File }

// newDescriptor takes a file over.
func newDescriptor(f *os.File) *descriptor { return &descriptor{f} }

func (d *descriptor) stat() (status, error) {
	fi, err := d.Stat()
	if err != nil {
		return status{}, err
	}
	return statusOf(fi), nil
}

func (d *descriptor) chmod(mode fs.FileMode) error { return d.Chmod(mode) }
func (d *descriptor) sync() error                  { return d.Sync() }
func (d *descriptor) osFile() *os.File             { return d.File }

// An identity tells files of a system apart. That of no file is the zero value.
type identity struct{ fi fs.FileInfo }

func (i identity) known() bool { return i.fi != nil }
func (i identity) is(other identity) bool {
	return i.known() && other.known() && os.SameFile(i.fi, other.fi)
}

// elsewhere tells that both are known, and are on different file systems, which
// is not asked here.
func (i identity) elsewhere(identity) bool { return false }

func identityOf(fi fs.FileInfo) identity { return identity{fi} }
