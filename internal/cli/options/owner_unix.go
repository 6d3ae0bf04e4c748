//go:build unix

package options

import (
	"io/fs"
	"os"
	"syscall"
)

// foreign reports whether the superuser works in the directory of somebody else, as with
// sudo: what it makes there, that user could neither read nor remove.
func foreign(dir fs.FileInfo) bool {
	stat, ok := dir.Sys().(*syscall.Stat_t)
	return ok && os.Geteuid() == 0 && stat.Uid != 0
}
