package bucket

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"mime"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"s3sync/storage"
)

// A write whose answer is lost may have been made. If it depends on what is under
// the key it is refused when it is made again: for what it made itself. That is
// found out by looking at the object, but only where there was an earlier attempt
// that got to its end, since an object of the same content that somebody else wrote
// is a condition that does not hold. Nor is it ours if it is older, or carries
// something else.
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
// object is what the write makes, which none can be that is older than since.
func (s *Store) conditionally(
	ctx context.Context, key string, opts storage.WriteOptions, since time.Time,
	made func(storage.Info) bool, write func(context.Context) (written, error),
) (written, error) {
	if !isConditional(opts) {
		return write(ctx)
	}
	tries := new(attempts)
	first, doubt := s.doubts.since(key)
	if doubt {
		since = first
	}
	result, err := write(context.WithValue(ctx, attemptsKey{}, tries))
	if refused(opts, err) {
		unmet := unmetCondition(opts, err)
		if tries.earlier.Load() == 0 && !doubt {
			return written{}, unmet
		}
		ours := func(a answer) bool { return made(a.info) && carries(a.info, opts) && a.writtenSince(since) }
		result, err = s.madeBefore(ctx, key, ours, unmet)
	}
	doubt = (doubt || tries.whole.Load() > 0) && (storage.Retryable(err) || ctx.Err() != nil)
	s.doubts.set(key, doubt, since)
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
func (s *Store) madeBefore(ctx context.Context, key string, ours func(answer) bool, unmet error) (written, error) {
	a, err := s.head(ctx, target{key: key, checksums: true})
	switch {
	case err == nil && ours(a):
		return written{
			etag: a.info.ETag, versionID: a.info.VersionID, opaque: a.info.Opaque, checksums: a.info.Checksums,
			unconfirmed: a.unconfirmed,
		}, nil
	case storage.Retryable(err), ctx.Err() != nil:
		return written{}, err
	}
	return written{}, unmet
}

// writtenSince reports whether an object can have been written since then. Both
// times that are compared with that are the server's, since its clock may be wrong;
// they are whole seconds.
func (a answer) writtenSince(then time.Time) bool {
	return a.date.Sub(a.info.ModTime) <= time.Since(then)+time.Second
}

// carries reports whether an object has what it was to be written with besides its
// bytes, as far as every server tells it in the same words: somebody else may have
// written the same bytes.
func carries(info storage.Info, opts storage.WriteOptions) bool {
	if opts.ContentType != "" && info.ContentType != opts.ContentType {
		return false // without one the server chooses
	}
	for told, want := range map[*string]string{
		&info.CacheControl: opts.CacheControl, &info.ContentDisposition: opts.ContentDisposition,
		&info.ContentEncoding: opts.ContentEncoding, &info.ContentLanguage: opts.ContentLanguage,
		&info.Expires: opts.Expires,
	} {
		if *told != want {
			return false
		}
	}
	return maps.Equal(inOneForm(info.Metadata), inOneForm(opts.Metadata))
}

// inOneForm is user metadata in one form: some servers turn "_" in names into "-",
// and S3 encodes what is not ASCII.
func inOneForm(metadata map[string]string) map[string]string {
	same := make(map[string]string, len(metadata))
	for name, value := range metadata {
		if text, err := new(mime.WordDecoder).DecodeHeader(value); err == nil {
			value = text
		}
		same[strings.ReplaceAll(strings.ToLower(name), "_", "-")] = value
	}
	return same
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
	if err != nil || d.alg == "" {
		return false
	}
	sum, ok := info.Checksum(d.alg)
	return ok && sum.Value == d.String()
}

// attempts are the requests of one write that depends on what is under its key. An
// attempt whose body did not get out to its end can have written nothing.
type attempts struct {
	whole   atomic.Int32 // sent to the end
	earlier atomic.Int32 // those before the last one began
}

// attemptsKey is the context key of attempts.
type attemptsKey struct{}

// attemptsOf are those that a request belongs to, or nil if nobody counts.
func attemptsOf(req *http.Request) *attempts {
	a, ok := req.Context().Value(attemptsKey{}).(*attempts)
	if !ok || req.Method == http.MethodGet || req.Method == http.MethodHead {
		return nil
	}
	return a
}

// begin counts a request that is about to be sent, and returns what to call once it
// is sent to the end.
func (a *attempts) begin() (sent func()) {
	a.earlier.Store(a.whole.Load())
	return sync.OnceFunc(func() { a.whole.Add(1) })
}

// maxDoubts bounds the memory for doubts. Of what is not remembered a caller
// hears that its condition does not hold, which loses nothing.
const maxDoubts = 10_000

// doubts are the keys of writes that failed and may have been made nevertheless,
// with the time of the first attempt. The zero value has none. Its methods may be
// called concurrently.
type doubts struct {
	mu sync.Mutex

	keys map[string]time.Time
}

func (d *doubts) since(key string) (since time.Time, doubt bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	since, doubt = d.keys[key]
	return since, doubt
}

func (d *doubts) set(key string, doubt bool, since time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case !doubt:
		delete(d.keys, key)
	case len(d.keys) < maxDoubts:
		if d.keys == nil {
			d.keys = map[string]time.Time{}
		}
		d.keys[key] = since
	}
}
