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

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"s3sync/internal/checksum"
	"s3sync/internal/setting"
	"s3sync/storage"
)

// Create begins a multipart upload. One that the server began while its answer got
// lost stays open: a listing of uploads tells nothing by which it could be known
// from one of another program under the same key, which must not be aborted.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_MultipartUpload.html
func (s *Store) Create(ctx context.Context, key string, opts storage.WriteOptions) (storage.Writer, error) {
	w, err := s.create(ctx, key, opts)
	if err != nil {
		return nil, s.fail(ctx, "put", key, err)
	}
	return w, nil
}

func (s *Store) create(ctx context.Context, key string, opts storage.WriteOptions) (*writer, error) {
	if err := s.checkKey(key); err != nil {
		return nil, err
	}
	if err := checkAlgorithm(opts.Checksum); err != nil {
		return nil, err
	}
	began := time.Now()
	var out *s3.CreateMultipartUploadOutput
	done, err := s.writeWhatIsKnown(opts, false, false, func(c carried) (err error) {
		out, err = s.createUpload(ctx, key, c.WriteOptions)
		return err
	})
	if lacking(err) {
		err = naming(errors.ErrUnsupported, setting.Textf("%v (the server may not know uploads in parts; a larger %s does without)",
			err, setting.Name("Transfer.Threshold")))
	}
	if err != nil {
		return nil, err
	}
	if aws.ToString(out.UploadId) == "" {
		return nil, garbled("it names no upload")
	}
	return &writer{
		store: s, key: key, opts: done.WriteOptions, id: *out.UploadId, began: began,
		// No ETag is known yet: encryption alone decides.
		opaque:      s.opaque(emptyMD5, out.ServerSideEncryption, out.SSECustomerAlgorithm),
		unconfirmed: s.opts.Encryption.confirm(out.ServerSideEncryption, out.SSECustomerAlgorithm),
		parts:       map[int]part{},
	}, nil
}

// createUpload is one request.
func (s *Store) createUpload(ctx context.Context, key string, opts storage.WriteOptions) (*s3.CreateMultipartUploadOutput, error) {
	ctx, cancel := s.limited(ctx)
	defer cancel()
	ctx = withExtra(ctx, extra{headers: append(uploadHeaders(opts.Checksum), s.attributeHeaders(opts)...)})
	out, err := s.sdk.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{
		Bucket: &s.opts.Bucket, Key: aws.String(s.full(key)), RequestPayer: s.payer,
	})
	if err != nil {
		return nil, s.client.classify(err)
	}
	return out, nil
}

// emptyMD5 is the MD5 digest of nothing, the ETag of an empty object.
const emptyMD5 = "d41d8cd98f00b204e9800998ecf8427e"

// A writer is a multipart upload.
type writer struct {
	store *Store
	key   string
	opts  storage.WriteOptions
	id    string
	began time.Time // S3 takes it for the time when the object was modified

	mu sync.Mutex

	opaque      bool  // ETags say nothing about the content
	unconfirmed error // nothing said yet that the server encrypts as it was asked to
	parts       map[int]part
	cut         bool // the request of a part ended without an answer
	aborted     bool
}

// A part was acknowledged by the server.
type part struct {
	etag   string
	digest digest
	size   int64
}

// WritePart uploads a part and compares the ETag that is answered with its MD5
// digest, and the checksum with its own.
func (w *writer) WritePart(ctx context.Context, n int, _ int64, b storage.Block) error {
	return w.store.fail(ctx, "write part", w.key, w.writePart(ctx, n, b))
}

func (w *writer) writePart(ctx context.Context, n int, b storage.Block) error {
	if n < 1 || n > maxParts {
		return fmt.Errorf("part %d: S3 has parts 1 to %d", n, maxParts)
	}
	d, err := digestOf(b, w.opts.Checksum)
	if err != nil {
		return err
	}
	got, err := w.store.putPart(ctx, w.key, w.id, n, b, d)
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil {
		if f, ok := errors.AsType[*failure](err); (!ok || f.status == 0) && !errors.Is(err, storage.ErrMismatch) {
			w.cut = true // an answer that does not match is an answer
		}
		return err
	}
	// Not every server tells of encryption at the creation.
	if w.unconfirmed != nil && got.unconfirmed != nil {
		return got.unconfirmed
	}
	w.opaque = w.opaque || got.opaque
	if sum := hex.EncodeToString(b.MD5); b.MD5 != nil && !w.opaque && isDigest(got.etag) && got.etag != sum {
		return &failure{kind: storage.ErrMismatch, text: fmt.Sprintf(
			"part %d: the server has ETag %s, what was sent has MD5 %s", n, got.etag, sum)}
	}
	w.parts[n] = part{etag: got.etag, digest: d, size: length(b)}
	return nil
}

// Commit completes the upload. It may be called again after it failed: an
// upload that was completed without our hearing of it is recognised.
func (w *writer) Commit(ctx context.Context) (storage.Info, error) {
	info, err := w.commit(ctx)
	if err != nil {
		return storage.Info{}, w.store.fail(ctx, "commit", w.key, err)
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
		size += p.size
	}
	if size != w.opts.Size {
		return storage.Info{}, fmt.Errorf("the parts have %d bytes, the object has %d", size, w.opts.Size)
	}
	result, err := w.store.conditionally(ctx, w.key, w.opts, w.began, w.made, func(ctx context.Context) (written, error) {
		result, err := w.complete(ctx)
		if has(err, "NoSuchUpload") || isForeign(err) || err == nil && result.etag == "" {
			return w.completedBefore(ctx, err)
		}
		return result, err
	})
	if err != nil {
		return storage.Info{}, err
	}
	result.opaque = result.opaque || w.opaque
	if result.lacksChecksum(w.opts.Checksum) {
		result.checksums = w.askChecksums(ctx, result)
	}
	if err := w.store.keepTags(ctx, w.key, tagsOfUpload, w.opts); err != nil {
		return storage.Info{}, err
	}
	return result.info(w.key, size, w.opts.Attributes), nil
}

// askChecksums asks for what the answer did not tell, as it happens where an
// earlier one was lost. The upload is complete whatever comes of it.
func (w *writer) askChecksums(ctx context.Context, result written) []storage.Checksum {
	a, err := w.store.headAgain(ctx, target{key: w.key, etag: result.etag, checksums: true})
	if err != nil {
		return nil
	}
	return a.info.Checksums
}

// complete sends CompleteMultipartUpload. The SDK recognises an error in an
// answer whose status is 200.
func (w *writer) complete(ctx context.Context) (written, error) {
	s := w.store
	var parts []part
	var list []types.CompletedPart
	for _, n := range slices.Sorted(maps.Keys(w.parts)) {
		p := w.parts[n]
		c := types.CompletedPart{PartNumber: aws.Int32(int32(n)), ETag: quoted(p.etag)} //nolint:gosec // at most 10,000
		if p.digest.alg != "" {
			*checksumField(&c, p.digest.alg) = aws.String(p.digest.String())
		}
		parts, list = append(parts, p), append(list, c)
	}
	headers, err := completeHeaders(w.opts.Checksum, parts)
	if err != nil {
		return written{}, err
	}
	ctx, cancel := s.limited(withExtra(ctx, extra{headers: headers}))
	defer cancel()
	out, err := s.sdk.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
		Bucket: &s.opts.Bucket, Key: aws.String(s.full(w.key)), RequestPayer: s.payer, UploadId: &w.id,
		MultipartUpload: &types.CompletedMultipartUpload{Parts: list},
		IfMatch:         quoted(w.opts.IfMatch), IfNoneMatch: ifNoneMatch(w.opts),
	})
	if err != nil {
		return written{}, s.client.classify(err)
	}
	if out.ETag != nil && !isETag(out.ETag) {
		return written{}, garbled("it names no ETag of the object")
	}
	result := written{
		etag: unquoted(out.ETag), versionID: aws.ToString(out.VersionId), checksums: completedChecksums(out),
	}
	result.opaque = s.opaque(result.etag, out.ServerSideEncryption, nil)
	return result, nil
}

// completedBefore looks whether the object is there although the server does
// not know the upload any more, or did not say what became of it: then an
// earlier request got through whose answer was lost.
func (w *writer) completedBefore(ctx context.Context, cause error) (written, error) {
	if cause == nil {
		cause = garbled("it names no ETag")
	}
	a, err := w.store.head(ctx, target{key: w.key, checksums: w.opts.Checksum.Algorithm != ""})
	switch {
	case errors.Is(err, fs.ErrNotExist), err == nil && !w.made(a.info):
		return written{}, cause
	case err != nil:
		return written{}, err
	}
	return written{
		etag: a.info.ETag, versionID: a.info.VersionID, opaque: a.info.Opaque, checksums: a.info.Checksums,
	}, nil
}

// made reports whether an object is what the upload makes of its parts: by its
// ETag, or by its size and the checksum of all its bytes, since not all ETags
// follow from the bytes.
func (w *writer) made(info storage.Info) bool {
	if want, ok := w.expectedETag(); ok && info.ETag == want {
		return true
	}
	var parts []part
	for _, n := range slices.Sorted(maps.Keys(w.parts)) {
		parts = append(parts, w.parts[n])
	}
	headers, err := completeHeaders(w.opts.Checksum, parts)
	return err == nil && info.Size == w.opts.Size && slices.ContainsFunc(info.Checksums, func(c storage.Checksum) bool {
		return slices.Contains(headers, header{checksum.Header(c.Algorithm), c.Value})
	})
}

// expectedETag is the ETag of an object of these parts: the MD5 of their ETags,
// and their number.
func (w *writer) expectedETag() (string, bool) {
	sum := md5.New()
	for _, n := range slices.Sorted(maps.Keys(w.parts)) {
		digest, err := hex.DecodeString(w.parts[n].etag)
		if err != nil || len(digest) != md5.Size {
			return "", false
		}
		sum.Write(digest)
	}
	return fmt.Sprintf("%x-%d", sum.Sum(nil), len(w.parts)), true
}

// The pauses before Abort looks for parts that came late: three, of 1.3 s in all.
const (
	firstAbortPause = 100 * time.Millisecond
	lastAbortPause  = 900 * time.Millisecond
)

// Abort ends the upload and removes its parts. An upload that is gone is fine.
//
// A part whose request was cut off may be written nevertheless, and after the
// upload was aborted, so that this must be done more than once. A server that is
// about to write it can also fail to abort.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_AbortMultipartUpload.html
func (w *writer) Abort(ctx context.Context) error {
	w.mu.Lock()
	w.aborted = true
	cut := w.cut
	w.mu.Unlock()
	err := w.abort(ctx)
	for pause := firstAbortPause; pause <= lastAbortPause; pause *= 3 {
		if err == nil && !cut || err != nil && !storage.Retryable(err) {
			break
		}
		select {
		case <-time.After(pause):
			err = w.abort(ctx)
		case <-ctx.Done():
			return w.store.fail(ctx, "abort", w.key, err) // what could be done was done
		}
	}
	return w.store.fail(ctx, "abort", w.key, err)
}

func (w *writer) abort(ctx context.Context) error {
	s := w.store
	ctx, cancel := s.limited(ctx)
	defer cancel()
	_, err := s.sdk.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{
		Bucket: &s.opts.Bucket, Key: aws.String(s.full(w.key)), RequestPayer: s.payer, UploadId: &w.id,
	})
	if err = s.client.classify(err); has(err, "NoSuchUpload") {
		return nil
	}
	return err
}
