// Package failure gives errors of the file system the kinds that package storage knows, and
// explains them. It touches no file.
package failure

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"s3sync/storage"
)

// Unstorable returns a storage.ErrUnstorable with a reason.
func Unstorable(format string, args ...any) error {
	return fmt.Errorf("%w: %s", storage.ErrUnstorable, fmt.Sprintf(format, args...))
}

// Unusable makes an error storage.ErrUnusable, which ends the run. The error keeps the
// path, because no key stands for it.
func Unusable(err error) error { return fmt.Errorf("%w: %w", storage.ErrUnusable, err) }

// IsGone reports whether err says that a path does not exist, also because there is a
// file in place of a directory.
func IsGone(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

// errTooLong explains the system's error. Either the name of the file or of a directory
// above it is too long, or the whole path is.
var errTooLong = fmt.Errorf("a name or the path is too long for the file system: %w", syscall.ENAMETOOLONG)

// Lookup is Read for a lookup. A file whose name is too long does not exist.
func Lookup(err error) error {
	if errors.Is(err, syscall.ENAMETOOLONG) {
		return fs.ErrNotExist
	}
	return Read(err)
}

// Read gives a failure to read its kind.
func Read(err error) error {
	if IsGone(err) {
		return fs.ErrNotExist
	}
	errno, ok := errors.AsType[syscall.Errno](err)
	switch {
	case !ok:
		return err
	case errno == syscall.ENAMETOOLONG:
		return errTooLong
	}
	if kind := errnoKind(errno); errors.Is(kind, storage.ErrTransient) {
		return fmt.Errorf("%w: %w", kind, errno)
	}
	return errno
}

// Write gives a failure to write its kind, if it has none yet. It is never fs.ErrNotExist,
// which would mean that the source vanished. That of nil is nil.
func Write(err error) error {
	for _, kind := range []error{storage.ErrUnusable, storage.ErrUnstorable, storage.ErrMismatch} {
		if errors.Is(err, kind) {
			return err
		}
	}
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: the directory vanished", storage.ErrTransient)
	}
	errno, ok := errors.AsType[syscall.Errno](err)
	switch {
	case !ok:
		return err
	case errors.Is(errno, fs.ErrExist) || errno == syscall.EISDIR:
		return Unstorable("there is a directory of that name")
	case errno == syscall.ENAMETOOLONG:
		return fmt.Errorf("%w: %w", storage.ErrUnstorable, errTooLong)
	}
	if kind := errnoKind(errno); kind != nil {
		return fmt.Errorf("%w: %w", kind, errno)
	}
	return errno
}

// errnoKind returns the kind of a failure of a system call, or nil.
func errnoKind(errno syscall.Errno) error {
	switch errno {
	case syscall.ENOSPC, syscall.EDQUOT:
		return storage.ErrFull
	case syscall.EROFS:
		return storage.ErrUnusable
	case syscall.EMFILE, syscall.ENFILE, syscall.EAGAIN, syscall.EINTR, syscall.EBUSY,
		syscall.ETIMEDOUT, syscall.ESTALE:
		return storage.ErrTransient
	case syscall.ENAMETOOLONG, syscall.EILSEQ, syscall.EINVAL, syscall.ENOTDIR, syscall.EISDIR,
		syscall.ELOOP, syscall.EFBIG:
		return storage.ErrUnstorable
	default:
		return systemKind(errno)
	}
}

// Of says what was done, and with which key, when err happened.
func Of(op, key string, err error) error {
	return &storage.Error{Op: op, Key: key, Err: err}
}
