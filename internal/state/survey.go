package state

import (
	"cmp"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// ErrInUse is the kind of error of a file that a run uses now.
var ErrInUse = errInUse

// A Survey says what is kept of a pair of sides.
type Survey struct {
	// Pair is empty if nothing says which one it is.
	Pair Pair
	// Besides are other places that the last run wrote to, such as a trash.
	Besides []string
	// Name is that of the files, without their extensions.
	Name string
	// Size is the size in bytes of all files, and Used when a run began to use them.
	Size int64
	Used time.Time
	// InUse: a run uses them now, so that nothing but Pair is known.
	InUse bool
	// Damage says why nothing can be read. It is empty if all could be.
	Damage string
	// Digests and Copies are how many files and copies there are records of.
	Digests, Copies int
}

// Surveys looks at all that is in a directory, and changes nothing. What was used last comes
// first. It calls unfinished with each record of what was begun and not finished. It fails
// if the directory cannot be read; one that does not exist has nothing.
func Surveys(dir string, unfinished func(s *Survey, key string, record []byte)) ([]Survey, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	names := map[string]*Survey{}
	for _, e := range entries {
		name, ext := strings.TrimSuffix(e.Name(), filepath.Ext(e.Name())), filepath.Ext(e.Name())
		if !slices.Contains(extensions(), ext) {
			continue
		}
		s := names[name]
		if s == nil {
			s = &Survey{Name: name}
			if !s.own(filepath.Join(dir, name)) {
				continue
			}
			names[name] = s
		}
		if info, err := e.Info(); err == nil {
			s.Size += info.Size()
			if s.Used.Before(info.ModTime()) {
				s.Used = info.ModTime()
			}
		}
	}
	all := make([]Survey, 0, len(names))
	for _, s := range names {
		s.look(filepath.Join(dir, s.Name), unfinished)
		all = append(all, *s)
	}
	slices.SortFunc(all, func(a, b Survey) int { return cmp.Or(b.Used.Compare(a.Used), cmp.Compare(a.Name, b.Name)) })
	return all, nil
}

// own reads which pair has the files with a name. It reports whether they are files of this
// program, which always have a lock: it is empty, or tells the pair that gives them the name.
func (v *Survey) own(base string) bool {
	if sum, err := hex.DecodeString(v.Name); err != nil || len(sum) != nameSize {
		return false
	}
	if info, err := os.Lstat(base + lockFile); err != nil || !info.Mode().IsRegular() {
		return false
	}
	text, err := os.ReadFile(base + lockFile)
	if err != nil || len(text) == 0 {
		return err == nil
	}
	var places places
	err = json.Unmarshal(text, &places)
	v.Pair, v.Besides = places.Pair, places.Besides
	return err == nil && v.Pair.file() == v.Name
}

// extensions returns those of all files of a pair, that of the lock last.
func extensions() []string { return []string{extension, logFile, setAside, lockFile} }

// look reads the files with a name.
func (v *Survey) look(base string, unfinished func(*Survey, string, []byte)) {
	if info, err := os.Lstat(base + extension); err == nil && !info.Mode().IsRegular() {
		v.Damage = "it is not a regular file"
		return
	}
	var s State
	err := guarded(func() (err error) {
		s.db, err = bbolt.Open(base+extension, 0o600, fileOptions(true, func(f *os.File) { s.file = f }))
		return err
	})
	if err == nil {
		err = guarded(func() error {
			return s.db.View(func(tx *bbolt.Tx) error {
				return errors.Join(s.checkPages(tx), v.read(tx, unfinished))
			})
		})
		err = errors.Join(err, guarded(s.db.Close))
	}
	switch {
	case err == nil || errors.Is(err, fs.ErrNotExist):
	case errors.Is(err, bolterrors.ErrTimeout):
		v.InUse = true
	default:
		v.Damage = err.Error()
	}
	if s.file != nil {
		_ = s.file.Close() // in case the database could not
	}
}

// read reads the tables.
func (v *Survey) read(tx *bbolt.Tx, unfinished func(*Survey, string, []byte)) error {
	pair, err := metaOf(tx.Bucket([]byte(bucketMeta)))
	if err != nil {
		return err
	}
	v.Pair = pair
	for t, n := range map[tableID]*int{tableDigests: &v.Digests, tableCopies: &v.Copies} {
		if b := tx.Bucket(t.bucket()); b != nil {
			*n = b.Stats().KeyN
		}
	}
	b := tx.Bucket(tableUnfinished.bucket())
	if b == nil {
		return nil
	}
	return b.ForEach(func(key, sealed []byte) error {
		if record, _, intact := unseal(key, sealed); intact {
			unfinished(v, string(key), record)
		}
		return nil
	})
}

// Remove removes all files with the name of a Survey. It fails with ErrInUse if a run uses
// them.
func Remove(dir, name string) error {
	base := filepath.Join(dir, name)
	lock, err := lockOf(base)
	if err != nil {
		return err
	}
	var errs []error
	for _, ext := range extensions() {
		if ext == lockFile {
			errs = append(errs, lock.Unlock()) // an open file cannot be removed everywhere
		}
		if err := os.Remove(base + ext); !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
