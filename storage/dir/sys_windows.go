package dir

import (
	"os"
	"syscall"
	"time"

	"s3sync/storage"
)

// noWait is nothing here: opening a file never waits.
const noWait = 0

// setModTime stamps the file called name in dir, which is open as f. It goes
// through f, because closing a file that was written may stamp it again
// unless that very handle set the time.
func setModTime(_ *os.Root, _ string, f *os.File, t time.Time) error {
	written := syscall.NsecToFiletime(t.UnixNano())
	return syscall.SetFileTime(syscall.Handle(f.Fd()), nil, nil, &written)
}

// syncDir does nothing: directories cannot be flushed, and NTFS journals them.
func syncDir(*os.Root) error { return nil }

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

// systemKind tells the kind of failures that only Windows knows.
func systemKind(errno syscall.Errno) error {
	switch errno {
	case errorDiskFull, errorHandleDiskFull, errorDiskQuotaExceeded, errorWriteProtect:
		return storage.ErrUnusable
	case errorTooManyOpenFiles, errorSharingViolation, errorLockViolation:
		return storage.ErrTransient
	case errorInvalidName, errorBadPathname, errorFilenameTooLong, errorNotADirectory, errorFileTooLargeForVol:
		return storage.ErrUnstorable
	default:
		return nil
	}
}
