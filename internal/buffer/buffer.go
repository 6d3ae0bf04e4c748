// Package buffer hands out memory for object data within one budget.
//
// Buffers are reused. Up to 1 MiB their sizes are powers of two from 4 KiB. A larger
// buffer has exactly the requested size, so that parts waste nothing, and serves later
// requests of at least half its size. Memory that is kept for reuse counts against the
// budget, and is dropped when a request needs room.
package buffer

import (
	"context"
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"sync"
)

// ErrTooLarge is the error of a request that the whole budget cannot serve.
var ErrTooLarge = errors.New("larger than the whole budget of memory")

const (
	minClass = 12 // 4 KiB, a page of memory
	maxClass = 20 // 1 MiB
)

// A Pool is a budget of memory. Its methods may be called concurrently.
type Pool struct {
	mu     sync.Mutex
	limit  int64
	used   int64 // bytes handed out
	cached int64 // bytes kept for reuse
	peak   int64
	small  [maxClass + 1][][]byte // by the power of two that is their size
	large  [][]byte               // ascending by size
	first  *waiter                // in the order of their requests
	last   *waiter
}

// A waiter is a Get that waits for room.
type waiter struct {
	size       int
	mem        []byte // memory from the cache, if it got any
	charged    int    // bytes it was granted; 0 while it waits
	ready      chan struct{}
	prev, next *waiter
}

// New returns a pool of limit bytes. Memory is taken as it is needed.
func New(limit int64) *Pool { return &Pool{limit: limit} }

// Raise makes the budget at least limit bytes.
func (p *Pool) Raise(limit int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.limit = max(p.limit, limit)
	p.grant()
}

// A Buffer is memory that its owner may use until it calls Release.
type Buffer struct {
	pool *Pool
	mem  []byte // all of it, as charged to the pool
	n    int
}

// Bytes returns the memory, of the requested length. Its content is arbitrary. After
// Release it is nil.
func (b *Buffer) Bytes() []byte { return b.mem[:b.n] }

// Release gives the memory back. A second Release does nothing; it must not
// run at the same time as another method of b.
func (b *Buffer) Release() {
	if b.mem == nil {
		return
	}
	b.pool.put(b.mem)
	b.mem, b.n = nil, 0
}

// Get returns a buffer of n bytes. It waits until there is room for it. Requests are
// served in their order, so that small requests cannot hold up a large one forever. It
// fails at once with [ErrTooLarge] if n is above the limit, and with the cause of ctx
// if that is cancelled.
//
// Requests of up to 1 MiB may be charged up to double their size. A caller that holds
// one buffer and requests another must make sure that both fit, because two such
// callers can wait for each other.
func (p *Pool) Get(ctx context.Context, n int) (*Buffer, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if n == 0 {
		return &Buffer{pool: p, mem: []byte{}}, nil
	}
	p.mu.Lock()
	if n < 0 || int64(n) > p.limit {
		defer p.mu.Unlock()
		return nil, fmt.Errorf("buffer of %d bytes: %w (%d bytes)", n, ErrTooLarge, p.limit)
	}
	size := p.sizeFor(n)
	if p.first == nil {
		if mem, charged, ok := p.take(size); ok {
			p.mu.Unlock()
			return p.buffer(mem, charged, n), nil
		}
	}
	w := &waiter{size: size, ready: make(chan struct{})}
	p.push(w)
	p.mu.Unlock()

	select {
	case <-w.ready:
		return p.buffer(w.mem, w.charged, n), nil
	case <-ctx.Done():
		p.cancel(w)
		return nil, context.Cause(ctx)
	}
}

// buffer makes the buffer of a granted request. New memory is allocated here,
// outside of the lock: clearing it takes a while.
func (p *Pool) buffer(mem []byte, charged, n int) *Buffer {
	if mem == nil {
		mem = make([]byte, charged)
	}
	return &Buffer{pool: p, mem: mem, n: n}
}

// sizeFor returns how many bytes a request of n is charged for new memory.
func (p *Pool) sizeFor(n int) int {
	if n > 1<<maxClass {
		return n
	}
	size := 1 << minClass
	if n > size {
		size = 1 << bits.Len(uint(n-1))
	}
	if int64(size) > p.limit {
		return n
	}
	return size
}

// take grants size bytes if there is room: memory from the cache, or the right to
// allocate (mem is nil). The caller holds p.mu, as for all methods below except put
// and cancel.
func (p *Pool) take(size int) (mem []byte, charged int, ok bool) {
	if mem = p.reuse(size); mem != nil {
		p.cached -= int64(cap(mem))
		p.used += int64(cap(mem))
		return mem, cap(mem), true
	}
	if p.used+int64(size) > p.limit {
		return nil, 0, false
	}
	p.drop(p.used + p.cached + int64(size) - p.limit)
	p.used += int64(size)
	p.peak = max(p.peak, p.used+p.cached)
	return nil, size, true
}

// reuse takes memory for a request of size bytes out of the cache, if it has any.
func (p *Pool) reuse(size int) []byte {
	if class, ok := smallClass(size); ok {
		if len(p.small[class]) == 0 {
			return nil
		}
		return pop(&p.small[class])
	}
	i, _ := slices.BinarySearchFunc(p.large, size, compareCap)
	if i == len(p.large) || cap(p.large[i])/2 > size {
		return nil
	}
	mem := p.large[i]
	p.large = slices.Delete(p.large, i, i+1)
	return mem
}

// put takes memory back from a buffer.
func (p *Pool) put(mem []byte) {
	size := cap(mem)
	if size == 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.used -= int64(size)
	if class, ok := smallClass(size); ok {
		p.small[class] = append(p.small[class], mem)
		p.cached += int64(size)
	} else if size > 1<<maxClass {
		i, _ := slices.BinarySearchFunc(p.large, size, compareCap)
		p.large = slices.Insert(p.large, i, mem)
		p.cached += int64(size)
	}
	p.grant()
}

// grant serves the waiters in their order, as far as there is room.
func (p *Pool) grant() {
	for w := p.first; w != nil; w = p.first {
		mem, charged, ok := p.take(w.size)
		if !ok {
			return
		}
		p.remove(w)
		w.mem, w.charged = mem, charged
		close(w.ready)
	}
}

// cancel takes back the request of a waiter that gave up.
func (p *Pool) cancel(w *waiter) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if w.charged > 0 {
		// It was granted at the same moment. The memory is dropped, because keeping it
		// would be another path for a rare case.
		p.used -= int64(w.charged)
	} else {
		p.remove(w)
	}
	p.grant()
}

// drop frees at least that many bytes of cached memory, if there is so much. It frees
// the largest first, so that few steps are enough.
func (p *Pool) drop(bytes int64) {
	for ; bytes > 0 && len(p.large) > 0; bytes -= p.forget(pop(&p.large)) {
	}
	for class := maxClass; class >= minClass; class-- {
		for ; bytes > 0 && len(p.small[class]) > 0; bytes -= p.forget(pop(&p.small[class])) {
		}
	}
}

func (p *Pool) forget(mem []byte) int64 {
	p.cached -= int64(cap(mem))
	return int64(cap(mem))
}

func (p *Pool) push(w *waiter) {
	if p.last == nil {
		p.first = w
	} else {
		p.last.next, w.prev = w, p.last
	}
	p.last = w
}

func (p *Pool) remove(w *waiter) {
	if w.prev == nil {
		p.first = w.next
	} else {
		w.prev.next = w.next
	}
	if w.next == nil {
		p.last = w.prev
	} else {
		w.next.prev = w.prev
	}
}

// Peak returns the most bytes that were handed out and cached at any moment. It
// is never above the limit.
func (p *Pool) Peak() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.peak
}

// Used returns how many bytes are handed out now.
func (p *Pool) Used() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.used
}

// smallClass returns the power of two that size is, if there is a list of it.
func smallClass(size int) (int, bool) {
	class := bits.Len(uint(size)) - 1
	return class, class >= minClass && class <= maxClass && size == 1<<class
}

func compareCap(mem []byte, size int) int { return cap(mem) - size }

// pop removes the last element, without keeping a reference to it.
func pop(list *[][]byte) []byte {
	l := *list
	mem := l[len(l)-1]
	l[len(l)-1] = nil
	*list = l[:len(l)-1]
	return mem
}
