package dir

import (
	"io/fs"
	"os"
	"path/filepath"
)

// A directory that os.OpenFile holds open can be neither renamed nor removed
// here, so that its path leads to it.

// openAt opens what a path names below a directory, which "" is.
func openAt(dir *os.File, name string) (*os.File, error) {
	return os.Open(filepath.Join(dir.Name(), filepath.FromSlash(name)))
}

// statAt describes what a path names below a directory, which "" is. The last
// link is followed if follow says so, the others are always.
func statAt(dir *os.File, name string, follow bool) (fs.FileInfo, error) {
	path := filepath.Join(dir.Name(), filepath.FromSlash(name))
	if follow {
		return os.Stat(path)
	}
	return os.Lstat(path)
}

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
