package s3sync

import (
	"context"
	"io"

	"s3sync/internal/report"
	"s3sync/internal/state"
)

// SyncUnchecked is Sync for a Config that Validate may reject, such as one with parts
// of a few bytes. If Config.Target has a Store, it stands for a bucket below the prefix
// target.
func SyncUnchecked(ctx context.Context, cfg *Config, target string) (*Report, error) {
	return syncAt(ctx, cfg, placeAt(cfg, target))
}

// SyncInto is SyncUnchecked with other options of the state.
func SyncInto(ctx context.Context, cfg *Config, target string, adapt func(*state.Options)) (*Report, error) {
	r := newRunner(ctx, cfg, placeAt(cfg, target))
	r.adaptState = adapt
	err := r.open(ctx)
	if err == nil {
		err = r.all(ctx)
	}
	return r.Finish(ctx, err)
}

func placeAt(cfg *Config, target string) report.Place {
	if cfg.Target.Store != nil {
		return report.Place{Local: cfg.Target.Store.Caps().Files, Root: target}
	}
	return report.PlaceOf(cfg.Target.Store, cfg.Target.URL)
}

// PlanUnchecked is Plan as SyncUnchecked is Sync.
func PlanUnchecked(ctx context.Context, cfg *Config, w io.Writer, target string) (*Report, error) {
	return planAt(ctx, cfg, w, placeAt(cfg, target))
}

// ApplyUnchecked is Apply as SyncUnchecked is Sync.
func ApplyUnchecked(ctx context.Context, cfg *Config, plan io.ReadSeeker, target string) (*Report, error) {
	valid := func(*Config) error { return nil }
	return applyAt(ctx, cfg, plan, valid, func(c *Config) report.Place { return placeAt(c, target) })
}
