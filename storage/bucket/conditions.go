package bucket

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"

	"s3sync/storage"
)

// A write whose answer is lost may have been made. If it depends on what is under
// the key it is refused when it is made again: for what it made itself. That is
// found out by looking at the object, but only where there was an earlier attempt,
// since an object of the same content that somebody else wrote is a condition
// that does not hold.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html

// isConditional reports whether a write depends on what is under its key.
func isConditional(opts storage.WriteOptions) bool { return opts.IfMatch != "" || opts.IfAbsent }

// ifNoneMatch is the header of IfAbsent.
func ifNoneMatch(opts storage.WriteOptions) *string {
	if !opts.IfAbsent {
		return nil
	}
	any := "*"
	return &any
}

// conditionally makes a write that may have conditions. made reports whether an
// object is what the write makes.
func (s *Store) conditionally(
	ctx context.Context, key string, opts storage.WriteOptions,
	made func(storage.Info) bool, write func(context.Context) (written, error),
) (written, error) {
	if !isConditional(opts) {
		return write(ctx)
	}
	counted, attempts := countAttempts(ctx)
	result, err := write(counted)
	if refused(opts, err) {
		unmet := unmetCondition(opts, err)
		if attempts.Load() < 2 && !s.doubts.has(key) {
			return written{}, unmet
		}
		result, err = s.madeBefore(ctx, key, made, unmet)
	}
	s.doubts.set(key, storage.Retryable(err) || ctx.Err() != nil)
	return result, err
}

// lookFirst fails if the conditions of a write do not hold now. It goes before what
// not every server heeds conditions of, copies and deletions: one that does not
// replaces or removes what nobody looked at.
func (s *Store) lookFirst(ctx context.Context, key string, opts storage.WriteOptions) error {
	if !isConditional(opts) {
		return nil
	}
	a, err := s.head(ctx, target{key: key})
	switch {
	case err != nil && opts.IfAbsent && errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case opts.IfAbsent:
		return unmetCondition(opts, fmt.Errorf("with ETag %q", a.info.ETag))
	case a.info.ETag != opts.IfMatch:
		return unmetCondition(opts, fmt.Errorf("the ETag was %q and is %q", opts.IfMatch, a.info.ETag))
	}
	return nil
}

// refused reports whether err says that the conditions of a write do not hold: S3
// does not find the object where it should have an ETag and there is none.
func refused(opts storage.WriteOptions, err error) bool {
	return errors.Is(err, storage.ErrPrecondition) || opts.IfMatch != "" && errors.Is(err, fs.ErrNotExist)
}

// unmetCondition is the failure of a write whose conditions do not hold.
func unmetCondition(opts storage.WriteOptions, err error) *failure {
	why := "there is another object by now, or none"
	if opts.IfAbsent {
		why = "there is an object already"
	}
	return &failure{kind: storage.ErrPrecondition, text: fmt.Sprintf("%s (%v)", why, err)}
}

// madeBefore looks whether the object is what an earlier attempt wrote. What
// cannot be looked at for long is unmet.
func (s *Store) madeBefore(
	ctx context.Context, key string, made func(storage.Info) bool, unmet error,
) (written, error) {
	a, err := s.head(ctx, target{key: key, checksums: true})
	switch {
	case err == nil && made(a.info):
		return written{
			etag: a.info.ETag, versionID: a.info.VersionID, opaque: a.info.Opaque, checksums: a.info.Checksums,
			unconfirmed: a.unconfirmed,
		}, nil
	case storage.Retryable(err), ctx.Err() != nil:
		return written{}, err
	}
	return written{}, unmet
}

// holds reports whether an object has the bytes of a block: by an ETag that is
// their digest, or by the checksum that they were to be kept with. Of a stream no
// digest is known.
func holds(info storage.Info, b storage.Block, want storage.Checksum) bool {
	if b.Stream != nil || info.Size != length(b) {
		return false
	}
	if sum := md5.Sum(b.Data); !info.Opaque && info.ETag == hex.EncodeToString(sum[:]) {
		return true
	}
	d, err := digestOf(b, want)
	return err == nil && d.alg != "" && slices.ContainsFunc(info.Checksums, func(c storage.Checksum) bool {
		return c.Algorithm == string(d.alg) && c.Value == d.String()
	})
}

// attemptsKey is the context key of the number of attempts.
type attemptsKey struct{}

// countAttempts returns a context whose requests that write are counted as they
// are sent.
func countAttempts(ctx context.Context) (context.Context, *atomic.Int32) {
	n := new(atomic.Int32)
	return context.WithValue(ctx, attemptsKey{}, n), n
}

// countAttempt counts a request that writes, if anybody wants to know.
func countAttempt(req *http.Request) {
	n, ok := req.Context().Value(attemptsKey{}).(*atomic.Int32)
	if ok && req.Method != http.MethodGet && req.Method != http.MethodHead {
		n.Add(1)
	}
}

// maxDoubts bounds the memory for doubts. Of what is not remembered a caller
// hears that its condition does not hold, which loses nothing.
const maxDoubts = 10_000

// doubts are the keys of writes that failed and may have been made nevertheless.
// The zero value has none. Its methods may be called concurrently.
type doubts struct {
	mu sync.Mutex

	keys map[string]bool
}

func (d *doubts) has(key string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.keys[key]
}

func (d *doubts) set(key string, doubt bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case !doubt:
		delete(d.keys, key)
	case len(d.keys) < maxDoubts:
		if d.keys == nil {
			d.keys = map[string]bool{}
		}
		d.keys[key] = true
	}
}
