package s3sync

import "context"

// SyncUnchecked is Sync with a Config that Validate need not accept: one that cuts
// objects into parts of some bytes. Stores of the Config stand for buckets below
// these prefixes.
func SyncUnchecked(ctx context.Context, cfg *Config, source, target string) (*Report, error) {
	at := func(e Endpoint, prefix string) place {
		if e.Store == nil {
			return placeOf(e)
		}
		return place{local: e.Store.Caps().Files, root: prefix}
	}
	return syncAt(ctx, cfg, at(cfg.Source, source), at(cfg.Target, target))
}
