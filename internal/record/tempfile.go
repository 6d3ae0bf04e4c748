package record

import (
	"errors"
	"os"
)

// A TempFile is a file in the system's temporary directory. It has no name where the
// system allows that, so a crash leaves nothing behind.
type TempFile struct {
	*os.File
	name string // to be removed by Close, if not empty
}

// CreateTemp creates an empty temporary file. It is readable by this user only.
func CreateTemp() (*TempFile, error) {
	f, err := os.CreateTemp("", "s3sync-*.tmp")
	if err != nil {
		return nil, err
	}
	t := &TempFile{File: f}
	if os.Remove(f.Name()) != nil {
		t.name = f.Name() // Windows keeps the name of an open file
	}
	return t, nil
}

// Close closes and removes the file.
func (t *TempFile) Close() error {
	err := t.File.Close()
	if t.name != "" {
		err = errors.Join(err, os.Remove(t.name))
	}
	return err
}
