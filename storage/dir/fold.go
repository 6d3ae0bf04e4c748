package dir

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"runtime"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// foldsForms: the usual file systems of the system take names for the same
// that differ in the composition of their letters.
const foldsForms = runtime.GOOS == "darwin"

// A directory is what checkName needs of an os.Root.
type directory interface {
	Lstat(name string) (fs.FileInfo, error)
	Open(name string) (*os.File, error)
}

// checkName fails with storage.ErrUnstorable if the entry that the file system
// found under name bears another name: it then ignores case, or how letters
// are composed, and the key of the entry is not the one that was asked for.
// It costs one call where names are exact.
func checkName(d directory, name string, found fs.FileInfo) error {
	if !mayFold(d, name, found) {
		return nil
	}
	all, err := d.Open(".")
	if err != nil {
		return err
	}
	defer all.Close() //nolint:errcheck // only read
	similar := "another name"
	for {
		names, err := all.Readdirnames(512)
		for _, n := range names {
			if n == name {
				return nil
			}
			if strings.EqualFold(n, name) {
				similar = strconv.Quote(n)
			}
		}
		if errors.Is(err, io.EOF) {
			return unstorable("the file system takes %q for %s, which exists", name, similar)
		}
		if err != nil {
			return err
		}
	}
}

// mayFold tells whether name might be found under another one.
func mayFold(d directory, name string, found fs.FileInfo) bool {
	if foldsForms && strings.ContainsFunc(name, func(r rune) bool { return r >= utf8.RuneSelf }) {
		return true
	}
	swapped := otherCase(name)
	if swapped == name {
		return false
	}
	other, err := d.Lstat(swapped)
	return err == nil && os.SameFile(found, other)
}

// otherCase returns name with the letters of the other case: only the ASCII
// ones where there are any, because some file systems fold no others.
func otherCase(name string) string {
	swapped := strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z':
			return r - 'a' + 'A'
		case 'A' <= r && r <= 'Z':
			return r - 'A' + 'a'
		}
		return r
	}, name)
	if swapped != name {
		return swapped
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsUpper(r) {
			return unicode.ToLower(r)
		}
		return unicode.ToUpper(r)
	}, name)
}
