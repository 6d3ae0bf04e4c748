package listing

import (
	"context"
	"slices"
	"sort"
	"strings"

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

	pages    []page
	buffered int // bytes of them
	// heads are the first entries after the beginning, for a comparison with what the
	// segment before finds there.
	heads []storage.Object
	// beyond are entries behind the end, of the last page.
	beyond []storage.Object

	// What follows guides splits. It is cloned, because it outlives the pages.
	from   string    // where the segment was listed from
	cursor string    // to where; a split is behind it
	work   float64   // pages between the two
	lately []stretch // the last of them, one by one
	splits int       // since the last page
}

// A page is a step of a listing.
type page struct {
	objects []storage.Object
	bytes   int // of memory
}

// maxHeads is how many entries are compared where segments meet.
const maxHeads = 32

// maxLately bounds segment.lately.
const maxLately = 8

// take adds a page. It returns how many of its objects are in the segment. A full page
// has pageSize entries.
func (s *segment) take(p page, pageSize float64) int {
	if len(p.objects) > 0 {
		if s.cursor == "" {
			s.from = strings.Clone(p.objects[0].Key)
			s.cursor = s.from
		}
		s.heads = append(s.heads, p.objects[:min(len(p.objects), max(0, maxHeads-len(s.heads)))]...)
	}
	before := s.cursor
	if len(p.objects) > 0 {
		s.cursor = strings.Clone(p.objects[len(p.objects)-1].Key)
	}
	s.begun, s.ended = true, s.pager.ended()
	s.done = s.ended
	n := s.add(p)
	work := 1.0
	if len(p.objects) > 0 {
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
func (s *segment) add(p page) int {
	n := len(p.objects)
	if s.to != "" {
		n = sort.Search(n, func(i int) bool { return p.objects[i].Key > s.to })
	}
	if n < len(p.objects) {
		s.done, s.cursor = true, s.to
		s.beyond = p.objects[n:]
	}
	p.objects = p.objects[:n]
	s.pages = append(s.pages, p)
	return n
}

// empty reports whether no entries of the segment were found.
func (s *segment) empty() bool {
	return !slices.ContainsFunc(s.pages, func(p page) bool { return len(p.objects) > 0 })
}

// last returns the last key that was found and is kept, if any.
func (s *segment) last() string {
	if n := len(s.beyond); n > 0 {
		return s.beyond[n-1].Key
	}
	for _, p := range slices.Backward(s.pages) {
		if n := len(p.objects); n > 0 {
			return p.objects[n-1].Key
		}
	}
	return ""
}

// extend moves the end to that of a segment behind, which is not listed any more. What
// was found there is in the segment now. The cursor goes behind it: a split before it would
// list it again.
func (s *segment) extend(to string) {
	s.to, s.done = to, s.ended || s.err != nil
	beyond := s.beyond
	s.beyond = nil
	if len(beyond) > 0 {
		s.cursor = strings.Clone(beyond[len(beyond)-1].Key)
		s.add(page{objects: beyond})
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
	n := min(len(s.beyond), len(next.heads), maxHeads)
	switch {
	case len(s.beyond) == 0 || next.err != nil:
		return agreed
	case n == 0 && next.ended:
		return contradicted
	case n == 0:
		return unclear
	}
	for i, o := range s.beyond[:n] {
		if h := &next.heads[i]; o.Key != h.Key || o.VersionID != h.VersionID {
			return contradicted
		}
	}
	return agreed
}
