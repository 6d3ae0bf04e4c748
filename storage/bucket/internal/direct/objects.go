package direct

import (
	"context"
	"net/http"
	"strconv"

	"s3sync/storage"
	"s3sync/storage/bucket/internal/request"
	"s3sync/storage/bucket/internal/sigv4"
)

// PutObject writes an object. d is its additional checksum.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html
func (c *Client) PutObject(ctx context.Context, key string, b storage.Block, d request.Digest, opts storage.WriteOptions) (request.Written, error) {
	attributes := c.opts.Dialect.AttributeHeaders(&opts)
	k := c.upload("PutObject", key, "x-id=PutObject", b, d, len(attributes))
	k.setAll(attributes)
	k.setAll(c.opts.Dialect.Encryption.Headers(k.operation))
	k.quote("If-Match", opts.IfMatch)
	if opts.IfAbsent {
		k.set("If-None-Match", "*")
	}
	k.once = opts.Once
	var w request.Written
	err := c.do(ctx, k, func(resp *http.Response) error {
		if err := errorInside(resp); err != nil {
			return err
		}
		w = c.opts.Dialect.OfPut(resp.Header)
		return nil
	})
	return w, err
}

// UploadPart writes part n of an upload.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPart.html
func (c *Client) UploadPart(ctx context.Context, u request.Upload, n int, b storage.Block, d request.Digest) (request.Written, error) {
	query := sigv4.AppendParameter(make([]byte, 0, 64+3*len(u.ID)), "partNumber", strconv.Itoa(n))
	query = sigv4.AppendParameter(query, "uploadId", u.ID)
	query = sigv4.AppendParameter(query, "x-id", "UploadPart")
	k := c.upload("UploadPart", u.Key, string(query), b, d, 0)
	k.setAll(c.opts.Dialect.Encryption.Headers(k.operation))
	var w request.Written
	err := c.do(ctx, k, func(resp *http.Response) error {
		if err := errorInside(resp); err != nil {
			return err
		}
		w = c.opts.Dialect.OfPart(resp.Header)
		return d.Check(resp.Header)
	})
	return w, err
}

// upload begins a call that sends a block.
func (c *Client) upload(operation, key, query string, b storage.Block, d request.Digest, headers int) *call {
	k := c.start(operation, http.MethodPut, key, query, c.opts.Dialect.PayloadHash(b), headers+4)
	k.carry(b)
	k.set("Content-Type", "application/octet-stream") // as the SDK has it
	k.set("Content-Md5", c.opts.Dialect.ContentMD5(b))
	k.setAll(d.Headers())
	return k
}

// GetObject asks for n bytes of an object from off, or for all of it if n is 0. The answer
// has its body.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
func (c *Client) GetObject(ctx context.Context, ref request.ObjectRef, off, n int64) (*request.Answer, error) {
	k := c.object("GetObject", http.MethodGet, ref)
	if n > 0 {
		k.set("Range", request.Range(off, n))
	}
	var a *request.Answer
	err := c.do(ctx, k, func(resp *http.Response) (err error) {
		if a, err = c.opts.Dialect.OfGet(ref, resp.Header); err != nil {
			_ = resp.Body.Close() // nobody reads it
			return err
		}
		a.Body = resp.Body
		return nil
	})
	return a, err
}

// HeadObject asks for the headers of an object.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html
func (c *Client) HeadObject(ctx context.Context, ref request.ObjectRef) (*request.Answer, error) {
	k := c.object("HeadObject", http.MethodHead, ref)
	k.part = ref.Part > 0
	var a *request.Answer
	err := c.do(ctx, k, func(resp *http.Response) (err error) {
		discard(resp)
		a, err = c.opts.Dialect.OfHead(ref, resp.Header)
		return err
	})
	return a, err
}

// object begins a call that reads an object.
func (c *Client) object(operation, method string, ref request.ObjectRef) *call {
	var query string
	switch {
	case ref.Part > 0 || ref.VersionID != "":
		b := make([]byte, 0, 64+3*len(ref.VersionID))
		if ref.Part > 0 {
			b = sigv4.AppendParameter(b, "partNumber", strconv.Itoa(ref.Part))
		}
		if ref.VersionID != "" {
			b = sigv4.AppendParameter(b, "versionId", ref.VersionID)
		}
		if method == http.MethodGet {
			b = sigv4.AppendParameter(b, "x-id", operation)
		}
		query = string(b)
	case method == http.MethodGet:
		query = "x-id=GetObject"
	}
	k := c.start(operation, method, ref.Key, query, request.EmptySHA256, 2)
	k.quote("If-Match", ref.ETag)
	if ref.Checksums {
		k.set(request.ChecksumMode, "ENABLED")
	}
	k.setAll(c.opts.Dialect.Encryption.Headers(operation))
	return k
}

// DeleteObject removes an object. confirmed is false if the answer may not come from S3.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObject.html
func (c *Client) DeleteObject(ctx context.Context, key, etag string, onlyOnce bool) (confirmed bool, err error) {
	k := c.start("DeleteObject", http.MethodDelete, key, "x-id=DeleteObject", request.EmptySHA256, 1)
	k.quote("If-Match", etag)
	k.once = onlyOnce
	err = c.do(ctx, k, func(resp *http.Response) error {
		discard(resp)
		confirmed = request.ConfirmsDeletion(resp.StatusCode, resp.Header)
		return nil
	})
	return confirmed, err
}
