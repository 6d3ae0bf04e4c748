//go:build !windows && !linux

package system

import (
	"io/fs"
	"os"
	"time"
)

// SetModTime stamps the file called name in dir.
func SetModTime(dir *os.Root, name string, _ *Descriptor, t time.Time) error {
	return dir.Chtimes(name, time.Time{}, t)
}

// ReadDir is that of os.File, for one caller at a time.
func (d *Descriptor) ReadDir(n int) ([]fs.DirEntry, error) {
	if d.file == nil {
		d.file = os.NewFile(uintptr(d.fd), ".") // which closes it together with d
	}
	return d.file.ReadDir(n)
}
