//go:build !windows

package dir

import (
	"errors"
	"os"
	"syscall"
	"time"
)

// noWait in the flags of an open keeps it from waiting for the other end of a
// named pipe, and from taking a terminal. Regular files do not mind.
const noWait = syscall.O_NONBLOCK | syscall.O_NOCTTY

// setModTime stamps the file called name in dir, which is open as f.
func setModTime(dir *os.Root, name string, _ *os.File, t time.Time) error {
	return dir.Chtimes(name, time.Time{}, t)
}

// syncDir makes the entries of a directory durable. File systems that cannot
// do so on request say EINVAL or ENOTSUP.
func syncDir(dir *os.Root) error {
	f, err := dir.Open(".")
	if err != nil {
		return err
	}
	err = f.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) {
		err = nil
	}
	return errors.Join(err, f.Close())
}

// systemKind tells the kind of failures that only one system knows: none here.
func systemKind(syscall.Errno) error { return nil }
