package s3sync

import (
	"context"
	"errors"

	"s3sync/storage"
)

func openSource(_ context.Context, cfg *Config) (storage.Store, error) {
	if cfg.Source.Store != nil {
		return cfg.Source.Store, nil
	}
	return nil, errors.ErrUnsupported
}

func openTarget(_ context.Context, cfg *Config) (storage.Store, error) {
	if cfg.Target.Store != nil {
		return cfg.Target.Store, nil
	}
	return nil, errors.ErrUnsupported
}
