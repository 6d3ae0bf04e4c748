//go:build !windows

package system

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// Link gives the entry oldName of a directory a second name, in another directory. It does
// not follow a link. It fails with fs.ErrExist if there is an entry of that name.
func Link(from *os.Root, oldName string, to *os.Root, newName string) error {
	source, err := from.Open(".")
	if err != nil {
		return err
	}
	defer source.Close() //nolint:errcheck // nothing was written through it
	target, err := to.Open(".")
	if err != nil {
		return err
	}
	defer target.Close() //nolint:errcheck // nothing was written through it
	err = uninterrupted(func() error {
		return unix.Linkat(int(source.Fd()), oldName, int(target.Fd()), newName, 0)
	})
	if err != nil {
		return &os.LinkError{Op: "link", Old: oldName, New: newName, Err: err}
	}
	return nil
}

// CannotLink reports whether err says that a file cannot get a second name there, although
// it may be copied: the places are on different file systems, the file system has no such
// names, the file has too many, or the system protects files of others.
func CannotLink(err error) bool {
	for _, e := range []error{unix.EXDEV, unix.EPERM, unix.EACCES, unix.EMLINK, unix.ENOTSUP, unix.ENOSYS, unix.EOPNOTSUPP} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
