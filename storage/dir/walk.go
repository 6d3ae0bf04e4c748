package dir

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"iter"
	"os"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"s3sync/storage"
)

// A view is how a store finds and reads files. Paths are clean and relative;
// "" is the directory of the store. Errors are those of package os.
type view interface {
	// readDir returns what may be part of the store in a directory, in any
	// order. With an error it returns what it could read.
	readDir(path string) ([]entry, error)
	// stat describes what the path names in this view.
	stat(path string) (fs.FileInfo, error)
	// open opens a file for reading. It does not wait for the other end of a
	// named pipe.
	open(path string) (*os.File, error)
}

// An entry is a name in a directory.
type entry struct {
	name string // of a directory with '/' at the end, once its type is known
	typ  fs.FileMode
	// size and modTime of a file, if known is set.
	size    int64
	modTime time.Time
	known   bool
}

// What Problem is told, beside errors of the file system.
var (
	errLoop    = errors.New("the symbolic link leads to a directory above it")
	errNotUTF8 = errors.New("the name is not valid UTF-8: it cannot be a key")
)

// List walks the directory in byte order of the keys. It holds the entries of
// one directory per level in memory, and no file open.
//
// Devices, named pipes, sockets, links to nothing, and what vanishes meanwhile
// are left out silently. Told to Problem are directories that cannot be read,
// links that lead to a directory above them, and names that are not UTF-8.
// If the directory itself cannot be read, List fails with storage.ErrUnusable.
func (s *Store) List(ctx context.Context, opts storage.ListOptions) iter.Seq2[storage.Object, error] {
	return func(yield func(storage.Object, error) bool) {
		w := walker{ctx: ctx, view: s.view, opts: opts, yield: yield}
		w.root()
	}
}

// A walker is one run of List. Its methods return false to end the walk.
type walker struct {
	ctx   context.Context //nolint:containedctx // the walker lives within one call that has the context
	view  view
	opts  storage.ListOptions
	yield func(storage.Object, error) bool
}

func (w *walker) root() {
	if err := w.ctx.Err(); err != nil {
		w.yield(storage.Object{}, fail("list", "", err))
		return
	}
	entries, err := w.view.readDir("")
	if errors.Is(err, errMissing) {
		return
	}
	if err != nil {
		w.yield(storage.Object{}, fail("list", "", unusable(err)))
		return
	}
	w.entries("", entries)
}

// below lists a directory; prefix is its path with a slash at the end.
func (w *walker) below(prefix string) bool {
	entries, err := w.view.readDir(strings.TrimSuffix(prefix, "/"))
	if err != nil && !isGone(err) {
		w.problem(prefix, err)
	}
	return w.entries(prefix, entries)
}

func (w *walker) entries(prefix string, entries []entry) bool {
	entries = slices.DeleteFunc(entries, func(e entry) bool { return !w.wanted(prefix, e) })
	for i := range entries {
		w.resolve(prefix, &entries[i])
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
			if w.overlaps(key) && !w.below(key) {
				return false
			}
		case key >= w.opts.From:
			if !w.file(key, e) {
				return false
			}
		}
	}
	return true
}

// wanted tells whether an entry may have part in the listing, from its name
// alone: what lies outside the range is not looked at any closer.
func (w *walker) wanted(prefix string, e entry) bool {
	if isTemp(e.name) || w.opts.Range != (storage.Range{}) && !w.mayReach(prefix+e.name, e.typ) {
		return false
	}
	if !utf8.ValidString(e.name) {
		w.problem(prefix+e.name, errNotUTF8)
		return false
	}
	return true
}

// mayReach tells whether the range may hold an entry of that type under key,
// or keys below it.
func (w *walker) mayReach(key string, typ fs.FileMode) bool {
	return !typ.IsDir() && w.opts.Contains(key) || typ != 0 && w.overlaps(key+"/")
}

// overlaps tells whether keys that begin with prefix may be in the range.
func (w *walker) overlaps(prefix string) bool {
	return (prefix >= w.opts.From || strings.HasPrefix(w.opts.From, prefix)) &&
		(w.opts.To == "" || prefix < w.opts.To)
}

// resolve finds out what a link leads to, and completes the name of a
// directory so that it sorts as the keys below it do.
func (w *walker) resolve(prefix string, e *entry) {
	if e.typ == fs.ModeSymlink {
		path := prefix + e.name
		fi, err := w.view.stat(path)
		switch {
		case err != nil:
			if !isGone(err) {
				w.problem(path, err)
			}
			return
		case fi.IsDir() && w.isAbove(prefix, fi):
			w.problem(path, errLoop)
			return
		}
		e.set(fi)
	}
	if e.typ.IsDir() {
		e.name += "/"
	}
}

// set notes what a file info tells.
func (e *entry) set(fi fs.FileInfo) {
	e.typ = fi.Mode().Type()
	e.size, e.modTime, e.known = fi.Size(), fi.ModTime(), true
}

// isAbove tells whether fi is one of the directories that lead to prefix.
func (w *walker) isAbove(prefix string, fi fs.FileInfo) bool {
	for {
		above, err := w.view.stat(strings.TrimSuffix(prefix, "/"))
		if err == nil && os.SameFile(above, fi) {
			return true
		}
		if prefix == "" {
			return false
		}
		prefix = prefix[:strings.LastIndexByte(prefix[:len(prefix)-1], '/')+1]
	}
}

func (w *walker) file(key string, e *entry) bool {
	if err := w.ctx.Err(); err != nil {
		w.yield(storage.Object{}, fail("list", "", err))
		return false
	}
	if !e.known {
		fi, err := w.view.stat(key)
		if err != nil {
			if !isGone(err) {
				w.problem(key, err)
			}
			return true
		}
		e.set(fi)
		if e.typ != 0 {
			return true // replaced since the directory was read
		}
	}
	return w.yield(storage.Object{Key: key, Size: e.size, ModTime: e.modTime}, nil)
}

func (w *walker) problem(key string, err error) {
	if w.opts.Problem != nil {
		w.opts.Problem(fail("list", key, readError(err)))
	}
}

// readEntries calls add for every entry of a directory.
func readEntries(f *os.File, add func(fs.DirEntry)) error {
	for {
		batch, err := f.ReadDir(512)
		for _, e := range batch {
			add(e)
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
