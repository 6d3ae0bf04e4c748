//go:build linux || darwin

package system

import "golang.org/x/sys/unix"

// Free returns how many bytes this process can still write to the file system of a path.
func Free(path string) (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err != nil {
		return 0, err
	}
	return int64(st.Bavail) * int64(st.Bsize), nil //nolint:gosec,unconvert // no file system is that large
}

// CheckWritable fails if this process may not make files in a directory.
func CheckWritable(dir string) error {
	return unix.Faccessat(unix.AT_FDCWD, dir, unix.W_OK|unix.X_OK, unix.AT_EACCESS)
}
