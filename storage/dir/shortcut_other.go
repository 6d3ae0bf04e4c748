//go:build !linux

package dir

import (
	"errors"
	"io/fs"
	"os"
)

// A shortcut exists on Linux only.
type shortcut struct{}

func newShortcut(*os.Root) *shortcut { return nil }

func (*shortcut) open(string, int, fs.FileMode) (*descriptor, error) {
	return nil, errors.ErrUnsupported
}
func (*shortcut) dir(string) (status, error)       { return status{}, errors.ErrUnsupported }
func (*shortcut) stat(string, int) (status, error) { return status{}, errors.ErrUnsupported }
func (*shortcut) lstat(string) (status, error)     { return status{}, errors.ErrUnsupported }
func (*shortcut) Close() error                     { return nil }

func renameIn(*os.File, string, string) error { return errors.ErrUnsupported }
func removeIn(*os.File, string) error         { return errors.ErrUnsupported }
