package dir

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"slices"
	"strings"
	"syscall"
	"time"
	"unicode/utf8"

	"s3sync/storage"
)

// A view finds and reads files for a store. Paths are clean and relative; "" is the
// directory of the store. Errors are those of package os.
type view interface {
	// readDir returns what is in a directory, in any order. With an error it
	// returns what it could read, never nil.
	readDir(path string) (*contents, error)
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
	self    identity // of the directory
	entries []entry
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
	// dir identifies the directory of a source at the time when the directory above
	// was read, if that is known.
	dir *identity
}

// set stores the status of a file.
func (e *entry) set(st status) {
	e.typ = st.mode.Type()
	e.size, e.known = st.size, true
	e.sec, e.nanosec = st.modTime.Unix(), int32(st.modTime.Nanosecond()) //nolint:gosec // below a billion
}

func (e *entry) modTime() time.Time { return time.Unix(e.sec, int64(e.nanosec)) }

// The errors for Problem, besides those of the file system.
var (
	errLoop     = errors.New("the symbolic link leads to a directory above it")
	errDangling = errors.New("the symbolic link leads to nothing")
	errNotUTF8  = errors.New("the name is not valid UTF-8: it cannot be a key")
	errLost     = errors.New("the directory is gone, or was replaced by another one, while the source was listed")
	errNoFile   = errors.New("it was a file when its directory was read, and is none any more")
)

// List walks the directory in byte order of the keys. It holds the entries of
// one directory per level in memory, and no file open but the directory itself.
//
// List calls Problem for what a source holds but cannot be listed. The Problem has a key
// for a link to nothing or to a directory above it, a named pipe, a socket, a device, or
// an entry that may not be looked at. It has no key, so the listing is not complete, if a
// directory cannot be read, is gone, or was replaced since the directory above it was
// read, or if a name is not UTF-8. A file that is gone is skipped silently if its
// directory is still the one that was read.
//
// In a target, everything that is not a regular file or that is gone is skipped silently.
// If the directory itself cannot be read, List fails with storage.ErrUnusable.
func (s *Store) List(ctx context.Context, opts storage.ListOptions) iter.Seq2[storage.Object, error] {
	return func(yield func(storage.Object, error) bool) {
		w := walker{ctx: ctx, view: s.view, source: s.target == nil, opts: opts, yield: yield}
		w.root()
	}
}

// A walker is one run of List. Its methods return false to end the walk.
type walker struct {
	ctx    context.Context //nolint:containedctx // the walker lives within one call that has the context
	view   view
	source bool // Problem is told of what is not listed
	opts   storage.ListOptions
	yield  func(storage.Object, error) bool
}

func (w *walker) root() {
	if err := w.ctx.Err(); err != nil {
		w.yield(storage.Object{}, fail("list", "", err))
		return
	}
	c, err := w.view.readDir("")
	if errors.Is(err, errMissing) {
		return
	}
	if err != nil {
		w.yield(storage.Object{}, fail("list", "", unusable(err)))
		return
	}
	w.entries("", c)
}

// below lists a directory, whose entry is e; prefix is its path with a slash at
// the end.
func (w *walker) below(prefix string, e *entry) bool {
	c, err := w.view.readDir(strings.TrimSuffix(prefix, "/"))
	switch {
	case isGone(err):
		w.lost(prefix, c)
	case err != nil:
		w.incomplete(prefix, readError(err))
	case e.dir != nil && (e.dir.elsewhere(c.self) || len(c.entries) == 0 && e.dir.known() && !e.dir.is(c.self)):
		// It was unmounted or mounted, or replaced by an empty directory. Another
		// directory with entries is read as it is now, because some file systems
		// renumber directories that were not used for a while.
		w.lost(prefix, c)
	}
	return w.entries(prefix, c)
}

func (w *walker) entries(prefix string, c *contents) bool {
	entries := slices.DeleteFunc(c.entries, func(e entry) bool { return !w.wanted(prefix, e) })
	for i := range entries {
		w.resolve(prefix, c, &entries[i])
	}
	slices.SortFunc(entries, func(a, b entry) int { return strings.Compare(a.name, b.name) })
	for i := range entries {
		e := &entries[i]
		key := prefix + e.name
		switch {
		case e.typ != 0 && !e.typ.IsDir():
			continue // not part of the store
		case w.opts.To != "" && key >= w.opts.To:
			return false // and so is all that follows, here and above
		case e.typ.IsDir():
			if w.opts.Reaches(key) && !w.below(key, e) {
				return false
			}
		case key >= w.opts.From:
			if !w.file(key, prefix, c, e) {
				return false
			}
		}
	}
	return true
}

// wanted reports whether an entry may be part of the listing, by its name alone. Entries
// outside of the range are not looked up.
func (w *walker) wanted(prefix string, e entry) bool {
	if isTemp(e.name) || w.opts.Range != (storage.Range{}) && !w.mayReach(prefix+e.name, e.typ) {
		return false
	}
	if !utf8.ValidString(e.name) {
		w.incomplete(prefix+e.name, errNotUTF8)
		return false
	}
	return true
}

// mayReach reports whether the range may hold an entry of that type under key, or keys
// below it.
func (w *walker) mayReach(key string, typ fs.FileMode) bool {
	return !typ.IsDir() && w.opts.Contains(key) || typ != 0 && w.opts.Reaches(key+"/")
}

// resolve finds out what a link leads to. It adds a slash to the name of a directory, so
// that the name sorts like the keys below it.
func (w *walker) resolve(prefix string, c *contents, e *entry) {
	link := e.typ == fs.ModeSymlink
	if link {
		w.follow(prefix, c, e)
	}
	switch e.typ {
	case 0, fs.ModeSymlink:
	case fs.ModeDir:
		e.name += "/"
		if w.source {
			// The dot makes an automounter mount the directory.
			if st, err := w.view.stat(prefix + e.name + "."); err == nil {
				e.dir = &st.id
			}
		}
	default:
		err := fmt.Errorf("it is %s", kind(e.typ))
		if link {
			err = fmt.Errorf("the symbolic link leads to %s", kind(e.typ))
		}
		w.unreadable(prefix+e.name, err)
	}
}

// follow replaces the entry of a link by what the link leads to. If that cannot be listed,
// the entry stays a link.
func (w *walker) follow(prefix string, c *contents, e *entry) {
	path := prefix + e.name
	st, err := w.view.stat(path)
	switch {
	case err != nil:
		w.noStat(path, prefix, c, err)
	case st.isDir() && w.isAbove(prefix, st.id):
		w.unreadable(path, errLoop)
	default:
		e.set(st)
	}
}

// isAbove reports whether a directory is one of those that lead to prefix.
func (w *walker) isAbove(prefix string, dir identity) bool {
	for {
		above, err := w.view.stat(strings.TrimSuffix(prefix, "/"))
		if err == nil && above.id.is(dir) {
			return true
		}
		if prefix == "" {
			return false
		}
		prefix = prefix[:strings.LastIndexByte(prefix[:len(prefix)-1], '/')+1]
	}
}

func (w *walker) file(key, prefix string, c *contents, e *entry) bool {
	if err := w.ctx.Err(); err != nil {
		w.yield(storage.Object{}, fail("list", "", err))
		return false
	}
	if !e.known {
		st, err := w.view.stat(key)
		if err != nil {
			w.noStat(key, prefix, c, err)
			return true
		}
		e.set(st)
		if e.typ != 0 {
			w.unreadable(key, errNoFile)
			return true
		}
	}
	return w.yield(storage.Object{Key: key, Size: e.size, ModTime: e.modTime()}, nil)
}

// noStat handles an entry of a directory whose stat failed with err.
func (w *walker) noStat(path, prefix string, c *contents, err error) {
	switch {
	case w.source && !isGone(err) && namedOnly(err):
		w.unreadable(path, readError(err))
	case !isGone(err):
		w.incomplete(path, readError(err))
	case w.isLink(path):
		w.unreadable(path, errDangling)
	case !w.isSame(prefix, c):
		w.lost(prefix, c)
	}
}

// namedOnly reports whether an error of stat concerns only that entry. Other errors may
// come from a failing file system.
func namedOnly(err error) bool {
	return errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.ELOOP) || errors.Is(err, syscall.ENAMETOOLONG)
}

func (w *walker) isLink(path string) bool {
	st, err := w.view.lstat(path)
	return err == nil && st.isLink()
}

// isSame looks a directory up again and reports whether it is the one that was read.
func (w *walker) isSame(prefix string, c *contents) bool {
	st, err := w.view.stat(strings.TrimSuffix(prefix, "/"))
	return err == nil && st.id.is(c.self)
}

// lost reports once that a directory of a source is not the one that was read.
func (w *walker) lost(prefix string, c *contents) {
	if w.source && !c.lost {
		c.lost = true
		w.incomplete(prefix, errLost)
	}
}

// unreadable reports an entry of a source that cannot be listed.
func (w *walker) unreadable(key string, err error) {
	if w.source {
		w.problem(key, storage.Problem{Key: key, Err: err})
	}
}

// incomplete reports something that may hide any number of keys.
func (w *walker) incomplete(key string, err error) {
	w.problem(key, storage.Problem{Err: err})
}

func (w *walker) problem(key string, p storage.Problem) {
	if w.opts.Problem != nil {
		p.Err = fail("list", key, p.Err)
		w.opts.Problem(p)
	}
}
