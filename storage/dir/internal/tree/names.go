package tree

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"s3sync/storage/dir/internal/failure"
)

// foldsForms: the usual file systems of the system take names for the same
// that differ in the composition of their letters.
const foldsForms = runtime.GOOS == "darwin"

// maxNames is how many directories a names remembers.
const maxNames = 8

// A directory is what names needs of an os.Root.
type directory interface {
	Lstat(name string) (fs.FileInfo, error)
	Open(name string) (*os.File, error)
}

// A names checks whether entries have exactly the names under which the file system found
// them. It remembers the names in the directories that were used last, but only on file
// systems where another name can find an entry.
type names struct {
	mu   sync.Mutex
	dirs []namesIn // the one used last at the end
}

// A namesIn holds the names in one directory.
type namesIn struct {
	path string
	set  map[string]struct{}
}

// check fails with storage.ErrUnstorable if the entry that the file system
// found under name bears another name: it then ignores case, or how letters
// are composed, and the key of the entry is not the one that was asked for.
// It costs one call where names are exact. The path tells directories apart.
func (n *names) check(d directory, path, name string, found fs.FileInfo) error {
	if !mayFold(d, name, found) {
		return nil
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	i := n.index(path)
	if i >= 0 {
		dir := n.dirs[i]
		n.dirs = append(slices.Delete(n.dirs, i, i+1), dir)
		if _, ok := dir.set[name]; ok {
			return nil
		}
	}
	// Not found where it was looked for once proves nothing: it may be new.
	set, err := readNames(d)
	if err != nil {
		return err
	}
	switch {
	case i >= 0:
		n.dirs[len(n.dirs)-1].set = set
	case len(n.dirs) == maxNames:
		n.dirs = append(slices.Delete(n.dirs, 0, 1), namesIn{path, set})
	default:
		n.dirs = append(n.dirs, namesIn{path, set})
	}
	if _, ok := set[name]; ok {
		return nil
	}
	similar := "another name"
	for other := range set {
		if strings.EqualFold(other, name) {
			similar = strconv.Quote(other)
		}
	}
	return failure.Unstorable("the file system takes %q for %s, which exists", name, similar)
}

// removed tells that a name is there no more.
func (n *names) removed(path, name string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if i := n.index(path); i >= 0 {
		delete(n.dirs[i].set, name)
	}
}

func (n *names) index(path string) int {
	return slices.IndexFunc(n.dirs, func(d namesIn) bool { return d.path == path })
}

func readNames(d directory) (set map[string]struct{}, err error) {
	f, err := d.Open(".")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	set = map[string]struct{}{}
	for {
		some, err := f.Readdirnames(512)
		for _, name := range some {
			set[name] = struct{}{}
		}
		if errors.Is(err, io.EOF) {
			return set, nil
		}
		if err != nil {
			return nil, err
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

// caseMatters reports whether the names in a directory are certainly exact: none finds an
// entry that has another name. name is one that exists. A file system that takes other
// letters for the same, but not those of ASCII in the other case, is not known, except on
// macOS.
func caseMatters(d directory, name string) bool {
	if foldsForms || !hasASCIILetter(name) {
		return false
	}
	before, err := d.Lstat(name)
	if err != nil {
		return false
	}
	_, err = d.Lstat(otherCase(name))
	if !errors.Is(err, fs.ErrNotExist) {
		return false
	}
	after, err := d.Lstat(name) // it was there all the time
	return err == nil && os.SameFile(before, after)
}

func hasASCIILetter(name string) bool {
	return strings.ContainsFunc(name, func(r rune) bool { return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' })
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
