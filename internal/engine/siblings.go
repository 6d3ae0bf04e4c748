package engine

import (
	"context"

	"s3sync/internal/report"
	"s3sync/internal/setting"
	"s3sync/storage"
)

// A prefix matches all keys that begin with it: "photos" also matches those of
// "photos-private/". A user who deletes rarely means that. So a prefix that ends in
// the middle of a name is rejected; one that only lacks its slash is not.

// isSibling reports whether a key of the target continues a prefix without a slash at
// its end by something else than a slash.
func isSibling(target report.Place, key string) bool {
	return key != "" && key[0] != '/' && target.Partial()
}

// allowSibling fails if a target-only key is a sibling of the prefix, and no setting
// permits to delete siblings.
func (e *Engine) allowSibling(key string) error {
	p := e.opts.TargetPlace
	if e.opts.Delete.AllowPartialPrefix || !isSibling(p, key) {
		return nil
	}
	const remove = setting.Name("Delete.Enable")
	var advice setting.Text
	if names := e.opts.Delete.WholeNames; names != "" {
		advice = setting.Textf("Probably right is: %s %s. ", remove, names)
	}
	return setting.Errorf("%w: the prefix %q of the target ends in the middle of a name, as %q shows, which %s would treat like the rest. "+
		"%s%s permits it as it is",
		ErrDeleteRefused, p.Root, p.Path(key), remove, advice, setting.Name("Delete.AllowPartialPrefix"))
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
