package s3sync_test

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"strings"
	"sync"
	"time"

	"s3sync/storage"
)

// errDead is what calls of a process get that has ended. Nobody reads it.
var errDead = errors.New("the process has ended")

// A process makes one run, and ends after an operation: a call of a store that took
// effect, or a change of the files of the state. From then on it changes nothing, although
// its goroutines come to their ends by errors.
//
// A call is under way for some time of the simulated clock. Of the calls that are under way
// when the process ends, chance lets some take effect. All chance comes from the seed, and
// not from the order of goroutines.
type process struct {
	seed uint64
	slow time.Duration // the longest call
	end  int           // the operation after which it ends; 0 is none
	ends func()        // is called in that moment
	// changed is called after each change of an object of a side.
	changed func(side, key string)

	mu   sync.Mutex
	ops  int
	dead bool
	seen map[string]int
	made []string // operations, in order
	work
}

// A work is what processes did in the target.
type work struct {
	published map[string]bool // keys whose object was published
	written   map[string]bool // parts that the target has, and parts of which the process got an answer
	answered  map[string]bool
	sent      []crashCall // what was sent: an object, or a part
}

func newWork() work {
	return work{published: map[string]bool{}, written: map[string]bool{}, answered: map[string]bool{}}
}

// A crashCall is a call of a store.
type crashCall struct {
	side, op, key string
	n             int // of a part
}

func (c crashCall) String() string {
	key := c.key
	if c.side == "trash" {
		_, key, _ = strings.Cut(key, "/") // the name of the run is random
	}
	return fmt.Sprint(c.side, " ", c.op, " ", key, " ", c.n)
}

// part names a part of an object.
func (c crashCall) part() string { return fmt.Sprint(c.key, " #", c.n) }

// reads reports whether the call changes nothing.
func (c crashCall) reads() bool {
	switch c.op {
	case "next", "stat", "open", "read", "layout", "checksums", "check", "tags", "resume", "leftover":
		return true
	}
	return false
}

// chance returns a number that follows from the seed and a text.
func (p *process) chance(text string) uint64 {
	h := fnv.New64a()
	_, _ = fmt.Fprint(h, p.seed, " ", text) // never fails
	n := h.Sum64()
	n ^= n >> 31
	n *= 0x9e3779b97f4a7c15 // FNV alone changes little of the high bits
	return n ^ n>>29
}

// do makes a call, which takes effect in make.
func do[T any](ctx context.Context, p *process, c crashCall, make func(context.Context) (T, error)) (answer T, err error) {
	var none T
	p.mu.Lock()
	p.seen[c.String()]++
	name := fmt.Sprint(c, " ", p.seen[c.String()])
	dead := p.dead
	p.mu.Unlock()
	if dead {
		return none, errDead
	}
	if err := ctx.Err(); err != nil {
		return none, &storage.Error{Op: c.op, Key: c.key, Err: err}
	}
	timer := time.NewTimer(1 + time.Duration(p.chance(name)%uint64(p.slow)))
	select {
	case <-timer.C:
	case <-ctx.Done():
		timer.Stop()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.dead && (c.reads() || p.chance(name+" arrives")%2 == 0):
		return none, errDead
	case !p.dead && ctx.Err() != nil:
		return none, &storage.Error{Op: c.op, Key: c.key, Err: ctx.Err()}
	}
	answer, err = make(context.WithoutCancel(ctx))
	if err == nil {
		p.took(c)
	}
	p.count(name)
	if p.dead {
		return answer, errDead
	}
	if err == nil && c.side == "target" && strings.HasSuffix(c.op, "part") {
		p.answered[c.part()] = true
	}
	return answer, err
}

// took notes what a call did.
func (p *process) took(c crashCall) {
	if !c.reads() && c.op != "delete" {
		p.changed(c.side, c.key)
	}
	if c.side != "target" {
		return
	}
	switch c.op {
	case "put", "copy":
		p.sent = append(p.sent, c)
		p.published[c.key] = true
	case "commit":
		p.published[c.key] = true
	case "part", "copy-part":
		p.sent = append(p.sent, c)
		p.written[c.part()] = true
	}
}

// count counts an operation, and ends the process after the last one.
func (p *process) count(name string) {
	if p.dead {
		p.made = append(p.made, name+", when the process had ended")
		return
	}
	p.ops++
	p.made = append(p.made, fmt.Sprint(p.ops, " ", name))
	if p.ops == p.end {
		p.dead = true
		p.ends()
	}
}

// stateChanged counts a change of the state.
func (p *process) stateChanged() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.count("state")
}
