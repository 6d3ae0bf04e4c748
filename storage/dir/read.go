package dir

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"s3sync/storage"
	"s3sync/storage/dir/internal/failure"
	"s3sync/storage/dir/internal/system"
)

// errPastEnd: a range reaches past the size that the file had at Open.
var errPastEnd = errors.New("range reaches past the end of the file")

// Open starts to read a file. It fails with storage.ErrUnstorable if the key names
// something else. It fails with fs.ErrNotExist if the key, without a slash at the end,
// names a directory, and if a version is asked for, because there are none.
func (s *Store) Open(ctx context.Context, key string, opts storage.OpenOptions) (storage.Reader, error) {
	r, err := s.open(ctx, key, opts)
	if err != nil {
		return nil, failure.Of("open", key, err)
	}
	return r, nil
}

func (s *Store) open(ctx context.Context, key string, opts storage.OpenOptions) (*reader, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	p, err := readable(key)
	if err != nil {
		return nil, err
	}
	if opts.VersionID != "" {
		return nil, fs.ErrNotExist
	}
	if p.dir {
		if st, err := s.view.Stat(p.path); err == nil && st.IsDir() {
			return nil, failure.Unstorable("a directory holds no data")
		}
		return nil, fs.ErrNotExist
	}
	f, err := s.view.Open(p.path)
	if l, ignores := s.view.(linkless); ignores && err != nil && s.target == nil && l.IsLink(p.path) {
		return nil, storage.ErrLink
	}
	if failure.IsGone(err) {
		if st, lerr := s.view.Lstat(p.path); lerr == nil && st.IsLink() {
			return nil, storage.ErrDangling
		}
	}
	if err != nil {
		// A socket cannot be opened at all.
		if st, statErr := s.view.Stat(p.path); statErr == nil && !st.IsRegular() {
			err = irregular(st)
		}
		return nil, failure.Read(err)
	}
	st, err := f.Stat()
	if err == nil && !st.IsRegular() {
		err = irregular(st)
	}
	if err != nil {
		return nil, errors.Join(failure.Read(err), f.Close())
	}
	return &reader{view: s.view, path: p.path, file: f, opened: st}, nil
}

// irregular is the error for something else in place of a file.
func irregular(st system.Status) error {
	if st.IsDir() {
		return fs.ErrNotExist
	}
	return failure.Unstorable("not a regular file but %s", system.Kind(st.Mode))
}

// A reader reads a file that it holds open.
type reader struct {
	view   view
	path   string
	file   *system.Descriptor
	opened system.Status
}

func (r *reader) Info() storage.Info { return fileInfo(r.path, r.opened) }

// ReadAt notices a file that became shorter. Other changes need Check.
func (r *reader) ReadAt(ctx context.Context, p []byte, off int64) error {
	if err := ctx.Err(); err != nil {
		return failure.Of("read", r.path, err)
	}
	if size := r.opened.Size; off < 0 || off > size || int64(len(p)) > size-off {
		return failure.Of("read", r.path, errPastEnd)
	}
	n, err := r.file.ReadAt(p, off)
	switch {
	case n == len(p):
		return nil
	case errors.Is(err, io.EOF):
		return failure.Of("read", r.path, fmt.Errorf("%w: the file became shorter", storage.ErrChanged))
	}
	return failure.Of("read", r.path, failure.Read(err))
}

// Layout returns nil, because files have no parts.
func (r *reader) Layout(context.Context, storage.PartsQuery) ([]int64, error) { return nil, nil }

// Checksums returns nil, because files have no additional checksums.
func (r *reader) Checksums(context.Context) ([]storage.Checksum, error) { return nil, nil }

// Check checks that the file under the name is still the one that is open, and compares
// its size and time with those at Open. It does not notice a writer that keeps the size
// and sets the time back.
func (r *reader) Check(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return failure.Of("read", r.path, err)
	}
	now, err := r.view.Named(r.path)
	if err == nil && onWindows && now.ID.Is(r.opened.ID) {
		// There, what the name tells of a file may be older than what its handle tells.
		now, err = r.file.Stat()
	}
	switch {
	case failure.IsGone(err):
		err = fmt.Errorf("%w: deleted", storage.ErrChanged)
	case err != nil:
		err = failure.Read(err)
	case !now.ID.Is(r.opened.ID):
		err = fmt.Errorf("%w: replaced by another file", storage.ErrChanged)
	case now.Size != r.opened.Size:
		err = fmt.Errorf("%w: size was %d, is %d", storage.ErrChanged, r.opened.Size, now.Size)
	case !now.ModTime.Equal(r.opened.ModTime):
		err = fmt.Errorf("%w: time of modification was %v, is %v", storage.ErrChanged, r.opened.ModTime, now.ModTime)
	}
	if err != nil {
		return failure.Of("read", r.path, err)
	}
	return nil
}

func (r *reader) Close() error {
	if err := r.file.Close(); err != nil {
		return failure.Of("read", r.path, failure.Read(err))
	}
	return nil
}
