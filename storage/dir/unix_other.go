//go:build !windows && !linux

package dir

import (
	"os"
	"time"
)

// setModTime stamps the file called name in dir.
func setModTime(dir *os.Root, name string, _ *descriptor, t time.Time) error {
	return dir.Chtimes(name, time.Time{}, t)
}

// osFile returns a directory as a file of package os, which closes it together with d.
func (d *descriptor) osFile() *os.File {
	if d.file == nil {
		d.file = os.NewFile(uintptr(d.fd), ".")
	}
	return d.file
}
