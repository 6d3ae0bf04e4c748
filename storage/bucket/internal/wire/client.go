// Package wire makes the requests of a bucket, each in one method with the name of the
// S3 operation. It takes and returns types of this program. Keys are full keys of the
// bucket, and errors are those of package failure. The caller decides what a server may
// lack and what follows from an answer.
//
// No other package but account knows the AWS SDK, and no type of it is exported. The
// requests that a run makes for every object go through package direct, without the SDK,
// if the bucket has an endpoint whose signatures that package can make: see routeIn. The
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

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
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
	InitialBackoff   time.Duration // after the first attempt; it doubles
	OperationTimeout time.Duration // of a call with its attempts; 0 is none

	// Notice, if set, receives what the user should know. Any goroutine may call it.
	Notice func(storage.Notice)

	// Transport is how requests are sent. Operation and Secrets are filled in.
	Transport transport.Options
}

// A Client makes the requests of one bucket. Its methods may be called
// concurrently.
type Client struct {
	translator request.Translator
	dialect    request.Dialect

	opts    Options
	sdk     *s3.Client
	payer   types.RequestPayer
	answers answer.Checker
	router  router
	direct  *direct.Client // nil: the SDK makes all requests
	renewal renewal
	signs   aws.CredentialsProvider // caches; of an anonymous client anything
}

// defaultRegion is used for signatures if an endpoint is set and no region is known. Most
// servers other than AWS ignore the region.
const defaultRegion = "us-east-1"

// Open prepares for requests. It reads configuration files and the environment as the
// SDK does. It gets credentials once, so that missing ones are reported at the start. It
// sends no request to the bucket. Its errors are storage.ErrUnusable.
func Open(ctx context.Context, o Options) (*Client, error) {
	if err := o.Encryption.Complete(); err != nil {
		return nil, err
	}
	c := &Client{
		opts:       o,
		translator: request.Translator{Bucket: o.Bucket, Endpoint: o.EndpointURL},
		dialect: request.Dialect{
			Directory: address.IsDirectory(o.Bucket), UnsignedPayload: o.UnsignedPayload, NoContentMD5: o.NoContentMD5,
			RequestPayer: o.RequestPayer, Encryption: o.Encryption,
		},
		renewal: newRenewal(),
	}
	if o.RequestPayer {
		c.payer = types.RequestPayerRequester
	}
	if err := c.connect(ctx); err != nil {
		return nil, fmt.Errorf("bucket %s: %w", o.Bucket, err)
	}
	return c, nil
}

func (c *Client) connect(ctx context.Context) error {
	o, t := &c.opts, &c.translator
	e := &c.dialect.Encryption
	t.Secrets = transport.NewSecrets(o.Transport.HTTPSProxy, e.Customer.Key, e.Customer.KeyMD5, e.KMSKeyID, o.Account.SessionToken)
	setup, err := o.Transport.Setup()
	if err != nil {
		return err
	}
	builder := awshttp.NewBuildableClient().WithDialerOptions(o.Transport.Dialer).WithTransportOptions(setup)
	cfg, err := o.Account.Load(ctx, builder, t.Secrets.Add)
	if err != nil {
		return err
	}
	built, ok := cfg.HTTPClient.(*awshttp.BuildableClient)
	if !ok {
		return fmt.Errorf("unexpected HTTP client %T", cfg.HTTPClient)
	}
	o.Transport.Operation, o.Transport.Secrets = awsmiddleware.GetOperationName, t.Secrets
	t.HTTP = transport.New(built.GetTransport(), o.Transport)
	c.sdk = s3.NewFromConfig(cfg, c.configure)
	if t.Region = c.sdk.Options().Region; t.Region == "" {
		return failure.Unusable("no region is known: give one, or set AWS_REGION, or name one in the profile")
	}
	if base := c.sdk.Options().BaseEndpoint; base != nil {
		t.Endpoint = *base
	}
	if e.Customer.Key != "" && strings.HasPrefix(strings.ToLower(t.Endpoint), "http:") {
		return failure.Unusable("a customer key must not be sent without TLS, and the endpoint is %s", t.Endpoint)
	}
	c.signs = c.sdk.Options().Credentials
	c.locate(ctx, t.Region)
	t.Current = c.region
	if c.router.now.Load().route != nil {
		c.direct = direct.New(c.directly())
	}
	if o.Account.Anonymous {
		return nil
	}
	if _, err := c.signs.Retrieve(ctx); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return c.classify(err)
	}
	return nil
}

// directly says how requests are made without the SDK.
func (c *Client) directly() direct.Options {
	o := direct.Options{
		Dialect: &c.dialect, Translator: &c.translator, Answers: &c.answers,
		MaxAttempts: max(c.opts.MaxAttempts, 1), InitialBackoff: c.opts.InitialBackoff,
		Route: func() *direct.Route { return c.router.now.Load().route },
		Move:  c.move, Renew: c.renew,
	}
	if !c.opts.Account.Anonymous {
		o.Credentials = c.credentials
	}
	return o
}

// configure sets up the SDK.
func (c *Client) configure(so *s3.Options) {
	o := &c.opts
	if o.EndpointURL != "" {
		so.BaseEndpoint = aws.String(o.EndpointURL)
	}
	if so.Region == "" && so.BaseEndpoint != nil {
		so.Region = defaultRegion
	}
	if so.Region == "" && address.IsAccessPoint(o.Bucket) {
		so.Region = cmp.Or(address.ParseARN(o.Bucket).Region, defaultRegion)
	}
	so.HTTPClient = c.translator.HTTP
	so.ContinueHeaderThresholdBytes = -1 // package transport asks first where that is worth it
	so.Retryer = c.retryer(o.MaxAttempts, o.InitialBackoff)
	so.RetryMaxAttempts = max(o.MaxAttempts, 1)
	so.UsePathStyle = o.PathStyle
	so.UseAccelerate = o.Accelerate
	so.UseARNRegion = true // an access point may be in another region
	c.router.EndpointResolverV2 = so.EndpointResolverV2
	so.EndpointResolverV2 = &c.router
	so.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
	so.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenRequired
	so.DisableLogOutputChecksumValidationSkipped = true
	so.APIOptions = append(so.APIOptions, addExtra(c.dialect.Encryption.Headers), c.checkAnswers, c.correct)
	if c.dialect.Directory {
		sessions := newSessionKeeper(c.createSession)
		so.ExpressCredentials = sessions
		so.APIOptions = append(so.APIOptions, sessions.watch)
	}
}

// HTTP is what sends the requests.
func (c *Client) HTTP() *transport.Client { return c.translator.HTTP }

// Server names the server that requests go to, as address.ServerOf does.
func (c *Client) Server() string {
	if c.translator.Endpoint == "" {
		return address.PartitionOf(c.opts.Bucket, c.region())
	}
	return address.ServerOf(c.translator.Endpoint)
}

// Answers returns the checker of the server's answers.
func (c *Client) Answers() *answer.Checker { return &c.answers }

// Close closes idle connections.
func (c *Client) Close() { c.translator.HTTP.HTTP().CloseIdleConnections() }

// limited bounds a call by the operation time-out.
func (c *Client) limited(ctx context.Context) (context.Context, context.CancelFunc) {
	if c.opts.OperationTimeout <= 0 {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, c.opts.OperationTimeout)
}

// SendsMD5 reports whether uploads carry Content-MD5.
func (c *Client) SendsMD5() bool { return c.dialect.SendsMD5() }

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
