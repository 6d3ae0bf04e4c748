package s3sync

import (
	"context"
	"errors"
	"strings"

	"s3sync/internal/lists"
	"s3sync/internal/location"
	"s3sync/internal/rules"
	"s3sync/storage"
	"s3sync/storage/bucket"
)

// filesFrom returns the file of a list of keys, and its setting; both are empty without one.
func (c *Config) filesFrom() (file, field string) {
	if c.Filter.FilesFrom0 != "" {
		return c.Filter.FilesFrom0, "Filter.FilesFrom0"
	}
	if c.Filter.FilesFrom != "" {
		return c.Filter.FilesFrom, "Filter.FilesFrom"
	}
	return "", ""
}

// sourceList returns the setting of the list that takes the place of the source's
// listing, or nothing.
func (c *Config) sourceList() string {
	if c.Source.Inventory != "" {
		return "Source.Inventory"
	}
	_, field := c.filesFrom()
	return field
}

// applyLists puts the lists of cfg in the place of listings.
func (r *Runner) applyLists(ctx context.Context, source, target storage.Store) (storage.Store, storage.Store, error) {
	source, err := r.inventory(ctx, "source", &r.cfg.Source, source)
	if err == nil {
		target, err = r.inventory(ctx, "target", &r.cfg.Target, target)
	}
	file, field := r.cfg.filesFrom()
	if err != nil || file == "" {
		return source, target, err
	}
	keys, err := lists.OpenKeys(file, r.cfg.Stdin, lists.KeysOptions{NUL: field == "Filter.FilesFrom0", Files: source.Caps().Files})
	if err != nil {
		return nil, nil, fault(&rules.Fault{Field: field, Reason: err.Error()})
	}
	r.closes = append(r.closes, keys.Close)
	source = keys.Lookup(source, true)
	if r.cfg.Delete.Enable || r.cfg.Target.Inventory != "" || !r.cfg.Check.listsTarget() {
		return source, target, nil
	}
	if m, ok := storage.As[storage.KeyMapper](target); ok {
		if keys, err = keys.MappedTo(m); err != nil {
			return nil, nil, err
		}
		r.closes = append(r.closes, keys.Close)
	}
	return source, keys.Lookup(target, false), nil
}

// inventory returns store with the inventory of e in the place of its listing, if there is
// one.
func (r *Runner) inventory(ctx context.Context, side string, e *Endpoint, store storage.Store) (storage.Store, error) {
	if e.Inventory == "" {
		return store, nil
	}
	field := map[string]string{"source": "Source.Inventory", "target": "Target.Inventory"}[side]
	l, err := location.Parse(e.Inventory)
	if err != nil {
		return nil, fault(&rules.Fault{Field: field, Reason: err.Error()})
	}
	files := l
	files.Prefix = ""
	opts := r.cfg.bucketOptions(e, files, r.record.Notice)
	opts.Accelerate, opts.Anonymous = false, side == "source" && r.cfg.AWS.AnonymousSource
	from, err := bucket.Open(ctx, opts)
	if err != nil {
		return nil, err
	}
	r.closes = append(r.closes, from.Close)
	i, err := lists.OpenInventory(ctx, lists.InventoryOptions{
		Side: side, Name: e.Inventory, Files: from, Manifest: l.Prefix, Of: store,
		Archive: bucket.IsArchive, Policy: r.cfg.retryPolicy(), Notice: r.record.Notice,
	})
	if errors.Is(err, lists.ErrInventory) {
		return nil, fault(&rules.Fault{Field: field, Reason: strings.TrimPrefix(err.Error(), "the inventory ")})
	}
	if err != nil {
		return nil, err
	}
	r.closes = append(r.closes, i.Close)
	return i.Store(), nil
}
