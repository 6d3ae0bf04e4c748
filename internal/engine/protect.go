package engine

import (
	"context"
	"fmt"
	"strings"

	"s3sync/internal/report"
	"s3sync/internal/side"
	"s3sync/storage"
)

// An entry that a side holds but cannot list must not count as missing. If the store
// knows the key of the entry (a link to nothing, a named pipe), that key and the keys
// below it are protected from deletion. Otherwise the listing is not complete, and
// nothing is deleted.

// notListed reports an entry that could not be listed, and protects it from being
// deleted as missing. It is called from one goroutine.
func (r *unitRun) notListed(_ *side.Side, p storage.Problem) {
	if p.Key == "" {
		r.record.SetIncomplete()
		r.record.Emit(report.Event{Type: report.EventWarning, Err: p.Err})
		return
	}
	if r.protected.Covers(p.Key) {
		return // a listing that was restarted reports it again
	}
	known := r.protect(p.Key)
	if !known && !r.record.SetIncomplete() {
		r.record.Emit(report.Event{Type: report.EventWarning, Err: fmt.Errorf(
			"too many entries cannot be listed (more than %d): nothing is deleted", r.protected.Len())})
	}
	if r.stop != nil && known {
		r.unlisted = append(r.unlisted, p)
		return
	}
	r.warnUnlisted(p)
}

// warnUnlisted warns of an entry that cannot be listed, unless another unit has its
// key in its range. A unit that lists a part of a directory meets all such entries.
func (r *unitRun) warnUnlisted(p storage.Problem) {
	if !r.result.Range.Contains(p.Key) && r.e.opts.Range.Contains(p.Key) || r.excludes(p.Key) {
		return
	}
	err := p.Err
	if r.e.opts.Delete.Enable {
		err = fmt.Errorf("%w; what the target has of that key or below it is not deleted", err)
	}
	if r.e.opts.WarnAsError {
		r.unsafe.Store(true)
		r.otherwise.Store(true)
	}
	r.record.Emit(report.Event{
		Type: report.EventWarning, Cause: report.CauseUnlisted, Key: p.Key, Source: storage.Object{Key: p.Key}, Err: err,
	})
}

// protect protects a key, and the keys below it, from deletion. It returns false if
// there are too many.
func (r *unitRun) protect(key string) bool {
	if mapped, err := r.e.target.MapKey(key); err == nil && r.e.target.Maps() {
		key = strings.TrimSuffix(mapped, "/")
	}
	return r.protected.Add(key)
}

// excludes reports whether the filters exclude an entry, as an object or as a directory.
func (r *unitRun) excludes(key string) bool {
	for _, k := range []string{key, key + "/"} {
		if why, err := r.e.listed.Excluded(k); err == nil && why != "" {
			return true
		}
	}
	return false
}

// checkPlace warns if the source was removed or replaced while it was listed. The
// listing is then not complete. It fails if it was interrupted, because the answer is
// then not known.
func (r *unitRun) checkPlace(ctx context.Context) error {
	err := r.e.source.StillThere(ctx)
	switch {
	case err == nil:
	case ctx.Err() != nil:
		return context.Cause(ctx)
	default:
		r.notListed(r.e.source, storage.Problem{Err: err})
	}
	return nil
}
