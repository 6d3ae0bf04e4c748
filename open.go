package s3sync

import (
	"context"
	"errors"

	"s3sync/storage"
	"s3sync/storage/dir"
)

// openSource reaches the side that is only read.
func openSource(ctx context.Context, cfg *Config) (storage.Store, error) {
	if cfg.Source.Store != nil {
		return cfg.Source.Store, nil
	}
	loc, err := parseLocation(cfg.Source.URL)
	switch {
	case err != nil:
		return nil, err
	case !loc.local():
		return openBucket(ctx, cfg, cfg.Source, loc)
	}
	return dir.Open(loc.path, dir.Options{Source: true, IgnoreSymlinks: cfg.Local.IgnoreSymlinks})
}

// openTarget reaches the side that is written.
func openTarget(ctx context.Context, cfg *Config) (storage.Store, error) {
	if cfg.Target.Store != nil {
		return cfg.Target.Store, nil
	}
	loc, err := parseLocation(cfg.Target.URL)
	switch {
	case err != nil:
		return nil, err
	case !loc.local():
		return openBucket(ctx, cfg, cfg.Target, loc)
	}
	return dir.Open(loc.path, dir.Options{Missing: true, Fsync: cfg.Local.Fsync})
}

func openBucket(_ context.Context, _ *Config, _ Endpoint, _ location) (storage.Store, error) {
	return nil, errors.ErrUnsupported
}
