package mem

import (
	"bytes"
	"context"
	"crypto/md5"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"s3sync/internal/checksum"
	"s3sync/storage"
)

// errEnded: a Writer was used after its Commit or Abort.
var errEnded = errors.New("the writer has ended")

// errGone: the upload of a Writer was discarded.
var errGone = errors.New("there is no such upload")

// Create starts to write an object in parts. At Commit it fails with
// storage.ErrMismatch if they do not make up the whole object.
func (s *Store) Create(ctx context.Context, key string, opts storage.WriteOptions) (storage.Writer, error) {
	err := ctx.Err()
	if err == nil {
		err = storable(key)
	}
	if err != nil {
		return nil, fail("put", key, err)
	}
	opts.Metadata, opts.Tags = maps.Clone(opts.Metadata), maps.Clone(opts.Tags) // the caller may change its maps
	return &writer{store: s, token: s.begin(key), key: key, opts: opts, parts: map[int]part{}}, nil
}

type writer struct {
	store *Store
	token string // of its upload
	key   string
	opts  storage.WriteOptions

	mu    sync.Mutex
	parts map[int]part // nil once the writer has ended
}

type part struct {
	off  int64
	data []byte
	md5  [md5.Size]byte
}

func (w *writer) WritePart(ctx context.Context, n int, off int64, b storage.Block) error {
	err := ctx.Err()
	if err == nil {
		b, err = received(b)
	}
	if err == nil {
		err = verify(b)
	}
	if err == nil && (n < 1 || n > maxParts) {
		err = fmt.Errorf("part number %d is not in 1…%d", n, maxParts)
	}
	if err != nil {
		return fail("write part", w.key, err)
	}
	p := part{off: off, data: bytes.Clone(b.Data), md5: md5.Sum(b.Data)}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.parts == nil {
		return fail("write part", w.key, errEnded)
	}
	if !w.store.setPart(w.token, n, p) {
		return fail("write part", w.key, errGone)
	}
	w.parts[n] = p
	return nil
}

func (w *writer) Commit(ctx context.Context) (storage.Info, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	o, err := w.join(ctx)
	if err != nil {
		return storage.Info{}, fail("commit", w.key, err)
	}
	info, err := w.store.publish(w.key, w.opts, o)
	if err != nil {
		return storage.Info{}, fail("commit", w.key, err)
	}
	w.store.drop(w.token)
	w.parts = nil
	return info, nil
}

// join makes one object of the parts.
func (w *writer) join(ctx context.Context) (*object, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if w.parts == nil {
		return nil, errEnded
	}
	if len(w.parts) == 0 {
		return nil, errors.New("no part was written")
	}
	if !w.store.holds(w.token) {
		return nil, errGone
	}
	o := &object{}
	var sums []byte
	for _, n := range slices.Sorted(maps.Keys(w.parts)) {
		p := w.parts[n]
		if p.off != int64(len(o.data)) {
			return nil, fmt.Errorf("%w: part %d is for offset %d, the ones before end at %d",
				storage.ErrMismatch, n, p.off, len(o.data))
		}
		o.data = append(o.data, p.data...)
		o.parts = append(o.parts, int64(len(p.data)))
		sums = append(sums, p.md5[:]...)
	}
	if err := checkSize(int64(len(o.data)), w.opts.Size); err != nil {
		return nil, err
	}
	layout, err := checksum.Parts(o.parts)
	if err != nil {
		return nil, err
	}
	if o.info.Checksums, err = checksums(o.data, layout, w.opts.Checksum); err != nil {
		return nil, err
	}
	o.info.ETag = fmt.Sprintf("%x-%d", md5.Sum(sums), len(o.parts))
	return o, nil
}

// Abort drops the parts. After a Commit that succeeded it does nothing.
func (w *writer) Abort(context.Context) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.parts != nil {
		w.store.drop(w.token)
	}
	w.parts = nil
	return nil
}
