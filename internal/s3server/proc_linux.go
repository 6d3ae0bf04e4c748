package s3server

import (
	"os"
	"path/filepath"
	"syscall"
)

// ProcessAttributes puts a process in its own process group, so that an interrupt at the
// terminal reaches only us. It dies with this process: see StartProcess.
func ProcessAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// keepsAttributes reports whether files in dir can have extended attributes.
func keepsAttributes(dir string) bool {
	probe := filepath.Join(dir, ".probe")
	if err := os.WriteFile(probe, nil, 0o600); err != nil {
		return false
	}
	err := syscall.Setxattr(probe, "user.probe", []byte("x"), 0)
	return os.Remove(probe) == nil && err == nil
}
