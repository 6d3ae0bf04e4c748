package wire

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"s3sync/storage/bucket/internal/address"
	"s3sync/storage/bucket/internal/answer"
	"s3sync/storage/bucket/internal/request"
	"s3sync/storage/bucket/internal/transport"
)

// sdkRequests are requests made with the SDK.
type sdkRequests struct {
	client     *s3.Client
	bucket     string
	payer      types.RequestPayer
	dialect    *request.Dialect
	translator *translator
}

// defaultRegion is used for signatures if an endpoint is set and no region is known. Most
// servers other than AWS ignore the region.
const defaultRegion = "us-east-1"

// load reads the configuration. It fills in how requests are sent, and what is secret.
func (o *Options) load(ctx context.Context, t *translator) (aws.Config, error) {
	e := &o.Encryption
	t.Secrets = transport.NewSecrets(o.Transport.HTTPSProxy, e.Customer.Key, e.Customer.KeyMD5, e.KMSKeyID, o.Account.SessionToken)
	setup, err := o.Transport.Setup()
	if err != nil {
		return aws.Config{}, err
	}
	builder := awshttp.NewBuildableClient().WithDialerOptions(o.Transport.Dialer).WithTransportOptions(setup)
	cfg, err := o.Account.Load(ctx, builder, t.Secrets.Add)
	if err != nil {
		return aws.Config{}, err
	}
	built, ok := cfg.HTTPClient.(*awshttp.BuildableClient)
	if !ok {
		return aws.Config{}, fmt.Errorf("unexpected HTTP client %T", cfg.HTTPClient)
	}
	observe := o.Transport.Observe
	o.Transport.Observe = func(call transport.Call, outcome transport.Outcome) {
		t.Calm.Observe(call, outcome)
		if observe != nil {
			observe(call, outcome)
		}
	}
	o.Transport.Operation, o.Transport.Secrets = awsmiddleware.GetOperationName, t.Secrets
	t.HTTP = transport.New(built.GetTransport(), o.Transport)
	return cfg, nil
}

// configure sets up the SDK as the options say.
func (o *Options) configure(so *s3.Options) {
	if o.EndpointURL != "" {
		so.BaseEndpoint = aws.String(o.EndpointURL)
	}
	if so.Region == "" && so.BaseEndpoint != nil {
		so.Region = defaultRegion
	}
	if so.Region == "" && address.IsAccessPoint(o.Bucket) {
		so.Region = cmp.Or(address.ParseARN(o.Bucket).Region, defaultRegion)
	}
	so.ContinueHeaderThresholdBytes = -1 // package transport asks first where that is worth it
	so.RetryMaxAttempts = max(o.MaxAttempts, 1)
	so.UsePathStyle = o.PathStyle
	so.UseAccelerate = o.Accelerate
	so.UseARNRegion = true // an access point may be in another region
	so.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
	so.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenRequired
	so.DisableLogOutputChecksumValidationSkipped = true
}

// configure makes the SDK send, check, retry and correct requests as package direct does.
func (s *sdkRequests) configure(so *s3.Options, answers *answer.Checker, c *corrector) {
	so.HTTPClient = s.translator.HTTP
	so.Retryer = s.translator.retryer(so.RetryMaxAttempts)
	so.APIOptions = append(so.APIOptions, noteAttempts, leaveUnsigned, addExtra(s.dialect.Encryption.Headers), func(stack *middleware.Stack) error {
		return checkAnswers(answers, stack)
	})
	if s.dialect.Directory { // sessions are renewed in another way
		sessions := newSessionKeeper(s.createSession)
		so.ExpressCredentials = sessions
		so.APIOptions = append(so.APIOptions, sessions.watch)
	} else {
		so.APIOptions = append(so.APIOptions, c.watch)
	}
}

// leaveUnsigned keeps the SDK from signing Accept-Encoding, as package sigv4 does: it takes
// the header away before the SDK signs, and puts it back afterwards.
func leaveUnsigned(stack *middleware.Stack) error {
	const name, signing = "Accept-Encoding", "Signing"
	if _, ok := stack.Finalize.Get(signing); !ok {
		return nil // the request is not signed
	}
	type kept struct{}
	before := middleware.FinalizeMiddlewareFunc("s3sync:Unsigned", func(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (
		middleware.FinalizeOutput, middleware.Metadata, error,
	) {
		if req, ok := in.Request.(*smithyhttp.Request); ok {
			ctx = context.WithValue(ctx, kept{}, req.Header.Values(name))
			req.Header.Del(name)
		}
		return next.HandleFinalize(ctx, in)
	})
	after := middleware.FinalizeMiddlewareFunc("s3sync:Signed", func(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (
		middleware.FinalizeOutput, middleware.Metadata, error,
	) {
		values, _ := ctx.Value(kept{}).([]string)
		if req, ok := in.Request.(*smithyhttp.Request); ok && len(values) > 0 {
			req.Header[name] = values
		}
		return next.HandleFinalize(ctx, in)
	})
	if err := stack.Finalize.Insert(before, signing, middleware.Before); err != nil {
		return err
	}
	return stack.Finalize.Insert(after, signing, middleware.After)
}

// withContentMD5 adds the digest that servers demanded before the checksum that
// the SDK sends was invented.
func (s *sdkRequests) withContentMD5(o *s3.Options) {
	if !s.dialect.Directory {
		o.APIOptions = append(o.APIOptions, smithyhttp.AddContentChecksumMiddleware)
	}
}

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
