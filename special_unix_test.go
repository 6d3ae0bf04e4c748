//go:build unix

package s3sync_test

import "syscall"

// makeSpecial makes an entry that is neither a file nor a directory nor a link. If the
// system lets only root make it, there is an error, and the trial runs without it.
func makeSpecial(path string, k kind) error {
	if k == aPipe {
		return syscall.Mkfifo(path, 0o600)
	}
	return syscall.Mknod(path, syscall.S_IFSOCK|0o600, 0)
}
