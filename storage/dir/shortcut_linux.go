package dir

import (
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// beneath is the rule of openat2(2) for what os.Root and tree.step ensure together: the
// path does not leave the directory, and no part of it is a symbolic link.
const beneath = unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS

// A shortcut opens files in a tree by their paths, with one system call each. It has no
// authority: whatever fails is done again, step by step, and that result counts.
type shortcut struct {
	root *os.File
}

// newShortcut returns nil if the system is older than Linux 5.6, or forbids openat2(2).
func newShortcut(root *os.Root) *shortcut {
	f, err := root.Open(".")
	if err != nil {
		return nil
	}
	s := &shortcut{f}
	if _, err := s.dir(""); err != nil {
		_ = f.Close() // it was only read
		return nil
	}
	return s
}

// open opens a file with the flags of open(2).
func (s *shortcut) open(path string, flags int, mode fs.FileMode) (*descriptor, error) {
	how := unix.OpenHow{
		Flags:   uint64(flags | unix.O_CLOEXEC | unix.O_NOFOLLOW), //nolint:gosec // flags are bits
		Mode:    uint64(mode.Perm()),
		Resolve: beneath,
	}
	fd := -1
	err := uninterrupted(func() (err error) {
		fd, err = unix.Openat2(int(s.root.Fd()), orDot(path), &how)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &descriptor{fd: fd}, nil
}

// dir describes a directory.
func (s *shortcut) dir(path string) (status, error) {
	return s.stat(path, unix.O_DIRECTORY)
}

// stat describes what a path names.
func (s *shortcut) stat(path string, flags int) (status, error) {
	d, err := s.open(path, unix.O_PATH|flags, 0)
	if err != nil {
		return status{}, err
	}
	defer d.Close() //nolint:errcheck // it was not even read
	return d.stat()
}

// lstat describes what a path names, and does not follow a link at its end. Links on the
// way are followed: the caller finds out in another way that there are none.
func (s *shortcut) lstat(path string) (status, error) {
	var stat unix.Stat_t
	err := uninterrupted(func() error {
		return unix.Fstatat(int(s.root.Fd()), orDot(path), &stat, unix.AT_SYMLINK_NOFOLLOW)
	})
	if err != nil {
		return status{}, err
	}
	return statusOfStat(&stat), nil
}

func (s *shortcut) Close() error { return s.root.Close() }

// renameIn renames a file within a directory that is open.
func renameIn(dir *os.File, from, to string) error {
	return uninterrupted(func() error { return unix.Renameat(int(dir.Fd()), from, int(dir.Fd()), to) })
}

// removeIn removes a file from a directory that is open.
func removeIn(dir *os.File, name string) error {
	return uninterrupted(func() error { return unix.Unlinkat(int(dir.Fd()), name, 0) })
}
