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
	"s3sync/storage/bucket/internal/transport"
	"s3sync/storage/bucket/internal/wire"
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

// conditionally makes a write that may have conditions. made reports whether an
// object is what the write makes, which none can be that is older than since.
func (w *writing) conditionally(
	ctx context.Context, key string, opts storage.WriteOptions, since time.Time,
	made func(storage.Info) bool, write func(context.Context) (wire.Written, error),
) (wire.Written, error) {
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
			return wire.Written{}, unmet
		}
		ours := func(a wire.Answer) bool { return made(a.Info) && carries(a.Info, opts) && writtenSince(a, since) }
		result, err = w.madeBefore(ctx, key, ours, unmet)
	}
	uncertain = (uncertain || tries.Whole() > 0) && (storage.Retryable(err) || ctx.Err() != nil)
	w.uncertain.set(key, uncertain, since)
	return result, err
}

// lookFirst fails if the conditions of a write do not hold now. It goes before what
// not every server heeds conditions of, copies and deletions: one that does not
// replaces or removes what nobody looked at.
func (w *writing) lookFirst(ctx context.Context, key string, opts storage.WriteOptions) error {
	if !isConditional(opts) {
		return nil
	}
	a, err := w.Head(ctx, wire.ObjectRef{Key: key})
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

// refused reports whether err says that the conditions of a write do not hold: S3
// does not find the object where it should have an ETag and there is none.
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

// madeBefore looks whether the object is what an earlier attempt wrote. What
// cannot be looked at for long is unmet.
func (w *writing) madeBefore(ctx context.Context, key string, ours func(wire.Answer) bool, unmet error) (wire.Written, error) {
	a, err := w.Head(ctx, wire.ObjectRef{Key: key, Checksums: true})
	switch {
	case err == nil && ours(a):
		return wire.Written{
			ETag: a.Info.ETag, VersionID: a.Info.VersionID, ETagNotDigest: a.Info.ETagNotDigest, Checksums: a.Info.Checksums,
			Unconfirmed: a.Unconfirmed,
		}, nil
	case storage.Retryable(err), ctx.Err() != nil:
		return wire.Written{}, err
	}
	return wire.Written{}, unmet
}

// writtenSince reports whether an object can have been written since then. Both
// times that are compared with that are the server's, since its clock may be wrong;
// they are whole seconds.
func writtenSince(a wire.Answer, then time.Time) bool {
	return a.Date.Sub(a.Info.ModTime) <= time.Since(then)+time.Second
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
	if b.Stream != nil || info.Size != wire.Length(b) {
		return false
	}
	if sum := md5.Sum(b.Data); !info.ETagNotDigest && info.ETag == hex.EncodeToString(sum[:]) {
		return true
	}
	d, err := wire.DigestOf(b, want)
	if err != nil || d.Algorithm == "" {
		return false
	}
	sum, ok := info.Checksum(d.Algorithm)
	return ok && sum.Value == d.String()
}

// maxUncertainWrites bounds the memory for them. Of what is not remembered a caller
// hears that its condition does not hold, which loses nothing.
const maxUncertainWrites = 10_000

// uncertainWrites are the keys of writes that failed and may have been made nevertheless,
// with the time of the first attempt. The zero value has none. Its methods may be
// called concurrently.
type uncertainWrites struct {
	mu sync.Mutex

	keys map[string]time.Time
}

func (d *uncertainWrites) since(key string) (since time.Time, uncertain bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	since, uncertain = d.keys[key]
	return since, uncertain
}

func (d *uncertainWrites) set(key string, uncertain bool, since time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case !uncertain:
		delete(d.keys, key)
	case len(d.keys) < maxUncertainWrites:
		if d.keys == nil {
			d.keys = map[string]time.Time{}
		}
		d.keys[key] = since
	}
}
