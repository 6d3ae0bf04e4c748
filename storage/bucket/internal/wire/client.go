// Package wire makes the requests of a bucket, each in one method with the name of the
// S3 operation. It takes and returns types of this program. Keys are full keys of the
// bucket, and errors are those of package failure. The caller decides what a server may
// lack and what follows from an answer.
//
// No other package but account knows the AWS SDK, and no type of it is exported. The
// requests that a run makes for every object go through package direct, without the SDK,
// if the bucket has an endpoint whose signatures that package can make: see router. The
// SDK finds the endpoint and the credentials in both cases.
//
// What the requests carry lets the server refuse damaged data: uploads have
// Content-MD5, a signed SHA-256 of their payload and the additional checksum that
// the object is to have, all computed by the caller and only once. Additional
// checksums go by headers of ours, those of package request: the SDK computes and verifies
// none, and need not know their algorithms. Encryption goes by headers, too, which are
// added to every request that takes them.
package wire

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"s3sync/storage"
	"s3sync/storage/bucket/internal/account"
	"s3sync/storage/bucket/internal/address"
	"s3sync/storage/bucket/internal/answer"
	"s3sync/storage/bucket/internal/direct"
	"s3sync/storage/bucket/internal/failure"
	"s3sync/storage/bucket/internal/request"
	"s3sync/storage/bucket/internal/transport"
)

// Options say which bucket is asked, by whom and how.
type Options struct {
	// Bucket is a name or the ARN of an access point.
	Bucket string

	// Account is who asks.
	Account     account.Options
	EndpointURL string // http(s)://host[:port]

	Accelerate, RequestPayer, PathStyle bool
	// UnsignedPayload leaves the payload of uploads out of the signature, and
	// NoContentMD5 sends them without Content-MD5.
	UnsignedPayload, NoContentMD5 bool
	Encryption                    request.Encryption

	MaxAttempts      int           // of each request; at least 1 is made
	InitialBackoff   time.Duration // at most, after the first attempt; it doubles
	OperationTimeout time.Duration // of a call with its attempts; 0 is none

	// Notice, if set, receives what the user should know. Any goroutine may call it.
	Notice func(storage.Notice)

	// Transport is how requests are sent. Operation and Secrets are filled in.
	Transport transport.Options
}

// A Client makes the requests of one bucket. Its methods may be called
// concurrently.
type Client struct {
	translator translator
	dialect    request.Dialect
	answers    answer.Checker
	router     router
	timeout    timeout
	sdk        sdkRequests
	hot        requests // &sdk, or those without it
	// identify is nil if requests are not signed.
	identify func(context.Context) (account.Identity, error)
}

// Open prepares for requests. It reads configuration files and the environment as the
// SDK does. It gets credentials once, so that missing ones are reported at the start. It
// sends no request to the bucket. Its errors are storage.ErrUnusable.
func Open(ctx context.Context, o Options) (*Client, error) {
	if err := o.Encryption.Complete(); err != nil {
		return nil, err
	}
	c, err := open(ctx, &o)
	if err != nil {
		return nil, fmt.Errorf("bucket %s: %w", o.Bucket, err)
	}
	return c, nil
}

func open(ctx context.Context, o *Options) (*Client, error) {
	c := &Client{
		translator: translator{request.Translator{Bucket: o.Bucket, Endpoint: o.EndpointURL}},
		dialect: request.Dialect{
			Directory: address.IsDirectory(o.Bucket), UnsignedPayload: o.UnsignedPayload, NoContentMD5: o.NoContentMD5,
			RequestPayer: o.RequestPayer, Encryption: o.Encryption,
		},
		router:  router{bucket: o.Bucket, notice: o.Notice},
		timeout: timeout(o.OperationTimeout),
	}
	t := &c.translator
	t.Seen = c.answers.Seen
	t.Calm = request.NewCalm(o.InitialBackoff, t.Host, o.Notice)
	cfg, err := o.load(ctx, t)
	if err != nil {
		return nil, err
	}
	var signs *credentials // nil: requests are not signed
	if !o.Account.Anonymous {
		signs = newCredentials(cfg.Credentials, t)
	}
	c.sdk = sdkRequests{bucket: o.Bucket, dialect: &c.dialect, translator: t}
	if o.RequestPayer {
		c.sdk.payer = types.RequestPayerRequester
	}
	c.sdk.client = s3.NewFromConfig(cfg, o.configure, c.router.configure, func(so *s3.Options) {
		c.sdk.configure(so, &c.answers, &corrector{router: &c.router, credentials: signs})
	})
	if t.Region = c.sdk.client.Options().Region; t.Region == "" {
		return nil, failure.Unusable("no region is known: give one, or set AWS_REGION, or name one in the profile")
	}
	if base := c.sdk.client.Options().BaseEndpoint; base != nil {
		t.Endpoint = *base
	}
	if o.Encryption.Customer.Key != "" && strings.HasPrefix(strings.ToLower(t.Endpoint), "http:") {
		return nil, failure.Unusable("a customer key must not be sent without TLS, and the endpoint is %s", t.Endpoint)
	}
	c.router.locate(ctx, c.sdk.client, t.Region)
	t.Current = c.router.region
	c.hot = c.chosen(o, signs)
	if signs == nil {
		return c, nil
	}
	c.identify = c.identifier(cfg)
	if _, err := signs.get(ctx); err != nil {
		return nil, cmp.Or(ctx.Err(), err)
	}
	return c, nil
}

// chosen is how the requests of every object are made.
func (c *Client) chosen(o *Options, signs *credentials) requests {
	if c.router.route() == nil {
		return &c.sdk
	}
	d := direct.Options{
		Dialect: &c.dialect, Translator: &c.translator.Translator, Answers: &c.answers,
		MaxAttempts: max(o.MaxAttempts, 1),
		Route:       c.router.route, Move: c.router.move,
	}
	if signs != nil {
		d.Credentials, d.Renew = signs.get, signs.renew
	}
	return direct.New(d)
}

// HTTP is what sends the requests.
func (c *Client) HTTP() *transport.Client { return c.translator.HTTP }

// Throttled returns how many answers asked for fewer requests so far.
func (c *Client) Throttled() int64 { return c.translator.HTTP.Throttled() }

// Server names the server that requests go to, as address.ServerOf does.
func (c *Client) Server() string {
	if c.translator.Endpoint == "" {
		return address.PartitionOf(c.sdk.bucket, c.router.region())
	}
	return address.ServerOf(c.translator.Endpoint)
}

// Answers returns the checker of the server's answers.
func (c *Client) Answers() *answer.Checker { return &c.answers }

// Close closes idle connections.
func (c *Client) Close() { c.translator.HTTP.HTTP().CloseIdleConnections() }

// SendsMD5 reports whether uploads carry Content-MD5.
func (c *Client) SendsMD5() bool { return c.dialect.SendsMD5() }

// Fail makes the error of a method of a store. If the context is cancelled, that is the
// error, whatever the request returned. It returns nil for nil.
func (c *Client) Fail(ctx context.Context, op, key string, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		err = ctx.Err()
	} else {
		err = c.translator.Secrets.Hide(c.translator.classify(err))
	}
	return &storage.Error{Op: op, Key: key, Err: err}
}

// Mask returns a text without the secrets that go along with requests.
func (c *Client) Mask(text string) string { return c.translator.Secrets.Mask(text) }
