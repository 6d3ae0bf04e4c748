package listing

import "time"

const (
	// firstGrowth is how many pages are fetched one after another, and growth is by how
	// much more are fetched at once then, each time that they are too slow.
	firstGrowth, growth = 2, 8
	// recovery is how many times as many pages must come before one more is fetched at
	// once, after the server asked for fewer requests.
	recovery = 8
	// cost is how many times as long as to read a page it takes to receive, parse and read
	// one. More pages at once than are used up in that time are of no use.
	cost = 2
)

// Listers are how many pages of a listing are fetched at once. The number grows while the
// consumer waits for pages, and until pages come as fast as the consumer can read them. It
// is halved when the server asks for fewer requests, and grows one by one from then on.
type listers struct {
	n, most int
	arrived int // pages, since n grew
	// fetching and reading are how long it takes at least to fetch a page, and the consumer
	// to read one.
	fetching, reading time.Duration
	calls             func() int64 // for fewer requests, which the server made
	heard             int64        // that were taken into account
	before            int          // requests that are under way since before n was halved
	throttled         bool         // n was halved
}

// fetched tells how long it took to fetch a page.
func (l *listers) fetched(took time.Duration) {
	if l.fetching == 0 || took < l.fetching {
		l.fetching = took
	}
}

// read tells how long the consumer took to read a page. n is how many entries it has, and
// full how many a full one has.
func (l *listers) read(took time.Duration, n int, full float64) {
	if float64(n) < full/4 {
		return // the time tells little
	}
	took = time.Duration(float64(took) * full / float64(n))
	if l.reading == 0 || took < l.reading {
		l.reading = took
	}
}

// enough is how many requests fetch pages as fast as the consumer reads them.
func (l *listers) enough() int {
	if l.reading <= 0 {
		return l.most
	}
	return int(max(min(l.fetching/(l.reading*cost), time.Duration(l.most)), 1))
}

// grow lets more pages be fetched at once, if there were enough of them since the last
// time. The consumer waits for one, or reads the last one that is there.
func (l *listers) grow() {
	n, after := l.n*growth, max(l.n, firstGrowth)
	if l.throttled {
		n, after = l.n+1, l.n*recovery
	}
	if n = min(n, l.enough()); n > l.n && l.arrived >= after {
		l.n, l.arrived = n, 0
	}
}

// heed halves the number if the server asked for fewer requests. It counts once what the
// server says of all requests that were under way, of which there are busy.
func (l *listers) heed(busy int) {
	calls := l.calls()
	if calls == l.heard {
		return
	}
	l.heard = calls
	l.refused(busy)
}

// refused tells that a request was not carried out, because there were too many.
func (l *listers) refused(busy int) {
	if l.before == 0 {
		l.halve(busy)
	}
}

func (l *listers) halve(busy int) {
	l.n, l.arrived, l.before, l.throttled = max(l.n/2, 1), 0, busy, true
}

// ended tells that a request has ended.
func (l *listers) ended() {
	l.arrived++
	l.before = max(l.before-1, 0)
}
