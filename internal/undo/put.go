package undo

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"time"

	"s3sync/internal/plan"
	"s3sync/internal/side"
	"s3sync/internal/transfer"
	"s3sync/storage"
)

// putBack makes the old object of an action the one in the target. It has the condition that
// the target still has what was seen there, or nothing.
func (u *undoer) putBack(ctx context.Context, t *task, kept, now *storage.Info) error {
	if t.Trash == "" {
		return u.move(ctx, u.versions, t, storage.Object{
			Key: t.Key, Size: t.Old.Size, ETag: t.Old.ETag, VersionID: t.Old.Version, ModTime: t.Old.ModTime,
		}, now)
	}
	from := u.opts.ID + "/" + t.Trash
	if u.keeper != nil {
		return u.target.Retry(ctx, t.Key, func(ctx context.Context) error {
			_, err := u.keeper.Keep(ctx, t.Key, u.opts.Trash, from, storage.WriteOptions{IfAbsent: now == nil})
			return u.target.Wrap(err)
		})
	}
	return u.move(ctx, u.fromTrash, t, kept.Object, now)
}

// kept describes the old object of an action, where it is kept.
func (u *undoer) kept(ctx context.Context, t *task) (storage.Info, error) {
	if t.Trash == "" {
		info, err := u.target.Stat(ctx, t.Key, t.Key, storage.StatOptions{VersionID: t.Old.Version})
		return info, u.target.Wrap(err)
	}
	info, err := u.trash.Stat(ctx, t.Key, u.opts.ID+"/"+t.Trash, storage.StatOptions{})
	if err != nil {
		return info, u.trash.Wrap(err)
	}
	// A copy may have another ETag. A file that got a second name has the same time, unless
	// somebody wrote to it.
	if info.Size != t.Old.Size || u.keeper != nil && !t.Old.Is(info.Object) {
		return info, fmt.Errorf("%w: it has %d bytes of %s, and had %d of %s", errKeptChanged, info.Size, info.ModTime.UTC().Format(time.RFC3339),
			t.Old.Size, t.Old.ModTime.Format(time.RFC3339))
	}
	return info, nil
}

// errKeptChanged says that somebody wrote to what the trash has.
var errKeptChanged = errors.New("what the trash has was changed after it was put there")

// asBefore reports whether the target has the old object although the journal does not tell
// what the run wrote. It looks like the old one. The run may have written it: the same bytes
// with other attributes, or a file of the same size and time.
func (u *undoer) asBefore(ctx context.Context, t *task, now *storage.Info) (bool, error) {
	if u.target.Caps.Files {
		return u.sameFile(ctx, t, now)
	}
	if now.ModTime.Unix() == t.Old.ModTime.Unix() {
		return true, nil
	}
	kept, err := u.kept(ctx, t)
	if err != nil || !sameAttributes(kept.Attributes, now.Attributes) {
		return false, err
	}
	from, key, version := u.target, t.Key, t.Old.Version
	if t.Trash != "" {
		from, key, version = u.trash, u.opts.ID+"/"+t.Trash, ""
	}
	had, err := u.tags(ctx, from, t.Key, key, version)
	if err != nil {
		return false, err
	}
	has, err := u.tags(ctx, u.target, t.Key, t.Key, "")
	return maps.Equal(had, has), err
}

// sameFile reports whether the target has the file that the trash has, under a second name or
// with the same bytes.
func (u *undoer) sameFile(ctx context.Context, t *task, now *storage.Info) (bool, error) {
	kept, err := u.kept(ctx, t)
	switch {
	case errors.Is(err, errKeptChanged):
		return false, nil
	case err != nil:
		return false, err
	case kept.File.Known() && kept.File.Node == now.File.Node:
		return true, nil
	}
	var had, has []byte
	if had, err = digest(ctx, u.trash, t.Key, u.opts.ID+"/"+t.Trash); err == nil {
		has, err = digest(ctx, u.target, t.Key, t.Key)
	}
	return bytes.Equal(had, has), err
}

// digest reads an object.
func digest(ctx context.Context, s *side.Side, name, key string) (sum []byte, err error) {
	err = s.Retry(ctx, name, func(ctx context.Context) error {
		r, err := s.Store.Open(ctx, key, storage.OpenOptions{})
		if err != nil {
			return s.Wrap(err)
		}
		h := sha256.New()
		buf := make([]byte, min(r.Info().Size, 1<<20))
		for left := r.Info().Size; left > 0 && err == nil; left -= int64(len(buf)) {
			buf = buf[:min(left, int64(len(buf)))]
			err = r.ReadAt(ctx, buf, r.Info().Size-left)
			_, _ = h.Write(buf) // never fails
		}
		if err == nil {
			err = r.Check(ctx)
		}
		sum = h.Sum(nil)
		return s.Wrap(errors.Join(err, r.Close()))
	})
	return sum, err
}

func sameAttributes(a, b storage.Attributes) bool {
	equal := maps.Equal(a.Metadata, b.Metadata)
	a.Metadata, b.Metadata = nil, nil
	return equal && reflect.DeepEqual(a, b)
}

// tags returns the tags of an object; none if objects of the side have no tags.
func (u *undoer) tags(ctx context.Context, s *side.Side, name, key, version string) (tags map[string]string, err error) {
	tagger, err := s.Tagger()
	if err != nil {
		return nil, nil //nolint:nilerr // then none differ
	}
	err = s.Retry(ctx, name, func(ctx context.Context) (err error) {
		tags, err = tagger.Tags(ctx, key, version)
		return s.Wrap(err)
	})
	return tags, err
}

// move writes an object to the key of an action.
func (u *undoer) move(ctx context.Context, mover *transfer.Transferrer, t *task, from storage.Object, now *storage.Info) error {
	a := plan.Action{Kind: plan.Transfer, Pair: plan.Pair{Source: from, TargetKey: t.Key}, Guard: plan.Guard{TargetAbsent: now == nil, Optional: true}}
	if now != nil {
		a.Guard.TargetETag = now.ETag
	}
	_, err := mover.Transfer(ctx, &a)
	return err
}
