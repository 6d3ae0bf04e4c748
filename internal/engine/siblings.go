package engine

import (
	"context"
	"strings"

	"s3sync/internal/report"
	"s3sync/internal/setting"
	"s3sync/storage"
)

// A prefix means all keys that begin with it: "photos" also those of
// "photos-private/". Who deletes there seldom means that. What is refused is a
// prefix that ends in the middle of a name, not one that only lacks its slash.

// isSibling reports whether a key of the target does not continue the prefix with a
// slash, although that ends in none.
func isSibling(target report.Place, key string) bool {
	return key != "" && key[0] != '/' && partial(target)
}

// partial reports whether the prefix of a side may end in the middle of a name.
func partial(p report.Place) bool {
	return !p.Local && p.Root != "" && !strings.HasSuffix(p.Root, "/")
}

// allowSibling fails if a key that only the target has is a sibling of the prefix,
// and nobody said that those are meant, too.
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

// findSiblings looks for siblings of the prefix before anything is done, which
// takes one or two requests and only where there may be some. A store that lists
// in no order is not asked: there it shows when everything was listed.
func (e *Engine) findSiblings(ctx context.Context) error {
	d := &e.opts.Delete
	if !d.Enable || d.AllowPartialPrefix || !partial(e.opts.TargetPlace) || !e.target.Caps.Ordered {
		return nil
	}
	for _, r := range []storage.Range{{From: "\x00", To: "/"}, {From: "0"}} { // "0" is the first that is above all with "/"
		for o, err := range e.target.List(ctx, e.keys(e.opts.Range).Intersect(r), nil) {
			if err != nil {
				return e.target.Wrap(err)
			}
			return e.allowSibling(o.Key)
		}
	}
	return nil
}
