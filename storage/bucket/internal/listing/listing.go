// Package listing turns the pages of listings into sequences of objects. The server is
// not trusted: a listing that is out of order, incomplete, or not below the prefix
// is an error.
package listing

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"sync"
	"sync/atomic"

	"s3sync/storage"
	"s3sync/storage/bucket/internal/failure"
	"s3sync/storage/bucket/internal/request"
	"s3sync/storage/bucket/internal/server"
)

// maxEmptyPages bounds the successive pages without entries. S3 returns such pages where
// there are many delete markers or unfinished uploads, because it looks at a bounded
// number of them for each page. The bound is enough for millions.
const maxEmptyPages = 10_000

// A Bucket lists the keys of a bucket that begin with a prefix. The keys that it yields
// are relative to the prefix. Its methods may be called concurrently.
type Bucket struct {
	Wire   Requests
	Server *server.Server
	Prefix string
	// Directory: it is a directory bucket. It lists in no order, and a listing cannot
	// begin at a key. InParallel lists its prefixes concurrently.
	Directory, InParallel bool
	// PageSize is how many entries a page is asked to have.
	PageSize int
	// MaxEmptyPages is how many empty pages may follow each other; 0 is 10,000.
	MaxEmptyPages int
	// Listers bounds the requests of one listing that are made at the same time. Below 2,
	// pages are fetched one after another.
	Listers int
	// Asked is that of storage.ListOptions, for listings in order.
	Asked func() bool
}

// Requests are those that listings consist of: see wire.Client.
type Requests interface {
	ListObjectsV2(ctx context.Context, r request.ListRequest) (request.ListPage, error)
	ListObjectVersions(ctx context.Context, r request.VersionsRequest) (request.VersionsPage, error)
	Fail(ctx context.Context, op, key string, err error) error
	// Throttled returns how many answers to requests of any kind asked for fewer of them so
	// far. Requests are made again after such an answer.
	Throttled() int64
}

// Objects yields the objects of a range, in order except in a directory bucket. An
// object whose key equals the prefix has an empty key. The next page is fetched
// while the objects of one are consumed.
func (b *Bucket) Objects(ctx context.Context, r storage.Range) iter.Seq2[storage.Object, error] {
	if b.Directory && b.InParallel {
		return b.fetched(ctx, func(ctx context.Context, send sender) error { return b.fanOut(ctx, r, send) })
	}
	full := new(fullPage)
	return b.inOrder(ctx, r, func(after string, first bool) pager {
		l := b.newLister(r)
		l.full = full
		if !first {
			l.after, l.inside = b.Prefix+after, true
		}
		return l
	})
}

// Versions yields the versions and delete markers of a range in the order in which
// the server lists them: by key, and those of one key from the newest to the
// oldest. It is fetched ahead as Objects is.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectVersions.html
func (b *Bucket) Versions(ctx context.Context, r storage.Range) iter.Seq2[storage.Object, error] {
	mixed, full := new(atomic.Bool), new(fullPage)
	return b.inOrder(ctx, r, func(after string, first bool) pager {
		l := &versionLister{bucket: b, r: r, mixed: mixed, full: full, from: request.VersionMarker{Key: b.startAfter(r.From)}}
		if !first {
			l.from.Key, l.after, l.inside = b.Prefix+after, b.Prefix+after, true
		}
		return l
	})
}

// First returns the entries of the first page of n entries that are in a range.
func (b *Bucket) First(ctx context.Context, r storage.Range, n int) ([]storage.Object, error) {
	few := *b
	few.PageSize = n
	return few.newLister(r).next(ctx)
}

// Request makes one request of a listing, without what the server does not know.
func (b *Bucket) Request(ctx context.Context, r request.ListRequest) (request.ListPage, error) {
	if b.Directory {
		return b.Wire.ListObjectsV2(ctx, r)
	}
	return server.OrWithout(b.Server, server.RestoreStatus, failure.MayBeUnknown, func(with bool) (request.ListPage, error) {
		r.RestoreStatus = with
		return b.Wire.ListObjectsV2(ctx, r)
	})
}

// A step of a listing is objects, or how it ended.
type step struct {
	objects []storage.Object
	err     error
}

// A sender hands a page over. It fails only if ctx is cancelled.
type sender func(ctx context.Context, objects []storage.Object) error

// fetched yields what fetch sends. fetch runs concurrently to the consumer until the
// listing is complete, fails, or the consumer stops.
func (b *Bucket) fetched(ctx context.Context, fetch func(context.Context, sender) error) iter.Seq2[storage.Object, error] {
	return func(yield func(storage.Object, error) bool) {
		fetchCtx, cancel := context.WithCancel(ctx)
		pages := make(chan step, 1)
		send := func(ctx context.Context, p step) error {
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
				return send(ctx, step{objects: objects})
			})
			if err != nil {
				_ = send(fetchCtx, step{err: err}) // or nobody wants to know
			}
		})
		for p := range pages {
			if p.err != nil {
				yield(storage.Object{}, b.Wire.Fail(ctx, "list", "", p.err))
				return
			}
			for _, o := range p.objects {
				if ctx.Err() != nil {
					yield(storage.Object{}, b.Wire.Fail(ctx, "list", "", ctx.Err()))
					return
				}
				if !yield(o, nil) {
					return
				}
			}
		}
		// A fetcher that was cancelled closes pages like one that is done.
		if ctx.Err() != nil {
			yield(storage.Object{}, b.Wire.Fail(ctx, "list", "", ctx.Err()))
		}
	}
}

// An orderError is that of an answer whose entries are not in the order that was asked
// for, or begin before the key behind which they should.
type orderError struct{ error }

func (e *orderError) Unwrap() error { return e.error }

func outOfOrder(format string, args ...any) error {
	return &orderError{&failure.Error{Text: fmt.Sprintf("the server does not list "+format, args...)}}
}

// A fullPage is how many entries a full page of a listing has: the largest one so far. It
// may be smaller than was asked for. The pagers of a listing share it.
type fullPage struct{ entries atomic.Int64 }

// saw notes how many entries a page has.
func (f *fullPage) saw(entries int) {
	for most := f.entries.Load(); int64(entries) > most && !f.entries.CompareAndSwap(most, int64(entries)); {
		most = f.entries.Load()
	}
}

// mayEnd reports whether a page that was seen and says that it is the last one may be.
// inside: the listing began behind a key. A server may answer such a listing with one page
// only. If the page is full, what is behind it is asked for.
func (f *fullPage) mayEnd(inside bool, entries int) bool {
	return !inside || int64(entries) < max(f.entries.Load(), 1)
}

// emptyPages counts the pages without entries that follow each other in a listing.
type emptyPages int

// sawPage counts a page that is not the last one. It fails if there are too many empty
// pages. It notifies the user of many empty pages, because the listing shows no other
// progress meanwhile.
func (b *Bucket) sawPage(empty *emptyPages, entries int) error {
	if entries > 0 {
		*empty = 0
		return nil
	}
	most := cmp.Or(b.MaxEmptyPages, maxEmptyPages)
	switch *empty++; int(*empty) {
	case most / 10:
		b.Server.Notice(storage.Notice{Text: fmt.Sprintf(
			"%d pages of a listing in a row were empty, as happens where a bucket holds many delete markers; it goes on", *empty)})
	case most + 1:
		return &failure.Error{Text: fmt.Sprintf("the listing has no end: %d pages in a row are empty, and each of them promises another", *empty)}
	}
	return nil
}
