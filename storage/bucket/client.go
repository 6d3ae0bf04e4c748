package bucket

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go/logging"

	"s3sync/storage"
)

const (
	// defaultConnectTimeout is for connections, that of the SDK's default modes.
	// https://docs.aws.amazon.com/sdkref/latest/guide/feature-smart-config-defaults.html
	defaultConnectTimeout = 3100 * time.Millisecond
	// defaultRegion is signed for where another server than that of AWS is
	// named and no region: most of them do not look at it.
	defaultRegion = "us-east-1"
	minIdleConns  = 64
)

// connect makes the SDK's client and ours beneath it. It reads configuration
// files and the environment as the SDK does, and gets credentials once, so that
// a run without any ends before it began.
func connect(ctx context.Context, o *Options) (*s3.Client, *client, error) {
	builder, err := o.transport()
	if err != nil {
		return nil, nil, err
	}
	hidden := newSecrets(o, proxiesOfEnvironment()...)
	cfg, err := o.load(ctx, builder, hidden)
	if err != nil {
		return nil, nil, err
	}
	built, ok := cfg.HTTPClient.(*awshttp.BuildableClient)
	if !ok {
		return nil, nil, fmt.Errorf("unexpected HTTP client %T", cfg.HTTPClient)
	}
	c := &client{
		transport:      built.GetTransport(),
		given:          o.Transport,
		receive:        o.ReceiveLimit,
		send:           o.SendLimit,
		attemptTimeout: o.AttemptTimeout,
		waits:          o.waits,
		flights:        newFlights(),
		pageSize:       o.MaxKeys,
		log:            o.Trace,
		bucket:         o.Bucket,
		endpoint:       o.EndpointURL,
		secrets:        hidden,
	}
	c.transport.DialContext = hearing(c.transport.DialContext)
	var sdk *s3.Client
	sdk = s3.NewFromConfig(cfg, func(so *s3.Options) {
		if o.EndpointURL != "" {
			so.BaseEndpoint = aws.String(o.EndpointURL)
		}
		if so.Region == "" && so.BaseEndpoint != nil {
			so.Region = defaultRegion
		}
		if so.Region == "" && IsAccessPoint(o.Bucket) {
			so.Region = cmp.Or(parseARN(o.Bucket).region, defaultRegion)
		}
		so.HTTPClient = c
		so.ContinueHeaderThresholdBytes = -1 // see asksFirst
		so.Retryer = c.retryer(o.MaxAttempts, o.InitialBackoff)
		so.RetryMaxAttempts = max(o.MaxAttempts, 1)
		so.UsePathStyle = o.PathStyle
		so.UseAccelerate = o.Accelerate
		so.UseARNRegion = true // an access point may be in another region
		so.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
		so.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenRequired
		so.DisableLogOutputChecksumValidationSkipped = true
		so.APIOptions = append(so.APIOptions, addExtra(o.Encryption.headers), c.checkAnswers)
		if IsDirectory(o.Bucket) {
			sessions := newSessionKeeper(func(ctx context.Context, bucket string) (*types.SessionCredentials, error) {
				return c.createSession(ctx, sdk, bucket)
			})
			so.ExpressCredentials = sessions
			so.APIOptions = append(so.APIOptions, sessions.watch)
		}
	})
	if c.region = sdk.Options().Region; c.region == "" {
		return nil, nil, unusable("no region is known: give one, or set AWS_REGION, or name one in the profile")
	}
	if base := sdk.Options().BaseEndpoint; base != nil {
		c.endpoint = *base
	}
	if o.Encryption.Customer.Key != "" && strings.HasPrefix(strings.ToLower(c.endpoint), "http:") {
		return nil, nil, unusable("a customer key must not be sent without TLS, and the endpoint is %s", c.endpoint)
	}
	if o.Anonymous {
		return sdk, c, nil
	}
	if _, err := sdk.Options().Credentials.Retrieve(ctx); err != nil {
		if ctx.Err() != nil {
			return nil, nil, ctx.Err()
		}
		return nil, nil, c.classify(err)
	}
	return sdk, c, nil
}

func unusable(format string, args ...any) error {
	return &failure{kind: storage.ErrUnusable, text: fmt.Sprintf(format, args...)}
}

// load resolves credentials, region and endpoint in the SDK's way, except that
// the region of a profile that was named goes before AWS_REGION.
func (o *Options) load(ctx context.Context, builder *awshttp.BuildableClient, hidden *secrets) (aws.Config, error) {
	fns := []func(*config.LoadOptions) error{
		config.WithHTTPClient(builder),
		config.WithLogger(logging.Nop{}), // or it writes to standard error
	}
	if o.Profile != "" {
		fns = append(fns, config.WithSharedConfigProfile(o.Profile))
	}
	for _, f := range []struct {
		name string
		use  func([]string) config.LoadOptionsFunc
	}{
		{o.ConfigFile, config.WithSharedConfigFiles},
		{o.CredentialsFile, config.WithSharedCredentialsFiles},
	} {
		if f.name == "" {
			continue
		}
		if _, err := os.Stat(f.name); err != nil { // the SDK would not mind
			return aws.Config{}, unusable("AWS configuration: %v", err)
		}
		fns = append(fns, f.use([]string{f.name}))
	}
	switch {
	case o.Anonymous:
		fns = append(fns, config.WithCredentialsProvider(aws.AnonymousCredentials{}))
	case o.Credentials != nil:
		fns = append(fns, asking(o.Credentials)...)
	case o.AccessKey != "":
		fns = append(fns, config.WithCredentialsProvider(
			credentials.NewStaticCredentialsProvider(o.AccessKey, o.SecretKey, o.SessionToken)))
	}
	if o.Region != "" {
		fns = append(fns, config.WithRegion(o.Region))
	}
	cfg, err := config.LoadDefaultConfig(ctx, fns...)
	if err != nil {
		if e, ok := errors.AsType[config.SharedConfigProfileNotExistError](err); ok {
			return cfg, unusable("profile %q is not in the AWS configuration files", e.Profile)
		}
		return cfg, unusable("AWS configuration: %s", oneLine(innermost(err).Error()))
	}
	if o.Region == "" && o.Profile != "" {
		for _, source := range cfg.ConfigSources {
			if shared, ok := source.(config.SharedConfig); ok && shared.Region != "" {
				cfg.Region = shared.Region
			}
		}
	}
	if !o.Anonymous { // which the SDK has to see
		cfg.Credentials = credentialsProvider{cfg.Credentials, hidden}
	}
	return cfg, nil
}

// transport sets up connections: of HTTP 1.1 only, because a connection for
// each request in flight is faster than one that all of them share.
func (o *Options) transport() (*awshttp.BuildableClient, error) {
	proxy, err := o.proxy()
	if err != nil {
		return nil, err
	}
	connectTimeout := o.ConnectTimeout
	if connectTimeout <= 0 {
		connectTimeout = defaultConnectTimeout
	}
	// A custom authority (AWS_CA_BUNDLE) is added to those of the system by the
	// SDK. Where there is no list, package tls looks for it by itself.
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = nil
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return awshttp.NewBuildableClient().
		WithDialerOptions(func(d *net.Dialer) { d.Timeout = connectTimeout }).
		WithTransportOptions(func(t *http.Transport) {
			t.Proxy = proxy
			t.OnProxyConnectResponse = checkProxy
			t.Protocols = protocols
			t.ForceAttemptHTTP2 = false
			t.DisableCompression = true
			t.MaxIdleConns = 0
			t.MaxIdleConnsPerHost = max(o.MaxConns, minIdleConns)
			t.MaxConnsPerHost = 0
			t.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots}
		}), nil
}

// credentialsError marks a failure to get credentials, which the SDK returns
// from any request.
type credentialsError struct{ err error }

func (e *credentialsError) Error() string { return e.err.Error() }

func (e *credentialsError) Unwrap() error { return e.err }

// A credentialsProvider tells of what it provides, so that it is not shown.
type credentialsProvider struct {
	aws.CredentialsProvider

	secrets *secrets
}

func (p credentialsProvider) Retrieve(ctx context.Context) (aws.Credentials, error) {
	creds, err := p.CredentialsProvider.Retrieve(ctx)
	if err != nil {
		return creds, &credentialsError{err}
	}
	p.secrets.add(creds)
	return creds, nil
}
