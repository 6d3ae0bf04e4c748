// Package direct makes the requests of a bucket that a run makes for every object, without
// the AWS SDK: it builds an HTTP request with few allocations, signs it and reads its answer.
// What it sends, what it makes of an answer and what it sends again are what package wire
// does with the SDK; a test of that package compares them. Package wire decides which
// buckets it is used for.
package direct

import (
	"context"
	"sync/atomic"

	"s3sync/storage/bucket/internal/answer"
	"s3sync/storage/bucket/internal/page"
	"s3sync/storage/bucket/internal/request"
	"s3sync/storage/bucket/internal/sigv4"
)

// A Route says where requests go and what their signatures are valid for.
type Route struct {
	Scheme string
	Host   string // of the connection, with a port if there is one
	Header string // the header Host, which has no default port
	// Base is the path of the bucket: empty, or one that begins with a slash and does not
	// end with one.
	Base  string
	Scope sigv4.Scope
}

// Options say how requests are made.
type Options struct {
	Dialect    *request.Dialect
	Translator *request.Translator
	Answers    *answer.Checker

	MaxAttempts int

	// Route returns the route of the next attempt.
	Route func() *Route
	// Credentials returns the credentials of the next attempt. If it is nil, requests are
	// not signed. Its errors are failures.
	Credentials func(context.Context) (sigv4.Credentials, error)
	// Move is told the region of the bucket, if that is not the one of the route. It reports
	// whether the route has another one now.
	Move func(ctx context.Context, region string) bool
	// Renew is told credentials that have expired. It reports whether there are others now.
	// sure is false if they may have expired.
	Renew func(ctx context.Context, used sigv4.Credentials, sure bool) bool
}

// A Client makes requests. Its methods may be called concurrently. They take and return
// what those of package wire do.
type Client struct {
	opts   Options
	signer sigv4.Signer
	pages  page.Parser
	// offset is how far the clock of the server is ahead, in ns, since a request was refused
	// for its time.
	offset atomic.Int64
}

// New returns a client.
func New(o Options) *Client { return &Client{opts: o} }
