package engine

import (
	"context"
	"iter"
	"strings"

	"s3sync/internal/trash"
	"s3sync/storage"
)

// trashInside returns the place of the trash in the target; empty if it is elsewhere.
func (e *Engine) trashInside() string {
	if e.opts.Trash == nil {
		return ""
	}
	return e.opts.Trash.Inside
}

// withoutTrash returns the target without the trash that lies in it.
func withoutTrash(target storage.Store, inside string) storage.Store {
	if inside == "" {
		return target
	}
	return &outsideTrash{target, inside}
}

// An outsideTrash is a target in which a trash lies. The trash is not listed.
type outsideTrash struct {
	storage.Store

	inside string
}

// Unwrap returns the target with the trash.
func (o *outsideTrash) Unwrap() storage.Store { return o.Store }

func (o *outsideTrash) List(ctx context.Context, opts storage.ListOptions) iter.Seq2[storage.Object, error] {
	skip := opts.Skip
	opts.Skip = func(prefix string) bool {
		return strings.HasPrefix(prefix, o.inside) || skip != nil && skip(prefix)
	}
	return func(yield func(storage.Object, error) bool) {
		for obj, err := range o.Store.List(ctx, opts) {
			if err == nil && trash.Within(obj.Key, o.inside) {
				continue
			}
			if !yield(obj, err) {
				return
			}
		}
	}
}
