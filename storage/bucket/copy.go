package bucket

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"time"

	"s3sync/internal/setting"
	"s3sync/storage"
	"s3sync/storage/bucket/internal/address"
	"s3sync/storage/bucket/internal/failure"
	"s3sync/storage/bucket/internal/objects"
	"s3sync/storage/bucket/internal/request"
	"s3sync/storage/bucket/internal/wire"
)

// In a server-side copy, the server of the target reads the source, with the credentials
// of the target. Every request requires the ETag of the object that was described. So no
// other object is copied, and no object is put together from two.

// maxCopy is how many bytes S3 copies at once: of an object, or of a part.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/copy-object.html
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
const maxCopy = 5 << 30

var _ storage.Copier = (*Store)(nil)

// Copies reports whether from is a bucket of the same server, or of AWS if this
// one is. Whether the credentials allow it shows at the first copy.
func (s *Store) Copies(from storage.Store) bool {
	o, ok := storage.As[*Store](from)
	if !ok || s.access.Wire.Server() != o.access.Wire.Server() { // partitions of AWS know nothing of each other
		return false
	}
	// https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
	return !address.IsAccessPoint(o.access.Bucket) || !address.ParseARN(o.access.Bucket).MultiRegion()
}

// Copy lets the server make an object of the one that from names.
func (s *Store) Copy(ctx context.Context, key string, from storage.CopySource, opts storage.WriteOptions) (storage.Info, error) {
	c, err := s.copying(key, from, opts)
	if err == nil && opts.Size != c.source.Size {
		err = fmt.Errorf("%d bytes are wanted of an object of %d", opts.Size, c.source.Size)
	}
	var info storage.Info
	if err == nil {
		info, err = c.copyWhole(ctx)
	}
	if err != nil {
		return storage.Info{}, s.access.Fail(ctx, "copy", key, c.unmet(err))
	}
	return info, nil
}

// CreateCopy begins a multipart upload whose parts are copied.
func (s *Store) CreateCopy(ctx context.Context, key string, from storage.CopySource, opts storage.WriteOptions) (storage.CopyWriter, error) {
	c, err := s.copying(key, from, opts)
	var w *writer
	if err == nil {
		w, err = s.writing.create(ctx, key, opts)
	}
	if err != nil {
		return nil, s.access.Fail(ctx, "copy", key, c.unmet(err))
	}
	return &copyWriter{copying: c, w: w}, nil
}

// A copying is one object on its way between two stores of a server.
type copying struct {
	to      *writing
	from    *objects.Objects
	source  storage.CopySource
	version objects.Version // of the source
	key     string
	opts    storage.WriteOptions
	done    carried // what of them the copy got
}

func (s *Store) copying(key string, from storage.CopySource, opts storage.WriteOptions) (*copying, error) {
	store, ok := storage.As[*Store](from.Store)
	if !ok || !s.Copies(store) {
		return nil, errors.New("the source is not in a bucket that the server of the target can read")
	}
	if err := s.writing.CheckKey(key); err != nil {
		return nil, err
	}
	if err := store.objects.CheckSingle(from.Key); err != nil {
		return nil, err
	}
	if err := request.CheckAlgorithm(opts.Checksum); err != nil {
		return nil, err
	}
	if opts.CopyIfMatch != "" && opts.CopyIfMatch != from.ETag {
		return nil, &failure.Error{Kind: storage.ErrPrecondition, Text: fmt.Sprintf(
			"%v: the ETag of the source was %q and is %q", storage.ErrPrecondition, opts.CopyIfMatch, from.ETag)}
	}
	c := &copying{to: s.writing, from: store.objects, source: from, key: key, opts: opts, done: carried{WriteOptions: opts}}
	c.version.Pin(from.VersionID, from.Current)
	return c, nil
}

// copyWhole copies the object at once.
func (c *copying) copyWhole(ctx context.Context) (storage.Info, error) {
	result, err := c.to.conditionally(ctx, c.key, c.opts, time.Now(), c.made, c.whole)
	if err == nil {
		err = c.to.fetchMissing(ctx, c.key, &result, c.opts)
	}
	if err == nil {
		err = c.to.tags.keep(ctx, c.key, tagsOfCopy, c.done.WriteOptions)
	}
	return infoOf(&result, c.key, c.opts.Size, c.opts.Attributes), err
}

// whole makes the request for all of the object. Few servers heed conditions on what it replaces.
func (c *copying) whole(ctx context.Context) (result request.Written, err error) {
	if err := c.to.lookFirst(ctx, c.key, c.opts); err != nil {
		return result, err
	}
	c.done, err = c.to.writeWhatIsKnown(c.opts, true, false, func(less carried) error {
		err := c.do(func(from wire.CopySource) (err error) {
			result, err = c.to.Wire.CopyObject(ctx, from, c.to.Full(c.key), less.WriteOptions, less.untagged)
			return err
		})
		return c.attributeFailure(ctx, err, isConditional(c.opts))
	})
	return result, err
}

// do makes a request with the version of the source that may be named.
func (c *copying) do(ask func(wire.CopySource) error) error {
	return c.version.Use(func(id string) error {
		return ask(wire.CopySource{
			Client: c.from.Wire, Key: c.from.Full(c.source.Key), VersionID: id, ETag: c.source.ETag, Size: c.source.Size,
		})
	})
}

// made reports whether an object is a copy of the source, as far as ETags tell.
func (c *copying) made(info storage.Info) bool {
	from := &c.source
	return info.Size == from.Size && info.ETag == from.ETag && !info.ETagNotDigest && !from.ETagNotDigest
}

// unmet is the failure of a copy whose source is not the one that the user wants.
func (c *copying) unmet(err error) error {
	if c != nil && c.opts.CopyIfMatch != "" && errors.Is(err, storage.ErrChanged) {
		return &failure.Error{Kind: storage.ErrPrecondition, Text: err.Error()}
	}
	return err
}

// attributeFailure decides whether a request failed because of the source or because of
// the target. The answer says only that a condition did not hold. If the request had
// conditions on both, one more request looks whether the source is still what was opened.
// The text of the server may repeat the customer key of either, so it is masked.
func (c *copying) attributeFailure(ctx context.Context, err error, conditional bool) error {
	f, ok := errors.AsType[*failure.Error](err)
	if !ok {
		return err
	}
	masked := *f
	masked.Text = c.from.Wire.Mask(f.Text)
	switch condition := errors.Is(f, fs.ErrNotExist) || errors.Is(f, storage.ErrPrecondition); {
	case condition && !conditional:
		return failure.Changed("%s", masked.Text)
	case condition, failure.IsRange(f), f.Status == http.StatusBadRequest: // a range that another object does not have
	default:
		return &masked
	}
	switch _, herr := c.from.HeadAgain(ctx, request.ObjectRef{Key: c.source.Key, VersionID: c.version.Asked(), ETag: c.source.ETag}); {
	case errors.Is(herr, storage.ErrChanged):
		return failure.Changed("%s", masked.Text)
	case storage.Retryable(herr):
		return herr
	}
	return &masked
}

// A copyWriter is a multipart upload whose parts are copied.
type copyWriter struct {
	*copying

	w *writer
}

// CopyPart copies size bytes from off of the source.
func (c *copyWriter) CopyPart(ctx context.Context, n int, off, size int64) error {
	return c.to.Fail(ctx, "copy part", c.key, c.unmet(c.copyPart(ctx, n, off, size)))
}

func (c *copyWriter) copyPart(ctx context.Context, n int, off, size int64) error {
	if whole := c.source.Size; n < 1 || n > request.MaxParts || size <= 0 || off < 0 || size > whole-off {
		return fmt.Errorf("part %d of %d bytes from %d is none of an object of %d", n, size, off, whole)
	}
	part := request.Part{Number: n, Size: size}
	var got request.Written
	err := c.do(func(from wire.CopySource) (err error) {
		got, err = c.to.Wire.UploadPartCopy(ctx, from, c.w.upload, &part, off, c.opts.Checksum)
		return err
	})
	if failure.IsUnsupported(err) {
		err = failure.Naming(storage.ErrUnusable, setting.Textf("%v (the server may not know what %s asks for)", err, setting.Name("ServerSideCopy")))
	}
	f, answered := errors.AsType[*failure.Error](err)
	answered = err == nil || answered && f.Status != 0
	err = c.attributeFailure(ctx, err, false)
	c.w.mu.Lock()
	defer c.w.mu.Unlock()
	if err != nil {
		c.w.cut = c.w.cut || !answered
		return err
	}
	if got.Unconfirmed == nil {
		c.w.unconfirmed = nil
	}
	c.w.etagNotDigest = c.w.etagNotDigest || got.ETagNotDigest
	c.w.parts[n] = part
	if part.Digest.Algorithm == "" { // then that of the object does not follow from those of the parts
		c.w.opts.Checksum.Type = ""
	}
	return nil
}

// Commit completes the upload.
func (c *copyWriter) Commit(ctx context.Context) (storage.Info, error) {
	info, err := c.commit(ctx)
	if err != nil {
		return storage.Info{}, c.to.Fail(ctx, "commit", c.key, err)
	}
	return info, nil
}

func (c *copyWriter) commit(ctx context.Context) (storage.Info, error) {
	info, err := c.w.commit(ctx)
	if err != nil {
		return storage.Info{}, err
	}
	c.w.mu.Lock()
	result := request.Written{
		ETag: info.ETag, VersionID: info.VersionID, ETagNotDigest: info.ETagNotDigest, Checksums: info.Checksums, Unconfirmed: c.w.unconfirmed,
	}
	c.w.mu.Unlock()
	if err := c.to.fetchMissing(ctx, c.key, &result, c.opts); err != nil {
		return storage.Info{}, err
	}
	return infoOf(&result, c.key, c.opts.Size, c.opts.Attributes), nil
}

// Abort ends the upload and removes its parts.
func (c *copyWriter) Abort(ctx context.Context) error { return c.w.Abort(ctx) }
