// Package account finds the credentials and the region of requests: in options, in the
// files and the environment that the AWS SDK reads, and in its chain of credentials.
// Besides package wire it is the only one that imports the SDK.
package account

import (
	"context"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/smithy-go/logging"
	"github.com/aws/smithy-go/middleware"

	"s3sync/storage/bucket/internal/failure"
)

// Options say which credentials and region are used. The zero value takes what the
// default chain of the SDK finds.
type Options struct {
	// Anonymous leaves requests unsigned and looks for no credentials. Otherwise the
	// credentials are the first of these that is set: the result of Credentials, the
	// static keys, the profile, the default chain of the SDK.
	Anonymous                          bool
	Profile                            string
	AccessKey, SecretKey, SessionToken string
	// Credentials, if set, is called for the first request, and again shortly before
	// what it returned ends. Calls do not overlap.
	Credentials func(ctx context.Context) (Credentials, error)
	// ConfigFile and CredentialsFile replace the files of the AWS configuration.
	ConfigFile, CredentialsFile string
	// Region wins over the region of Profile, and that wins over AWS_REGION.
	Region string

	short time.Duration // see origin
}

// Load resolves credentials, region and endpoint as the SDK does, except that the region
// of Profile wins over AWS_REGION. used is called with all credentials that requests are
// signed with, from any goroutine.
func (o *Options) Load(ctx context.Context, client *awshttp.BuildableClient, used func(secretKey, sessionToken string)) (aws.Config, error) {
	fns := []func(*config.LoadOptions) error{
		config.WithHTTPClient(client),
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
			return aws.Config{}, failure.Unusable("AWS configuration: %v", err)
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
	from := &origin{short: o.short}
	fns = append(fns, config.WithAPIOptions([]func(*middleware.Stack) error{from.watch}))
	cfg, err := config.LoadDefaultConfig(ctx, fns...)
	if err != nil {
		return cfg, o.refused(err)
	}
	if o.Region == "" && o.Profile != "" {
		for _, source := range cfg.ConfigSources {
			if shared, ok := source.(config.SharedConfig); ok && shared.Region != "" {
				cfg.Region = shared.Region
			}
		}
	}
	cfg.APIOptions = nil // they are for those who give credentials
	if !o.Anonymous {    // which the SDK has to see
		from.look(&cfg)
		cfg.Credentials = provider{cfg.Credentials, from, o.Credentials == nil, used}
	}
	return cfg, nil
}

// A provider reports the credentials that it returns, so that they can be masked.
type provider struct {
	aws.CredentialsProvider

	from *origin
	// bounded: the SDK gets them. A function of the caller may take its time.
	bounded bool
	used    func(secretKey, sessionToken string)
}

func (p provider) Retrieve(ctx context.Context) (aws.Credentials, error) {
	if p.bounded {
		// The cache of the SDK looks at the context only if it has to wait. So what it has
		// costs no timer. Otherwise it begins to ask, and the call below waits for that.
		if creds, err := p.CredentialsProvider.Retrieve(ended); err == nil {
			return p.got(creds, nil)
		}
		limited, cancel := p.from.limit(ctx)
		defer cancel()
		creds, err := p.CredentialsProvider.Retrieve(limited)
		return p.got(creds, err)
	}
	return p.got(p.CredentialsProvider.Retrieve(ctx))
}

// ended is a context that has ended.
var ended = func() context.Context { //nolint:gochecknoglobals // never written to
	ctx, cancel := context.WithCancel(context.Background()) //nolint:forbidigo // nothing waits for it
	cancel()
	return ctx
}()

func (p provider) got(creds aws.Credentials, err error) (aws.Credentials, error) {
	if err != nil {
		return creds, &Error{err: err, last: p.from.lately(), from: p.from}
	}
	p.from.found.Store(true)
	p.used(creds.SecretAccessKey, creds.SessionToken)
	return creds, nil
}

// A Renewable is a provider of credentials that can be made to get others.
type Renewable interface{ Invalidate() }

// Invalidate makes the next Retrieve get other credentials, if there is a way to.
func (p provider) Invalidate() {
	if cache, ok := p.CredentialsProvider.(Renewable); ok {
		cache.Invalidate()
	}
}
