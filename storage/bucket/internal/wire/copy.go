package wire

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"s3sync/storage"
	"s3sync/storage/bucket/internal/address"
	"s3sync/storage/bucket/internal/answer"
	"s3sync/storage/bucket/internal/failure"
	"s3sync/storage/bucket/internal/request"
)

// A CopySource names the object that the server copies, and no other one: the
// request is refused if it has another ETag.
type CopySource struct {
	Client    *Client // of its bucket
	Key       string
	VersionID string
	ETag      string
	Size      int64
}

// header is the value of x-amz-copy-source. An object behind the ARN of an access
// point has an ARN of its own.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
func (s *CopySource) header() string { return copySource(s.Client.sdk.bucket, s.Key, s.VersionID) }

func copySource(bucket, key, version string) string {
	if address.IsAccessPoint(bucket) {
		bucket += "/object"
	}
	source := percentEncode(bucket+"/"+key, "/")
	if version != "" {
		source += "?versionId=" + percentEncode(version, "")
	}
	return source
}

// percentEncode encodes all bytes but those that RFC 3986, section 2.3, calls
// unreserved and those in keep.
func percentEncode(text, keep string) string {
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
func (s *CopySource) context(ctx context.Context, headers ...request.Header) context.Context {
	return withExtra(ctx, extra{headers: append(headers, s.Client.dialect.Encryption.SourceHeaders()...)})
}

// copyPayer: who pays for one of the two buckets has to agree to it.
func (c *Client) copyPayer(from *CopySource) types.RequestPayer {
	return cmp.Or(c.sdk.payer, from.Client.sdk.payer)
}

// CopyObject copies a whole object. untagged leaves out what the tags of the copy
// are to be, for a server that knows none. The SDK recognises an error in an answer
// whose status is 200.
func (c *Client) CopyObject(ctx context.Context, from CopySource, key string, opts storage.WriteOptions, untagged bool) (request.Written, error) {
	directive := types.TaggingDirectiveReplace
	if untagged {
		directive = ""
	}
	in := &s3.CopyObjectInput{
		Bucket: &c.sdk.bucket, Key: &key, RequestPayer: c.copyPayer(&from),
		CopySource: aws.String(from.header()), CopySourceIfMatch: quoted(from.ETag),
		MetadataDirective: types.MetadataDirectiveReplace,
		TaggingDirective:  directive,
		ChecksumAlgorithm: types.ChecksumAlgorithm(opts.Checksum.Algorithm),
		IfMatch:           quoted(opts.IfMatch), IfNoneMatch: ifNoneMatch(&opts),
	}
	ctx = from.context(ctx, c.dialect.AttributeHeaders(&opts)...)
	out, err := write(ctx, c, func(ctx context.Context) (*s3.CopyObjectOutput, error) {
		return c.sdk.client.CopyObject(ctx, in)
	})
	if err != nil {
		return request.Written{}, err
	}
	result := out.CopyObjectResult
	if result == nil || !answer.IsETag(unquoted(result.ETag)) { // it may have ended before the copy did
		return request.Written{}, failure.Garbled("it names no ETag of the copy")
	}
	h := answered(out.ResultMetadata)
	return c.dialect.OfResult(unquoted(result.ETag), h, resultChecksums(h, string(result.ChecksumType), result)), nil
}

// UploadPartCopy copies p.Size bytes from off as part p.Number. It sets the ETag of
// p and, if the upload has checksums of an algorithm, the digest that the server
// computed.
func (c *Client) UploadPartCopy(ctx context.Context, from CopySource, u request.Upload, p *request.Part, off int64, want storage.Checksum) (request.Written, error) {
	in := &s3.UploadPartCopyInput{
		Bucket: &c.sdk.bucket, Key: &u.Key, RequestPayer: c.copyPayer(&from),
		UploadId: &u.ID, PartNumber: aws.Int32(int32(p.Number)), //nolint:gosec // at most 10,000
		CopySource: aws.String(from.header()), CopySourceIfMatch: quoted(from.ETag),
	}
	if p.Size != from.Size { // small objects have no ranges
		in.CopySourceRange = aws.String(request.Range(off, p.Size))
	}
	out, err := operate(from.context(ctx), c, func(ctx context.Context) (*s3.UploadPartCopyOutput, error) {
		return c.sdk.client.UploadPartCopy(ctx, in)
	})
	if err != nil {
		if f, ok := errors.AsType[*failure.Error](err); ok && want.Algorithm != "" && f.Status == http.StatusBadRequest && strings.Contains(f.Text, "checksum") {
			f.Text += " (the server may be unable to compute checksums of parts that it copies: then objects in parts " +
				"cannot be copied by the server and get an additional checksum, too)"
		}
		return request.Written{}, err
	}
	result := out.CopyPartResult
	if result == nil || !answer.IsETag(unquoted(result.ETag)) {
		return request.Written{}, failure.Garbled("it names no ETag of part %d", p.Number)
	}
	if alg := want.Algorithm; alg != "" {
		if value := *checksumField(result, alg); value != nil {
			if sum, err := base64.StdEncoding.DecodeString(*value); err == nil {
				p.Digest = request.Digest{Algorithm: alg, Sum: sum}
			}
		}
	}
	p.ETag = unquoted(result.ETag)
	w := c.dialect.OfPart(answered(out.ResultMetadata))
	w.ETag = p.ETag
	return w, nil
}
