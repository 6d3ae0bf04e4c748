// Package truth keeps the state of a job in a bucket or a directory: its spec, ranges,
// checkpoints, shards and report. Everything the engine knows can be made again from it.
//
// Objects are immutable, and each has the SHA-256 of its bytes in its key. So nobody
// replaces what another one wrote, no compare-and-swap is needed, and a listing alone says
// what the bytes must be. What is damaged or missing is an error that names it, and never
// looks like something that was not there.
package truth

import (
	"bytes"
	"context"
	"crypto/md5" // what S3 wants of a body
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"s3sync"
	"s3sync/cluster/internal/job"
	"s3sync/storage"
)

// ErrDamaged is the kind of error of an object that is not what was written, or is missing
// although another object names it. Trying again does not mend it.
var ErrDamaged = errors.New("the state store is damaged")

// errMissing is why an object that another one names is damaged.
var errMissing = errors.New("is missing")

// maxObject bounds what is read into memory at once, in bytes.
const maxObject = 256 << 20

// A Store is the state of one job. Its methods may be called concurrently.
type Store struct {
	store  storage.Store
	closes bool
	job    string
}

// Open opens the state of a job. An endpoint with a Store is used as it is; otherwise its URL
// is a bucket or a directory, which is made at the first write. The caller closes the Store.
func Open(ctx context.Context, endpoint s3sync.Endpoint, name string) (*Store, error) {
	if err := job.CheckName(name); err != nil {
		return nil, err
	}
	cfg := s3sync.DefaultConfig()
	cfg.Target = endpoint
	cfg.Local.Fsync = true
	store, err := cfg.OpenTarget(ctx, nil)
	if err != nil {
		return nil, fmt.Errorf("state store: %w", err)
	}
	if !store.Caps().Ordered {
		err := errors.New("state store: a bucket whose listings have no order cannot be one")
		if endpoint.Store == nil {
			err = errors.Join(err, store.Close())
		}
		return nil, err
	}
	return &Store{store: store, closes: endpoint.Store == nil, job: name}, nil
}

// Close closes what Open opened.
func (s *Store) Close() error {
	if !s.closes {
		return nil
	}
	return s.store.Close()
}

// Within reports whether another store has an object of the state, under whatever names the
// two are reached: a sync of that store would copy or delete the state. Stores that cannot
// say where they are count as others.
func (s *Store) Within(ctx context.Context, other storage.Store, ref job.Ref) (bool, error) {
	here, ok := storage.As[storage.Locator](s.store)
	there, located := storage.As[storage.Locator](other)
	if !ok || !located || here.Location().Directory != "" {
		return false, nil
	}
	full := here.FullKey(ref.Key)
	if !strings.HasPrefix(full, there.Location().Prefix) {
		return false, nil
	}
	_, err := there.StatFull(ctx, full) // its key has a digest: no other object has it
	if storage.Gone(err) {
		return false, nil
	}
	return err == nil, err
}

// Buckets reports whether the state is in a bucket.
func (s *Store) Buckets() bool { return !s.store.Caps().Files }

// Put writes an immutable object whose key is name, a hyphen, the digest of data, and the
// suffix. It returns when the object is durable.
func (s *Store) Put(ctx context.Context, name, suffix string, data []byte, records int64) (job.Ref, error) {
	sum := sha256.Sum256(data)
	ref := job.Ref{Key: s.key(name) + "-" + hex.EncodeToString(sum[:]) + suffix, SHA256: hex.EncodeToString(sum[:]), Records: records}
	hash := md5.Sum(data)
	block := storage.Block{Data: data, Size: int64(len(data)), MD5: hash[:], SHA256: sum[:]}
	info, err := s.store.Put(ctx, ref.Key, block, storage.WriteOptions{Size: int64(len(data))})
	if err == nil && info.Size != int64(len(data)) && s.Buckets() && info.Size != 0 {
		err = fmt.Errorf("%w: %d bytes arrived of %d", storage.ErrMismatch, info.Size, len(data))
	}
	if err != nil {
		return job.Ref{}, fmt.Errorf("state store: %w", err)
	}
	return ref, nil
}

// PutJSON is Put for a value.
func (s *Store) PutJSON(ctx context.Context, name string, value any) (job.Ref, error) {
	data, err := json.Marshal(value)
	if err != nil {
		return job.Ref{}, err
	}
	return s.Put(ctx, name, ".json", data, 0)
}

// Get reads an object, and fails with ErrDamaged if it is missing or is not what was written.
func (s *Store) Get(ctx context.Context, ref job.Ref) ([]byte, error) {
	if !strings.HasPrefix(ref.Key, s.job+"/") {
		return nil, fmt.Errorf("state store: %w: %q is no object of the job %q", ErrDamaged, ref.Key, s.job)
	}
	data, err := s.read(ctx, ref.Key)
	switch {
	case storage.Gone(err):
		return nil, fmt.Errorf("state store: %w: %q %w", ErrDamaged, ref.Key, errMissing)
	case err != nil:
		return nil, fmt.Errorf("state store: %w", err)
	}
	if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != ref.SHA256 {
		return nil, fmt.Errorf("state store: %w: the bytes of %q do not have the digest that they were written with", ErrDamaged, ref.Key)
	}
	return data, nil
}

// GetJSON is Get for a value.
func (s *Store) GetJSON(ctx context.Context, ref job.Ref, value any) error {
	data, err := s.Get(ctx, ref)
	if err != nil {
		return err
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(value); err != nil {
		return fmt.Errorf("state store: %q cannot be read by this version of the program: %w", ref.Key, err)
	}
	return nil
}

func (s *Store) read(ctx context.Context, key string) (_ []byte, err error) {
	r, err := s.store.Open(ctx, key, storage.OpenOptions{})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	info := r.Info()
	if info.Size > maxObject {
		return nil, fmt.Errorf("%w: %q has %d bytes, more than any object that is written here", ErrDamaged, key, info.Size)
	}
	data := make([]byte, info.Size)
	if len(data) == 0 {
		return data, nil
	}
	return data, r.ReadAt(ctx, data, 0)
}

// key is the key of something of the job.
func (s *Store) key(name string) string { return s.job + "/" + name }

// refs yields the objects whose keys begin with a name, in order of the key. Objects that
// are not written by Put are passed over.
func (s *Store) refs(ctx context.Context, name string) iter.Seq2[job.Ref, error] {
	prefix := s.key(name)
	return s.refsIn(ctx, storage.Range{From: prefix, To: prefix[:len(prefix)-1] + string(prefix[len(prefix)-1]+1)})
}

// refsIn is refs for a range of keys.
func (s *Store) refsIn(ctx context.Context, keys storage.Range) iter.Seq2[job.Ref, error] {
	return func(yield func(job.Ref, error) bool) {
		var problem error
		opts := storage.ListOptions{Range: keys, Problem: func(p storage.Problem) { problem = errors.Join(problem, p.Err) }}
		for o, err := range s.store.List(ctx, opts) {
			if err = errors.Join(err, problem); err != nil {
				yield(job.Ref{}, fmt.Errorf("state store: %w", err))
				return
			}
			if ref, ok := refOf(o.Key); ok && !yield(ref, nil) {
				return
			}
		}
		if problem != nil {
			yield(job.Ref{}, fmt.Errorf("state store: %w", problem))
		}
	}
}

// refOf takes a key apart.
func refOf(key string) (job.Ref, bool) {
	name, _, _ := strings.Cut(key[strings.LastIndexByte(key, '/')+1:], ".json")
	at := strings.LastIndexByte(name, '-')
	sum := name[at+1:]
	if raw, err := hex.DecodeString(sum); err != nil || len(raw) != sha256.Size || !strings.HasSuffix(key, sum+".json") {
		return job.Ref{}, false
	}
	return job.Ref{Key: key, SHA256: sum}, true
}

// Written returns when the state store says that an object was written.
func (s *Store) Written(ctx context.Context, ref job.Ref) (time.Time, error) {
	info, err := s.store.Stat(ctx, ref.Key, storage.StatOptions{})
	return info.ModTime, err
}
