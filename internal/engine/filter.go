package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"s3sync/internal/glob"
	"s3sync/internal/scan"
	"s3sync/internal/selection"
	"s3sync/internal/setting"
	"s3sync/storage"
)

// maxIgnoreFile bounds an ignore file. Larger ones are a mistake.
const maxIgnoreFile = 4 << 20

// readFilters makes the filters of what is listed.
func (e *Engine) readFilters(ctx context.Context) error {
	opts := e.opts.Listed
	if name := e.opts.IgnoreFile; name != "" {
		if !e.source.Caps.Files {
			return setting.Errorf("source: it is no directory, in which %s could be found", setting.Name("Filter.IgnoreFile"))
		}
		// The result may outlive ctx, which may be that of opening alone.
		long := context.WithoutCancel(ctx)
		opts.Ignore = glob.NewIgnore(name, func(key string) ([]byte, bool, error) { return e.readIgnoreFile(long, key) })
	}
	e.listed = selection.NewListed(opts)
	return nil
}

// readIgnoreFile returns the content of an ignore file of the source, and whether there
// is one.
func (e *Engine) readIgnoreFile(ctx context.Context, key string) (data []byte, found bool, err error) {
	err = e.source.Retry(ctx, key, func(ctx context.Context) error {
		r, err := e.source.Store.Open(ctx, key, storage.OpenOptions{})
		if err != nil {
			return err
		}
		defer r.Close()
		size := r.Info().Size
		if size > maxIgnoreFile {
			return fmt.Errorf("it has %d bytes, and may have %d", size, maxIgnoreFile)
		}
		data = make([]byte, size)
		if err := r.ReadAt(ctx, data, 0); err != nil {
			return err
		}
		return r.Check(ctx)
	})
	switch {
	case err == nil:
		return data, true, nil
	case errors.Is(err, storage.ErrDangling): // nobody knows what it would exclude
	case errors.Is(err, storage.ErrLink): // what it excludes would be transferred, or deleted
		err = setting.Errorf("it is a symbolic link, which %s leaves out: put a file in its place, or follow links", setting.Name("Local.IgnoreSymlinks"))
	case storage.Gone(err), !e.holdsDirectory(ctx, key[:strings.LastIndexByte(key, '/')+1]):
		return nil, false, nil
	}
	return nil, false, e.source.Wrap(err)
}

// holdsDirectory reports whether the source may have a directory of that key, which is
// empty or ends in a slash. Keys of the target need not be names of files.
func (e *Engine) holdsDirectory(ctx context.Context, key string) bool {
	if key == "" {
		return true
	}
	_, err := e.source.Stat(ctx, key, key, storage.StatOptions{})
	return !storage.Gone(err) && !errors.Is(err, storage.ErrUnstorable)
}

// keys returns the part of a range that is listed. If the filters keep only keys with a
// fixed prefix, only these are listed. With Delete an expression of included keys does
// not matter, because target-only objects are deleted whether it includes them or not.
// Other filters protect what they exclude, and then it need not be listed.
func (e *Engine) keys(r storage.Range) storage.Range {
	limit := func(prefix string) {
		if prefix != "" {
			r = scan.Limit(r, prefix, e.target)
		}
	}
	if !e.opts.Delete.Enable {
		limit(e.listed.IncludePrefix())
	}
	if e.protects() {
		limit(e.listed.GlobPrefix())
	}
	return r
}

// protects reports whether filters protect what they exclude from deletion.
func (e *Engine) protects() bool { return !e.opts.Delete.Enable || !e.opts.Delete.Excluded }

// skip reports whether a prefix of the source need not be listed.
func (e *Engine) skip(prefix string) bool { return e.protects() && e.listed.Prunes(prefix) }

// unseen reports whether an object that a filter rejected might also not have
// been listed, because of patterns or ignore files. It does not count for the question
// whether the source is empty, so the answer does not depend on what is listed.
func (e *Engine) unseen(key string) bool {
	if !e.narrows() {
		return false
	}
	why, err := e.listed.Excluded(key)
	return err == nil && why != ""
}

// narrows reports whether the source may have objects that are not listed, because
// filters exclude them.
func (e *Engine) narrows() bool {
	return e.protects() && (e.opts.Listed.Globs != nil || e.opts.IgnoreFile != "")
}
