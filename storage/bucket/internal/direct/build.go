package direct

import (
	"context"
	"net/http"
	"net/url"

	"s3sync/storage"
	"s3sync/storage/bucket/internal/request"
	"s3sync/storage/bucket/internal/sigv4"
	"s3sync/storage/bucket/internal/transport"
)

// A call is one request of S3 with its attempts.
type call struct {
	operation, method string
	key               string // empty is the bucket
	query             string // as it is signed
	header            http.Header
	values            []string           // of header
	few               [fewHeaders]string // memory of values
	payloadHash       string
	body              storage.Block
	length            int64
	// once keeps a request that may have been carried out from being sent again.
	once bool
	// part: it asks for one part of an object.
	part bool
}

// commonHeaders is how many headers every request has, with those of the signature.
// Most have fewHeaders at most.
const commonHeaders, fewHeaders = 6, 12

// start begins a call. Its headers are set by set; there will be about as many of them as
// headers says.
func (c *Client) start(operation, method, key, query, payloadHash string, headers int) *call {
	k := &call{
		operation: operation, method: method, key: key, query: query,
		header: make(http.Header, commonHeaders+headers), payloadHash: payloadHash,
	}
	if k.values = k.few[:0]; commonHeaders+headers > fewHeaders {
		k.values = make([]string, 0, commonHeaders+headers)
	}
	k.set("User-Agent", "s3sync")
	k.set("Accept-Encoding", "identity") // or a proxy may compress the answer
	k.set("X-Amz-Content-Sha256", payloadHash)
	if c.opts.Dialect.RequestPayer {
		k.set("X-Amz-Request-Payer", "requester")
	}
	return k
}

// set sets a header, if it has a value. The name is written as package http does.
func (k *call) set(name, value string) {
	if value == "" {
		return
	}
	n := len(k.values)
	k.values = append(k.values, value)
	k.header[name] = k.values[n : n+1 : n+1]
}

// quote sets a header to a text in quotes.
func (k *call) quote(name, etag string) {
	if etag != "" {
		k.set(name, `"`+etag+`"`)
	}
}

// setAll sets headers, also those without a value.
func (k *call) setAll(headers []request.Header) {
	for _, h := range headers {
		n := len(k.values)
		k.values = append(k.values, h.Value)
		k.header[http.CanonicalHeaderKey(h.Name)] = k.values[n : n+1 : n+1]
	}
}

// carry gives a call a body.
func (k *call) carry(b storage.Block) { k.body, k.length = b, request.Length(b) }

// A stream is the body of a request that can be read once.
type stream struct{ storage.Block }

func (s stream) Read(p []byte) (int, error) { return s.Stream.Read(p) }

func (stream) Close() error { return nil }

// build makes the HTTP request of an attempt.
func (c *Client) build(ctx context.Context, k *call, to *Route) *http.Request {
	path := to.Base
	if k.key != "" || path == "" {
		path += "/" + k.key
	}
	raw := path
	if sigv4.NeedsEscape(path) {
		raw = string(sigv4.AppendEscaped(make([]byte, 0, len(path)+32), path, true))
	}
	req := (&http.Request{
		Method: k.method, Host: to.Header, Header: k.header,
		URL:   &url.URL{Scheme: to.Scheme, Host: to.Host, Path: path, RawPath: raw, RawQuery: k.query},
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}).WithContext(ctx)
	switch {
	case k.length == 0: // a body without a length would be sent in chunks
	case k.body.Stream != nil:
		req.Body, req.ContentLength = stream{k.body}, k.length
	default:
		req.Body, req.ContentLength = transport.NewBody(k.body.Data), k.length
	}
	return req
}
