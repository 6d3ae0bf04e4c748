package htmlreport

import (
	"cmp"
	"math/bits"
	"slices"
	"strings"
	"time"

	"s3sync/storage"
)

// mostPoints bounds the points of a chart.
const mostPoints = 300

// A series are moments in the order of their time. When there are too many of them, every
// second one is dropped, and from then on fewer are taken.
type series struct {
	points []Moment
	every  int // 1 of so many moments is taken
	passed int
	last   Moment
}

func (s *series) add(m Moment) {
	s.last = m
	s.every = max(s.every, 1)
	if s.passed++; s.passed < s.every {
		return
	}
	s.passed = 0
	if len(s.points) == mostPoints-2 { // the first and the last moment are added when they are shown
		kept := s.points[:0]
		for i := 1; i < len(s.points); i += 2 {
			kept = append(kept, s.points[i])
		}
		s.points, s.every = kept, 2*s.every
	}
	s.points = append(s.points, m)
}

// all returns the points with the beginning and the end of the run.
func (s *series) all() []Moment {
	points := append([]Moment{{}}, s.points...)
	if last := points[len(points)-1]; s.last.Elapsed > last.Elapsed {
		points = append(points, s.last)
	}
	return points
}

// sizeClasses are: empty, below 1 KiB, below 4 KiB, and so on, each four times as large.
const sizeClasses = 16

// sizes count transferred objects by class.
type sizes struct{ objects, bytes [sizeClasses]int64 }

func (s *sizes) add(size int64) {
	i := sizeClass(size)
	s.objects[i]++
	s.bytes[i] += size
}

func sizeClass(size int64) int {
	if size <= 0 {
		return 0
	}
	class := 1 + (bits.Len64(uint64(size)>>10)+1)/2
	return min(class, sizeClasses-1)
}

// sizeClassName returns what the class is called.
func sizeClassName(class int) string {
	switch class {
	case 0:
		return "empty"
	case sizeClasses - 1:
		return "≥" + brief(1<<(10+2*(class-2)))
	}
	return "<" + brief(1<<(10+2*(class-1)))
}

// A directory is what happened below the first segment of keys.
type directory struct {
	name                                                    string
	transferred, tagged, skipped, deleted, warnings, failed int64
	bytes                                                   int64
}

// objects are all outcomes.
func (d *directory) objects() int64 {
	return d.transferred + d.tagged + d.skipped + d.deleted + d.warnings + d.failed
}

func (d *directory) add(o *directory) {
	d.transferred += o.transferred
	d.tagged += o.tagged
	d.skipped += o.skipped
	d.deleted += o.deleted
	d.warnings += o.warnings
	d.failed += o.failed
	d.bytes += o.bytes
}

// in returns the directory of a key.
func (p *Page) in(key string) *directory {
	name := ""
	if i := strings.IndexByte(key, '/'); i >= 0 {
		name = key[:i+1]
	}
	d := p.directories[name]
	if d != nil {
		return d
	}
	if len(p.directories) >= mostDirectories {
		return &p.others
	}
	d = &directory{name: strings.Clone(name)}
	p.directories[d.name] = d
	return d
}

// topDirectories returns the directories with the most bytes, then those with the most
// objects, and the sum of the others. Every directory in which something failed comes first.
func (p *Page) topDirectories() (top []directory, rest directory, others int) {
	for _, d := range p.directories {
		top = append(top, *d)
	}
	slices.SortFunc(top, func(a, b directory) int {
		return cmp.Or(cmp.Compare(b.failed, a.failed), cmp.Compare(b.bytes, a.bytes), cmp.Compare(b.objects(), a.objects()), cmp.Compare(a.name, b.name))
	})
	rest = p.others
	for _, d := range top[min(len(top), shownDirectories):] {
		rest.add(&d)
		others++
	}
	return top[:min(len(top), shownDirectories)], rest, others
}

// slow keeps the slowest objects, the fastest of them first.
func (p *Page) slow(o object) {
	if len(p.slowest) >= mostSlowest {
		if o.took <= p.slowest[0].took {
			return
		}
		p.slowest = slices.Delete(p.slowest, 0, 1)
	}
	o.key = strings.Clone(o.key)
	p.slowest = append(p.slowest, o)
	slices.SortFunc(p.slowest, func(a, b object) int { return cmp.Compare(a.took, b.took) })
}

// A requestKind is what requests are counted by.
type requestKind struct{ side, operation string }

// requests count the requests of a kind. times counts those whose answer began in less than
// 2^i µs.
type requests struct {
	all, again, throttled, refused, faults, unanswered int64

	times [40]int64
}

func (q *requests) add(r storage.Request) {
	q.all++
	if r.Again {
		q.again++
	}
	switch {
	case r.Throttled:
		q.throttled++
	case r.Status >= 500:
		q.faults++
	case r.Status >= 400:
		q.refused++
	case r.Status == 0:
		q.unanswered++
	}
	q.times[min(bits.Len64(uint64(max(r.FirstByte.Microseconds(), 0))), len(q.times)-1)]++
}

// within returns the time within which a share of the answers began, between two powers of
// two.
func (q *requests) within(share float64) time.Duration {
	left := share * float64(q.all)
	for i, n := range q.times {
		if n == 0 || left > float64(n) {
			left -= float64(n)
			continue
		}
		low, high := 0.0, 1.0
		if i > 0 {
			low, high = float64(int64(1)<<(i-1)), float64(int64(1)<<i)
		}
		return time.Duration((low + (high-low)*left/float64(n)) * float64(time.Microsecond))
	}
	return 0
}
