package dir

import (
	"context"
	"errors"
	"iter"
	"strings"

	"s3sync/storage"
)

// List walks the directory in byte order of the keys. It holds the entries of
// one directory per level in memory, and no file open but the directory itself.
// If the file system is slow, it holds a bounded number of directories more, and has
// some of them open.
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
		w := walker{finder: finder{s.view, s.target == nil, opts}, ctx: ctx, yield: yield, pace: &s.pace}
		w.root()
	}
}

// A walker is one run of List. Its methods return false to end the walk.
type walker struct {
	finder

	ctx   context.Context //nolint:containedctx // the walker lives within one call that has the context
	yield func(storage.Object, error) bool
	pace  *pace
	files int // looked at one by one
	ahead int // directories that were read before it is their turn
}

func (w *walker) root() {
	if err := w.ctx.Err(); err != nil {
		w.yield(storage.Object{}, fail("list", "", err))
		return
	}
	c, err := w.view.readDir("", 0, w.pace)
	if errors.Is(err, errMissing) {
		return
	}
	if err != nil {
		w.yield(storage.Object{}, fail("list", "", unusable(err)))
		return
	}
	w.prepare("", c, w.pace)
	w.entries("", c)
}

func (w *walker) entries(prefix string, c *contents) bool {
	w.tell(c, c.problems)
	known := 0 // entries that were looked at, if that pays
	for i := range c.entries {
		if i == known {
			known = w.lookAhead(prefix, c, i)
		}
		e := &c.entries[i]
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

// below lists the directory of an entry.
func (w *walker) below(prefix string, e *entry) bool {
	c := e.more.ahead
	if c != nil {
		e.more.ahead = nil
		w.ahead--
	} else {
		c = w.read(prefix, e, 0, w.pace)
	}
	return w.entries(prefix, c)
}

func (w *walker) file(key, prefix string, c *contents, e *entry) bool {
	if err := w.ctx.Err(); err != nil {
		w.yield(storage.Object{}, fail("list", "", err))
		return false
	}
	if !e.known && e.more == nil {
		w.lookOnce(key, prefix, c, e)
	}
	if e.more != nil {
		w.tell(c, e.more.problems)
		return true
	}
	if prefix == "" {
		key = strings.Clone(key) // it would keep the names of other files in memory
	}
	return w.yield(storage.Object{Key: key, Size: e.size, ModTime: e.modTime()}, nil)
}

// tell calls Problem.
func (w *walker) tell(c *contents, problems []problem) {
	for _, p := range problems {
		if p.lost && c.lost || w.opts.Problem == nil {
			continue
		}
		c.lost = c.lost || p.lost
		p.Err = fail("list", p.key, p.Err)
		w.opts.Problem(p.Problem)
	}
}
