package dir

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"s3sync/storage"
	"s3sync/storage/dir/internal/failure"
	"s3sync/storage/dir/internal/tree"
)

// errEnded: a Writer was used after its Commit or Abort.
var errEnded = errors.New("the writer has ended")

// Create starts to write a file in parts. Each part is written to its place in the
// temporary file at once. Commit fails with storage.ErrMismatch if parts are missing or
// overlap.
func (s *Store) Create(ctx context.Context, key string, opts storage.WriteOptions) (storage.Writer, error) {
	p, err := s.begin(ctx, key, opts)
	if err == nil && p.dir {
		err = failure.Unstorable("a directory is not written in parts")
	}
	if err != nil {
		return nil, failure.Of("put", key, err)
	}
	t, err := s.target.Create(p.path, opts.Size, opts.ModTime)
	if err != nil {
		return nil, failure.Of("put", key, failure.Write(err))
	}
	return &writer{key: key, path: p.path, size: opts.Size, temp: t}, nil
}

// A writer writes a file in parts.
type writer struct {
	key  string
	path string
	size int64
	temp *tree.Temp

	// end is held for writing by what ends the writer, for reading by parts.
	end    sync.RWMutex
	ended  bool
	failed error // of the Commit that ended it

	mu    sync.Mutex
	token string // once it was asked for
	parts []span // by their numbers
}

// A span is where part n lies.
type span struct {
	n         int
	off, size int64
}

func (w *writer) WritePart(ctx context.Context, n int, off int64, b storage.Block) error {
	if err := w.writePart(ctx, n, off, b); err != nil {
		return failure.Of("write part", w.key, failure.Write(err))
	}
	return nil
}

func (w *writer) writePart(ctx context.Context, n int, off int64, b storage.Block) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	size := int64(len(b.Data))
	if err := w.checkPart(n, off, size); err != nil {
		return err
	}
	w.end.RLock()
	defer w.end.RUnlock()
	if w.ended {
		return errEnded
	}
	if _, err := w.temp.WriteAt(b.Data, off); err != nil {
		return err
	}
	w.add(n, off, size)
	return nil
}

// checkPart fails unless a part is within the object.
func (w *writer) checkPart(n int, off, size int64) error {
	if n < 1 || off < 0 || size < 0 || off > w.size || size > w.size-off {
		return fmt.Errorf("part %d of %d bytes at %d is not within the %d bytes of the object",
			n, size, off, w.size)
	}
	return nil
}

// add notes where part n lies, in place of what was noted of it before.
func (w *writer) add(n int, off, size int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	i, again := slices.BinarySearchFunc(w.parts, n, func(p span, n int) int { return cmp.Compare(p.n, n) })
	if !again {
		w.parts = slices.Insert(w.parts, i, span{})
	}
	w.parts[i] = span{n, off, size}
}

func (w *writer) Commit(ctx context.Context) (storage.Info, error) {
	w.end.Lock()
	defer w.end.Unlock()
	info, err := w.commit(ctx)
	if err != nil {
		return storage.Info{}, failure.Of("commit", w.key, failure.Write(err))
	}
	return info, nil
}

func (w *writer) commit(ctx context.Context) (storage.Info, error) {
	if err := ctx.Err(); err != nil {
		return storage.Info{}, err
	}
	if w.ended {
		// The file is gone after a failure, so it remains that one however often the caller
		// tries again.
		return storage.Info{}, cmp.Or(w.failed, errEnded)
	}
	if err := w.checkParts(); err != nil {
		return storage.Info{}, err
	}
	w.ended = true
	st, err := w.temp.Publish()
	if err != nil {
		w.failed = err
		return storage.Info{}, err
	}
	return fileInfo(w.path, st), nil
}

// checkParts fails unless the parts follow each other and are the whole file. A lost part
// would leave a hole of zeros.
func (w *writer) checkParts() error {
	var end int64
	for _, p := range w.parts {
		if p.off != end {
			return fmt.Errorf("%w: part %d is for offset %d, the ones before end at %d",
				storage.ErrMismatch, p.n, p.off, end)
		}
		end += p.size
	}
	return tree.CheckSize(end, w.size)
}

// Abort removes the temporary file, also when its context is cancelled. After
// a Commit that succeeded it does nothing.
func (w *writer) Abort(context.Context) error {
	w.end.Lock()
	defer w.end.Unlock()
	if w.ended {
		return nil
	}
	w.ended = true
	if err := w.temp.Remove(); err != nil {
		return failure.Of("abort", w.key, failure.Write(err))
	}
	return nil
}
