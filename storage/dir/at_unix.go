//go:build !windows

package dir

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// What the os package does not have: to look a path up from a directory that is
// held open, along symbolic links that may lead outside.

// openAt opens what a path names, looked up from a directory; "" is that
// directory. Symbolic links are followed.
func openAt(dir *os.File, name string) (*descriptor, error) {
	fd := -1
	err := uninterrupted(func() (err error) {
		fd, err = unix.Openat(int(dir.Fd()), orDot(name), unix.O_RDONLY|unix.O_CLOEXEC|noWait, 0)
		return err
	})
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return &descriptor{fd: fd}, nil
}

// statAt describes what a path names, looked up from a directory; "" is that
// directory. The last link is followed if follow says so, the others are always.
func statAt(dir *os.File, name string, follow bool) (status, error) {
	flags := unix.AT_SYMLINK_NOFOLLOW
	if follow {
		flags = 0
	}
	var stat unix.Stat_t
	err := uninterrupted(func() error {
		return unix.Fstatat(int(dir.Fd()), orDot(name), &stat, flags)
	})
	if err != nil {
		return status{}, &fs.PathError{Op: "stat", Path: name, Err: err}
	}
	return statusOfStat(&stat), nil
}

func orDot(name string) string {
	if name == "" {
		return "."
	}
	return name
}

// uninterrupted calls f until no signal interrupts it.
func uninterrupted(f func() error) error {
	for {
		err := f()
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

func statusOfStat(stat *unix.Stat_t) status {
	return status{
		mode:    modeOf(uint32(stat.Mode)), //nolint:unconvert // the types differ between systems
		size:    stat.Size,
		modTime: time.Unix(stat.Mtim.Unix()),
		id:      identity{uint64(stat.Dev), uint64(stat.Ino)}, //nolint:unconvert // the types differ between systems
	}
}

// modeOf returns the type and the permissions of a file.
func modeOf(bits uint32) fs.FileMode {
	mode := fs.FileMode(bits) & fs.ModePerm
	switch bits & unix.S_IFMT {
	case unix.S_IFREG:
		return mode
	case unix.S_IFDIR:
		return mode | fs.ModeDir
	case unix.S_IFLNK:
		return mode | fs.ModeSymlink
	case unix.S_IFIFO:
		return mode | fs.ModeNamedPipe
	case unix.S_IFSOCK:
		return mode | fs.ModeSocket
	case unix.S_IFBLK:
		return mode | fs.ModeDevice
	case unix.S_IFCHR:
		return mode | fs.ModeDevice | fs.ModeCharDevice
	}
	return mode | fs.ModeIrregular
}

// An identity tells files of a system apart. That of no file is the zero value.
type identity struct{ dev, ino uint64 }

func (i identity) known() bool            { return i != identity{} }
func (i identity) is(other identity) bool { return i.known() && i == other }

// elsewhere tells that both are known, and are on different file systems.
func (i identity) elsewhere(other identity) bool {
	return i.known() && other.known() && i.dev != other.dev
}

func identityOf(fi fs.FileInfo) identity {
	if stat, ok := fi.Sys().(*syscall.Stat_t); ok {
		return identity{uint64(stat.Dev), uint64(stat.Ino)} //nolint:unconvert // the types differ between systems
	}
	return identity{}
}
