package engine

import (
	"context"

	"s3sync/storage"
)

// allowSibling fails if a target-only key is a sibling of the prefix, and no setting
// permits to delete siblings.
func (e *Engine) allowSibling(key string) error {
	return e.opts.Delete.SiblingRefusal(e.opts.TargetPlace, key)
}

// findSiblings looks for siblings of the prefix before anything is done. It sends one
// or two requests, and only if there may be siblings. It does not ask a store that
// lists in no order: there siblings are found after everything was listed.
func (e *Engine) findSiblings(ctx context.Context) error {
	d := &e.opts.Delete
	if !d.Enable || d.AllowPartialPrefix || !e.opts.TargetPlace.Partial() || !e.target.Caps.Ordered {
		return nil
	}
	for _, r := range []storage.Range{{From: "\x00", To: "/"}, {From: "0"}} { // "0" is the first that is above all with "/"
		for o, err := range e.target.List(ctx, storage.ListOptions{Range: e.keys(e.opts.Range).Intersect(r)}) {
			if err != nil {
				return e.target.Wrap(err)
			}
			return e.allowSibling(o.Key)
		}
	}
	return nil
}
