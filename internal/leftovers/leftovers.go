// Package leftovers finds unfinished uploads that no state of this machine knows, and aborts
// those that are old. However many there are, it needs little memory.
package leftovers

import (
	"context"
	"errors"
	"time"

	"s3sync/internal/grace"
	"s3sync/internal/spool"
	"s3sync/storage"
	"s3sync/storage/bucket"
)

// An Upload was begun and not ended.
type Upload struct {
	Key   string    // in the bucket
	ID    string    // as S3 gave it
	Began time.Time // UTC
	// Old: it began longer ago than Options.OlderThan.
	Old bool
}

// Options say what is looked for.
type Options struct {
	// StateDir is where the state of this machine is. If it is empty, nothing is known.
	StateDir string
	// OlderThan is the age from which an upload is old. 0: none is.
	OlderThan time.Duration
	// All: Found.End tells of all uploads, and not only of old ones.
	All bool
}

// Found is what Find found. Close must be called.
type Found struct {
	// Uploads are those that no state of this machine knows; Old are the old ones among them.
	// Known are those that it knows.
	Uploads, Old, Known int64

	o     Options
	store storage.Resumer
	where storage.Location
	began time.Time
	kept  *spool.Spool
}

// Find lists the unfinished uploads of a store, and calls tell for each that no state of
// this machine knows, while the listing goes on. What was begun since Find was called is
// not old, whatever becomes of it.
func Find(ctx context.Context, store storage.Store, o Options, tell func(*Upload)) (*Found, error) {
	f := &Found{o: o, began: time.Now(), kept: spool.New(0)}
	at, located := storage.As[storage.Locator](store)
	var ok bool
	if f.store, ok = storage.As[storage.Resumer](store); !ok || !located {
		return nil, errors.New("the store has no unfinished uploads")
	}
	f.where = at.Location()
	k, err := knownUploads(o.StateDir, "s3://"+f.where.Container+"/")
	if err != nil {
		return nil, err
	}
	for l, err := range f.store.Leftovers(ctx) {
		if err == nil {
			err = f.add(k, &l, tell)
		}
		if err != nil {
			return nil, errors.Join(err, f.Close())
		}
	}
	return f, nil
}

func (f *Found) add(k *known, l *storage.Leftover, tell func(*Upload)) error {
	kept := storage.Object{Key: l.Key, VersionID: l.Token, ModTime: l.Began}
	u := f.upload(&kept)
	if k.has(&u) {
		f.Known++
		return nil
	}
	f.Uploads++
	if u.Old {
		f.Old++
	}
	tell(&u)
	if u.Old || f.o.All {
		return f.kept.Append(kept)
	}
	return nil
}

// upload returns what is known of one that is kept: its token stands in place of a version.
func (f *Found) upload(kept *storage.Object) Upload {
	return Upload{
		Key: f.where.Prefix + kept.Key, ID: bucket.UploadID(kept.VersionID), Began: kept.ModTime.UTC(),
		Old: f.o.OlderThan > 0 && f.began.Sub(kept.ModTime) > f.o.OlderThan,
	}
}

// End tells of the uploads once more, in the same order: of the old ones, or of all. With
// abort it aborts the old ones before it tells of each; err says why one could not be. Once
// the context is cancelled it aborts no more, and err is the reason.
func (f *Found) End(ctx context.Context, abort bool, tell func(u *Upload, aborted bool, err error)) error {
	for kept, err := range f.kept.All() {
		if err != nil {
			return err
		}
		u := f.upload(&kept)
		if !abort || !u.Old {
			tell(&u, false, nil)
			continue
		}
		err := f.abort(ctx, &kept)
		tell(&u, err == nil, err)
	}
	return nil
}

// abort outlives a cancellation that comes while the server answers.
func (f *Found) abort(ctx context.Context, kept *storage.Object) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	ctx, cancel := grace.Cleanup(ctx)
	defer cancel()
	return f.store.Discard(ctx, kept.Key, kept.VersionID)
}

// Close removes what was kept.
func (f *Found) Close() error { return f.kept.Close() }
