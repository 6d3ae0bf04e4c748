package bucket

import (
	"context"
	"fmt"
	"iter"
	"net/url"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"s3sync/storage"
)

// A page is a step of a listing: objects, or how it ended.
type page struct {
	objects []storage.Object
	err     error
}

// List yields the objects of a range, in order except in a directory bucket. An
// object whose key equals the prefix has an empty key. The next page is fetched
// while the objects of one are consumed.
//
// The server is not trusted: a listing that is out of order, incomplete, or not
// below the prefix is an error.
func (s *Store) List(ctx context.Context, opts storage.ListOptions) iter.Seq2[storage.Object, error] {
	if s.opts.single != "" {
		return s.listSingle(ctx, opts.Range)
	}
	if s.directory && s.opts.ParallelListing {
		return s.fetched(ctx, func(ctx context.Context, send sender) error { return s.fanOut(ctx, opts.Range, send) })
	}
	return s.paged(ctx, func() pager { return s.newLister(opts.Range) })
}

func (s *Store) newLister(r storage.Range) *lister {
	return &lister{store: s, r: r, prefix: s.listPrefix(r), after: s.startAfter(r.From)}
}

// A pager goes through the pages of a listing.
type pager interface {
	// next fetches a page and returns what of it is asked for.
	next(ctx context.Context) ([]storage.Object, error)
	// ended reports whether there is no further page.
	ended() bool
}

// paged yields what is on the pages of the pager that begin returns.
func (s *Store) paged(ctx context.Context, begin func() pager) iter.Seq2[storage.Object, error] {
	return s.fetched(ctx, func(ctx context.Context, send sender) error {
		for p := begin(); !p.ended(); {
			objects, err := p.next(ctx)
			if err != nil {
				return err
			}
			if err := send(ctx, objects); err != nil {
				return err
			}
		}
		return nil
	})
}

// A sender hands a page over. It fails only if ctx is cancelled.
type sender func(ctx context.Context, objects []storage.Object) error

// fetched yields what fetch sends, which runs beside the consumer until the
// listing is complete, fails, or is no longer wanted.
func (s *Store) fetched(ctx context.Context, fetch func(context.Context, sender) error) iter.Seq2[storage.Object, error] {
	return func(yield func(storage.Object, error) bool) {
		fetchCtx, cancel := context.WithCancel(ctx)
		pages := make(chan page, 1)
		send := func(ctx context.Context, p page) error {
			select {
			case pages <- p:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		var fetcher sync.WaitGroup
		defer fetcher.Wait()
		defer cancel()
		fetcher.Go(func() {
			defer close(pages)
			err := fetch(fetchCtx, func(ctx context.Context, objects []storage.Object) error {
				return send(ctx, page{objects: objects})
			})
			if err != nil {
				_ = send(fetchCtx, page{err: err}) // or nobody wants to know
			}
		})
		for p := range pages {
			if p.err != nil {
				yield(storage.Object{}, s.fail(ctx, "list", "", p.err))
				return
			}
			for _, o := range p.objects {
				if ctx.Err() != nil {
					yield(storage.Object{}, s.fail(ctx, "list", "", ctx.Err()))
					return
				}
				if !yield(o, nil) {
					return
				}
			}
		}
		// A fetcher that was cancelled closes pages like one that is done.
		if ctx.Err() != nil {
			yield(storage.Object{}, s.fail(ctx, "list", "", ctx.Err()))
		}
	}
}

// A lister goes through the pages of a range.
type lister struct {
	store     *Store
	r         storage.Range
	prefix    string // what the server is asked for, in full
	delimiter string
	after     string // start-after of the first request
	token     string // of the next one
	done      bool
	empty     emptyPages

	last string // the key before, in full
	any  bool   // there was one
}

func (l *lister) ended() bool { return l.done }

// next fetches a page and returns what of it is in the range.
func (l *lister) next(ctx context.Context) ([]storage.Object, error) {
	objects, _, err := l.page(ctx)
	return objects, err
}

// page fetches a page and returns what of it is in the range: objects, and with a
// delimiter the prefixes that stand for all keys that begin with them.
func (l *lister) page(ctx context.Context) (objects []storage.Object, prefixes []string, err error) {
	out, err := l.store.listRequest(ctx, l)
	if err != nil {
		return nil, nil, err
	}
	// A body without a listing in it is decoded to nothing at all. It must not
	// pass for an empty listing.
	if out.IsTruncated == nil {
		return nil, nil, garbled("it is no listing")
	}
	token := aws.ToString(out.NextContinuationToken)
	switch {
	case !*out.IsTruncated:
		l.done = true
	case token == "":
		return nil, nil, garbled("it is truncated but names no continuation")
	case token == l.token:
		return nil, nil, garbled("its continuation is the page itself")
	}
	l.token = token
	if !l.done {
		if err := l.store.sawPage(&l.empty, len(out.Contents)+len(out.CommonPrefixes)); err != nil {
			return nil, nil, err
		}
	}
	if objects, err = l.objects(out); err != nil {
		return nil, nil, err
	}
	prefixes, err = l.prefixes(out)
	return objects, prefixes, err
}

// garbled is the failure of a page that makes no sense.
func garbled(format string, args ...any) error {
	return &failure{kind: storage.ErrTransient, text: "the server's answer cannot be used: " + fmt.Sprintf(format, args...)}
}

// objects checks the entries of a page and returns those in the range.
func (l *lister) objects(out *s3.ListObjectsV2Output) ([]storage.Object, error) {
	objects := make([]storage.Object, 0, len(out.Contents))
	for i := range out.Contents {
		full, o, err := l.entry(&out.Contents[i], out.EncodingType)
		if err != nil {
			return nil, err
		}
		if !l.store.directory {
			if l.any && full <= l.last {
				return nil, &failure{text: fmt.Sprintf(
					"the server does not list in ascending order: key %q after %q", full, l.last)}
			}
			l.last, l.any = full, true
			if l.r.To != "" && o.Key >= l.r.To {
				l.done = true
				break
			}
		}
		if strings.HasPrefix(full, l.store.opts.Prefix) && l.r.Contains(o.Key) {
			objects = append(objects, o)
		}
	}
	return objects, nil
}

// listPrefix is what a listing of a range is asked for. Directory buckets take
// only prefixes that end in a slash, and no start-after: what is listed besides is
// left out here.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
func (s *Store) listPrefix(r storage.Range) string {
	prefix := s.opts.Prefix
	if !s.directory {
		return prefix
	}
	for i := strings.LastIndex(r.From, "/"); i >= 0; i = strings.LastIndex(r.From[:i], "/") {
		if inside := r.From[:i+1]; r.To != "" && r.To <= storage.Prefixed(inside).To {
			return prefix + inside
		}
	}
	return prefix[:strings.LastIndex(prefix, "/")+1]
}

// entry is one object of a listing and its key in the bucket, which may not have
// the store's prefix.
func (l *lister) entry(e *types.Object, encoding types.EncodingType) (full string, o storage.Object, err error) {
	if full, err = decodeKey(e.Key, encoding); err != nil {
		return "", o, err
	}
	switch {
	case full == "" || e.Size == nil || *e.Size < 0 || e.LastModified == nil:
		return "", o, garbled("the entry of key %q is not complete", full)
	case len(aws.ToString(e.ETag)) > maxETag:
		return "", o, garbled("the ETag of key %q has %d bytes", full, len(*e.ETag))
	case !strings.HasPrefix(full, l.prefix):
		return "", o, garbled("key %q does not begin with %q", full, l.prefix)
	}
	o = storage.Object{
		Key:     strings.TrimPrefix(full, l.store.opts.Prefix),
		Size:    *e.Size,
		ModTime: *e.LastModified,
		ETag:    unquoted(e.ETag),
	}
	o.Archived, o.MaybeArchived = archival(string(e.StorageClass), e.RestoreStatus)
	return full, o, nil
}

// decodeKey is a key as a listing has it.
func decodeKey(key *string, encoding types.EncodingType) (string, error) {
	full := aws.ToString(key)
	if encoding != types.EncodingTypeUrl {
		return full, nil
	}
	// A blank is "+" in this encoding, and "+" is %2B.
	decoded, err := url.QueryUnescape(full)
	if err != nil {
		return "", garbled("key %q is not URL-encoded", full)
	}
	return decoded, nil
}

// startAfter returns a text that is sent as start-after to list from a key on.
// S3 begins behind that text, so it must sort before the key, but as closely as
// possible, as what lies between is fetched in vain. It must be valid UTF-8.
func (s *Store) startAfter(from string) string {
	if from == "" {
		return ""
	}
	full := s.full(from)
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
	if tight := head + string(last) + string(utf8.MaxRune); len(tight) <= maxKey {
		return tight
	}
	for len(head) > maxKey {
		head = trimRune(head)
	}
	return head
}

// trimRune removes the last character.
func trimRune(text string) string {
	_, size := utf8.DecodeLastRuneInString(text)
	return text[:len(text)-size]
}
