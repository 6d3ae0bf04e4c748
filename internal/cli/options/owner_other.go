//go:build !unix

package options

import "io/fs"

// foreign reports whether the superuser works in the directory of somebody else.
func foreign(fs.FileInfo) bool { return false }
