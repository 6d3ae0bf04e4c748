package dir

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"path"
	"slices"
	"time"

	"s3sync/storage"
	"s3sync/storage/dir/internal/failure"
	"s3sync/storage/dir/internal/tree"
)

var (
	_ storage.Resumer = (*Store)(nil)
	_ storage.Marker  = (*Store)(nil)
)

func parseToken(text string) (left tree.Left, err error) {
	if err := json.Unmarshal([]byte(text), &left); err != nil {
		return left, fmt.Errorf("%w: %q is no token of a temporary file", fs.ErrNotExist, text)
	}
	return left, nil
}

// Resume opens the temporary file again. The Writer is an io.ReaderAt, which reads that
// file. There are no parts: the caller knows which ranges were written.
func (s *Store) Resume(ctx context.Context, key, token string, opts storage.WriteOptions) (storage.Writer, []storage.WrittenPart, error) {
	w, err := s.resume(ctx, key, token, opts)
	if err != nil {
		return nil, nil, &storage.Error{Op: "put", Key: key, Err: err}
	}
	return w, nil, nil
}

func (s *Store) resume(ctx context.Context, key, token string, opts storage.WriteOptions) (*writer, error) {
	left, err := parseToken(token)
	if err != nil {
		return nil, err
	}
	p, err := s.begin(ctx, key, opts)
	if err == nil && p.dir {
		err = failure.Unstorable("a directory is not written in parts")
	}
	if err != nil {
		return nil, err
	}
	t, err := s.target.Adopt(p.path, left, opts.Size, opts.ModTime)
	if failure.IsGone(err) {
		return nil, fs.ErrNotExist
	}
	if err != nil {
		return nil, failure.Write(err)
	}
	return &writer{key: key, path: p.path, size: opts.Size, temp: t, token: token}, nil
}

// Discard removes the temporary file.
func (s *Store) Discard(ctx context.Context, key, token string) error {
	err := ctx.Err()
	if err == nil && s.target == nil {
		err = errReadOnly
	}
	var p keyPath
	if err == nil { // the key may be the path of the temporary file, and only its directory matters
		p, err = readable(path.Join(path.Dir(key), "x"))
	}
	left, terr := parseToken(token)
	if err == nil && terr == nil {
		err = s.target.Discard(p.path, left)
	}
	if err != nil {
		return failure.Of("abort", key, failure.Write(err))
	}
	return nil
}

// Mark is part of the names of temporary files.
func (s *Store) Mark() string {
	if s.target == nil {
		return ""
	}
	return s.target.Mark()
}

// Ended lets temporary files with a mark be removed at any age, when a file is first written
// to their directory.
func (s *Store) Ended(mark string) {
	if s.target != nil {
		s.target.Ended(mark)
	}
}

// DiscardEmpty does nothing: see Ended.
func (*Store) DiscardEmpty(context.Context, string, time.Time) error { return nil }

// Expect keeps the temporary file, however old it is.
func (s *Store) Expect(_, token string) {
	if left, err := parseToken(token); err == nil && s.target != nil {
		s.target.Expect(left)
	}
}

// Leftovers yields the temporary files. Their keys are the paths of the files themselves.
func (s *Store) Leftovers(ctx context.Context) iter.Seq2[storage.Leftover, error] {
	return func(yield func(storage.Leftover, error) bool) {
		if s.target == nil {
			yield(storage.Leftover{}, failure.Of("list", "", errReadOnly))
			return
		}
		more := true
		err := s.target.LeftFiles(func(l tree.LeftFile) bool {
			token, err := json.Marshal(l.Left)
			left := storage.Leftover{Key: l.Path, Token: string(token), Began: l.Time, Size: l.Size, InUse: l.InUse}
			more = yield(left, err) && err == nil && ctx.Err() == nil
			return more
		})
		if err == nil {
			err = ctx.Err()
		}
		if err != nil && more {
			yield(storage.Leftover{}, failure.Of("list", "", failure.Read(err)))
		}
	}
}

var (
	_ storage.Unfinished = (*writer)(nil)
	_ io.ReaderAt        = (*writer)(nil)
)

// Token names the temporary file. It is empty if the file cannot be identified.
func (w *writer) Token() string {
	w.end.RLock()
	defer w.end.RUnlock()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.token == "" && !w.ended {
		if left, err := w.temp.Left(); err == nil {
			token, _ := json.Marshal(left) // it has no field that fails
			w.token = string(token)
		}
	}
	return w.token
}

// ReadAt reads what was written.
func (w *writer) ReadAt(p []byte, off int64) (int, error) {
	w.end.RLock()
	defer w.end.RUnlock()
	if w.ended {
		return 0, errEnded
	}
	return w.temp.ReadAt(p, off)
}

// Leave closes the temporary file and keeps it.
func (w *writer) Leave(context.Context) error {
	w.end.Lock()
	defer w.end.Unlock()
	if w.ended {
		return nil
	}
	w.ended = true
	if err := w.temp.Keep(); err != nil {
		return failure.Of("abort", w.key, failure.Write(err))
	}
	return nil
}

// Part returns where a part is.
func (w *writer) Part(n int) (storage.WrittenPart, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	i, ok := slices.BinarySearchFunc(w.parts, n, func(p span, n int) int { return cmp.Compare(p.n, n) })
	if !ok {
		return storage.WrittenPart{}, false
	}
	return storage.WrittenPart{Number: n, Size: w.parts[i].size}, true
}

// Adopt makes a range of the temporary file a part.
func (w *writer) Adopt(p storage.WrittenPart, off int64) error {
	if err := w.checkPart(p.Number, off, p.Size); err != nil {
		return failure.Of("write part", w.key, err)
	}
	w.add(p.Number, off, p.Size)
	return nil
}
