package system

import (
	"errors"
	"os"
)

// Link fails with errors.ErrUnsupported: Windows links by paths only, which somebody may
// replace meanwhile.
func Link(*os.Root, string, *os.Root, string) error { return errors.ErrUnsupported }

// CannotLink reports whether err says that the file can only be copied.
func CannotLink(err error) bool { return errors.Is(err, errors.ErrUnsupported) }
