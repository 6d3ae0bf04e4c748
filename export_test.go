package s3sync

import (
	"context"

	"s3sync/internal/report"
)

// SyncUnchecked is Sync with a Config that Validate need not accept: one that cuts
// objects into parts of some bytes. The Store of Config.Target, if it has one, stands
// for a bucket below the prefix target.
func SyncUnchecked(ctx context.Context, cfg *Config, target string) (*Report, error) {
	at := placeOf(cfg.Target)
	if cfg.Target.Store != nil {
		at = report.Place{Local: cfg.Target.Store.Caps().Files, Root: target}
	}
	return syncAt(ctx, cfg, at)
}
