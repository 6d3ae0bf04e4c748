//go:build !windows

package dir

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// What the os package does not have: to look a path up from a directory that is
// held open, along symbolic links that may lead outside.

// openAt opens what a path names, looked up from a directory; "" is that
// directory. Symbolic links are followed.
func openAt(dir *os.File, name string) (*os.File, error) {
	fd := -1
	err := uninterrupted(func() (err error) {
		fd, err = unix.Openat(int(dir.Fd()), orDot(name), unix.O_RDONLY|unix.O_CLOEXEC|noWait, 0)
		return err
	})
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	// The file is to be read like any other: os.NewFile takes one that does not
	// wait for one that can be polled.
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETFL, unix.O_RDONLY); err != nil {
		return nil, errors.Join(&fs.PathError{Op: "open", Path: name, Err: err}, unix.Close(fd))
	}
	return os.NewFile(uintptr(fd), name), nil
}

// statAt describes what a path names, looked up from a directory; "" is that
// directory. The last link is followed if follow says so, the others are always.
func statAt(dir *os.File, name string, follow bool) (fs.FileInfo, error) {
	flags := unix.AT_SYMLINK_NOFOLLOW
	if follow {
		flags = 0
	}
	fi := &fileStat{name: path.Base(orDot(name))}
	err := uninterrupted(func() error {
		return unix.Fstatat(int(dir.Fd()), orDot(name), &fi.stat, flags)
	})
	if err != nil {
		return nil, &fs.PathError{Op: "stat", Path: name, Err: err}
	}
	return fi, nil
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

// A fileStat is the fs.FileInfo of statAt.
type fileStat struct {
	name string
	stat unix.Stat_t
}

func (s *fileStat) Name() string       { return s.name }
func (s *fileStat) Size() int64        { return s.stat.Size }
func (s *fileStat) ModTime() time.Time { return time.Unix(s.stat.Mtim.Unix()) }
func (s *fileStat) IsDir() bool        { return s.Mode().IsDir() }
func (s *fileStat) Sys() any           { return &s.stat }

// Mode returns the type and the permissions.
func (s *fileStat) Mode() fs.FileMode {
	mode := fs.FileMode(s.stat.Mode) & fs.ModePerm
	switch s.stat.Mode & unix.S_IFMT {
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
	switch stat := fi.Sys().(type) {
	case *unix.Stat_t:
		return identity{uint64(stat.Dev), uint64(stat.Ino)} //nolint:unconvert // the types differ between systems
	case *syscall.Stat_t:
		return identity{uint64(stat.Dev), uint64(stat.Ino)} //nolint:unconvert // the types differ between systems
	}
	return identity{}
}
