package bucket

// The requests that are made for every object or page, one method each, in
// terms of this package. What calls them does not know how they are made.

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"s3sync/storage"
)

// A target names what is read, and on which condition.
type target struct {
	key       string // relative to the prefix
	versionID string
	etag      string // If-Match, without quotes; empty is no condition
	part      int    // asks for that part; 0 is the object
	checksums bool   // asks for the additional checksums, too; not for those of a part
}

// asking asks for checksums by a header of ours. If the SDK knew of them it would
// compute those of what is read, which callers do anyway, and fail by itself.
func (t target) asking(ctx context.Context) context.Context {
	if !t.checksums {
		return ctx
	}
	return withExtra(ctx, extra{headers: []header{{checksumMode, "ENABLED"}}})
}

// An answer is what the headers of a GET or HEAD tell.
type answer struct {
	info          storage.Info
	contentLength int64
	contentRange  string
	body          io.ReadCloser // of a GET
	requestID     bool          // it names the request
	date          time.Time     // of the server when it answered; ours if it does not tell
	// customer: with a customer key. Listings have other ETags of such objects.
	customer bool
	// unconfirmed, of a HEAD: the object is not encrypted as this store writes.
	unconfirmed error
}

// askedOf makes a GET or HEAD, without a question for checksums if the server does
// not know it.
func (s *Store) askedOf(t target, request func(target) (answer, error)) (answer, error) {
	if !t.checksums {
		return request(t)
	}
	known := !s.features.lacks(lackChecksumMode)
	a, err := orWithout(&s.features, lackChecksumMode, lacking, func(with bool) (answer, error) {
		t.checksums = with
		return request(t)
	})
	if known && s.features.lacks(lackChecksumMode) {
		s.notice(storage.Notice{Text: fmt.Sprintf("the server of bucket %q tells no additional checksums of objects", s.opts.Bucket)})
	}
	return a, err
}

// head asks for an object's headers.
func (s *Store) head(ctx context.Context, t target) (a answer, err error) {
	err = s.evenWithoutETags(ctx, t.key, func() error {
		a, err = s.askedOf(t, func(t target) (answer, error) { return s.headRequest(ctx, t) })
		return err
	})
	return a, err
}

func (s *Store) headRequest(ctx context.Context, t target) (answer, error) {
	ctx, cancel := s.limited(ctx)
	defer cancel()
	in := &s3.HeadObjectInput{
		Bucket: &s.opts.Bucket, Key: aws.String(s.full(t.key)),
		VersionId: optional(t.versionID), IfMatch: quoted(t.etag), RequestPayer: s.payer,
	}
	if t.part > 0 {
		in.PartNumber = aws.Int32(int32(t.part)) //nolint:gosec // at most 10,000
	}
	out, err := s.sdk.HeadObject(t.asking(ctx), in)
	if err != nil {
		return answer{}, s.client.classify(err)
	}
	h := answered(out.ResultMetadata)
	a := answer{
		info: s.told(t.key, h, out.Metadata), contentLength: aws.ToInt64(out.ContentLength),
		requestID: hasRequestID(h), date: dateOf(h), customer: out.SSECustomerAlgorithm != nil,
	}
	if t.checksums {
		a.info.Checksums = checksumsIn(h)
	}
	a.info.Size = a.contentLength
	a.unconfirmed = s.opts.Encryption.confirm(out.ServerSideEncryption, out.SSECustomerAlgorithm)
	return a, nil
}

// dateOf is the time of an answer by the clock of the server, or else by ours.
func dateOf(h http.Header) time.Time {
	if t, err := http.ParseTime(h.Get("Date")); err == nil {
		return t
	}
	return time.Now()
}

// get asks for n bytes of an object from off, or for all of it if n is 0. The
// body outlives ctx: it ends when it is closed.
func (s *Store) get(ctx context.Context, t target, off, n int64) (a answer, err error) {
	err = s.evenWithoutETags(ctx, t.key, func() error {
		a, err = s.askedOf(t, func(t target) (answer, error) { return s.getRequest(ctx, t, off, n) })
		return err
	})
	return a, err
}

func (s *Store) getRequest(ctx context.Context, t target, off, n int64) (answer, error) {
	in := &s3.GetObjectInput{
		Bucket: &s.opts.Bucket, Key: aws.String(s.full(t.key)),
		VersionId: optional(t.versionID), IfMatch: quoted(t.etag), RequestPayer: s.payer,
	}
	if n > 0 {
		in.Range = aws.String(fmt.Sprintf("bytes=%d-%d", off, off+n-1))
	}
	if ctx.Err() != nil { // which would reach life some time later
		return answer{}, ctx.Err()
	}
	life, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { cancel(ctx.Err()) })
	defer stop()
	if d := s.opts.OperationTimeout; d > 0 {
		timer := time.AfterFunc(d, func() { cancel(&timeoutError{"no answer", d}) })
		defer timer.Stop()
	}
	out, err := s.sdk.GetObject(t.asking(life), in)
	if err != nil {
		err = s.client.classify(ownCause(life, err))
		cancel(nil)
		return answer{}, err
	}
	h := answered(out.ResultMetadata)
	a := answer{
		info:          s.told(t.key, h, out.Metadata),
		contentLength: aws.ToInt64(out.ContentLength),
		contentRange:  aws.ToString(out.ContentRange),
		body:          &body{out.Body, cancel},
		requestID:     hasRequestID(h),
		customer:      out.SSECustomerAlgorithm != nil,
	}
	if t.checksums && a.contentRange == "" { // or they may be those of a part
		a.info.Checksums = checksumsIn(h)
	}
	return a, nil
}

// A body is that of an answer, with what ends its request.
type body struct {
	io.ReadCloser

	cancel context.CancelCauseFunc
}

func (b *body) Close() error {
	err := b.ReadCloser.Close()
	b.cancel(nil)
	return err
}

// opaque reports whether an ETag says nothing about the content.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html
func (s *Store) opaque(etag string, sse types.ServerSideEncryption, customer *string) bool {
	return isKMS(sse) || s.directory || aws.ToString(customer) != "" || !isDigest(etag)
}

// isDigest reports whether an ETag has the form of MD5 digests: 32 hexadecimal
// digits, and -N for N parts.
func isDigest(etag string) bool {
	sum, _, _ := strings.Cut(etag, "-")
	_, err := hex.DecodeString(sum)
	return err == nil && len(sum) == 32
}

// A written is what the server tells of something it stored.
type written struct {
	etag, versionID string
	opaque          bool
	checksums       []storage.Checksum
	// unconfirmed: the server did not say that it encrypts as it was asked to.
	unconfirmed error
}

// put writes an object in one request.
func (s *Store) put(ctx context.Context, key string, b storage.Block, opts storage.WriteOptions) (w written, err error) {
	put := func() error {
		w, err = s.putOnce(ctx, key, b, opts)
		return err
	}
	if b.Stream != nil || opts.Once {
		err = put() // what cannot be repeated, or must not
		return w, err
	}
	if err := s.evenWithoutETags(ctx, key, put); err != nil || w.etag != "" {
		return w, err
	}
	return w, s.hasSize(ctx, key, length(b))
}

func (s *Store) putOnce(ctx context.Context, key string, b storage.Block, opts storage.WriteOptions) (written, error) {
	d, err := digestOf(b, opts.Checksum)
	if err != nil {
		return written{}, err
	}
	ctx, cancel := s.limited(ctx)
	defer cancel()
	ctx = withExtra(ctx, extra{
		payloadHash: s.payloadHash(b),
		headers:     append(d.headers(), s.attributeHeaders(opts)...),
	})
	out, err := s.sdk.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &s.opts.Bucket, Key: aws.String(s.full(key)), RequestPayer: s.payer,
		Body: bodyOf(b), ContentLength: aws.Int64(length(b)), ContentMD5: s.contentMD5(b),
		IfMatch: quoted(opts.IfMatch), IfNoneMatch: ifNoneMatch(opts),
	}, once(b, opts.Once))
	if err != nil {
		return written{}, s.client.classify(err)
	}
	w := written{
		etag:        unquoted(out.ETag),
		versionID:   aws.ToString(out.VersionId),
		checksums:   checksumsIn(answered(out.ResultMetadata)),
		unconfirmed: s.opts.Encryption.confirm(out.ServerSideEncryption, out.SSECustomerAlgorithm),
	}
	w.opaque = s.opaque(w.etag, out.ServerSideEncryption, out.SSECustomerAlgorithm)
	return w, nil
}

// putPart writes one part. It fails if the server answers another checksum.
func (s *Store) putPart(ctx context.Context, key, uploadID string, n int, b storage.Block, d digest) (written, error) {
	ctx, cancel := s.limited(ctx)
	defer cancel()
	ctx = withExtra(ctx, extra{payloadHash: s.payloadHash(b), headers: d.headers()})
	out, err := s.sdk.UploadPart(ctx, &s3.UploadPartInput{
		Bucket: &s.opts.Bucket, Key: aws.String(s.full(key)), RequestPayer: s.payer,
		UploadId: &uploadID, PartNumber: aws.Int32(int32(n)), //nolint:gosec // at most 10,000
		Body: bodyOf(b), ContentLength: aws.Int64(length(b)), ContentMD5: s.contentMD5(b),
	}, once(b, false))
	if err != nil {
		return written{}, s.client.classify(err)
	}
	if err := d.check(answered(out.ResultMetadata)); err != nil {
		return written{}, err
	}
	return written{
		etag: unquoted(out.ETag),
		// The ETag of a part may have any form: encryption alone decides.
		opaque:      s.opaque(emptyMD5, out.ServerSideEncryption, out.SSECustomerAlgorithm),
		unconfirmed: s.opts.Encryption.confirm(out.ServerSideEncryption, out.SSECustomerAlgorithm),
	}, nil
}

// payloadHash is the value of x-amz-content-sha256.
// https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
func (s *Store) payloadHash(b storage.Block) string {
	if s.opts.UnsignedPayload || b.Stream != nil {
		return "UNSIGNED-PAYLOAD"
	}
	if b.SHA256 != nil {
		return hex.EncodeToString(b.SHA256)
	}
	sum := sha256.Sum256(b.Data)
	return hex.EncodeToString(sum[:])
}

func bodyOf(b storage.Block) io.Reader {
	if b.Stream != nil {
		return b.Stream
	}
	return bytes.NewReader(b.Data)
}

// length is how many bytes a block has.
func length(b storage.Block) int64 {
	if b.Stream != nil {
		return b.Size
	}
	return int64(len(b.Data))
}

// once keeps the SDK from sending a block again that can be read only once, and
// from repeating what may have been carried out if that must not happen twice.
func once(b storage.Block, unheard bool) func(*s3.Options) {
	return func(o *s3.Options) {
		switch {
		case b.Stream != nil:
			o.Retryer = aws.NopRetryer{}
		case unheard:
			o.Retryer = answeredOnly{o.Retryer}
		}
	}
}

func (s *Store) contentMD5(b storage.Block) *string {
	if b.MD5 == nil || !s.sendsMD5() {
		return nil
	}
	return aws.String(base64.StdEncoding.EncodeToString(b.MD5))
}

// listRequest is one request of a listing.
func (s *Store) listRequest(ctx context.Context, l *lister) (*s3.ListObjectsV2Output, error) {
	ctx, cancel := s.limited(ctx)
	defer cancel()
	in := &s3.ListObjectsV2Input{
		Bucket: &s.opts.Bucket, Prefix: optional(l.prefix), Delimiter: optional(l.delimiter), RequestPayer: s.payer,
		MaxKeys:           aws.Int32(int32(min(s.opts.MaxKeys, 1<<15))), //nolint:gosec // bounded
		ContinuationToken: optional(l.token),
	}
	if s.directory {
		return s.listPage(ctx, in)
	}
	// Control characters cannot stand in XML: names come URL-encoded.
	in.EncodingType = types.EncodingTypeUrl
	in.StartAfter = optional(l.after)
	return orWithout(&s.features, lackRestoreStatus, refuses, func(with bool) (*s3.ListObjectsV2Output, error) {
		in.OptionalObjectAttributes = restoreStatus(with)
		return s.listPage(ctx, in)
	})
}

func (s *Store) listPage(ctx context.Context, in *s3.ListObjectsV2Input) (*s3.ListObjectsV2Output, error) {
	out, err := s.sdk.ListObjectsV2(ctx, in)
	if err != nil {
		return nil, s.client.classify(err)
	}
	return out, nil
}

// restoreStatus asks a listing whether archived objects can be read. That saves
// requests; without it the objects tell when they are read.
func restoreStatus(ask bool) []types.OptionalObjectAttributes {
	if !ask {
		return nil
	}
	return []types.OptionalObjectAttributes{types.OptionalObjectAttributesRestoreStatus}
}

func optional(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

func quoted(etag string) *string {
	if etag == "" {
		return nil
	}
	return aws.String(`"` + etag + `"`)
}

func unquoted(etag *string) string { return strings.Trim(aws.ToString(etag), `"`) }
