package bucket

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"s3sync/internal/setting"
	"s3sync/storage"
)

// Server-side copies: the target's server reads the source by itself, with the
// credentials of the target. Every request names the ETag of the object that was
// opened, so that no other one is copied, and no object is put together from two.

// maxCopy is how many bytes S3 copies at once: of an object, or of a part.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/copy-object.html
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
const maxCopy = 5 << 30

var _ storage.Copier = (*Store)(nil)

// Copies reports whether from is a bucket of the same server, or of AWS if this
// one is. Whether the credentials allow it shows at the first copy.
func (s *Store) Copies(from storage.Store) bool {
	o, ok := storage.As[*Store](from)
	if !ok || s.server() != o.server() { // partitions of AWS know nothing of each other
		return false
	}
	// https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
	return !IsAccessPoint(o.opts.Bucket) || !parseARN(o.opts.Bucket).multiRegion()
}

// The partitions of AWS that have S3 for everybody.
// https://docs.aws.amazon.com/whitepapers/latest/aws-fault-isolation-boundaries/partitions.html
const (
	partitionAWS   = "aws"
	partitionChina = "aws-cn"
	partitionGov   = "aws-us-gov"
)

// partitionOf is the part of AWS that a store is in.
func partitionOf(s *Store) string {
	if IsAccessPoint(s.opts.Bucket) {
		return parseARN(s.opts.Bucket).partition
	}
	switch region := s.client.region; {
	case strings.HasPrefix(region, "cn-"):
		return partitionChina
	case strings.HasPrefix(region, "us-gov-"):
		return partitionGov
	}
	return partitionAWS
}

// Copy lets the server make an object of the one that from names.
func (s *Store) Copy(ctx context.Context, key string, from storage.CopySource, opts storage.WriteOptions) (storage.Info, error) {
	c, err := s.copying(key, from, opts)
	if err == nil && opts.Size != c.source.Size {
		err = fmt.Errorf("%d bytes are wanted of an object of %d", opts.Size, c.source.Size)
	}
	var w written
	if err == nil {
		w, err = s.conditionally(ctx, key, opts, time.Now(), c.made, c.whole)
	}
	if err == nil {
		err = s.complement(ctx, key, &w, opts)
	}
	if err == nil {
		err = s.keepTags(ctx, key, tagsOfCopy, c.done.WriteOptions)
	}
	if err != nil {
		return storage.Info{}, s.fail(ctx, "copy", key, c.unmet(err))
	}
	return w.info(key, opts.Size, opts.Attributes), nil
}

// complement asks for what the answer to a copy did not tell although it must be
// known: how the object is encrypted, and the checksum that was wanted. Not every
// server tells them then.
func (s *Store) complement(ctx context.Context, key string, w *written, opts storage.WriteOptions) error {
	if w.unconfirmed == nil && !w.lacksChecksum(opts.Checksum) {
		return nil
	}
	a, err := s.headAgain(ctx, target{key: key, etag: w.etag, checksums: true})
	switch {
	case w.unconfirmed != nil && err != nil:
		return err
	case err != nil:
		return nil //nolint:nilerr // the object is there; the caller sees that the checksum is not known
	case w.unconfirmed != nil && a.unconfirmed != nil:
		return a.unconfirmed
	}
	w.unconfirmed, w.checksums, w.opaque = nil, a.info.Checksums, w.opaque || a.info.Opaque
	return nil
}

// A copying is one object on its way between two stores of a server.
type copying struct {
	to, from *Store
	source   storage.CopySource
	version  pinnedVersion // of the source
	key      string
	opts     storage.WriteOptions
	done     carried // what of them the copy got
}

func (s *Store) copying(key string, from storage.CopySource, opts storage.WriteOptions) (*copying, error) {
	store, ok := storage.As[*Store](from.Store)
	if !ok || !s.Copies(store) {
		return nil, errors.New("the source is not in a bucket that the server of the target can read")
	}
	if err := s.checkKey(key); err != nil {
		return nil, err
	}
	if err := store.checkSingle(from.Key); err != nil {
		return nil, err
	}
	if err := checkAlgorithm(opts.Checksum); err != nil {
		return nil, err
	}
	if opts.CopyIfMatch != "" && opts.CopyIfMatch != from.ETag {
		return nil, &failure{kind: storage.ErrPrecondition, text: fmt.Sprintf(
			"%v: the ETag of the source was %q and is %q", storage.ErrPrecondition, opts.CopyIfMatch, from.ETag)}
	}
	c := &copying{to: s, from: store, source: from, key: key, opts: opts, done: carried{WriteOptions: opts}}
	c.version.id, c.version.current = from.VersionID, from.Current
	return c, nil
}

// whole copies all of the object. Few servers heed conditions on what it replaces.
func (c *copying) whole(ctx context.Context) (w written, err error) {
	if err := c.to.lookFirst(ctx, c.key, c.opts); err != nil {
		return w, err
	}
	c.done, err = c.to.writeWhatIsKnown(c.opts, true, false, func(less carried) error {
		err := c.do(func(source string) (err error) {
			w, err = c.to.copyObject(ctx, c, less, source)
			return err
		})
		return c.blame(ctx, err, isConditional(c.opts))
	})
	return w, err
}

// do makes a request with the value of x-amz-copy-source.
func (c *copying) do(request func(source string) error) error {
	return c.version.use(func(id string) error {
		return request(copySource(c.from.opts.Bucket, c.from.full(c.source.Key), id))
	})
}

// made reports whether an object is a copy of the source, as far as ETags tell.
func (c *copying) made(info storage.Info) bool {
	from := &c.source
	return info.Size == from.Size && info.ETag == from.ETag && !info.Opaque && !from.Opaque
}

// unmet is the failure of a copy whose source is not the one that the user wants.
func (c *copying) unmet(err error) error {
	if c != nil && c.opts.CopyIfMatch != "" && errors.Is(err, storage.ErrChanged) {
		return &failure{kind: storage.ErrPrecondition, text: err.Error()}
	}
	return err
}

// blame decides whether it is the source that a request failed for, because it is
// not what was opened, or the target if the request had conditions on that, too:
// the answer tells only that one did not hold. The text may repeat the customer
// key of either.
func (c *copying) blame(ctx context.Context, err error, conditional bool) error {
	f, ok := errors.AsType[*failure](err)
	if !ok {
		return err
	}
	told := *f
	told.text = c.from.client.secrets.mask(f.text)
	switch condition := errors.Is(f, fs.ErrNotExist) || errors.Is(f, storage.ErrPrecondition); {
	case condition && !conditional:
		return changed("%s", told.text)
	case condition, isRange(f), f.status == http.StatusBadRequest: // a range that another object does not have
	default:
		return &told
	}
	switch _, herr := c.from.headAgain(ctx, target{key: c.source.Key, versionID: c.version.asked(), etag: c.source.ETag}); {
	case errors.Is(herr, storage.ErrChanged):
		return changed("%s", told.text)
	case storage.Retryable(herr):
		return herr
	}
	return &told
}

// copySource is the value of x-amz-copy-source. An object behind the ARN of an
// access point has an ARN of its own.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
func copySource(bucket, key, version string) string {
	if IsAccessPoint(bucket) {
		bucket += "/object"
	}
	source := percent(bucket+"/"+key, "/")
	if version != "" {
		source += "?versionId=" + percent(version, "")
	}
	return source
}

// percent encodes all bytes but those that RFC 3986, section 2.3, calls unreserved
// and those in keep.
func percent(text, keep string) string {
	const unreserved = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
	var b strings.Builder
	for _, c := range []byte(text) {
		if strings.IndexByte(unreserved, c) >= 0 || strings.IndexByte(keep, c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// context gives a request the customer key of the source.
func (c *copying) context(ctx context.Context, headers ...header) context.Context {
	return withExtra(ctx, extra{headers: append(headers, c.from.opts.Encryption.sourceHeaders()...)})
}

// payer: who pays for one of the two buckets has to agree to it.
func (c *copying) payer() types.RequestPayer { return cmp.Or(c.to.payer, c.from.payer) }

// copyObject copies the whole object. The SDK recognises an error in an answer
// whose status is 200.
func (s *Store) copyObject(ctx context.Context, c *copying, opts carried, source string) (written, error) {
	directive := types.TaggingDirectiveReplace
	if opts.untagged {
		directive = ""
	}
	ctx, cancel := s.limited(c.context(ctx, s.attributeHeaders(opts.WriteOptions)...))
	defer cancel()
	out, err := s.sdk.CopyObject(ctx, &s3.CopyObjectInput{
		Bucket: &s.opts.Bucket, Key: aws.String(s.full(c.key)), RequestPayer: c.payer(),
		CopySource: &source, CopySourceIfMatch: quoted(c.source.ETag),
		MetadataDirective: types.MetadataDirectiveReplace,
		TaggingDirective:  directive,
		ChecksumAlgorithm: types.ChecksumAlgorithm(opts.Checksum.Algorithm),
		IfMatch:           quoted(opts.IfMatch), IfNoneMatch: ifNoneMatch(opts.WriteOptions),
	})
	if err != nil {
		return written{}, s.client.classify(err)
	}
	result := out.CopyObjectResult
	if result == nil || !isETag(result.ETag) { // it may have ended before the copy did
		return written{}, garbled("it names no ETag of the copy")
	}
	w := written{
		etag:        unquoted(result.ETag),
		versionID:   aws.ToString(out.VersionId),
		checksums:   resultChecksums(answered(out.ResultMetadata), string(result.ChecksumType), result),
		unconfirmed: s.opts.Encryption.confirm(out.ServerSideEncryption, out.SSECustomerAlgorithm),
	}
	w.opaque = s.opaque(w.etag, out.ServerSideEncryption, out.SSECustomerAlgorithm)
	return w, nil
}

// CreateCopy begins a multipart upload whose parts are copied.
func (s *Store) CreateCopy(ctx context.Context, key string, from storage.CopySource, opts storage.WriteOptions) (storage.CopyWriter, error) {
	c, err := s.copying(key, from, opts)
	var w *writer
	if err == nil {
		w, err = s.create(ctx, key, opts)
	}
	if err != nil {
		return nil, s.fail(ctx, "copy", key, c.unmet(err))
	}
	return &copyWriter{copying: c, w: w}, nil
}

// A copyWriter is a multipart upload whose parts are copied.
type copyWriter struct {
	*copying

	w *writer
}

// CopyPart copies size bytes from off of the source.
func (c *copyWriter) CopyPart(ctx context.Context, n int, off, size int64) error {
	return c.to.fail(ctx, "copy part", c.key, c.unmet(c.copyPart(ctx, n, off, size)))
}

func (c *copyWriter) copyPart(ctx context.Context, n int, off, size int64) error {
	if whole := c.source.Size; n < 1 || n > maxParts || size <= 0 || off < 0 || size > whole-off {
		return fmt.Errorf("part %d of %d bytes from %d is none of an object of %d", n, size, off, whole)
	}
	var got written
	var d digest
	err := c.do(func(source string) (err error) {
		got, d, err = c.to.copyPart(ctx, c, source, n, off, size)
		return err
	})
	f, answered := errors.AsType[*failure](err)
	answered = err == nil || answered && f.status != 0
	err = c.blame(ctx, err, false)
	c.w.mu.Lock()
	defer c.w.mu.Unlock()
	if err != nil {
		c.w.cut = c.w.cut || !answered
		return err
	}
	if got.unconfirmed == nil {
		c.w.unconfirmed = nil
	}
	c.w.opaque = c.w.opaque || got.opaque
	c.w.parts[n] = part{etag: got.etag, digest: d, size: size}
	if d.alg == "" { // then that of the object does not follow from those of the parts
		c.w.opts.Checksum.Type = ""
	}
	return nil
}

// copyPart copies one part. Its checksum is that which the server computed.
func (s *Store) copyPart(ctx context.Context, c *copyWriter, source string, n int, off, size int64) (written, digest, error) {
	ctx, cancel := s.limited(c.context(ctx))
	defer cancel()
	in := &s3.UploadPartCopyInput{
		Bucket: &s.opts.Bucket, Key: aws.String(s.full(c.key)), RequestPayer: c.payer(),
		UploadId: &c.w.id, PartNumber: aws.Int32(int32(n)), //nolint:gosec // at most 10,000
		CopySource: &source, CopySourceIfMatch: quoted(c.source.ETag),
	}
	if size != c.source.Size { // small objects have no ranges
		in.CopySourceRange = aws.String(fmt.Sprintf("bytes=%d-%d", off, off+size-1))
	}
	out, err := s.sdk.UploadPartCopy(ctx, in)
	if err != nil {
		err = s.client.classify(err)
		if f, ok := errors.AsType[*failure](err); ok && c.opts.Checksum.Algorithm != "" && f.status == http.StatusBadRequest && strings.Contains(f.text, "checksum") {
			f.text += " (the server may be unable to compute checksums of parts that it copies: then objects in parts " +
				"cannot be copied by the server and get an additional checksum, too)"
		}
		if lacking(err) {
			err = naming(storage.ErrUnusable, setting.Textf("%v (the server may not know what %s asks for)", err, setting.Name("ServerSideCopy")))
		}
		return written{}, digest{}, err
	}
	result := out.CopyPartResult
	if result == nil || !isETag(result.ETag) {
		return written{}, digest{}, garbled("it names no ETag of part %d", n)
	}
	var d digest
	if alg := c.opts.Checksum.Algorithm; alg != "" {
		if value := *checksumField(result, alg); value != nil {
			if sum, err := base64.StdEncoding.DecodeString(*value); err == nil {
				d = digest{alg: alg, sum: sum}
			}
		}
	}
	return written{
		etag: unquoted(result.ETag),
		// The ETag of a part may have any form: encryption alone decides.
		opaque:      s.opaque(emptyMD5, out.ServerSideEncryption, out.SSECustomerAlgorithm),
		unconfirmed: s.opts.Encryption.confirm(out.ServerSideEncryption, out.SSECustomerAlgorithm),
	}, d, nil
}

// Commit completes the upload.
func (c *copyWriter) Commit(ctx context.Context) (storage.Info, error) {
	info, err := c.commit(ctx)
	if err != nil {
		return storage.Info{}, c.to.fail(ctx, "commit", c.key, err)
	}
	return info, nil
}

func (c *copyWriter) commit(ctx context.Context) (storage.Info, error) {
	info, err := c.w.commit(ctx)
	if err != nil {
		return storage.Info{}, err
	}
	c.w.mu.Lock()
	w := written{etag: info.ETag, versionID: info.VersionID, opaque: info.Opaque, checksums: info.Checksums, unconfirmed: c.w.unconfirmed}
	c.w.mu.Unlock()
	if err := c.to.complement(ctx, c.key, &w, c.opts); err != nil {
		return storage.Info{}, err
	}
	return w.info(c.key, c.opts.Size, c.opts.Attributes), nil
}

// Abort ends the upload and removes its parts.
func (c *copyWriter) Abort(ctx context.Context) error { return c.w.Abort(ctx) }
