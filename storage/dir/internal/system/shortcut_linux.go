package system

import (
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// beneath is a rule of openat2(2): the path does not leave the directory, and no part of it
// is a symbolic link.
const beneath = unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS

// A Shortcut opens what is in and below a directory by its path, with one system call each,
// and follows no symbolic link: what it opens lies beneath the directory, and has no other
// path there. It has no authority to refuse: whatever fails is done again, step by step, and
// that result counts. It may be used concurrently.
type Shortcut struct {
	root *os.File
}

// NewShortcut returns a shortcut to a directory, which the caller closes. It returns nil if the system is older than Linux 5.6, or forbids openat2(2).
func NewShortcut(root *os.Root) *Shortcut {
	f, err := root.Open(".")
	if err != nil {
		return nil
	}
	s := &Shortcut{f}
	if _, err := s.Dir(""); err != nil {
		_ = f.Close() // it was only read
		return nil
	}
	return s
}

// Open opens a file with the flags and the permissions of open(2).
func (s *Shortcut) Open(path string, flags int, mode fs.FileMode) (*Descriptor, error) {
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
	return &Descriptor{fd: fd}, nil
}

// Dir describes a directory; it fails for anything else.
func (s *Shortcut) Dir(path string) (Status, error) {
	return s.stat(path, unix.O_DIRECTORY)
}

// Stat describes what a path names.
func (s *Shortcut) Stat(path string) (Status, error) { return s.stat(path, 0) }

func (s *Shortcut) stat(path string, flags int) (Status, error) {
	d, err := s.Open(path, unix.O_PATH|flags, 0)
	if err != nil {
		return Status{}, err
	}
	defer d.Close() //nolint:errcheck // it was not even read
	return d.Stat()
}

// Lstat describes what a path names, and does not follow a link at its end. Links on the
// way are followed: the caller finds out in another way that there are none.
func (s *Shortcut) Lstat(path string) (Status, error) {
	var stat unix.Stat_t
	err := uninterrupted(func() error {
		return unix.Fstatat(int(s.root.Fd()), orDot(path), &stat, unix.AT_SYMLINK_NOFOLLOW)
	})
	if err != nil {
		return Status{}, err
	}
	return statusOfStat(&stat), nil
}

// Close closes the directory.
func (s *Shortcut) Close() error { return s.root.Close() }

// RenameIn renames a file within a directory that is open, over what has the new name. It
// follows no link. It exists where there are shortcuts.
func RenameIn(dir *os.File, from, to string) error {
	return uninterrupted(func() error { return unix.Renameat(int(dir.Fd()), from, int(dir.Fd()), to) })
}

// RemoveIn removes a file or link from a directory that is open. It exists where there are
// shortcuts.
func RemoveIn(dir *os.File, name string) error {
	return uninterrupted(func() error { return unix.Unlinkat(int(dir.Fd()), name, 0) })
}
