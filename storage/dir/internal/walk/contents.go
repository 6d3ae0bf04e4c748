package walk

import (
	"errors"
	"io/fs"
	"time"

	"s3sync/storage"
	"s3sync/storage/dir/internal/system"
)

// A View finds the files of a directory for its listing. It may be used concurrently. Paths
// are clean and relative; "" is the directory itself. Errors are those of package os.
type View interface {
	// ReadDir returns what is in a directory, in any order. With an error it
	// returns what it could read, never nil. If most is positive and there are more
	// entries, it fails as ReadDir of this package does.
	ReadDir(path string, most int, p *Pace) (*Contents, error)
	// Stat describes what the path names in this view.
	Stat(path string) (system.Status, error)
	// Lstat is Stat, but describes a link as itself.
	Lstat(path string) (system.Status, error)
}

// Contents are what was read of a directory.
type Contents struct {
	self     system.Identity // of the directory
	entries  []entry
	problems []problem // of the directory and of entries that were left out
	// lost: the directory was replaced by another one, and Problem was called.
	lost bool
}

// ReadDir reads the directory that open opens, for a [View]. If links are no part of the view,
// it leaves them out, and looks at each entry with the directory. If most is positive and
// there are more entries, it stops and fails.
func ReadDir(open func(path string) (*system.Descriptor, error), path string, links bool, most int, p *Pace) (c *Contents, err error) {
	c = &Contents{}
	d, err := open(path)
	if err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	return c, c.read(d, !links, most, p)
}

// One returns the contents of a directory in which only one file is seen.
func One(name string, st system.Status) *Contents {
	e := entry{name: name}
	e.set(st)
	return &Contents{entries: []entry{e}}
}

// An entry is a name in a directory. There may be millions of them in one.
type entry struct {
	name string // of a directory with '/' at the end, once its type is known
	typ  fs.FileMode
	// size, id and the time of modification of a file, if known is set.
	known   bool
	nanosec int32
	sec     int64
	size    int64
	id      storage.FileID
	// more is what only a few entries have, or nil.
	more *more
}

// more is what is known of an entry that is no file.
type more struct {
	// dir identifies the directory of a source at the time when the directory above
	// was read, if that is known.
	dir system.Identity
	// ahead are the contents of the directory, if they were read before it was its turn.
	ahead *Contents
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
func (e *entry) set(st system.Status) {
	e.typ = st.Mode.Type()
	e.size, e.known, e.id = st.Size, true, st.FileID()
	e.sec, e.nanosec = st.ModTime.Unix(), int32(st.ModTime.Nanosecond()) //nolint:gosec // below a billion
}

func (e *entry) modTime() time.Time { return time.Unix(e.sec, int64(e.nanosec)) }
