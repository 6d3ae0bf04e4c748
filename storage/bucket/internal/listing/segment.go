package listing

import (
	"context"
	"slices"
	"sort"
	"strings"
	"unsafe"

	"s3sync/storage"
)

// A pager goes through the pages of a listing.
type pager interface {
	// next fetches a page and returns what of it is asked for.
	next(ctx context.Context) ([]storage.Object, error)
	// ended reports whether there is no further page.
	ended() bool
}

// A segment is a part of the keys that are listed: those after one key, up to another.
// The segments of a listing follow each other without gaps.
type segment struct {
	to    string // included; empty is no bound
	pager pager  // begins behind the end of the segment before

	begun   bool // there was an answer
	busy    bool // a page is being fetched
	ended   bool // the listing that began there has no further pages
	done    bool // likewise, or none that are in the segment
	dropped bool // it is not part of the listing any more
	err     error

	pages    []*page
	buffered int // bytes of them and of beyond
	// heads are the first places after the beginning, for a comparison with what the
	// segment before finds there.
	heads []place
	// beyond is what of the last page is behind the end. It is nil if nothing is.
	beyond *page
	after  []place // the first ones of beyond

	// What follows guides splits. It is cloned, because it outlives the pages.
	from   string    // where the segment was listed from
	cursor string    // to where; a split is behind it
	work   float64   // pages between the two
	lately []stretch // the last of them, one by one
	splits int       // since the last page
}

// A page is a step of a listing, or a part of one that waits.
type page struct {
	objects []storage.Object // nil after they were packed
	packed  packed
	n       int    // how many there are
	last    string // key
	bytes   int    // of memory
	gone    bool   // nothing waits for it any more
}

func newPage(objects []storage.Object) *page {
	if len(objects) == 0 {
		return new(page) // which keeps nothing of the answer in memory
	}
	last := strings.Clone(objects[len(objects)-1].Key)
	return &page{objects: objects, n: len(objects), bytes: bytesOf(objects), last: last}
}

// all returns the objects. Those of a packed page are put into memory.
func (p *page) all(memory []storage.Object) []storage.Object {
	if p.objects != nil {
		return p.objects
	}
	return p.packed.appendTo(memory[:0])
}

const objectSize = int(unsafe.Sizeof(storage.Object{}))

// bytesOf is the memory of objects.
func bytesOf(objects []storage.Object) int {
	n := len(objects) * objectSize
	for i := range objects {
		n += len(objects[i].Key) + len(objects[i].ETag) + len(objects[i].VersionID)
	}
	return n
}

// A place is where an entry stands in a listing.
type place struct{ key, versionID string }

// placesOf returns the first places of a page, at most n. They keep nothing of the page in
// memory.
func placesOf(objects []storage.Object, n int) []place {
	objects = objects[:max(min(len(objects), n), 0)]
	places := make([]place, len(objects))
	for i := range objects {
		places[i] = place{strings.Clone(objects[i].Key), strings.Clone(objects[i].VersionID)}
	}
	return places
}

// maxHeads is how many entries are compared where segments meet.
const maxHeads = 32

// maxLately bounds segment.lately.
const maxLately = 8

// take adds the objects of a page. It returns how many of them are in the segment. A full
// page has pageSize entries.
func (s *segment) take(objects []storage.Object, pageSize float64) int {
	if len(objects) > 0 {
		if s.cursor == "" {
			s.from = strings.Clone(objects[0].Key)
			s.cursor = s.from
		}
		if len(s.heads) < maxHeads {
			s.heads = append(s.heads, placesOf(objects, maxHeads-len(s.heads))...)
		}
	}
	before := s.cursor
	s.begun, s.ended = true, s.pager.ended()
	s.done = s.ended
	n := s.add(objects)
	work := 1.0
	if len(objects) > 0 {
		work = float64(n) / pageSize
	}
	s.work += work
	s.splits = 0
	if len(s.lately) == maxLately {
		s.lately = slices.Delete(s.lately, 0, 1)
	}
	s.lately = append(s.lately, stretch{before, s.cursor, work})
	return n
}

// add adds what of a page is in the segment, and keeps the rest.
func (s *segment) add(objects []storage.Object) int {
	n := len(objects)
	if s.to != "" {
		n = sort.Search(n, func(i int) bool { return objects[i].Key > s.to })
	}
	p := newPage(objects[:n])
	s.pages = append(s.pages, p)
	s.buffered += p.bytes
	if n > 0 {
		s.cursor = p.last
	}
	if rest := objects[n:]; len(rest) > 0 {
		s.done, s.cursor = true, s.to
		s.beyond, s.after = newPage(rest), placesOf(rest, maxHeads)
		s.buffered += s.beyond.bytes
	}
	return n
}

// empty reports whether no entries of the segment were found.
func (s *segment) empty() bool {
	return !slices.ContainsFunc(s.pages, func(p *page) bool { return p.n > 0 })
}

// last returns the last key that was found and is kept, if any.
func (s *segment) last() string {
	if s.beyond != nil {
		return s.beyond.last
	}
	for _, p := range slices.Backward(s.pages) {
		if p.n > 0 {
			return p.last
		}
	}
	return ""
}

// extend moves the end to that of a segment behind, which is not listed any more. What
// was found there is in the segment now. The cursor goes behind it: a split before it would
// list it again.
func (s *segment) extend(to string) {
	s.to, s.done = to, s.ended || s.err != nil
	if beyond := s.beyond; beyond != nil {
		beyond.gone = true
		s.buffered -= beyond.bytes
		s.beyond, s.after = nil, nil
		s.add(beyond.all(nil))
	}
}

// An agreement is whether two segments agree on what is where they meet.
type agreement int

const (
	unclear agreement = iota
	agreed
	contradicted
)

// meets compares the entries that a segment found behind its end with the first ones of
// the segment that begins there. A server that leaves entries out where a listing begins
// would otherwise lose them. Nothing is behind the end only if the listing of the segment
// has ended. What the next one finds was added since then, or the server ended the listing
// too early. It is listed, and is behind all of the segment, because each end is behind all
// keys that the segment has.
func (s *segment) meets(next *segment) agreement {
	n := min(len(s.after), len(next.heads), maxHeads)
	switch {
	case s.beyond == nil || n == 0 && next.err != nil:
		return agreed
	case next.ended && len(next.heads) < min(len(s.after), maxHeads):
		return contradicted
	case n == 0:
		return unclear
	}
	if !slices.Equal(s.after[:n], next.heads[:n]) {
		return contradicted
	}
	return agreed
}
