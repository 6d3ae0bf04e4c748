package gate

import (
	"s3sync/internal/report"
	"s3sync/internal/setting"
)

// A prefix matches all keys that begin with it: "photos" also matches those of
// "photos-private/". A user who deletes rarely means that. So a prefix that ends in
// the middle of a name is rejected; one that only lacks its slash is not.

// isSibling reports whether a key of the target continues a prefix without a slash at
// its end by something else than a slash.
func isSibling(target report.Place, key string) bool {
	return key != "" && key[0] != '/' && target.Partial()
}

// SiblingRefusal returns why nothing may be deleted if a target-only key is a sibling of
// the prefix, or nil. The error wraps ErrDeleteRefused.
func (d *Options) SiblingRefusal(target report.Place, key string) error {
	if d.AllowPartialPrefix || !isSibling(target, key) {
		return nil
	}
	const remove = setting.Name("Delete.Enable")
	var advice setting.Text
	if d.WholeNames != "" {
		advice = setting.Textf("Probably right is: %s %s. ", remove, d.WholeNames)
	}
	return setting.Errorf("%w: the prefix %q of the target ends in the middle of a name, as %q shows, which %s would treat like the rest. "+
		"%s%s permits it as it is",
		ErrDeleteRefused, target.Root, target.Path(key), remove, advice, setting.Name("Delete.AllowPartialPrefix"))
}
