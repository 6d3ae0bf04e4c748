package listing

import (
	"cmp"
	"context"
	"iter"
	"strings"

	"s3sync/internal/parallel"
	"s3sync/storage"
	"s3sync/storage/bucket/internal/failure"
)

// A directory bucket lists in no order, and a listing cannot begin at a key. So it can be
// listed in parallel only by prefixes. With a delimiter it also returns the prefixes of
// incomplete uploads. These hold no objects, and listing each of them costs a request.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html

const (
	delimiter = "/"
	// fanOutLevels is how many levels are listed prefix by prefix. Deeper levels are
	// listed as a whole.
	fanOutLevels = 2
	// fanOutRequests bounds the concurrent requests, and with them the pages in memory, as
	// Bucket.Listers does if that is less.
	fanOutRequests = 16
)

// A fanOut is one listing of a directory bucket by its prefixes.
type fanOut struct {
	bucket  *Bucket
	r       storage.Range
	send    sender
	permits chan struct{} // one for each request, until its page is handed over
}

// fanOut sends the pages of a range. It returns only when all requests have ended.
func (b *Bucket) fanOut(ctx context.Context, r storage.Range, send sender) error {
	n := min(fanOutRequests, cmp.Or(b.Listers, fanOutRequests))
	f := &fanOut{bucket: b, r: r, send: send, permits: make(chan struct{}, n)}
	return f.list(ctx, b.listPrefix(r), 1)
}

// list sends the objects below a prefix. It lists the prefixes below it concurrently. The
// first failure ends all of them.
func (f *fanOut) list(ctx context.Context, prefix string, level int) error {
	n, by := cap(f.permits), delimiter
	if level > fanOutLevels {
		n, by = 1, ""
	}
	below := func(ctx context.Context) iter.Seq2[string, error] { return f.below(ctx, prefix, by) }
	return parallel.ForEach(ctx, n, below, func(ctx context.Context, p string) error {
		return f.list(ctx, p, level+1)
	})
}

// below sends the objects directly below a prefix, page by page, and yields the prefixes
// that are to be listed separately. It fetches a page only when the consumer needs it. It
// returns a single-use iterator.
func (f *fanOut) below(ctx context.Context, prefix, by string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		l := &lister{bucket: f.bucket, r: f.r, full: new(fullPage), prefix: prefix, delimiter: by}
		for !l.done {
			prefixes, err := f.page(ctx, l)
			if err != nil {
				yield("", err)
				return
			}
			for _, p := range prefixes {
				if !yield(p, nil) {
					return
				}
			}
		}
	}
}

// page fetches a page and sends its objects.
func (f *fanOut) page(ctx context.Context, l *lister) (prefixes []string, err error) {
	select {
	case f.permits <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	defer func() { <-f.permits }()
	objects, prefixes, err := l.page(ctx)
	if err != nil {
		return nil, err
	}
	return prefixes, f.send(ctx, objects)
}

// prefixes checks the prefixes of a page and returns those that keys of the range
// can have.
func (l *lister) prefixes(all []string) ([]string, error) {
	var prefixes []string
	for _, p := range all {
		rest, ok := strings.CutPrefix(p, l.prefix)
		if !ok || rest == "" || l.delimiter == "" || strings.Index(rest, l.delimiter) != len(rest)-len(l.delimiter) {
			return nil, failure.Garbled("the prefix %q does not follow from %q", p, l.prefix)
		}
		relative, ok := strings.CutPrefix(p, l.bucket.Prefix)
		if ok && l.r.Reaches(relative) {
			prefixes = append(prefixes, p)
		}
	}
	return prefixes, nil
}
