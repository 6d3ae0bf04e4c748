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
	"strings"
	"sync"
	"time"

	"s3sync/storage"
	"s3sync/storage/bucket/internal/failure"
	"s3sync/storage/bucket/internal/request"
	"s3sync/storage/bucket/internal/transport"
)

// A write whose answer is lost may have been made. If it has a condition, its retry is
// refused: the first attempt itself changed what is under the key. In that case the
// object is looked at, and the write succeeds if the object is the one it wrote. This
// happens only after an earlier attempt that was sent completely. Otherwise somebody
// else wrote the same content, and the condition does not hold. The object is not ours
// either if it is older than the write or has other attributes.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html

// isConditional reports whether a write depends on what is under its key.
func isConditional(opts storage.WriteOptions) bool { return opts.IfMatch != "" || opts.IfAbsent }

// conditionally makes a write that may have conditions. made reports whether an object
// is what the write makes. An object that is older than since is not.
func (w *writing) conditionally(
	ctx context.Context, key string, opts storage.WriteOptions, since time.Time,
	made func(storage.Info) bool, write func(context.Context) (request.Written, error),
) (request.Written, error) {
	if !isConditional(opts) {
		return write(ctx)
	}
	first, uncertain := w.uncertain.since(key)
	if uncertain {
		since = first
	}
	counted, tries := transport.CountAttempts(ctx)
	result, err := write(counted)
	if refused(opts, err) {
		unmet := unmetCondition(opts, err)
		if tries.Earlier() == 0 && !uncertain {
			return request.Written{}, unmet
		}
		ours := func(a *request.Answer) bool { return made(a.Info) && carries(a.Info, opts) && writtenSince(a, since) }
		result, err = w.madeBefore(ctx, key, ours, unmet)
	}
	uncertain = (uncertain || tries.Whole() > 0) && (storage.Retryable(err) || ctx.Err() != nil)
	w.uncertain.set(key, uncertain, since)
	return result, err
}

// lookFirst fails if the conditions of a write do not hold now. It is called before
// copies and deletions, because some servers ignore their conditions. Such a server would
// replace or remove an object that nobody has compared.
func (w *writing) lookFirst(ctx context.Context, key string, opts storage.WriteOptions) error {
	if !isConditional(opts) {
		return nil
	}
	a, err := w.Head(ctx, request.ObjectRef{Key: key})
	switch {
	case err != nil && opts.IfAbsent && errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case opts.IfAbsent:
		return unmetCondition(opts, fmt.Errorf("with ETag %q", a.Info.ETag))
	case a.Info.ETag != opts.IfMatch:
		return unmetCondition(opts, fmt.Errorf("the ETag was %q and is %q", opts.IfMatch, a.Info.ETag))
	}
	return nil
}

// isAbsent reports whether a write was refused because there is an object, although there is
// none: versitygw takes a delete marker for one. The condition must be one that nobody asked
// for.
func (w *writing) isAbsent(ctx context.Context, key string, opts storage.WriteOptions, refusal error) bool {
	if !opts.Inherited.Conditions || !opts.IfAbsent || !errors.Is(refusal, storage.ErrPrecondition) {
		return false
	}
	_, err := w.Head(ctx, request.ObjectRef{Key: key})
	return errors.Is(err, fs.ErrNotExist)
}

// refused reports whether err says that the conditions of a write do not hold. If the
// condition is an ETag and there is no object, S3 answers that the object is not found.
func refused(opts storage.WriteOptions, err error) bool {
	return errors.Is(err, storage.ErrPrecondition) || opts.IfMatch != "" && errors.Is(err, fs.ErrNotExist)
}

// unmetCondition is the failure of a write whose conditions do not hold.
func unmetCondition(opts storage.WriteOptions, err error) *failure.Error {
	why := "there is another object by now, or none"
	if opts.IfAbsent {
		why = "there is an object already"
	}
	return &failure.Error{Kind: storage.ErrPrecondition, Text: fmt.Sprintf("%s (%v)", why, err)}
}

// madeBefore looks whether the object is what an earlier attempt wrote. It returns
// unmet if not, or if a look at the object fails in a way that a retry does not help.
func (w *writing) madeBefore(ctx context.Context, key string, ours func(*request.Answer) bool, unmet error) (request.Written, error) {
	a, err := w.Head(ctx, request.ObjectRef{Key: key, Checksums: true})
	switch {
	case err == nil && ours(a):
		return a.Written(), nil
	case storage.Retryable(err), ctx.Err() != nil:
		return request.Written{}, err
	}
	return request.Written{}, unmet
}

// writtenSince reports whether an object can have been written since then. The age of
// the object is the difference of two times of the server, because its clock may be
// wrong. These times are whole seconds.
func writtenSince(a *request.Answer, then time.Time) bool {
	return a.Date.Sub(a.Info.ModTime) <= time.Since(then)+time.Second
}

// carries reports whether an object has the attributes that it was to be written with.
// Somebody else may have written the same bytes. It compares only attributes that all
// servers report in the same form.
func carries(info storage.Info, opts storage.WriteOptions) bool {
	if opts.ContentType != "" && info.ContentType != opts.ContentType {
		return false // without one the server chooses
	}
	for got, want := range map[*string]string{
		&info.CacheControl: opts.CacheControl, &info.ContentDisposition: opts.ContentDisposition,
		&info.ContentEncoding: opts.ContentEncoding, &info.ContentLanguage: opts.ContentLanguage,
		&info.Expires: opts.Expires,
	} {
		if *got != want {
			return false
		}
	}
	return maps.Equal(inOneForm(info.Metadata), inOneForm(opts.Metadata))
}

// inOneForm returns user metadata in one form. Some servers turn "_" in names into "-",
// and S3 encodes values that are not ASCII.
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

// holds reports whether an object has the bytes of a block. Either the ETag is their
// digest, or the object has the additional checksum of the block. The digest of a stream
// is not known.
func holds(info storage.Info, b storage.Block, want storage.Checksum) bool {
	if b.Stream != nil || info.Size != request.Length(b) {
		return false
	}
	if sum := md5.Sum(b.Data); !info.ETagNotDigest && info.ETag == hex.EncodeToString(sum[:]) {
		return true
	}
	d, err := request.DigestOf(b, want)
	if err != nil || d.Algorithm == "" {
		return false
	}
	sum, ok := info.Checksum(d.Algorithm)
	return ok && sum.Value == d.String()
}

// maxUncertainWrites bounds the memory for uncertain writes. If one is not remembered,
// its retry fails because its condition does not hold. Nothing is lost.
const maxUncertainWrites = 10_000

// uncertainWrites are the keys of writes that failed but may have been made, with the
// time of the first attempt. The zero value has none. Its methods may be called
// concurrently.
type uncertainWrites struct {
	mu sync.Mutex

	keys map[string]time.Time
}

func (u *uncertainWrites) since(key string) (since time.Time, uncertain bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	since, uncertain = u.keys[key]
	return since, uncertain
}

func (u *uncertainWrites) set(key string, uncertain bool, since time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	switch {
	case !uncertain:
		delete(u.keys, key)
	case len(u.keys) < maxUncertainWrites:
		if u.keys == nil {
			u.keys = map[string]time.Time{}
		}
		u.keys[key] = since
	}
}
