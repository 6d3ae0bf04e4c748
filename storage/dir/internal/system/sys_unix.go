//go:build !windows

package system

import (
	"errors"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// NoWait is a flag for opening. The call then does not wait for the other end of a named
// pipe, and does not make a terminal the controlling one. It has no effect on regular
// files.
const NoWait = syscall.O_NONBLOCK | syscall.O_NOCTTY

// OnlyDirectory is a flag for opening. The call then fails for anything but a directory.
const OnlyDirectory = syscall.O_DIRECTORY

// SyncDir makes the entries of a directory durable. File systems that cannot
// do so on request say EINVAL or ENOTSUP.
func SyncDir(dir *os.Root) error {
	f, err := dir.Open(".")
	if err != nil {
		return err
	}
	return errors.Join(SyncEntries(f), f.Close())
}

// SyncEntries is SyncDir for a directory that is open.
func SyncEntries(f *os.File) error {
	err := f.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) {
		return nil
	}
	return err
}

// LastTouched returns when the file was last written or created, or when its time was last
// set. That time itself may have been set back.
func (d *Descriptor) LastTouched() (time.Time, error) {
	var stat unix.Stat_t
	err := d.use(func(fd int) error { return unix.Fstat(fd, &stat) })
	written, changed := time.Unix(stat.Mtim.Unix()), time.Unix(stat.Ctim.Unix())
	if changed.After(written) {
		return changed, err
	}
	return written, err
}
