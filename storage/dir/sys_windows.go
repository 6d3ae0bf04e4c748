package dir

import (
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/windows"

	"s3sync/storage"
)

// noWait is nothing here: opening a file never waits.
const noWait = 0

// onlyDirectory is nothing here. Opening never waits, so the type can be checked after it.
const onlyDirectory = 0

// setModTime stamps the file called name in dir, which is open as f. It goes
// through f, because closing a file that was written may stamp it again
// unless that very handle set the time.
func setModTime(_ *os.Root, _ string, d *descriptor, t time.Time) error {
	written := syscall.NsecToFiletime(t.UnixNano())
	return syscall.SetFileTime(syscall.Handle(d.Fd()), nil, nil, &written)
}

// syncDir does nothing: directories cannot be flushed, and NTFS journals them.
func syncDir(*os.Root) error { return nil }

// syncEntries is syncDir for a directory that is open.
func syncEntries(*os.File) error { return nil }

// lock locks a file until it is closed. It fails if the file is locked already. Others
// cannot read or write locked bytes, so the lock is on a byte that no file has.
func (d *descriptor) lock() error {
	beyond := &windows.Overlapped{OffsetHigh: 1<<31 - 1}
	return windows.LockFileEx(windows.Handle(d.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, beyond)
}

// lastTouched returns when the file was last written or created, whichever is later. The
// time of the last write may have been set back.
func (d *descriptor) lastTouched() (time.Time, error) {
	fi, err := d.Stat()
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

// System error codes:
// https://learn.microsoft.com/windows/win32/debug/system-error-codes
const (
	errorTooManyOpenFiles   syscall.Errno = 4
	errorWriteProtect       syscall.Errno = 19
	errorSharingViolation   syscall.Errno = 32
	errorLockViolation      syscall.Errno = 33
	errorHandleDiskFull     syscall.Errno = 39
	errorDiskFull           syscall.Errno = 112
	errorInvalidName        syscall.Errno = 123
	errorBadPathname        syscall.Errno = 161
	errorFilenameTooLong    syscall.Errno = 206
	errorNotADirectory      syscall.Errno = 267
	errorDiskQuotaExceeded  syscall.Errno = 1295
	errorFileTooLargeForVol syscall.Errno = 223
)

// systemKind returns the kind of failures that exist only on Windows, or nil.
func systemKind(errno syscall.Errno) error {
	switch errno {
	case errorDiskFull, errorHandleDiskFull, errorDiskQuotaExceeded:
		return storage.ErrFull
	case errorWriteProtect:
		return storage.ErrUnusable
	case errorTooManyOpenFiles, errorSharingViolation, errorLockViolation:
		return storage.ErrTransient
	case errorInvalidName, errorBadPathname, errorFilenameTooLong, errorNotADirectory, errorFileTooLargeForVol:
		return storage.ErrUnstorable
	default:
		return nil
	}
}
