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

// openSource opens the source.
func (r *Runner) openSource(ctx context.Context) (storage.Store, error) {
	cfg := r.cfg
	return r.openSide(&cfg.Source, func(l location.Location) (storage.Store, error) {
		if l.Local() {
			return dir.Open(l.Path, dir.Options{Source: true, IgnoreSymlinks: cfg.Local.IgnoreSymlinks})
		}
		opts := r.bucketOptions(&cfg.Source, l)
		opts.Anonymous = cfg.AWS.AnonymousSource
		opts.Encryption = bucket.Encryption{Customer: bucket.CustomerKey(cfg.Encryption.SourceCustomer)}
		return bucket.Open(ctx, opts)
	})
}

// openTarget opens the target.
func (r *Runner) openTarget(ctx context.Context) (storage.Store, error) {
	cfg := r.cfg
	return r.openSide(&cfg.Target, func(l location.Location) (storage.Store, error) {
		if l.Local() {
			return dir.Open(l.Path, dir.Options{Missing: true, Fsync: cfg.Local.Fsync})
		}
		opts := r.bucketOptions(&cfg.Target, l)
		opts.Encryption = bucket.Encryption{
			SSE:      cfg.Encryption.SSE,
			KMSKeyID: cfg.Encryption.KMSKeyID,
			Customer: bucket.CustomerKey(cfg.Encryption.TargetCustomer),
		}
		return bucket.Open(ctx, opts)
	})
}

// openSide returns the store of the caller, or opens the store that the URL names.
// Finish closes what was opened.
func (r *Runner) openSide(e *Endpoint, open func(location.Location) (storage.Store, error)) (storage.Store, error) {
	if e.Store != nil {
		return e.Store, nil
	}
	l, err := location.Parse(e.URL)
	if err != nil {
		return nil, err
	}
	store, err := open(l)
	if err != nil {
		return nil, err
	}
	r.closes = append(r.closes, store.Close)
	return store, nil
}

// stallTimeout is how long a transfer may make no progress.
const stallTimeout = 20 * time.Second

// bucketOptions returns the options of a bucket that do not depend on its side.
func (r *Runner) bucketOptions(e *Endpoint, l location.Location) bucket.Options {
	cfg := r.cfg
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
		ConfigFile:       cfg.AWS.ConfigFile,
		CredentialsFile:  cfg.AWS.CredentialsFile,
		HTTPSProxy:       cfg.AWS.HTTPSProxy,
		MaxKeys:          cfg.AWS.MaxKeys,
		ParallelListings: cfg.AWS.ParallelListings,
		FanOut:           cfg.AWS.ParallelDirectoryListing,
		UnsignedPayload:  cfg.AWS.UnsignedPayload,
		NoContentMD5:     cfg.AWS.NoContentMD5,
		MaxAttempts:      cfg.Retry.MaxAttempts,
		InitialBackoff:   cfg.Retry.InitialBackoff,
		OperationTimeout: cfg.Timeout.Operation,
		AttemptTimeout:   cfg.Timeout.Attempt,
		ConnectTimeout:   cfg.Timeout.Connect,
		ReadTimeout:      cfg.Timeout.Read,
		StallTimeout:     stallTimeout,
		Notice:           r.record.Notice,
		MaxConns:         cfg.Transfer.Workers.Most() + cfg.Transfer.ParallelParts.Most() + cfg.AWS.ParallelListings,
	}
	if cfg.AWS.NoStallProtection {
		opts.StallTimeout = 0
	}
	if cfg.AWS.Trace {
		opts.Trace = cfg.Logger
	}
	if rate := cfg.Transfer.BytesPerSecond; rate > 0 {
		opts.ReceiveLimit, opts.SendLimit = ratelimit.Bytes(rate), ratelimit.Bytes(rate)
	}
	return opts
}
