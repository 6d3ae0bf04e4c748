package s3sync

import (
	"context"

	"s3sync/internal/report"
)

// SyncUnchecked is Sync for a Config that Validate may reject, such as one with parts
// of a few bytes. If Config.Target has a Store, it stands for a bucket below the prefix
// target.
func SyncUnchecked(ctx context.Context, cfg *Config, target string) (*Report, error) {
	at := report.PlaceOf(cfg.Target.Store, cfg.Target.URL)
	if cfg.Target.Store != nil {
		at = report.Place{Local: cfg.Target.Store.Caps().Files, Root: target}
	}
	return syncAt(ctx, cfg, at)
}
