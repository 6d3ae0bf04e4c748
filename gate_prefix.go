package s3sync

import (
	"context"
	"strings"

	"s3sync/internal/setting"
	"s3sync/storage"
)

// A prefix means all keys that begin with it: "photos" also those of
// "photos-private/". Who deletes there seldom means that. What is refused is a
// prefix that ends in the middle of a name, not one that only lacks its slash.

// isSibling reports whether a key of the target does not continue the prefix with
// a slash, although that ends in none.
func isSibling(target place, key string) bool {
	return key != "" && key[0] != '/' && partial(target)
}

// partial reports whether the prefix of a side may end in the middle of a name.
func partial(p place) bool {
	return !p.local && p.root != "" && !strings.HasSuffix(p.root, "/")
}

// allowSibling fails if a key that only the target has is a sibling of the prefix,
// and nobody said that those are meant, too.
func (s *syncer) allowSibling(key string) error {
	if s.cfg.Delete.AllowPartialPrefix || !isSibling(s.log.target, key) {
		return nil
	}
	const remove = setting.Name("Delete.Enable")
	var advice setting.Text
	if s.cfg.Target.Store == nil {
		advice = setting.Textf("Probably right is: %s %s. ", remove, wholeNames(s.cfg.Source.URL, s.cfg.Target.URL))
	}
	return setting.Errorf("%w: the prefix %q of the target ends in the middle of a name, as %q shows, which %s would treat like the rest. "+
		"%s%s permits it as it is",
		ErrDeleteRefused, s.log.target.root, s.log.target.path(key), remove, advice, setting.Name("Delete.AllowPartialPrefix"))
}

// findSiblings looks for siblings of the prefix before anything is done, which
// takes one or two requests and only where there may be some. A store that lists
// in no order is not asked: there it shows when everything was listed.
func (s *syncer) findSiblings(ctx context.Context) error {
	if !s.cfg.Delete.Enable || s.cfg.Delete.AllowPartialPrefix || !partial(s.log.target) || !s.target.Caps().Ordered {
		return nil
	}
	for _, r := range []storage.Range{{From: "\x00", To: "/"}, {From: "0"}} { // "0" is the first that is above all with "/"
		for o, err := range s.list(ctx, s.target, s.keys.Intersect(r)) {
			if err != nil {
				return ofTarget(err)
			}
			return s.allowSibling(o.Key)
		}
	}
	return nil
}

// wholeNames are the two sides, as arguments of a command, with prefixes that end
// where names do.
func wholeNames(source, target string) string {
	return shellWord(wholeName(source)) + " " + shellWord(wholeName(target))
}

// wholeName adds the slash that the prefix of a URL lacks.
func wholeName(url string) string {
	l, err := parseLocation(url)
	if err != nil || !partial(place{local: l.local(), root: l.prefix}) {
		return url
	}
	return url + "/"
}

// shellWord quotes a text for a shell, if it needs that.
func shellWord(text string) string {
	plain := func(r rune) bool {
		return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("_@%+=:,./-", r)
	}
	if text != "" && strings.IndexFunc(text, func(r rune) bool { return !plain(r) }) < 0 {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
