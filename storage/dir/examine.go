package dir

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode"

	"s3sync/storage/dir/internal/system"
)

// What a run need not know of a directory, and its user may want to. Nothing here changes
// anything. A target that does not exist yet is judged by the directory that it will be in.

// Free returns how many bytes this process can still write to the file system. It fails
// with errors.ErrUnsupported where the system does not tell.
func (s *Store) Free() (int64, error) {
	path, err := s.existing()
	if err != nil {
		return 0, err
	}
	return system.Free(path)
}

// CheckWritable fails if this process may not make files there. Where access lists decide,
// only writing shows that: then it returns nil.
func (s *Store) CheckWritable() error {
	path, err := s.existing()
	if err != nil {
		return err
	}
	return system.CheckWritable(path)
}

// existing returns the path, or that of the nearest directory above that exists.
func (s *Store) existing() (string, error) {
	path, err := filepath.Abs(s.path)
	if err != nil {
		return "", err
	}
	for {
		_, err := os.Stat(path)
		if up := filepath.Dir(path); errors.Is(err, fs.ErrNotExist) && up != path {
			path = up
			continue
		}
		return path, err
	}
}

// fewNames is how many names are read to find one that has letters.
const fewNames = 100

// FoldsCase reports whether the file system takes names for equal that differ only in
// case. It looks for an existing name in another case. known is false if there is no name
// with letters.
func (s *Store) FoldsCase() (folds, known bool, err error) {
	path, err := s.existing()
	if err != nil {
		return false, false, err
	}
	names, err := namesIn(path)
	if err != nil {
		return false, false, err
	}
	for _, name := range names {
		if other := swapCase(name); !slices.Contains(names, other) {
			folds, err := sameFile(filepath.Join(path, name), filepath.Join(path, other))
			return folds, err == nil, err
		}
	}
	return false, false, nil
}

// namesIn returns a few names of a directory.
func namesIn(path string) ([]string, error) {
	d, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer d.Close() //nolint:errcheck // it was only read
	names, err := d.Readdirnames(fewNames)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return names, err
}

// sameFile reports whether two paths lead to one file. The first one exists.
func sameFile(path, other string) (bool, error) {
	a, err := os.Lstat(path)
	if err != nil {
		return false, err
	}
	b, err := os.Lstat(other)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil && os.SameFile(a, b), err
}

// swapCase returns a name with the ASCII letters in the other case. Every file system that
// folds case folds those.
func swapCase(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r > unicode.MaxASCII:
			return r
		case unicode.IsUpper(r):
			return unicode.ToLower(r)
		}
		return unicode.ToUpper(r)
	}, name)
}

// Exists reports whether the directory exists.
func (s *Store) Exists() bool {
	_, err := os.Stat(s.path)
	return err == nil
}
