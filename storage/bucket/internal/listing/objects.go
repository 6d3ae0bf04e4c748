package listing

import (
	"context"
	"strings"
	"unicode/utf8"

	"s3sync/storage"
	"s3sync/storage/bucket/internal/failure"
	"s3sync/storage/bucket/internal/request"
)

// A lister goes through the pages of a range.
type lister struct {
	bucket    *Bucket
	r         storage.Range
	prefix    string // what the server is asked for, in full
	delimiter string
	// after is start-after of the first request, and token continues it. S3 ignores
	// start-after together with a token. Some servers refuse it.
	// https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
	after, token string
	done         bool
	full         *fullPage
	empty        emptyPages

	last string // the key before, in full
	any  bool   // there was one
	// inside: the listing begins behind after, and not where the range begins.
	inside bool
}

func (b *Bucket) newLister(r storage.Range) *lister {
	return &lister{bucket: b, r: r, full: new(fullPage), prefix: b.listPrefix(r), after: b.startAfter(r.From)}
}

func (l *lister) ended() bool { return l.done }

// next fetches a page and returns what of it is in the range.
func (l *lister) next(ctx context.Context) ([]storage.Object, error) {
	objects, _, err := l.page(ctx)
	return objects, err
}

// page fetches a page and returns its objects in the range. With a delimiter, it also
// returns the prefixes of further keys.
func (l *lister) page(ctx context.Context) (objects []storage.Object, prefixes []string, err error) {
	r := request.ListRequest{Prefix: l.prefix, Delimiter: l.delimiter, Token: l.token, MaxKeys: l.bucket.PageSize}
	if r.Token == "" {
		r.After = l.after
	}
	p, err := l.bucket.Request(ctx, r)
	l.full.saw(len(p.Objects))
	switch {
	case err != nil:
		return nil, nil, err
	case !p.Truncated:
		l.done, p.Token = l.full.mayEnd(l.inside, len(p.Objects)), ""
	case p.Token == "":
		return nil, nil, failure.Garbled("it is truncated but names no continuation")
	case p.Token == l.token:
		return nil, nil, failure.Garbled("its continuation is the page itself")
	}
	l.token = strings.Clone(p.Token) // it keeps nothing of the page in memory; nor does last
	if !l.done {
		if err := l.bucket.sawPage(&l.empty, len(p.Objects)+len(p.Prefixes)); err != nil {
			return nil, nil, err
		}
	}
	if objects, err = l.objects(p.Objects); err != nil {
		return nil, nil, err
	}
	l.last = strings.Clone(l.last)
	if l.token == "" && !l.done {
		l.after = l.last
	}
	prefixes, err = l.prefixes(p.Prefixes)
	return objects, prefixes, err
}

// objects checks the entries of a page and returns those in the range, in place of
// them.
func (l *lister) objects(entries []storage.Object) ([]storage.Object, error) {
	objects := entries[:0]
	for _, o := range entries {
		full := o.Key
		if !strings.HasPrefix(full, l.prefix) {
			return nil, failure.Garbled("key %q does not begin with %q", full, l.prefix)
		}
		o.Key = strings.TrimPrefix(full, l.bucket.Prefix)
		if !l.bucket.Directory {
			if l.inside && !l.any && full <= l.after {
				return nil, outOfOrder("behind %q: it begins with key %q", l.after, full)
			}
			if l.any && full <= l.last {
				return nil, outOfOrder("in ascending order: key %q after %q", full, l.last)
			}
			l.last, l.any = full, true
			if l.r.To != "" && o.Key >= l.r.To {
				l.done = true
				break
			}
		}
		if strings.HasPrefix(full, l.bucket.Prefix) && l.r.Contains(o.Key) {
			objects = append(objects, o)
		}
	}
	return objects, nil
}

// listPrefix returns the prefix for the listing of a range. Directory buckets take only
// prefixes that end in a slash, and no start-after. Keys outside of the range are skipped.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
func (b *Bucket) listPrefix(r storage.Range) string {
	prefix := b.Prefix
	if !b.Directory {
		return prefix
	}
	for i := strings.LastIndex(r.From, "/"); i >= 0; i = strings.LastIndex(r.From[:i], "/") {
		if inside := r.From[:i+1]; r.To != "" && r.To <= storage.Prefixed(inside).To {
			return prefix + inside
		}
	}
	return prefix[:strings.LastIndex(prefix, "/")+1]
}

// startAfter returns the start-after of a listing that begins at a key. S3 lists the keys
// after that text. So the text must sort before the key, but as closely as possible,
// because the keys between are fetched and skipped. It must be valid UTF-8.
func (b *Bucket) startAfter(from string) string {
	if from == "" {
		return ""
	}
	full := b.Prefix + from
	// Whatever is not text at the end is left out: that sorts before.
	if valid := strings.ToValidUTF8(full, "\x00"); valid != full {
		i := 0
		for i < len(full) && full[i] == valid[i] {
			i++
		}
		return trimRune(full[:i])
	}
	last, size := utf8.DecodeLastRuneInString(full)
	head := full[:len(full)-size]
	switch {
	case last == 0:
		return head // nothing sorts between x and x\0
	case last == 0xE000:
		last = 0xD7FF // what lies between is no text
	default:
		last--
	}
	// The predecessor with the last of all characters behind it.
	if tight := head + string(last) + string(utf8.MaxRune); len(tight) <= request.MaxKey {
		return tight
	}
	for len(head) > request.MaxKey {
		head = trimRune(head)
	}
	return head
}

// trimRune removes the last character.
func trimRune(text string) string {
	_, size := utf8.DecodeLastRuneInString(text)
	return text[:len(text)-size]
}
