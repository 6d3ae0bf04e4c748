// Package hedge decides which reads are asked again because their answer is late. The first
// answer of all requests counts, so one slow disk or connection does not hold up a run.
// It makes no requests itself.
//
// A read is late if it has waited longer than nine of ten reads of its kind do, at least
// MinWait, and others that began no earlier were answered meanwhile. If all reads are slow,
// none is late. Further requests are few: they may be one in twenty, and there are hardly
// any while they do not help.
package hedge

import (
	"math/bits"
	"sync"
	"time"
)

const (
	// MinWait is how long a read waits before it may be late.
	MinWait = time.Second

	minPeers  = 8          // reads of the same kind that must have been answered since it began
	cost      = 20         // reads that must have been answered for each further request: 5 %
	maxCredit = 250 * cost // so that a long calm does not permit any number at once

	// Further requests of which none has helped yet are at most maxUnproven. Then there is one
	// in each pause, until one helps.
	maxUnproven = 8
	pause       = 30 * time.Second
)

// A Kind is that of a read: reads of one kind should take the same time to their first byte.
type Kind int

// Kinds besides those of ranges.
const (
	Head  Kind = iota // headers only
	Whole             // an object of any size
	ranges
	kinds = ranges + 4
)

// Range is the kind of a read of n bytes: up to 64 KiB, 1 MiB, 16 MiB, or more.
func Range(n int64) Kind {
	const smallest, step = 16, 4 // in bits
	b := max(bits.Len64(uint64(max(n, 1)-1)), smallest)
	return min(ranges+Kind((b-smallest+step-1)/step), kinds-1)
}

// A Read is a read that is on its way.
type Read struct {
	kind  Kind
	began int // how many reads of the kind were answered when it began
}

// A Policy decides for all reads from one server. The zero value is ready for use. Its
// methods may be called concurrently.
type Policy struct {
	mu       sync.Mutex
	waits    [kinds]waits
	credit   int // a further request costs so much of it
	unproven int // further requests since one that helped
	last     time.Duration
}

// Begin begins a read.
func (p *Policy) Begin(k Kind) Read {
	p.mu.Lock()
	defer p.mu.Unlock()
	return Read{k, p.waits[k].answered}
}

// Answered notes how long a read has waited for its answer. There is one answer of a read
// that was asked again, too.
func (p *Policy) Answered(r Read, waited time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waits[r.kind].add(waited)
	p.credit = min(p.credit+1, maxCredit)
}

// Late reports whether a read whose last request has waited so long shall be asked again.
// now is the time on a clock that never goes back. If the caller asks again, it calls Asked
// before the next call of Late.
func (p *Policy) Late(r Read, waited, now time.Duration) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	w := &p.waits[r.kind]
	switch {
	case w.answered-r.began < minPeers, waited < MinWait, waited <= w.most():
		return false
	case p.credit < cost, p.unproven >= maxUnproven && now-p.last < pause:
		return false
	}
	return true
}

// Asked notes that a read was asked again.
func (p *Policy) Asked(now time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.credit -= cost
	p.unproven++
	p.last = now
}

// Helped notes that a further request was answered first.
func (p *Policy) Helped() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.unproven = 0
}
