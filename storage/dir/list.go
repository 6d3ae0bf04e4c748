package dir

import (
	"context"
	"errors"
	"iter"

	"s3sync/storage"
	"s3sync/storage/dir/internal/system"
	"s3sync/storage/dir/internal/tree"
	"s3sync/storage/dir/internal/walk"
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
// If opts.Skip says so of a directory, it is neither read nor told of.
//
// In a target, everything that is not a regular file or that is gone is skipped silently.
// If the directory itself cannot be read, List fails with storage.ErrUnusable.
func (s *Store) List(ctx context.Context, opts storage.ListOptions) iter.Seq2[storage.Object, error] {
	return walk.List(ctx, s.view, s.target == nil, opts, &s.pace)
}

// A view finds and reads files for a store. It may be used concurrently. Paths are clean and
// relative; "" is the directory of the store. Errors are those of package os.
type view interface {
	walk.View
	// Named is Stat for a file that is open. The caller compares its identity, so a
	// directory on the way that became a link need not be noticed.
	Named(path string) (system.Status, error)
	// Open opens a file for reading. It does not wait for the other end of a
	// named pipe.
	Open(path string) (*system.Descriptor, error)
}

// A linkless is the view of targets, and of sources whose links are ignored.
type linkless struct{ *tree.Tree }

func (l linkless) ReadDir(path string, most int, p *walk.Pace) (*walk.Contents, error) {
	c, err := walk.ReadDir(l.OpenDir, path, false, most, p)
	if path == "" && errors.Is(err, tree.ErrMissing) {
		return c, nil // there is nothing yet
	}
	return c, err
}
