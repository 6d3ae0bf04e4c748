//go:build !windows

package system

import (
	"errors"
	"io/fs"
	"os"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// OpenAt opens what a path names, looked up from a directory; "" is that
// directory. Symbolic links are followed.
func OpenAt(dir *os.File, name string) (*Descriptor, error) {
	fd := -1
	err := uninterrupted(func() (err error) {
		fd, err = unix.Openat(int(dir.Fd()), orDot(name), unix.O_RDONLY|unix.O_CLOEXEC|NoWait, 0)
		return err
	})
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return &Descriptor{fd: fd}, nil
}

// StatAt describes what a path names, looked up from a directory; "" is that
// directory. The last link is followed if follow says so, the others are always.
func StatAt(dir *os.File, name string, follow bool) (Status, error) {
	flags := unix.AT_SYMLINK_NOFOLLOW
	if follow {
		flags = 0
	}
	var stat unix.Stat_t
	err := uninterrupted(func() error {
		return unix.Fstatat(int(dir.Fd()), orDot(name), &stat, flags)
	})
	if err != nil {
		return Status{}, &fs.PathError{Op: "stat", Path: name, Err: err}
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

func statusOfStat(stat *unix.Stat_t) Status {
	return Status{
		Mode:    modeOf(uint32(stat.Mode)), //nolint:unconvert // the types differ between systems
		Size:    stat.Size,
		ModTime: time.Unix(stat.Mtim.Unix()),
		ID:      Identity{uint64(stat.Dev), uint64(stat.Ino)}, //nolint:unconvert // the types differ between systems
		Owner:   stat.Uid,
		Links:   uint64(stat.Nlink), //nolint:unconvert // the types differ between systems
		Changed: stat.Ctim.Nano(),
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

// ownerOf returns Status.Owner and Status.Links of what package os tells of a file.
func ownerOf(fi fs.FileInfo) (owner uint32, links uint64) {
	if stat, ok := fi.Sys().(*syscall.Stat_t); ok {
		return stat.Uid, uint64(stat.Nlink) //nolint:unconvert // the types differ between systems
	}
	return 0, 0
}

// An Identity tells files of a system apart. That of no file is the zero value.
type Identity struct{ dev, ino uint64 }

// numbers returns the device and the inode.
func (i Identity) numbers() (device, inode uint64) { return i.dev, i.ino }

// Known reports whether it is that of a file.
func (i Identity) Known() bool { return i != Identity{} }

// Is reports whether both are known, and are that of the same file.
func (i Identity) Is(other Identity) bool { return i.Known() && i == other }

// Elsewhere reports whether both are known, and are on different file systems.
func (i Identity) Elsewhere(other Identity) bool {
	return i.Known() && other.Known() && i.dev != other.dev
}

// Text tells files of a file system apart, also after the system was started anew. It is
// empty if the identity is not known.
func (i Identity) Text() string {
	if !i.Known() {
		return ""
	}
	return strconv.FormatUint(i.ino, 16) // devices may get other numbers
}

// IdentityOf returns the identity in what package os tells of a file; it is not known if that
// tells none.
func IdentityOf(fi fs.FileInfo) Identity {
	if stat, ok := fi.Sys().(*syscall.Stat_t); ok {
		return Identity{uint64(stat.Dev), uint64(stat.Ino)} //nolint:unconvert // the types differ between systems
	}
	return Identity{}
}
