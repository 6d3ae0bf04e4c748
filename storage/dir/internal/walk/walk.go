// Package walk lists a directory in byte order of the keys, and tells what cannot be listed.
// It reads nothing but through a [View], which decides about links, and writes nothing.
//
// It holds the entries of one directory per level in memory, and no file open but the one
// directory that it reads. Where the file system is slow it looks at several entries at once,
// through parallel.ForEach, and holds a bounded number of directories more.
package walk

import (
	"context"
	"iter"
	"strings"

	"s3sync/storage"
	"s3sync/storage/dir/internal/failure"
)

// List yields the files of a view that opts ask for, in byte order of their keys, and calls
// opts.Problem for what a source holds but cannot be listed; see List of the directory's
// store. Errors say which key they are about. pace outlives the listing, for the next one.
func List(ctx context.Context, view View, source bool, opts storage.ListOptions, pace *Pace) iter.Seq2[storage.Object, error] {
	return func(yield func(storage.Object, error) bool) {
		w := walker{finder: finder{view, source, opts}, ctx: ctx, yield: yield, pace: pace}
		w.root()
	}
}

// A walker is one run of List. Its methods return false to end the walk.
type walker struct {
	finder

	ctx   context.Context //nolint:containedctx // the walker lives within one call that has the context
	yield func(storage.Object, error) bool
	pace  *Pace
	files int // looked at one by one
	ahead int // directories that were read before it is their turn
}

func (w *walker) root() {
	if err := w.ctx.Err(); err != nil {
		w.yield(storage.Object{}, failure.Of("list", "", err))
		return
	}
	c, err := w.view.ReadDir("", 0, w.pace)
	if err != nil {
		w.yield(storage.Object{}, failure.Of("list", "", failure.Unusable(err)))
		return
	}
	w.prepare("", c, w.pace)
	w.entries("", c)
}

func (w *walker) entries(prefix string, c *Contents) bool {
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
			if w.opts.Reaches(key) && !w.skips(key, e) && !w.below(key, e) {
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

// skips reports whether nothing is wanted of the directory of an entry.
func (w *walker) skips(prefix string, e *entry) bool {
	if w.opts.Skip == nil || !w.opts.Skip(prefix) {
		return false
	}
	if e.more.ahead != nil {
		e.more.ahead = nil
		w.ahead--
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

func (w *walker) file(key, prefix string, c *Contents, e *entry) bool {
	if err := w.ctx.Err(); err != nil {
		w.yield(storage.Object{}, failure.Of("list", "", err))
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
	return w.yield(storage.Object{Key: key, Size: e.size, ModTime: e.modTime(), File: e.id}, nil)
}

// tell calls Problem.
func (w *walker) tell(c *Contents, problems []problem) {
	for _, p := range problems {
		if p.lost && c.lost || w.opts.Problem == nil {
			continue
		}
		c.lost = c.lost || p.lost
		p.Err = failure.Of("list", p.key, p.Err)
		w.opts.Problem(p.Problem)
	}
}
