package direct

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"s3sync/storage/bucket/internal/failure"
	"s3sync/storage/bucket/internal/page"
	"s3sync/storage/bucket/internal/request"
	"s3sync/storage/bucket/internal/sigv4"
)

// ListObjectsV2 makes one request of a listing.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
func (c *Client) ListObjectsV2(ctx context.Context, r request.ListRequest) (request.ListPage, error) {
	q := query{size: len(r.Prefix) + len(r.After) + len(r.Token)}
	q.add("continuation-token", r.Token)
	q.add("delimiter", r.Delimiter)
	q.add("encoding-type", "url") // control characters cannot stand in XML
	q.add("list-type", "2")
	q.add("max-keys", strconv.Itoa(min(r.MaxKeys, request.MaxPageSize)))
	q.add("prefix", r.Prefix)
	q.add("start-after", r.After)
	p, err := c.list(ctx, "ListObjectsV2", string(q.text), r.RestoreStatus, c.pages.Objects)
	return request.ListPage{Objects: p.Objects, Prefixes: p.Prefixes, Truncated: p.Truncated, Token: p.Token}, err
}

// ListObjectVersions makes one request of a listing of versions.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectVersions.html
func (c *Client) ListObjectVersions(ctx context.Context, r request.VersionsRequest) (request.VersionsPage, error) {
	q := query{size: len(r.Prefix) + len(r.From.Key) + len(r.From.VersionID)}
	q.add("encoding-type", "url")
	q.add("key-marker", r.From.Key)
	q.add("max-keys", strconv.Itoa(min(r.MaxKeys, request.MaxPageSize)))
	q.add("prefix", r.Prefix)
	q.add("version-id-marker", r.From.VersionID)
	text := sigv4.AppendParameter(q.text, "versions", "")
	p, err := c.list(ctx, "ListObjectVersions", string(text), r.RestoreStatus, c.pages.Versions)
	next := request.VersionMarker{Key: p.NextKey, VersionID: p.NextVersionID}
	return request.VersionsPage{Versions: p.Objects, Truncated: p.Truncated, Next: next}, err
}

// A query is made of parameters in the order of their names. size is about how long their
// values are, in bytes.
type query struct {
	text []byte
	size int
}

// add adds a parameter, if it has a value.
func (q *query) add(name, value string) {
	if value == "" {
		return
	}
	if q.text == nil {
		q.text = make([]byte, 0, 128+2*q.size)
	}
	q.text = sigv4.AppendParameter(q.text, name, value)
}

func (c *Client) list(
	ctx context.Context, operation, query string, restoreStatus bool, parse func(io.Reader, int64) (page.Page, error),
) (p page.Page, err error) {
	k := c.start(operation, http.MethodGet, "", query, request.EmptySHA256, 2)
	if restoreStatus {
		k.set("X-Amz-Optional-Object-Attributes", "RestoreStatus")
	}
	err = c.do(ctx, k, func(resp *http.Response) (err error) {
		p, err = parsed(resp, parse)
		return err
	})
	return p, err
}

// parsed is what parse makes of the body of an answer. An error of the connection is one of
// an answer that cannot be understood.
func parsed[T any](resp *http.Response, parse func(body io.Reader, size int64) (T, error)) (T, error) {
	defer discard(resp)
	what, err := parse(resp.Body, resp.ContentLength)
	if _, own := errors.AsType[*failure.Error](err); err != nil && !own {
		err = &request.UnreadableError{Err: fmt.Errorf("failed to decode response body, %w", err)}
	}
	return what, err
}
