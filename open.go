package s3sync

import (
	"context"
	"time"

	"s3sync/internal/ratelimit"
	"s3sync/storage"
	"s3sync/storage/bucket"
	"s3sync/storage/dir"
)

// openSource reaches the side that is only read.
func openSource(ctx context.Context, cfg *Config, report *reporter) (storage.Store, error) {
	if cfg.Source.Store != nil {
		return cfg.Source.Store, nil
	}
	loc, err := parseLocation(cfg.Source.URL)
	switch {
	case err != nil:
		return nil, err
	case !loc.local():
		opts := bucketOptions(cfg, cfg.Source, loc, report)
		opts.Anonymous = cfg.AWS.AnonymousSource
		opts.Encryption = bucket.Encryption{Customer: bucket.CustomerKey(cfg.Encryption.SourceCustomer)}
		return bucket.Open(ctx, opts)
	}
	return dir.Open(loc.path, dir.Options{Source: true, IgnoreSymlinks: cfg.Local.IgnoreSymlinks})
}

// openTarget reaches the side that is written.
func openTarget(ctx context.Context, cfg *Config, report *reporter) (storage.Store, error) {
	if cfg.Target.Store != nil {
		return cfg.Target.Store, nil
	}
	loc, err := parseLocation(cfg.Target.URL)
	switch {
	case err != nil:
		return nil, err
	case !loc.local():
		opts := bucketOptions(cfg, cfg.Target, loc, report)
		opts.Encryption = bucket.Encryption{
			SSE:      cfg.Encryption.SSE,
			KMSKeyID: cfg.Encryption.KMSKeyID,
			Customer: bucket.CustomerKey(cfg.Encryption.TargetCustomer),
		}
		return bucket.Open(ctx, opts)
	}
	return dir.Open(loc.path, dir.Options{Missing: true, Fsync: cfg.Local.Fsync})
}

// stallTimeout is how long a transfer may make no progress.
const stallTimeout = 20 * time.Second

// bucketOptions are those of a side that is a bucket, as far as both sides have
// them.
func bucketOptions(cfg *Config, e Endpoint, loc location, report *reporter) bucket.Options {
	opts := bucket.Options{
		Bucket:           loc.bucket,
		Prefix:           loc.prefix,
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
		ParallelListing:  cfg.AWS.ParallelDirectoryListing,
		UnsignedPayload:  cfg.AWS.UnsignedPayload,
		NoContentMD5:     cfg.AWS.NoContentMD5,
		MaxAttempts:      cfg.Retry.MaxAttempts,
		InitialBackoff:   cfg.Retry.InitialBackoff,
		OperationTimeout: cfg.Timeout.Operation,
		AttemptTimeout:   cfg.Timeout.Attempt,
		ConnectTimeout:   cfg.Timeout.Connect,
		ReadTimeout:      cfg.Timeout.Read,
		StallTimeout:     stallTimeout,
		Notice:           report.notice,
		MaxConns:         cfg.Transfer.Workers + cfg.Transfer.ParallelParts,
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
