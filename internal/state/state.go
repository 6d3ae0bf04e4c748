// Package state keeps what outlives a run: one file for each pair of sides. Losing it costs
// time, never data, so nothing here ends a run. A file that is damaged, of a newer program
// or of another pair is set aside under another name, and is kept. Where no file can be
// opened or locked, the run works without one. In each case the user is told once.
//
// A file has tables of records. A record is written behind the run, together with many
// others, or durably: it is on disk when the call returns. Nothing secret is written.
package state

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/gofrs/flock"
	"go.etcd.io/bbolt"

	"s3sync/storage"
)

// DefaultMaxSize is the default size in bytes to which a file can grow.
const DefaultMaxSize = 1 << 30

// A Pair names the two sides whose state a file keeps. Two runs with equal Pairs share a
// file. The texts are shown to users, and contain no secrets.
type Pair struct {
	// Source and Target are a URL with the prefix and the endpoint, or an absolute path.
	Source, Target string
}

// file returns the name of the file of a pair, without its extension.
func (p Pair) file() string {
	sum := sha256.Sum256([]byte(p.Source + "\x00" + p.Target))
	return hex.EncodeToString(sum[:nameSize])
}

// nameSize is how many bytes of a digest name the files of a pair.
const nameSize = 16

// Options say which state is opened.
type Options struct {
	// Dir is the directory of the files. It is created if it does not exist.
	Dir  string
	Pair Pair
	// MaxSize is the size in bytes to which the file can grow; 0 means DefaultMaxSize.
	// Then the oldest records of caches are removed.
	MaxSize int64
	// Notice, if set, is called at most once: with why there is no state, or why it ended
	// during the run. It is called from any goroutine.
	Notice func(storage.Notice)
	// Changed, if set, is called after each change of the files of a pair that a later run can
	// see, before anything else is done. It is called from any goroutine.
	Changed func()
	// NoSync leaves the files to the system: they outlive the process, but not the loss of
	// power.
	NoSync bool
}

// A State is the open state of a pair. A nil *State remembers nothing. All methods may be
// called concurrently, except Close.
type State struct {
	opts Options
	base string // path of the file without its extension
	lock *flock.Flock
	db   *bbolt.DB
	file *os.File // of db
	told sync.Once
	// broken: the file is damaged. It is not used any more, and Close sets it aside.
	broken atomic.Bool
	// stuck: a panic left the database locked, so it cannot be closed.
	stuck bool
	queue
}

// The extensions of the files of a pair.
const (
	extension = ".state"
	lockFile  = ".lock"
	setAside  = ".set-aside" // of the last file that could not be used
)

// errInUse: another run has the file.
var errInUse = errors.New("another run uses it")

// Open opens the state of a pair, or creates it. It returns nil if that is not possible.
// The caller closes the State.
func Open(opts Options) *State {
	if opts.MaxSize <= 0 {
		opts.MaxSize = DefaultMaxSize
	}
	s := &State{opts: opts, base: filepath.Join(opts.Dir, opts.Pair.file())}
	if err := s.open(); err != nil {
		s.tell(false, fmt.Sprintf("the run works without the state of earlier runs: %v", err))
		return nil
	}
	s.start()
	return s
}

// open locks and opens the file. It sets aside a file that cannot be used, and creates
// another one.
func (s *State) open() error {
	if err := os.MkdirAll(s.opts.Dir, 0o700); err != nil {
		return err
	}
	lock, err := lockOf(s.base)
	if err != nil {
		return err
	}
	s.lock = lock
	s.note(places{Pair: s.opts.Pair})
	err = s.openFile()
	if unusable, ok := errors.AsType[*unusableError](err); ok {
		err = s.putAside(unusable.Error())
		if err == nil {
			err = s.openFile()
		}
	}
	if err != nil {
		return errors.Join(err, lock.Unlock())
	}
	return nil
}

// places are the pair of sides and other places that a run writes to.
type places struct {
	Pair
	Besides []string `json:",omitempty"`
}

// note writes places to the file of the lock, which says to whom looks at the directory what
// is in use. It follows no link out of the directory.
func (s *State) note(p places) {
	root, err := os.OpenRoot(s.opts.Dir)
	if err != nil {
		return
	}
	if text, err := json.Marshal(p); err == nil {
		_ = root.WriteFile(filepath.Base(s.base)+lockFile, text, 0o600) // else it is not known
	}
	_ = root.Close() // nothing depends on it
}

// lockOf locks the file of a pair until Unlock. It fails with errInUse if it is locked, and
// if the file is a link or another thing that is not a regular file.
func lockOf(base string) (*flock.Flock, error) {
	if info, err := os.Lstat(base + lockFile); err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", base+lockFile)
	}
	lock := flock.New(base+lockFile, flock.SetPermissions(0o600))
	locked, err := lock.TryLock()
	switch {
	case err != nil:
		return nil, err
	case !locked:
		return nil, fmt.Errorf("%s: %w", base+extension, errInUse)
	}
	return lock, nil
}

// putAside renames the file and warns of it.
func (s *State) putAside(why string) error {
	name := s.base + extension
	if err := os.Rename(name, s.base+setAside); err != nil {
		return fmt.Errorf("the file cannot be used (%s), and not be renamed: %w", why, err)
	}
	s.tellChange()
	s.tell(true, fmt.Sprintf("the state of earlier runs in %s cannot be used: %s; it was renamed to %s, and the run goes on without it",
		name, why, filepath.Base(s.base)+setAside))
	return nil
}

// tellChange tells that the files changed.
func (s *State) tellChange() {
	if s.opts.Changed != nil {
		s.opts.Changed()
	}
}

// tell sends the only notice of this State.
func (s *State) tell(warning bool, text string) {
	s.told.Do(func() {
		if s.opts.Notice != nil {
			s.opts.Notice(storage.Notice{Warning: warning, Text: text})
		}
	})
}

// Close writes what is still to be written, and closes the file. No other method may
// follow. Failures are told like those during the run.
func (s *State) Close() {
	if s == nil {
		return
	}
	s.stop()
	if !s.stuck {
		if err := guarded(s.db.Close); err != nil {
			s.failed(err)
		}
	}
	if s.broken.Load() {
		_ = s.file.Close() // in case the database could not be closed
		if err := os.Rename(s.base+extension, s.base+setAside); err != nil && !errors.Is(err, fs.ErrNotExist) {
			_ = os.Remove(s.base + extension) // the next run has the same problem otherwise
		}
	}
	_ = s.lock.Unlock() // nothing depends on it any more
}
