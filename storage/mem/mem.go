// Package mem is a [storage.Store] in memory, for tests and examples. It is a real store,
// not a script of answers. It keeps whole objects, has ETags and parts as S3 does, and
// notices when an object changes while it is read.
//
// It is not for large data, because it keeps all objects in memory.
package mem

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"s3sync/internal/checksum"
	"s3sync/storage"
)

const (
	// maxKey is the longest key in bytes:
	// https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html
	maxKey = 1024
	// maxParts and maxDelete are the bounds of one object and of one request:
	// https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
	// https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html
	maxParts  = 10_000
	maxDelete = 1000

	// standardClass is the storage class that objects do not name.
	// https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html
	standardClass = "STANDARD"
)

// A Store keeps objects in memory. Create one with [New].
type Store struct {
	mu      sync.RWMutex
	objects map[string]*object // what is there now
	now     func() time.Time
	// versions has all of every key, oldest first; nil without versioning.
	versions map[string][]*object
	written  int64 // versions so far
	// uploads has what is being written in parts, by token. begun counts them.
	uploads map[string]*upload
	begun   int64
}

var _ storage.Store = (*Store)(nil)

// An object is never changed once it is in a Store.
type object struct {
	info  storage.Info
	data  []byte
	parts []int64 // sizes
	tags  map[string]string
}

// New returns an empty store whose objects bear the time of the system clock.
func New() *Store {
	return &Store{objects: map[string]*object{}, uploads: map[string]*upload{}, now: time.Now}
}

// SetClock sets the clock for the times of objects. now is called once for each object,
// while the store is locked, so it must not use the store.
func (s *Store) SetClock(now func() time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = now
}

// Caps returns the bounds of S3.
func (s *Store) Caps() storage.Caps {
	return storage.Caps{
		Ordered: true, WantMD5: true, Streams: true, DeleteBatch: maxDelete, MaxParts: maxParts,
		MaxCopy: math.MaxInt64, Tags: true, StorageClasses: true,
	}
}

// List yields the objects that exist when the iteration begins. It does not show what is
// written or deleted after that.
func (s *Store) List(ctx context.Context, opts storage.ListOptions) iter.Seq2[storage.Object, error] {
	return func(yield func(storage.Object, error) bool) {
		s.mu.RLock()
		var objects []storage.Object
		for key, o := range s.objects {
			if opts.Contains(key) {
				objects = append(objects, o.info.Object)
			}
		}
		s.mu.RUnlock()
		slices.SortFunc(objects, func(a, b storage.Object) int { return strings.Compare(a.Key, b.Key) })
		for _, o := range objects {
			if ctx.Err() != nil {
				break
			}
			if !yield(o, nil) {
				return
			}
		}
		if err := ctx.Err(); err != nil {
			yield(storage.Object{}, fail("list", "", err))
		}
	}
}

// Stat describes one object.
func (s *Store) Stat(ctx context.Context, key string, opts storage.StatOptions) (storage.Info, error) {
	o, err := s.get(ctx, key, opts.VersionID)
	if err != nil {
		return storage.Info{}, fail("stat", key, err)
	}
	info := o.copyInfo()
	if opts.Parts != storage.NoParts {
		info.Parts = slices.Clone(o.parts)
	}
	return info, nil
}

// Open starts to read one object. In a store without versions asking for one
// fails with fs.ErrNotExist.
func (s *Store) Open(ctx context.Context, key string, opts storage.OpenOptions) (storage.Reader, error) {
	o, err := s.get(ctx, key, opts.VersionID)
	if err != nil {
		return nil, fail("open", key, err)
	}
	return &reader{store: s, object: o}, nil
}

// Put writes a whole object. It fails with storage.ErrMismatch if the block does not match
// its digests.
func (s *Store) Put(ctx context.Context, key string, b storage.Block, opts storage.WriteOptions) (storage.Info, error) {
	info, err := s.tryPut(ctx, key, b, opts)
	if err != nil {
		return storage.Info{}, fail("put", key, err)
	}
	return info, nil
}

func (s *Store) tryPut(ctx context.Context, key string, b storage.Block, opts storage.WriteOptions) (storage.Info, error) {
	if err := ctx.Err(); err != nil {
		return storage.Info{}, err
	}
	if err := storable(key); err != nil {
		return storage.Info{}, err
	}
	b, err := received(b)
	if err != nil {
		return storage.Info{}, err
	}
	if err := verify(b); err != nil {
		return storage.Info{}, err
	}
	if err := checkSize(int64(len(b.Data)), opts.Size); err != nil {
		return storage.Info{}, err
	}
	sums, err := checksums(b.Data, checksum.Whole(int64(len(b.Data))), opts.Checksum)
	if err != nil {
		return storage.Info{}, err
	}
	sum := md5.Sum(b.Data)
	return s.publish(key, opts, &object{
		data:  bytes.Clone(b.Data),
		parts: []int64{int64(len(b.Data))},
		info: storage.Info{
			Object:    storage.Object{ETag: hex.EncodeToString(sum[:])},
			Checksums: sums,
		},
	})
}

// checksums computes the additional checksum of an object.
func checksums(data []byte, layout checksum.Layout, want storage.Checksum) ([]storage.Checksum, error) {
	if want.Algorithm == "" {
		return nil, nil
	}
	sum, err := checksum.NewSum(want.Algorithm, layout, want.Type)
	if err != nil {
		return nil, err
	}
	if err := sum.WriteAt(context.Background(), data, 0); err != nil { //nolint:forbidigo // there is nothing to wait for
		return nil, err
	}
	value, err := sum.Value()
	return []storage.Checksum{{Algorithm: want.Algorithm, Value: value, Type: sum.Type()}}, err
}

// received is a block with its bytes in memory.
func received(b storage.Block) (storage.Block, error) {
	if b.Stream == nil {
		return b, nil
	}
	var err error
	b.Data, err = io.ReadAll(io.LimitReader(b.Stream, b.Size)) // which need not have so many bytes
	if err == nil && int64(len(b.Data)) < b.Size {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return b, fmt.Errorf("%w: %w", storage.ErrTransient, err)
	}
	return b, nil
}

// publish makes o visible under key, if the conditions hold, and completes its
// description.
func (s *Store) publish(key string, opts storage.WriteOptions, o *object) (storage.Info, error) {
	o.info.Attributes = opts.Attributes
	if o.info.StorageClass == standardClass {
		o.info.StorageClass = ""
	}
	o.tags = maps.Clone(opts.Tags)
	o.info = o.copyInfo() // the caller may change its map
	o.info.Key = key
	o.info.Size = int64(len(o.data))
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.unmet(key, opts); err != nil {
		return storage.Info{}, err
	}
	o.info.ModTime = s.now()
	s.objects[key] = o
	s.keep(o)
	return o.copyInfo(), nil
}

// Delete removes objects. A store with versions keeps them, and a delete marker
// for each, also for one that was not there.
func (s *Store) Delete(ctx context.Context, objects []storage.Object, opts storage.DeleteOptions) []error {
	errs := make([]error, len(objects))
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, o := range objects {
		if opts.Stopped() {
			errs[i] = fail("delete", o.Key, storage.ErrNotBegun)
			continue
		}
		if err := ctx.Err(); err != nil {
			errs[i] = fail("delete", o.Key, err)
			continue
		}
		if now, ok := s.objects[o.Key]; ok && opts.IfMatch && now.info.ETag != o.ETag {
			errs[i] = fail("delete", o.Key, storage.ErrPrecondition)
			continue
		}
		delete(s.objects, o.Key)
		s.mark(o.Key)
	}
	return errs
}

// Close does nothing: the objects stay as long as the Store.
func (s *Store) Close() error { return nil }

// get returns the object under key, or one version of it, or fs.ErrNotExist.
func (s *Store) get(ctx context.Context, key, versionID string) (*object, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	o, ok := s.objects[key]
	if versionID != "" {
		o, ok = s.version(key, versionID)
	}
	if !ok {
		return nil, fs.ErrNotExist
	}
	return o, nil
}

// copyInfo returns the description with a map of its own.
func (o *object) copyInfo() storage.Info {
	info := o.info
	info.TagCount = len(o.tags)
	info.Metadata = maps.Clone(info.Metadata)
	return info
}

func fail(op, key string, err error) error {
	return &storage.Error{Op: op, Key: key, Err: err}
}

// storable refuses what S3 refuses.
func storable(key string) error {
	switch {
	case key == "":
		return fmt.Errorf("%w: empty key", storage.ErrUnstorable)
	case len(key) > maxKey:
		return fmt.Errorf("%w: longer than %d bytes", storage.ErrUnstorable, maxKey)
	case !utf8.ValidString(key):
		return fmt.Errorf("%w: not valid UTF-8", storage.ErrUnstorable)
	}
	return nil
}

// verify compares a block with the digests it carries, as S3 does.
func verify(b storage.Block) error {
	if b.MD5 != nil {
		if sum := md5.Sum(b.Data); !bytes.Equal(sum[:], b.MD5) {
			return fmt.Errorf("%w: MD5", storage.ErrMismatch)
		}
	}
	if b.SHA256 != nil {
		if sum := sha256.Sum256(b.Data); !bytes.Equal(sum[:], b.SHA256) {
			return fmt.Errorf("%w: SHA-256", storage.ErrMismatch)
		}
	}
	return nil
}

func checkSize(got, want int64) error {
	if got != want {
		return fmt.Errorf("%w: %d of %d bytes written", storage.ErrMismatch, got, want)
	}
	return nil
}

// A reader reads an object while the store holds an object with the same ETag, or that
// version.
type reader struct {
	store  *Store
	object *object
}

func (r *reader) Info() storage.Info { return r.object.copyInfo() }

func (r *reader) ReadAt(ctx context.Context, p []byte, off int64) error {
	if err := r.unchanged(ctx); err != nil {
		return fail("read", r.object.info.Key, err)
	}
	if size := r.object.info.Size; off < 0 || off > size || int64(len(p)) > size-off {
		return fail("read", r.object.info.Key, errPastEnd)
	}
	copy(p, r.object.data[off:])
	return nil
}

var errPastEnd = errors.New("range reaches past the end of the object")

func (r *reader) Layout(ctx context.Context, _ storage.PartsQuery) ([]int64, error) {
	if err := ctx.Err(); err != nil {
		return nil, fail("read", r.object.info.Key, err)
	}
	return slices.Clone(r.object.parts), nil
}

func (r *reader) Checksums(ctx context.Context) ([]storage.Checksum, error) {
	if err := ctx.Err(); err != nil {
		return nil, fail("read", r.object.info.Key, err)
	}
	return slices.Clone(r.object.info.Checksums), nil
}

func (r *reader) Check(ctx context.Context) error {
	if err := r.unchanged(ctx); err != nil {
		return fail("read", r.object.info.Key, err)
	}
	return nil
}

// unchanged fails with storage.ErrChanged unless the object that was opened,
// or one with the same content, is still there.
func (r *reader) unchanged(ctx context.Context) error {
	_, err := r.store.same(ctx, r.object.info.Object)
	return err
}

// same returns the object that o names, if it has the same ETag. Otherwise it
// fails with storage.ErrChanged.
func (s *Store) same(ctx context.Context, o storage.Object) (*object, error) {
	now, err := s.get(ctx, o.Key, o.VersionID)
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		return nil, fmt.Errorf("%w: deleted", storage.ErrChanged)
	case now.info.ETag != o.ETag:
		return nil, storage.ErrChanged
	}
	return now, nil
}

func (r *reader) Close() error { return nil }
