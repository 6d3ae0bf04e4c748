//go:build !windows

package failure

import "syscall"

// systemKind returns the kind of failures that exist only on this system. There are none.
func systemKind(syscall.Errno) error { return nil }
