package mem

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io/fs"
	"iter"
	"maps"
	"slices"
	"strconv"
	"time"

	"s3sync/internal/checksum"
	"s3sync/storage"
)

var _ storage.CopyResumer = (*Store)(nil)

// An upload is what a store holds of an object that is written in parts. It exists until
// the object is published or the upload is aborted, as that of S3 does.
type upload struct {
	key   string
	began time.Time
	parts map[int]part
}

// begin makes an upload and returns its token.
func (s *Store) begin(key string) (token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.begun++
	token = strconv.FormatInt(s.begun, 10)
	s.uploads[token] = &upload{key: key, began: s.now(), parts: map[int]part{}}
	return token
}

// setPart adds a part to an upload. It reports whether the upload exists.
func (s *Store) setPart(token string, n int, p part) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.uploads[token]
	if u != nil {
		u.parts[n] = p
	}
	return u != nil
}

// holds reports whether an upload exists.
func (s *Store) holds(token string) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.uploads[token] != nil
}

// drop removes an upload.
func (s *Store) drop(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.uploads, token)
}

// Resume goes on with an upload.
func (s *Store) Resume(ctx context.Context, key, token string, opts storage.WriteOptions) (storage.Writer, []storage.WrittenPart, error) {
	w, held, err := s.resume(ctx, key, token, opts)
	if err != nil {
		return nil, nil, fail("put", key, err)
	}
	return w, held, nil
}

func (s *Store) resume(ctx context.Context, key, token string, opts storage.WriteOptions) (*writer, []storage.WrittenPart, error) {
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	u := s.uploads[token]
	if u == nil || u.key != key {
		return nil, nil, fmt.Errorf("%w: upload %q", fs.ErrNotExist, token)
	}
	opts.Metadata, opts.Tags = maps.Clone(opts.Metadata), maps.Clone(opts.Tags)
	var held []storage.WrittenPart
	for _, n := range slices.Sorted(maps.Keys(u.parts)) {
		held = append(held, u.parts[n].written(n, opts.Checksum))
	}
	return &writer{store: s, token: token, key: key, opts: opts, parts: map[int]part{}}, held, nil
}

// ResumeCopy goes on with an upload whose parts are copied.
func (s *Store) ResumeCopy(
	ctx context.Context, key, token string, from storage.CopySource, opts storage.WriteOptions,
) (storage.CopyWriter, []storage.WrittenPart, error) {
	var w *writer
	var held []storage.WrittenPart
	_, err := copied(ctx, from, opts)
	if err == nil {
		w, held, err = s.resume(ctx, key, token, opts)
	}
	if err != nil {
		return nil, nil, fail("copy", key, err)
	}
	return &copyWriter{writer: w, from: from, opts: opts}, held, nil
}

// Discard removes an upload.
func (s *Store) Discard(ctx context.Context, key, token string) error {
	if err := ctx.Err(); err != nil {
		return fail("abort", key, err)
	}
	s.drop(token)
	return nil
}

// DiscardEmpty removes the uploads of a key that have no parts.
func (s *Store) DiscardEmpty(ctx context.Context, key string, at time.Time) error {
	if err := ctx.Err(); err != nil {
		return fail("abort", key, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.uploads, func(_ string, u *upload) bool {
		return u.key == key && len(u.parts) == 0 && u.began.Sub(at).Abs() <= time.Hour
	})
	return nil
}

// Expect does nothing: uploads stay.
func (*Store) Expect(string, string) {}

// Leftovers yields the uploads.
func (s *Store) Leftovers(ctx context.Context) iter.Seq2[storage.Leftover, error] {
	return func(yield func(storage.Leftover, error) bool) {
		if err := ctx.Err(); err != nil {
			yield(storage.Leftover{}, fail("list", "", err))
			return
		}
		s.mu.RLock()
		var left []storage.Leftover
		for _, token := range slices.Sorted(maps.Keys(s.uploads)) {
			u := s.uploads[token]
			l := storage.Leftover{Key: u.key, Token: token, Began: u.began}
			for _, p := range u.parts {
				l.Size += int64(len(p.data))
			}
			left = append(left, l)
		}
		s.mu.RUnlock()
		for _, l := range left {
			if !yield(l, nil) {
				return
			}
		}
	}
}

// written describes a part as a listing of parts does.
func (p part) written(n int, want storage.Checksum) storage.WrittenPart {
	w := storage.WrittenPart{Number: n, Size: int64(len(p.data)), ETag: hex.EncodeToString(p.md5[:])}
	if want.Algorithm != "" {
		w.Checksum = base64.StdEncoding.EncodeToString(checksum.Digest(want.Algorithm, p.data))
	}
	return w
}

var _ storage.Unfinished = (*writer)(nil)

// Token names the upload.
func (w *writer) Token() string { return w.token }

// Leave ends the writer and keeps the upload.
func (w *writer) Leave(context.Context) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.parts = nil
	return nil
}

// Part describes a part of the writer.
func (w *writer) Part(n int) (storage.WrittenPart, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	p, ok := w.parts[n]
	if !ok {
		return storage.WrittenPart{}, false
	}
	return p.written(n, w.opts.Checksum), true
}

// Adopt makes a part of the upload one of the writer.
func (w *writer) Adopt(p storage.WrittenPart, off int64) error {
	w.store.mu.RLock()
	var held part
	u := w.store.uploads[w.token]
	ok := u != nil
	if ok {
		held, ok = u.parts[p.Number]
	}
	w.store.mu.RUnlock()
	if !ok || held.written(p.Number, w.opts.Checksum) != p {
		return fail("write part", w.key, fmt.Errorf("%w: part %d is not there", storage.ErrMismatch, p.Number))
	}
	held.off = off
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.parts == nil {
		return fail("write part", w.key, errEnded)
	}
	w.parts[p.Number] = held
	return nil
}
