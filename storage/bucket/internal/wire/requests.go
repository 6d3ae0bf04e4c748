package wire

import (
	"context"

	"s3sync/storage"
	"s3sync/storage/bucket/internal/request"
	"s3sync/storage/bucket/internal/transport"
)

// requests are those that a run makes for every object, with the SDK or without it. They
// do what those of Client do, with three differences: no call has a time-out, the body that
// GetObject returns ends with its context until transport.Outlive, and PutObject is given the additional checksum.
// Errors are failures.
type requests interface {
	PutObject(ctx context.Context, key string, b storage.Block, d request.Digest, opts storage.WriteOptions) (request.Written, error)
	UploadPart(ctx context.Context, u request.Upload, n int, b storage.Block, d request.Digest) (request.Written, error)
	GetObject(ctx context.Context, ref request.ObjectRef, off, n int64) (*request.Answer, error)
	HeadObject(ctx context.Context, ref request.ObjectRef) (*request.Answer, error)
	ListObjectsV2(ctx context.Context, r request.ListRequest) (request.ListPage, error)
	ListObjectVersions(ctx context.Context, r request.VersionsRequest) (request.VersionsPage, error)
	DeleteObject(ctx context.Context, key, etag string, onlyOnce bool) (confirmed bool, err error)
	DeleteObjects(ctx context.Context, keys []string) ([]request.Deletion, error)
}

// PutObject writes an object. It keeps opts.Once, and makes one attempt only for a
// stream.
func (c *Client) PutObject(ctx context.Context, key string, b storage.Block, opts storage.WriteOptions) (request.Written, error) {
	d, err := request.DigestOf(b, opts.Checksum)
	if err != nil {
		return request.Written{}, err
	}
	return write(ctx, c, func(ctx context.Context) (request.Written, error) {
		return c.hot.PutObject(ctx, key, b, d, opts)
	})
}

// UploadPart writes part n. It fails if the server answers another checksum than d.
func (c *Client) UploadPart(ctx context.Context, u request.Upload, n int, b storage.Block, d request.Digest) (request.Written, error) {
	return write(ctx, c, func(ctx context.Context) (request.Written, error) {
		return c.hot.UploadPart(ctx, u, n, b, d)
	})
}

// GetObject asks for n bytes of an object from off, or for all of it if n is 0. The
// body outlives ctx: it ends when it is closed.
func (c *Client) GetObject(ctx context.Context, ref request.ObjectRef, off, n int64) (*request.Answer, error) {
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return operate(ctx, c, func(ctx context.Context) (*request.Answer, error) {
		a, err := c.hot.GetObject(ctx, ref, off, n)
		if err == nil {
			transport.Outlive(a.Body)
		}
		return a, err
	})
}

// HeadObject asks for the headers of an object.
func (c *Client) HeadObject(ctx context.Context, ref request.ObjectRef) (*request.Answer, error) {
	return operate(ctx, c, func(ctx context.Context) (*request.Answer, error) {
		return c.hot.HeadObject(ctx, ref)
	})
}

// ListObjectsV2 makes one request of a listing.
func (c *Client) ListObjectsV2(ctx context.Context, r request.ListRequest) (request.ListPage, error) {
	return operate(ctx, c, func(ctx context.Context) (request.ListPage, error) {
		return c.hot.ListObjectsV2(ctx, r)
	})
}

// ListObjectVersions makes one request of a listing of versions.
func (c *Client) ListObjectVersions(ctx context.Context, r request.VersionsRequest) (request.VersionsPage, error) {
	return operate(ctx, c, func(ctx context.Context) (request.VersionsPage, error) {
		return c.hot.ListObjectVersions(ctx, r)
	})
}

// DeleteObject removes an object. If an ETag is given, the object must have it. onlyOnce
// is WriteOptions.Once. confirmed is false if the answer may not come from S3.
func (c *Client) DeleteObject(ctx context.Context, key, etag string, onlyOnce bool) (confirmed bool, err error) {
	return write(ctx, c, func(ctx context.Context) (bool, error) {
		return c.hot.DeleteObject(ctx, key, etag, onlyOnce)
	})
}

// DeleteObjects removes objects with one request. It returns what the server says. The
// answer may not name all keys: some servers name only what failed.
func (c *Client) DeleteObjects(ctx context.Context, keys []string) ([]request.Deletion, error) {
	return write(ctx, c, func(ctx context.Context) ([]request.Deletion, error) {
		return c.hot.DeleteObjects(ctx, keys)
	})
}
