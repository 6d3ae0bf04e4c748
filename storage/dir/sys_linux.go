package dir

import (
	"os"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// setModTime stamps a file that is open.
func setModTime(_ *os.Root, _ string, d *descriptor, t time.Time) error {
	written, err := unix.TimeToTimespec(t)
	if err != nil {
		return err
	}
	times := [2]unix.Timespec{{Nsec: unix.UTIME_OMIT}, written}
	return d.use(func(fd int) error {
		// This is futimens(3), which x/sys has no function for.
		_, _, errno := unix.Syscall6(unix.SYS_UTIMENSAT, uintptr(fd), 0, uintptr(unsafe.Pointer(&times)), 0, 0, 0) //nolint:gosec // the call reads the two times before it returns
		if errno != 0 {
			return errno
		}
		return nil
	})
}
