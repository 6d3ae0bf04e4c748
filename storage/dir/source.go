package dir

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Reading a source by names, which follows symbolic links. Nothing here may
// ever write.

// A followed is the view of a source whose symbolic links are followed.
type followed struct {
	base string // the path of the directory with a separator at the end
}

func newFollowed(path string) followed {
	if path == "" {
		path = "."
	}
	if !os.IsPathSeparator(path[len(path)-1]) {
		path += string(filepath.Separator)
	}
	return followed{path}
}

func (f followed) name(path string) string { return f.base + filepath.FromSlash(path) }

func (f followed) readDir(path string) (entries []entry, err error) {
	file, err := f.open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	err = readEntries(file, func(e fs.DirEntry) {
		if typ := e.Type(); typ == 0 || typ == fs.ModeDir || typ == fs.ModeSymlink {
			entries = append(entries, entry{name: e.Name(), typ: typ})
		}
	})
	return entries, err
}

func (f followed) stat(path string) (fs.FileInfo, error) { return os.Stat(f.name(path)) }

func (f followed) open(path string) (*os.File, error) {
	return os.OpenFile(f.name(path), os.O_RDONLY|noWait, 0)
}

// A single is the view of a source that is one file.
type single struct {
	followed

	file string // its name
}

func (s single) readDir(string) ([]entry, error) {
	fi, err := s.followed.stat(s.file)
	if err != nil {
		return nil, err
	}
	e := entry{name: s.file}
	e.set(fi)
	return []entry{e}, nil
}

func (s single) stat(path string) (fs.FileInfo, error) {
	if path != s.file {
		return nil, fs.ErrNotExist
	}
	return s.followed.stat(path)
}

func (s single) open(path string) (*os.File, error) {
	if path != s.file {
		return nil, fs.ErrNotExist
	}
	return s.followed.open(path)
}
