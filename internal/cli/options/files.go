package options

import (
	"os"
	"path/filepath"
)

// overwrites refuses a record in place of a file that the run reads. It would be replaced or
// emptied before it is read, and a list of keys without a key is a run that does nothing.
func (l *Line) overwrites() error {
	for _, record := range l.options {
		if !record.Given || !record.Writes {
			continue
		}
		for _, o := range l.options {
			if !o.Given || !o.File || o.Writes {
				continue
			}
			for _, name := range o.Value.Texts {
				if sameFile(record.Value.Text, name) {
					return usagef("%s would overwrite the file of %s: give it another name", record.Label(), o.Label())
				}
			}
		}
	}
	return nil
}

// sameFile reports whether two names are those of one file.
func sameFile(a, b string) bool {
	if filepath.Clean(a) == filepath.Clean(b) {
		return true
	}
	one, err := os.Stat(a)
	if err != nil {
		return false
	}
	other, err := os.Stat(b)
	return err == nil && os.SameFile(one, other)
}
