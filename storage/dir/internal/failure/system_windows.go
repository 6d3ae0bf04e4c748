package failure

import (
	"syscall"

	"s3sync/storage"
)

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
