package dir

import (
	"io/fs"
	"time"

	"s3sync/storage"
)

// A view finds and reads files for a store. It may be used concurrently. Paths are clean and relative; "" is the
// directory of the store. Errors are those of package os.
type view interface {
	// readDir returns what is in a directory, in any order. With an error it
	// returns what it could read, never nil. If most is positive and there are more
	// entries, the error is errTooMany.
	readDir(path string, most int, p *pace) (*contents, error)
	// stat describes what the path names in this view.
	stat(path string) (status, error)
	// lstat is stat, but describes a link as itself.
	lstat(path string) (status, error)
	// named is stat for a file that is open. The caller compares its identity, so a
	// directory on the way that became a link need not be noticed.
	named(path string) (status, error)
	// open opens a file for reading. It does not wait for the other end of a
	// named pipe.
	open(path string) (*descriptor, error)
}

// contents are what was read of a directory.
type contents struct {
	self     identity // of the directory
	entries  []entry
	problems []problem // of the directory and of entries that were left out
	// lost: the directory was replaced by another one, and Problem was called.
	lost bool
}

// An entry is a name in a directory. There may be millions of them in one.
type entry struct {
	name string // of a directory with '/' at the end, once its type is known
	typ  fs.FileMode
	// size and the time of modification of a file, if known is set.
	known   bool
	nanosec int32
	sec     int64
	size    int64
	// more is what only a few entries have, or nil.
	more *more
}

// more is what is known of an entry that is no file.
type more struct {
	// dir identifies the directory of a source at the time when the directory above
	// was read, if that is known.
	dir identity
	// ahead are the contents of the directory, if they were read before it was its turn.
	ahead *contents
	// problems explain why a file is not listed. Without any, it is gone.
	problems []problem
}

// A problem is one to tell of when it is the turn of its entry.
type problem struct {
	storage.Problem

	key  string // what the problem is with
	lost bool   // tell of it once for a directory
}

// set stores the status of a file.
func (e *entry) set(st status) {
	e.typ = st.mode.Type()
	e.size, e.known = st.size, true
	e.sec, e.nanosec = st.modTime.Unix(), int32(st.modTime.Nanosecond()) //nolint:gosec // below a billion
}

func (e *entry) modTime() time.Time { return time.Unix(e.sec, int64(e.nanosec)) }
