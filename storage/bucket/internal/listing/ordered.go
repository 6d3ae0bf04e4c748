package listing

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"slices"
	"sync"
	"time"

	"s3sync/storage"
	"s3sync/storage/bucket/internal/failure"
)

const (
	// maxBuffered bounds the bytes of the pages that wait for the consumer, or are being
	// fetched. Only the page that the consumer needs next may exceed it.
	maxBuffered = 12 << 20
	// maxWindow bounds the bytes from the page that the consumer reads to those that are
	// fetched, if segments are as long as expected, and pagesAhead their pages, for each
	// request that may be made at once.
	maxWindow, pagesAhead = 4 << 20, 8
	// fetchCost is how much memory a page needs while it is fetched, compared with its
	// objects: the answer of the server is there, too.
	fetchCost = 2
	// unpacked is how many pages may wait for the consumer without being packed, where it
	// reads.
	unpacked = 2
	// maxContradictions is how often a server may contradict itself where segments meet,
	// as it does where objects are written meanwhile.
	maxContradictions = 3
)

// startAfter is what servers may lack: that a listing begins behind a key.
const startAfter = "the beginning of a listing at a key"

// An ordered is one listing, in order, whose parts are fetched concurrently. It begins
// with one segment. While the consumer waits for pages, the segments are split, and their
// parts are listed at the same time. The consumer gets them one after another.
type ordered struct {
	bucket *Bucket
	end    string // of the range; excluded, empty is no bound
	// begin begins to list after a key, or, without one, where the listing begins.
	begin   func(after string, first bool) pager
	fetches sync.WaitGroup
	wake    chan struct{} // something changed

	memory []storage.Object // of the page that the consumer reads, if it was packed

	mu             sync.Mutex
	segments       []*segment // the consumer reads the first one
	keys           keySpace
	listed         []stretch // that were listed lately
	known          string    // nothing that was found lies further behind
	busy           int       // requests
	listers        listers
	waiting        bool    // the consumer waits for a page
	buffered       int     // bytes
	pageSize       float64 // entries of a full page
	pageBytes      int     // of a typical page that waits
	freshBytes     int     // of a typical page that has just come
	contradictions int
}

// A stretch is a range of keys that was listed, and how many pages it has.
type stretch struct {
	from, to string
	work     float64
}

// maxStretches bounds those that are remembered.
const maxStretches = 32

// inOrder yields what pagers list, in order.
func (b *Bucket) inOrder(ctx context.Context, r storage.Range, begin func(after string, first bool) pager) iter.Seq2[storage.Object, error] {
	return func(yield func(storage.Object, error) bool) {
		fetchCtx, cancel := context.WithCancel(ctx)
		o := &ordered{
			bucket: b, end: r.To, begin: begin, wake: make(chan struct{}, 1),
			listers:  listers{n: 1, most: b.Listers, calls: b.Wire.Throttled, heard: b.Wire.Throttled()},
			segments: []*segment{{pager: begin("", true)}},
		}
		if b.Directory || b.Server.Lacks(startAfter) {
			o.listers.most = 1
		}
		defer o.fetches.Wait()
		defer cancel()
		if b.Asked != nil && !o.ask(fetchCtx, b.Asked) {
			return
		}
		for {
			p, err := o.next(ctx, fetchCtx)
			if err != nil {
				yield(storage.Object{}, b.Wire.Fail(ctx, "list", "", err))
				return
			}
			if p == nil || !o.hand(ctx, p, yield) {
				return
			}
		}
	}
}

// ask begins the first request, and says so. It reports whether the listing goes on.
func (o *ordered) ask(ctx context.Context, asked func() bool) bool {
	o.mu.Lock()
	o.schedule(ctx)
	o.mu.Unlock()
	return asked()
}

// leave goes on to the next segment.
func (o *ordered) leave() {
	front := o.segments[0]
	if front.cursor != "" {
		o.remember(stretch{front.from, front.cursor, front.work})
	}
	o.drop(front)
	o.segments = slices.Delete(o.segments, 0, 1)
	o.segments[0].heads = nil
}

// remember keeps what was listed.
func (o *ordered) remember(s stretch) {
	if len(o.listed) == maxStretches {
		o.listed = slices.Delete(o.listed, 0, 1)
	}
	o.listed = append(o.listed, s)
}

// merge lets the first segment list what the second one lists wrongly.
func (o *ordered) merge() {
	if o.contradictions++; o.contradictions >= maxContradictions {
		o.listSerially()
		return
	}
	second := o.segments[1]
	o.drop(second)
	o.segments = slices.Delete(o.segments, 1, 2)
	o.extend(second.to)
}

// extend moves the end of the first segment.
func (o *ordered) extend(to string) {
	front := o.segments[0]
	o.buffered -= front.buffered
	front.extend(to)
	o.buffered += front.buffered
}

// listSerially goes on with the first segment alone. A listing can be continued on every
// server, but begins behind a key only on those that know how.
func (o *ordered) listSerially() {
	o.bucket.Server.SetMissing(startAfter)
	for _, s := range o.segments[1:] {
		o.drop(s)
	}
	o.segments = o.segments[:1]
	o.extend("")
	o.listers.n, o.listers.most = 1, 1
}

// mayListSerially reports whether the first segment can list what another one fails to,
// because the server does not know how to begin behind a key, or to go on from there. The
// consumer has got nothing of the other one yet. If the listing of the first one has ended,
// it must have found all that others found.
func (o *ordered) mayListSerially(err error) bool {
	if _, ok := errors.AsType[*orderError](err); !ok && !failure.MayBeUnknown(err) {
		return false
	}
	front := o.segments[0]
	return !front.ended || !slices.ContainsFunc(o.segments[1:], func(s *segment) bool { return s.last() > front.last() })
}

// drop forgets a segment and its pages.
func (o *ordered) drop(s *segment) {
	s.dropped = true
	o.buffered -= s.buffered
}

// schedule begins the requests that may be made now.
func (o *ordered) schedule(ctx context.Context) {
	o.listers.heed(o.busy)
	// The consumer waits, or will soon: it reads the last page that comes next.
	if o.waiting || !o.ready() {
		o.listers.grow()
	}
	for o.busy < o.listers.n && ctx.Err() == nil {
		s := o.choose()
		if s == nil {
			return
		}
		s.busy = true
		o.busy++
		o.fetches.Go(func() { o.fetch(ctx, s) })
	}
}

// ready reports whether the page that the consumer reads next is there.
func (o *ordered) ready() bool {
	for _, s := range o.segments {
		if len(s.pages) > 0 || !s.done {
			return len(s.pages) > 0
		}
	}
	return false
}

// choose returns the segment of which a page is fetched next, if any: the one that the
// consumer needs first, or a new one.
func (o *ordered) choose() *segment {
	density := o.density()
	needed := true // by the consumer
	ahead := 0.0   // bytes that the consumer reads before
	split, most, at, least := -1, 0.0, 0.0, float64(worthIt)
	for i, s := range o.segments {
		ahead += float64(s.buffered)
		if !needed && (ahead > o.window() || !o.fits(ahead)) {
			least = tooLong * o.segmentPages()
			break
		}
		if !s.busy && !s.done && (needed && len(s.pages) <= 1 || o.listers.n > 1 && o.fits(ahead)) {
			return s
		}
		needed = needed && s.done && len(s.pages) == 0
		if s.done {
			continue
		}
		left := o.workLeft(s, density)
		if left > most && s.splits < maxSplits {
			split, most, at = i, left, ahead
		}
		if most > tooLong*o.segmentPages() {
			break
		}
		ahead += left * float64(o.pageBytes)
	}
	if o.listers.n == 1 || most < least || len(o.segments) >= maxSegments*o.listers.most || !o.fits(at) {
		return nil
	}
	return o.split(split, min(0.5, o.segmentPages()/most))
}

// fits reports whether there is room for one more page. Some of it is only for pages that
// the consumer needs soon.
func (o *ordered) fits(ahead float64) bool {
	limit := maxBuffered
	if ahead > o.window()/4 {
		limit = maxBuffered * 3 / 4
	}
	return o.buffered+(o.busy+1)*o.freshBytes*fetchCost <= limit
}

const (
	// tooLong is by how much a segment must be too long to be split before all others,
	// because the consumer has to wait for it.
	tooLong = 1.5
	// worthIt is how many pages a segment must have left to be split.
	worthIt = 2
	// maxSplits is how often a segment may be split until more of it is known.
	maxSplits = 2
	// prior is how many pages the density of all keys weighs, against those of a segment.
	prior = 3
	// maxSegments bounds those of a listing, for each lister.
	maxSegments = 4
)

// segmentPages is how many pages a segment shall have. The last request of each fetches
// half a page in vain, and the pages of all but the first must wait for those before them.
func (o *ordered) segmentPages() float64 {
	const least, most = 2, 8
	return min(max(o.window()/float64(max(o.pageBytes, 1)*o.listers.n), least), most)
}

// window is how many bytes ahead of the consumer are fetched.
func (o *ordered) window() float64 {
	return float64(min(maxWindow, o.listers.n*pagesAhead*max(o.pageBytes, 1)))
}

// fetch fetches a page of a segment.
func (o *ordered) fetch(ctx context.Context, s *segment) {
	start := time.Now()
	objects, err := s.pager.next(ctx)
	took := time.Since(start)
	o.mu.Lock()
	defer o.mu.Unlock()
	if err == nil {
		o.listers.fetched(took)
	}
	if !s.dropped {
		o.take(s, objects, err)
		o.wakeUp()
		o.pack(s)
	}
	s.busy = false
	o.busy--
	o.listers.ended()
	o.schedule(ctx)
	o.wakeUp()
}

func (o *ordered) wakeUp() {
	select {
	case o.wake <- struct{}{}:
	default: // it will be looked at anyway
	}
}

// take adds what an answer holds to a segment.
func (o *ordered) take(s *segment, objects []storage.Object, err error) {
	switch {
	case err == nil:
	case errors.Is(err, storage.ErrThrottled) && (o.busy > 1 || o.listers.n > 1):
		// Page by page, it might not have been refused. It is asked for again, when there are
		// fewer requests.
		o.listers.refused(o.busy)
		return
	case s != o.segments[0] && o.mayListSerially(err):
		o.listSerially()
		return
	default:
		// It is not asked again: its pager may be behind a page that was lost.
		s.err, s.done = err, true
		return
	}
	o.buffered -= s.buffered
	if len(objects) > 0 {
		o.pageSize = max(o.pageSize, float64(len(objects)))
		fresh := bytesOf(objects)
		o.freshBytes = max(fresh, (o.freshBytes*7+fresh)/8)
		o.pageBytes = cmp.Or(o.pageBytes, fresh/2)
	}
	n := s.take(objects, o.pageSize)
	o.buffered += s.buffered
	if o.listers.most > 1 {
		o.keys.learn(objects)
	}
	if s == o.segments[0] && n > 0 {
		o.waiting = false
	}
	if s.beyond != nil {
		o.nothingUpTo(s, s.after[0].key)
	}
	o.prune(slices.Index(o.segments, s))
}

// pack packs what has just come of a segment, if it must wait.
func (o *ordered) pack(s *segment) {
	var fresh []*page
	if n := len(s.pages); n > unpacked || n > 0 && s != o.segments[0] {
		fresh = append(fresh, s.pages[n-1])
	}
	if s.beyond != nil {
		fresh = append(fresh, s.beyond)
	}
	for _, p := range fresh {
		if p.n == 0 || p.objects == nil {
			continue
		}
		o.mu.Unlock()
		packed := pack(p.objects)
		o.mu.Lock()
		if p.gone || s.dropped {
			continue
		}
		o.buffered -= s.buffered
		s.buffered += packed.size() - p.bytes
		o.buffered += s.buffered
		p.objects, p.packed, p.bytes = nil, packed, packed.size()
		o.pageBytes = max(p.bytes, (o.pageBytes*7+p.bytes)/8)
	}
}

// prune removes segments that are known to have no entries.
func (o *ordered) prune(i int) {
	s := o.segments[i]
	found := func(s *segment) bool { return len(s.heads) > 0 || s.err != nil }
	switch last := len(o.segments) - 1; {
	case s.ended && s.beyond == nil && !slices.ContainsFunc(o.segments[i+1:], found):
		// The listing ended there.
		for _, behind := range o.segments[i+1:] {
			o.drop(behind)
		}
		s.to = o.segments[last].to
		o.segments = slices.Delete(o.segments, i+1, last+1)
	case s.done && s.empty() && i > 0 && i < last:
		// What the segment before finds behind its end must be what the one behind begins
		// with.
		o.drop(s)
		o.segments = slices.Delete(o.segments, i, i+1)
	}
}

// nothingUpTo uses that there is nothing between the end of a segment and a key.
func (o *ordered) nothingUpTo(s *segment, key string) {
	if from := max(s.to, o.known); from < key {
		o.remember(stretch{from, key, 0})
		o.known = key
	}
	for _, next := range o.segments[slices.Index(o.segments, s)+1:] {
		if next.cursor < key && !next.begun && (next.to == "" || next.to > key) {
			next.from, next.cursor = key, key
		}
	}
}
