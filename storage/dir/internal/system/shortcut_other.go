//go:build !linux

package system

import (
	"errors"
	"io/fs"
	"os"
)

// A Shortcut exists on Linux only.
type Shortcut struct{}

// NewShortcut returns nil.
func NewShortcut(*os.Root) *Shortcut { return nil }

// Open fails.
func (*Shortcut) Open(string, int, fs.FileMode) (*Descriptor, error) {
	return nil, errors.ErrUnsupported
}

// Dir fails.
func (*Shortcut) Dir(string) (Status, error) { return Status{}, errors.ErrUnsupported }

// Stat fails.
func (*Shortcut) Stat(string) (Status, error) { return Status{}, errors.ErrUnsupported }

// Lstat fails.
func (*Shortcut) Lstat(string) (Status, error) { return Status{}, errors.ErrUnsupported }

// Close does nothing.
func (*Shortcut) Close() error { return nil }

// RenameIn fails.
func RenameIn(*os.File, string, string) error { return errors.ErrUnsupported }

// RemoveIn fails.
func RemoveIn(*os.File, string) error { return errors.ErrUnsupported }
