package storage

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
)

// Kinds of failures, beside fs.ErrNotExist and fs.ErrPermission. Ask for them
// with errors.Is. The store that met the failure decides on its kind, once.
var (
	// ErrPrecondition: a condition of the request did not hold.
	ErrPrecondition = errors.New("precondition failed")
	// ErrArchived: the object must be restored before it can be read.
	ErrArchived = errors.New("object is archived")
	// ErrThrottled: the server asks for fewer requests.
	ErrThrottled = errors.New("slowed down by the server")
	// ErrTransient: the same request may succeed later (network, time-out,
	// server fault, damage found by the server).
	ErrTransient = errors.New("temporary failure")
	// ErrChanged: the object changed while it was being read.
	ErrChanged = errors.New("changed while being read")
	// ErrMismatch: the bytes that arrived are not those that were sent.
	ErrMismatch = errors.New("content does not match its digest")
	// ErrUnstorable: the key cannot exist in this store.
	ErrUnstorable = errors.New("key cannot be stored here")
	// ErrNotBegun: the request was not made, because the run is ending.
	ErrNotBegun = errors.New("not begun")
	// ErrUnusable: nothing in the store can be reached or written. It ends the run.
	ErrUnusable = errors.New("store unusable")
	// ErrDangling: the name is that of a symbolic link, but what it leads to does not
	// exist. errors.Is says of such a failure that it is fs.ErrNotExist, too.
	ErrDangling = fmt.Errorf("the symbolic link leads to nothing: %w", fs.ErrNotExist)
	// ErrLink: the name is that of a symbolic link, and the store leaves links out.
	// errors.Is says of such a failure that it is fs.ErrNotExist, too.
	ErrLink = fmt.Errorf("it is a symbolic link, and links are left out: %w", fs.ErrNotExist)
)

// Causes of ErrUnusable that a program may tell apart. errors.Is says of each of
// them that it is ErrUnusable, too. A store may be unusable for another cause.
var (
	// ErrNoBucket: no bucket has the name.
	ErrNoBucket = fmt.Errorf("%w: no such bucket", ErrUnusable)
	// ErrCredentials: there are no usable credentials, they have expired, or the
	// server refused them. A lack of permission is fs.ErrPermission instead.
	ErrCredentials = fmt.Errorf("%w: credentials missing or refused", ErrUnusable)
	// ErrFull: the store has no space left, or its quota is used up.
	ErrFull = fmt.Errorf("%w: full", ErrUnusable)
)

// An Error is a failure on one key, or of the whole store when Key is empty.
type Error struct {
	// Op is "list", "stat", "open", "read", "put", "write part", "copy", "copy part",
	// "commit", "abort", "delete", "get tags" or "set tags".
	Op  string
	Key string
	Err error
}

func (e *Error) Error() string {
	if e.Key == "" {
		return fmt.Sprintf("%s: %v", e.Op, e.Err)
	}
	return fmt.Sprintf("%s %q: %v", e.Op, e.Key, e.Err)
}

func (e *Error) Unwrap() error { return e.Err }

// Retryable reports whether trying again may help: it depends on the nature of
// the failure alone, never on the operation.
func Retryable(err error) bool {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, ErrUnusable) {
		return false
	}
	return errors.Is(err, ErrTransient) || errors.Is(err, ErrThrottled) ||
		errors.Is(err, ErrChanged) || errors.Is(err, ErrMismatch)
}

// Gone reports whether err says that the object does not exist.
func Gone(err error) bool { return errors.Is(err, fs.ErrNotExist) }
