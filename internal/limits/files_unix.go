//go:build unix

package limits

import (
	"math"
	"syscall"
)

// OpenFiles returns how many files this process may have open. Package os raises the
// bound as far as the system lets it.
func OpenFiles() int {
	var r syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &r); err != nil {
		return math.MaxInt
	}
	return int(min(uint64(r.Cur), math.MaxInt32)) //nolint:unconvert // some systems have a signed number
}
