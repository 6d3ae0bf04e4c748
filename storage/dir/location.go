package dir

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"s3sync/storage"
)

var _ storage.Locator = (*Store)(nil)

// Location is the path of the directory, or of the one file, from the root.
func (s *Store) Location() storage.Location {
	path, err := filepath.Abs(s.path)
	if err != nil { // the working directory is gone
		path = s.path
	}
	return storage.Location{Directory: path}
}

// FullKey is the path of the file of a key.
func (s *Store) FullKey(key string) string {
	path := s.Location().Directory
	if _, ok := s.view.(single); ok {
		return path
	}
	return filepath.Join(path, filepath.FromSlash(normalise(key).path))
}

// StatFull fails: files are not in a container.
func (s *Store) StatFull(context.Context, string) (storage.Object, error) {
	return storage.Object{}, fmt.Errorf("full key: %w", errors.ErrUnsupported)
}
