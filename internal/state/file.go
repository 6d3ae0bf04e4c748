package state

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"runtime/debug"
	"syscall"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// schema is the version of the tables and their records. A file of a newer one is set aside.
const schema = 1

// Names in the bucket that says what a file is.
const (
	bucketMeta = "s3sync"
	keyVersion = "version"
	keySource  = "source"
	keyTarget  = "target"
)

// An unusableError says why a file cannot be used, although it can be read.
type unusableError struct{ why string }

func (e *unusableError) Error() string { return e.why }

// errClosed: there is no file to read or write.
var errClosed = errors.New("there is no state")

// fileOptions returns how a database is opened. opened is told the file.
func fileOptions(readOnly bool, opened func(*os.File)) *bbolt.Options {
	return &bbolt.Options{
		Timeout:      time.Second, // whoever has the lock of the pair waits for one who looks at the file
		FreelistType: bbolt.FreelistMapType,
		ReadOnly:     readOnly, PreLoadFreelist: readOnly,
		// Until then no growth of the file costs a copy of what is in use.
		InitialMmapSize: mmapSize(),
		OpenFile: func(name string, flag int, mode os.FileMode) (*os.File, error) {
			f, err := os.OpenFile(name, flag, mode)
			if err == nil && opened != nil {
				opened(f)
			}
			return f, err
		},
	}
}

// openFile opens the database and checks that it is that of the pair. It fails with an
// *unusableError if the file is to be set aside.
func (s *State) openFile() error {
	name := s.base + extension
	info, err := os.Lstat(name)
	exists := err == nil
	switch {
	case exists && !info.Mode().IsRegular():
		return &unusableError{"it is not a regular file"}
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return err
	}
	err = guarded(func() (err error) {
		opts := fileOptions(false, func(f *os.File) { s.file = f })
		opts.NoSync, opts.NoGrowSync = s.opts.NoSync, s.opts.NoSync
		s.db, err = bbolt.Open(name, 0o600, opts)
		return err
	})
	if err == nil {
		s.db.AllocSize = allocSize
		err = guarded(func() error { return s.db.View(s.checkPages) })
		if err == nil {
			err = guarded(func() error { return s.db.Update(s.checkMeta) })
		}
		if err == nil {
			s.tellChange()
			return nil
		}
	}
	if s.file != nil {
		_ = s.file.Close() // and with it the lock; the database may be unable to close itself
		s.file = nil
	}
	switch {
	case errors.Is(err, bolterrors.ErrTimeout):
		return errInUse
	case !exists:
		_ = os.Remove(name) // it could not be created whole
		return err
	}
	if _, system := errors.AsType[syscall.Errno](err); system && !errors.Is(err, fs.ErrPermission) {
		return err // the file is not to blame
	}
	return &unusableError{err.Error()}
}

// checkMeta fails with an *unusableError if the database is not that of the pair in a
// version that this program knows. It completes an empty one.
func (s *State) checkMeta(tx *bbolt.Tx) error {
	p := s.opts.Pair
	b := tx.Bucket([]byte(bucketMeta))
	if b == nil {
		if name, _ := tx.Cursor().First(); name != nil {
			return &unusableError{"it is a file of another program"}
		}
		b, err := tx.CreateBucket([]byte(bucketMeta))
		if err != nil {
			return err
		}
		version := binary.BigEndian.AppendUint32(nil, schema)
		return errors.Join(b.Put([]byte(keyVersion), version), b.Put([]byte(keySource), []byte(p.Source)), b.Put([]byte(keyTarget), []byte(p.Target)))
	}
	pair, err := metaOf(b)
	if err == nil && pair != p {
		err = &unusableError{"it is that of another pair of sides"}
	}
	return err
}

// metaOf returns the pair of a database. It fails with an *unusableError if the database is
// none of a version that this program knows.
func metaOf(b *bbolt.Bucket) (Pair, error) {
	if b == nil {
		return Pair{}, &unusableError{"it is a file of another program"}
	}
	version := b.Get([]byte(keyVersion))
	switch {
	case len(version) != 4:
		return Pair{}, &unusableError{"it does not say its version"}
	case binary.BigEndian.Uint32(version) > schema:
		return Pair{}, &unusableError{fmt.Sprintf("it is of a newer s3sync (version %d of the file, this one knows %d)", binary.BigEndian.Uint32(version), schema)}
	case binary.BigEndian.Uint32(version) < schema:
		return Pair{}, &unusableError{fmt.Sprintf("it is of an older s3sync (version %d of the file)", binary.BigEndian.Uint32(version))}
	}
	return Pair{Source: string(b.Get([]byte(keySource))), Target: string(b.Get([]byte(keyTarget)))}, nil
}

// guarded calls f, and returns an *unusableError if that panics or reads memory that the
// file does not have. The database does so if its pages are damaged.
func guarded(f func() error) (err error) {
	before := debug.SetPanicOnFault(true)
	defer debug.SetPanicOnFault(before)
	defer func() {
		if r := recover(); r != nil {
			err = &unusableError{fmt.Sprintf("it is damaged: %v", r)}
		}
	}()
	return f()
}

// use calls f, which uses the database. After damage f is not called any more.
func (s *State) use(f func() error) error {
	if s == nil || s.broken.Load() {
		return errClosed
	}
	err := guarded(f)
	if _, ok := errors.AsType[*unusableError](err); ok {
		s.damaged(err)
	}
	return err
}

// damaged ends the use of a damaged file.
func (s *State) damaged(why error) {
	s.broken.Store(true)
	s.tell(true, fmt.Sprintf("the state of earlier runs in %s cannot be used: %v; it is renamed at the end, and the run goes on without it",
		s.base+extension, why))
}

// view reads the database.
func (s *State) view(f func(*bbolt.Tx) error) error {
	return s.use(func() error { return s.db.View(f) })
}

// mmapSize returns how many bytes of address space a file has from the beginning. On
// Windows a file cannot be smaller than that.
func mmapSize() int {
	if runtime.GOOS == "windows" {
		return 0
	}
	return 16 << 20
}
