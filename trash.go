package s3sync

import (
	"context"
	"time"

	"s3sync/internal/engine"
	"s3sync/internal/overlap"
	"s3sync/internal/rules"
	"s3sync/internal/trash"
	"s3sync/storage"
)

// Trash keeps what the run replaces and deletes, with a journal, so that `s3sync undo` can
// restore it. Without success there, nothing is done with the object. The trash may lie in
// the target, which then excludes it. It must be of the same kind as the target, and is
// reached as the target is.
type Trash struct {
	URL string
	// Store, if set, is used instead of URL. Sync does not close it.
	Store storage.Store
	// Keep removes runs from the trash at the end of a successful run, if they began longer
	// ago; 0 keeps them forever.
	Keep time.Duration
}

func (t *Trash) enabled() bool { return t.URL != "" || t.Store != nil }

// openTrash opens the trash of the run, if there is one, and checks where it is.
func (r *Runner) openTrash(ctx context.Context, source, target storage.Store, one bool) (*engine.Trash, error) {
	c := &r.cfg.Trash
	switch {
	case !c.enabled():
		return nil, nil
	case one:
		return nil, fault(&rules.Fault{Field: "Source.URL", Other: "Trash.URL", Reason: "is one object, which cannot be combined with"})
	}
	store, err := r.keep(&Endpoint{Store: c.Store})(r.cfg.OpenTrash(ctx, r.record.Notice))
	if err != nil {
		return nil, err
	}
	inside, err := overlap.OfTrash(ctx, source, target, store)
	if err != nil {
		return nil, err
	}
	return &engine.Trash{Store: store, Inside: inside, Keep: c.Keep, URL: c.URL, Header: trash.NewHeader(target), Journal: r.journalOf(store)}, nil
}

// OpenTrash opens the trash of a valid Config, which has one, as OpenTarget opens the target.
func (c *Config) OpenTrash(ctx context.Context, notice func(storage.Notice)) (storage.Store, error) {
	t := *c
	t.Target.URL, t.Target.Store = trash.Folder(c.Trash.URL), c.Trash.Store
	t.Local.Fsync = true
	return t.OpenTarget(ctx, notice)
}
