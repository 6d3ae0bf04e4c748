package system

import (
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/windows"
)

// NoWait is nothing here: opening a file never waits.
const NoWait = 0

// OnlyDirectory is nothing here. Opening never waits, so the type can be checked after it.
const OnlyDirectory = 0

// SetModTime stamps the file called name in dir, which is open as f. It goes
// through f, because closing a file that was written may stamp it again
// unless that very handle set the time.
func SetModTime(_ *os.Root, _ string, d *Descriptor, t time.Time) error {
	written := syscall.NsecToFiletime(t.UnixNano())
	return syscall.SetFileTime(syscall.Handle(d.Fd()), nil, nil, &written)
}

// SyncDir does nothing: directories cannot be flushed, and NTFS journals them.
func SyncDir(*os.Root) error { return nil }

// SyncEntries is SyncDir for a directory that is open.
func SyncEntries(*os.File) error { return nil }

// Lock locks a file until it is closed. It fails if the file is locked already. Others
// cannot read or write locked bytes, so the lock is on a byte that no file has.
func (d *Descriptor) Lock() error {
	beyond := &windows.Overlapped{OffsetHigh: 1<<31 - 1}
	return windows.LockFileEx(windows.Handle(d.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, beyond)
}

// LastTouched returns when the file was last written or created, whichever is later. The
// time of the last write may have been set back.
func (d *Descriptor) LastTouched() (time.Time, error) {
	fi, err := d.File.Stat()
	if err != nil {
		return time.Time{}, err
	}
	if data, ok := fi.Sys().(*syscall.Win32FileAttributeData); ok {
		if made := time.Unix(0, data.CreationTime.Nanoseconds()); made.After(fi.ModTime()) {
			return made, nil
		}
	}
	return fi.ModTime(), nil
}
