package dir

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"s3sync/storage"
)

// errPastEnd: a range reaches past the size that the file had at Open.
var errPastEnd = errors.New("range reaches past the end of the file")

// Open starts to read a file. It fails with storage.ErrUnstorable if the key names
// something else. It fails with fs.ErrNotExist if the key, without a slash at the end,
// names a directory, and if a version is asked for, because there are none.
func (s *Store) Open(ctx context.Context, key string, opts storage.OpenOptions) (storage.Reader, error) {
	r, err := s.open(ctx, key, opts)
	if err != nil {
		return nil, fail("open", key, err)
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
		if st, err := s.view.stat(p.path); err == nil && st.isDir() {
			return nil, unstorable("a directory holds no data")
		}
		return nil, fs.ErrNotExist
	}
	f, err := s.view.open(p.path)
	if err != nil {
		// A socket cannot be opened at all.
		if st, statErr := s.view.stat(p.path); statErr == nil && !st.isRegular() {
			err = irregular(st)
		}
		return nil, readError(err)
	}
	st, err := f.stat()
	if err == nil && !st.isRegular() {
		err = irregular(st)
	}
	if err != nil {
		return nil, errors.Join(readError(err), f.Close())
	}
	return &reader{view: s.view, path: p.path, file: f, opened: st}, nil
}

// irregular is the error for something else in place of a file.
func irregular(st status) error {
	if st.isDir() {
		return fs.ErrNotExist
	}
	return unstorable("not a regular file but %s", kind(st.mode))
}

// kind names what is neither a regular file nor a directory.
func kind(mode fs.FileMode) string {
	switch {
	case mode&fs.ModeSymlink != 0:
		return "a symbolic link"
	case mode&fs.ModeNamedPipe != 0:
		return "a named pipe"
	case mode&fs.ModeSocket != 0:
		return "a socket"
	case mode&fs.ModeDevice != 0:
		return "a device"
	}
	return "a special file (" + mode.String() + ")"
}

// A reader reads a file that it holds open.
type reader struct {
	view   view
	path   string
	file   *descriptor
	opened status
}

func (r *reader) Info() storage.Info { return fileInfo(r.path, r.opened) }

// ReadAt notices a file that became shorter. Other changes need Check.
func (r *reader) ReadAt(ctx context.Context, p []byte, off int64) error {
	if err := ctx.Err(); err != nil {
		return fail("read", r.path, err)
	}
	if size := r.opened.size; off < 0 || off > size || int64(len(p)) > size-off {
		return fail("read", r.path, errPastEnd)
	}
	n, err := r.file.ReadAt(p, off)
	switch {
	case n == len(p):
		return nil
	case errors.Is(err, io.EOF):
		return fail("read", r.path, fmt.Errorf("%w: the file became shorter", storage.ErrChanged))
	}
	return fail("read", r.path, readError(err))
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
		return fail("read", r.path, err)
	}
	now, err := r.view.named(r.path)
	if err == nil && onWindows && now.id.is(r.opened.id) {
		// There, what the name tells of a file may be older than what its handle tells.
		now, err = r.file.stat()
	}
	switch {
	case isGone(err):
		err = fmt.Errorf("%w: deleted", storage.ErrChanged)
	case err != nil:
		err = readError(err)
	case !now.id.is(r.opened.id):
		err = fmt.Errorf("%w: replaced by another file", storage.ErrChanged)
	case now.size != r.opened.size:
		err = fmt.Errorf("%w: size was %d, is %d", storage.ErrChanged, r.opened.size, now.size)
	case !now.modTime.Equal(r.opened.modTime):
		err = fmt.Errorf("%w: time of modification was %v, is %v", storage.ErrChanged, r.opened.modTime, now.modTime)
	}
	if err != nil {
		return fail("read", r.path, err)
	}
	return nil
}

func (r *reader) Close() error {
	if err := r.file.Close(); err != nil {
		return fail("read", r.path, readError(err))
	}
	return nil
}
