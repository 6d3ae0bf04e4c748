package s3sync

import (
	"context"
	"time"

	"s3sync/internal/location"
	"s3sync/internal/ratelimit"
	"s3sync/storage"
	"s3sync/storage/bucket"
	"s3sync/storage/dir"
)

// OpenSource opens the source of a valid Config as [Sync] does. notice, if not nil,
// receives what is worth knowing of its server, from any goroutine. The caller closes the
// store, unless it is Source.Store.
func (c *Config) OpenSource(ctx context.Context, notice func(storage.Notice)) (storage.Store, error) {
	return c.Source.open(func(l location.Location) (storage.Store, error) {
		if l.Local() {
			return dir.Open(l.Path, dir.Options{Source: true, IgnoreSymlinks: c.Local.IgnoreSymlinks})
		}
		opts := c.bucketOptions(&c.Source, l, notice)
		opts.Anonymous = c.AWS.AnonymousSource
		opts.Encryption = bucket.Encryption{Customer: bucket.CustomerKey(c.Encryption.SourceCustomer)}
		return bucket.Open(ctx, opts)
	})
}

// OpenTarget is OpenSource for the target.
func (c *Config) OpenTarget(ctx context.Context, notice func(storage.Notice)) (storage.Store, error) {
	return c.Target.open(func(l location.Location) (storage.Store, error) {
		if l.Local() {
			return dir.Open(l.Path, dir.Options{Missing: true, Fsync: c.Local.Fsync, Identify: c.State.Dir != ""})
		}
		opts, e := c.bucketOptions(&c.Target, l, notice), &c.Encryption
		opts.Encryption = bucket.Encryption{SSE: e.SSE, KMSKeyID: e.KMSKeyID, Customer: bucket.CustomerKey(e.TargetCustomer)}
		return bucket.Open(ctx, opts)
	})
}

// open returns the store of the caller, or opens the one that the URL names.
func (e *Endpoint) open(open func(location.Location) (storage.Store, error)) (storage.Store, error) {
	if e.Store != nil {
		return e.Store, nil
	}
	l, err := location.Parse(e.URL)
	if err != nil {
		return nil, err
	}
	return open(l)
}

// stallTimeout is how long a transfer may make no progress.
const stallTimeout = 20 * time.Second

// bucketOptions returns the options of a bucket that do not depend on its side.
func (c *Config) bucketOptions(e *Endpoint, l location.Location, notice func(storage.Notice)) bucket.Options {
	opts := bucket.Options{
		Bucket:           l.Bucket,
		Prefix:           l.Prefix,
		Profile:          e.Profile,
		AccessKey:        e.AccessKey,
		SecretKey:        e.SecretKey,
		SessionToken:     e.SessionToken,
		Credentials:      e.Credentials,
		Transport:        e.Transport,
		Region:           e.Region,
		EndpointURL:      e.EndpointURL,
		Accelerate:       e.Accelerate,
		RequestPayer:     e.RequestPayer,
		PathStyle:        e.PathStyle,
		ConfigFile:       c.AWS.ConfigFile,
		CredentialsFile:  c.AWS.CredentialsFile,
		HTTPSProxy:       c.AWS.HTTPSProxy,
		MaxKeys:          c.AWS.MaxKeys,
		ParallelListings: c.AWS.ParallelListings,
		FanOut:           c.AWS.ParallelDirectoryListing,
		UnsignedPayload:  c.AWS.UnsignedPayload,
		NoContentMD5:     c.AWS.NoContentMD5,
		MaxAttempts:      c.Retry.MaxAttempts,
		InitialBackoff:   c.Retry.InitialBackoff,
		OperationTimeout: c.Timeout.Operation,
		AttemptTimeout:   c.Timeout.Attempt,
		ConnectTimeout:   c.Timeout.Connect,
		ReadTimeout:      c.Timeout.Read,
		StallTimeout:     stallTimeout,
		Notice:           notice,
		MaxConns:         c.Transfer.Workers.Most() + c.Transfer.ParallelParts.Most() + c.AWS.ParallelListings,
	}
	if c.AWS.NoStallProtection {
		opts.StallTimeout = 0
	}
	if c.AWS.Trace {
		opts.Trace = c.Logger
	}
	if rate := c.Transfer.BytesPerSecond; rate > 0 {
		opts.ReceiveLimit, opts.SendLimit = ratelimit.Bytes(rate), ratelimit.Bytes(rate)
	}
	return opts
}
