package bucket

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"sync"
	"time"

	"s3sync/internal/setting"
	"s3sync/storage"
	"s3sync/storage/bucket/internal/answer"
	"s3sync/storage/bucket/internal/failure"
	"s3sync/storage/bucket/internal/request"
)

func (w *writing) create(ctx context.Context, key string, opts storage.WriteOptions) (*writer, error) {
	if err := w.CheckKey(key); err != nil {
		return nil, err
	}
	if err := request.CheckAlgorithm(opts.Checksum); err != nil {
		return nil, err
	}
	began := time.Now()
	var upload request.Upload
	var created request.Written
	begins := opts // without conditions, which are those of its end
	begins.IfMatch, begins.IfAbsent = "", false
	done, err := w.writeWhatIsKnown(begins, false, false, func(c carried) (err error) {
		upload, created, err = w.Wire.CreateMultipartUpload(ctx, w.Full(key), c.WriteOptions)
		return err
	})
	if failure.IsUnsupported(err) {
		err = failure.Naming(errors.ErrUnsupported, setting.Textf("%v (the server may not know uploads in parts; a larger %s does without)",
			err, setting.Name("Transfer.Threshold")))
	}
	if err != nil {
		return nil, err
	}
	if upload.ID == "" {
		return nil, failure.Garbled("it names no upload")
	}
	done.IfMatch, done.IfAbsent = opts.IfMatch, opts.IfAbsent
	return &writer{
		writing: w, key: key, opts: done.WriteOptions, upload: upload, began: began,
		etagNotDigest: created.ETagNotDigest, unconfirmed: created.Unconfirmed, parts: map[int]request.Part{},
		opaque: created.ETagNotDigest, noEncryption: created.Unconfirmed != nil,
	}, nil
}

// A writer is a multipart upload.
type writer struct {
	writing *writing
	key     string
	opts    storage.WriteOptions
	upload  request.Upload
	began   time.Time // S3 takes it for the time when the object was modified
	// opaque and noEncryption are what the answer that began it said: ETags are no digests,
	// and nothing of the encryption.
	opaque, noEncryption bool

	mu sync.Mutex

	etagNotDigest bool  // ETags are no digests of the content
	unconfirmed   error // nothing said yet that the server encrypts as it was asked to
	parts         map[int]request.Part
	cut           bool // the request of a part ended without an answer
	aborted       bool
	left          bool // the upload is to stay
}

// WritePart uploads a part and compares the ETag that is answered with its MD5
// digest, and the checksum with its own.
func (w *writer) WritePart(ctx context.Context, n int, _ int64, b storage.Block) error {
	return w.writing.Fail(ctx, "write part", w.key, w.writePart(ctx, n, b))
}

func (w *writer) writePart(ctx context.Context, n int, b storage.Block) error {
	if n < 1 || n > request.MaxParts {
		return fmt.Errorf("part %d: S3 has parts 1 to %d", n, request.MaxParts)
	}
	d, err := request.DigestOf(b, w.opts.Checksum)
	if err != nil {
		return err
	}
	got, err := w.writing.Wire.UploadPart(ctx, w.upload, n, b, d)
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil {
		if f, ok := errors.AsType[*failure.Error](err); (!ok || f.Status == 0) && !errors.Is(err, storage.ErrMismatch) {
			w.cut = true // an answer that does not match is an answer
		}
		return err
	}
	// Some servers do not confirm the encryption when the upload is created.
	if w.unconfirmed != nil && got.Unconfirmed != nil {
		return got.Unconfirmed
	}
	w.etagNotDigest = w.etagNotDigest || got.ETagNotDigest
	if sum := hex.EncodeToString(b.MD5); b.MD5 != nil && !w.etagNotDigest && answer.IsDigest(got.ETag) && got.ETag != sum {
		return &failure.Error{Kind: storage.ErrMismatch, Text: fmt.Sprintf(
			"part %d: the server has ETag %s, what was sent has MD5 %s", n, got.ETag, sum)}
	}
	w.parts[n] = request.Part{Number: n, ETag: got.ETag, Digest: d, Size: request.Length(b)}
	return nil
}

// inOrder returns the parts by their numbers. The caller holds the lock.
func (w *writer) inOrder() []request.Part {
	parts := make([]request.Part, 0, len(w.parts))
	for _, n := range slices.Sorted(maps.Keys(w.parts)) {
		parts = append(parts, w.parts[n])
	}
	return parts
}

// Commit completes the upload. It may be called again after it failed. If the upload
// was completed but the answer was lost, Commit detects that.
func (w *writer) Commit(ctx context.Context) (storage.Info, error) {
	info, err := w.commit(ctx)
	if err != nil {
		return storage.Info{}, w.writing.Fail(ctx, "commit", w.key, err)
	}
	return info, nil
}

func (w *writer) commit(ctx context.Context) (storage.Info, error) {
	if w.opts.Size == 0 { // S3 wants at least one part, also of nothing
		if err := w.writePart(ctx, 1, storage.Block{}); err != nil {
			return storage.Info{}, err
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.aborted {
		return storage.Info{}, errors.New("the upload was aborted")
	}
	var size int64
	for _, p := range w.parts {
		size += p.Size
	}
	if size != w.opts.Size {
		return storage.Info{}, fmt.Errorf("the parts have %d bytes, the object has %d", size, w.opts.Size)
	}
	result, err := w.writing.conditionally(ctx, w.key, w.opts, w.began, w.made, func(ctx context.Context) (request.Written, error) {
		result, err := w.complete(ctx)
		if failure.HasCode(err, "NoSuchUpload") || failure.IsForeign(err) || err == nil && result.ETag == "" {
			return w.completedBefore(ctx, err)
		}
		return result, err
	})
	if err != nil {
		return storage.Info{}, err
	}
	result.ETagNotDigest = result.ETagNotDigest || w.etagNotDigest
	if result.LacksChecksum(w.opts.Checksum) {
		result.Checksums = w.askChecksums(ctx, result)
	}
	if err := w.writing.tags.keep(ctx, w.key, tagsOfUpload, w.opts); err != nil {
		return storage.Info{}, err
	}
	return infoOf(&result, w.key, size, w.opts.Attributes), nil
}

// complete makes the request that completes the upload. The caller holds the lock.
func (w *writer) complete(ctx context.Context) (result request.Written, err error) {
	request := func(opts storage.WriteOptions) error {
		result, err = w.writing.Wire.CompleteMultipartUpload(ctx, w.upload, w.inOrder(), opts)
		return err
	}
	if !isConditional(w.opts) || !w.opts.Inherited.Conditions {
		return result, request(w.opts)
	}
	ends := storage.WriteOptions{IfMatch: w.opts.IfMatch, IfAbsent: w.opts.IfAbsent, Inherited: w.opts.Inherited}
	_, err = w.writing.writeWhatIsKnown(ends, false, false, func(c carried) error {
		opts := w.opts
		if opts.IfMatch, opts.IfAbsent = c.IfMatch, c.IfAbsent; !isConditional(opts) {
			if err := w.writing.lookFirst(ctx, w.key, w.opts); err != nil {
				return err
			}
		}
		return request(opts)
	})
	if w.writing.isAbsent(ctx, w.key, w.opts, err) {
		opts := w.opts
		opts.IfAbsent = false
		err = request(opts)
	}
	return result, err
}

// askChecksums asks for the checksums that the answer did not contain, for example
// because an earlier answer was lost. The upload is complete in any case.
func (w *writer) askChecksums(ctx context.Context, result request.Written) []storage.Checksum {
	a, err := w.writing.HeadAgain(ctx, request.ObjectRef{Key: w.key, ETag: result.ETag, Checksums: true})
	if err != nil {
		return nil
	}
	return a.Info.Checksums
}

// completedBefore looks whether the object exists although the server does not know the
// upload any more, or its answer was unusable. In that case an earlier request completed
// the upload, and its answer was lost.
func (w *writer) completedBefore(ctx context.Context, cause error) (request.Written, error) {
	if cause == nil {
		cause = failure.Garbled("it names no ETag")
	}
	a, err := w.writing.Head(ctx, request.ObjectRef{Key: w.key, Checksums: w.opts.Checksum.Algorithm != ""})
	switch {
	case errors.Is(err, fs.ErrNotExist), err == nil && !w.made(a.Info):
		return request.Written{}, cause
	case err != nil:
		return request.Written{}, err
	}
	return a.Written(), nil
}

// made reports whether an object is what the upload makes of its parts. Either the ETag
// matches, or the size and the checksum of all bytes do, since not all ETags follow from
// the bytes. The caller holds the lock.
func (w *writer) made(info storage.Info) bool {
	parts := w.inOrder()
	if want, ok := expectedETag(parts); ok && info.ETag == want {
		return true
	}
	want, err := request.WholeChecksum(w.opts.Checksum, parts)
	sum, ok := info.Checksum(want.Algorithm)
	return err == nil && ok && info.Size == w.opts.Size && sum.Value == want.Value
}

// expectedETag is the ETag of an object of these parts: the MD5 of their ETags,
// and their number.
func expectedETag(parts []request.Part) (string, bool) {
	sum := md5.New()
	for _, p := range parts {
		digest, err := hex.DecodeString(p.ETag)
		if err != nil || len(digest) != md5.Size {
			return "", false
		}
		sum.Write(digest)
	}
	return fmt.Sprintf("%x-%d", sum.Sum(nil), len(parts)), true
}

// The pauses before Abort looks for parts that came late: three, of 1.3 s in all.
const (
	firstAbortPause = 100 * time.Millisecond
	lastAbortPause  = 900 * time.Millisecond
)

// Abort ends the upload and removes its parts. An upload that is gone is fine. After Leave
// it does nothing.
//
// A part whose request was cut off may still be written, even after the upload was
// aborted. So Abort is repeated. A server that is writing such a part may also fail to
// abort.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_AbortMultipartUpload.html
func (w *writer) Abort(ctx context.Context) error {
	w.mu.Lock()
	w.aborted = true
	cut, left := w.cut, w.left
	w.mu.Unlock()
	if left {
		return nil
	}
	abort := func() error { return w.writing.Wire.AbortMultipartUpload(ctx, w.upload) }
	err := abort()
	for pause := firstAbortPause; pause <= lastAbortPause; pause *= 3 {
		if err == nil && !cut || err != nil && !storage.Retryable(err) {
			break
		}
		select {
		case <-time.After(pause):
			err = abort()
		case <-ctx.Done():
			return w.writing.Fail(ctx, "abort", w.key, err) // what could be done was done
		}
	}
	return w.writing.Fail(ctx, "abort", w.key, err)
}
