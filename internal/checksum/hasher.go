package checksum

import (
	"crypto/md5"
	"crypto/sha256"
	"runtime"
	"slices"
	"sync"
)

const (
	// smallBlock is the smallest block, in bytes, that is digested together with others.
	// To wake a caller costs more than a smaller one would save.
	smallBlock = 4 << 10
	// largeBlock is the smallest block that is digested together with blocks of many MiB. The
	// caller of a smaller one would wait for its turn after every turnSteps of the leader,
	// for longer than its digest takes.
	largeBlock = 64 << 10
	// stepBytes is how much of each block is digested before other blocks may join. It
	// is a multiple of blockBytes. That of all blocks fits into the cache of a core, so
	// that the second hash function finds it there.
	stepBytes = 16 << 10
	// turnSteps is after how many steps others that are ready to run get a turn, so that
	// their blocks join. The fuller a batch is, the less each block costs.
	turnSteps = 64
)

// A Hasher computes the MD5 and SHA-256 digests of blocks. Where the processor has wide
// registers, the blocks of callers that come at the same time are digested together. It
// may be used concurrently.
//
// There is no goroutine: one of the callers digests the blocks of all, and the others
// wait for it. A caller never waits for blocks that may come; they join when they
// come. If nobody else comes, crypto/md5 digests the block.
//
// SHA-256 is digested together only if MD5 is, too, and only if at least as many blocks
// need it as there are cores, and so many that it costs less: many processors have
// instructions for one stream. Otherwise each caller computes its own.
type Hasher struct {
	md5, sha256  multi
	small, large int // smallBlock and largeBlock, but for tests

	mu      sync.Mutex
	batches []*batch // those with blocks

	// These are used again. There are as many as there ever were at once.
	idleBatches []*batch
	idleBlocks  []*block
}

// NewHasher returns a Hasher.
func NewHasher() *Hasher {
	h := &Hasher{md5: firstThatWorks(multiMD5s()), sha256: firstThatWorks(multiSHA256s()), small: smallBlock, large: largeBlock}
	if h.sha256.streams > 0 {
		h.sha256.measure()
		// If each block has a core, it is over sooner alone.
		h.sha256.least = max(h.sha256.least, runtime.GOMAXPROCS(0))
	}
	return h
}

func firstThatWorks(all []multi) multi {
	for _, m := range all {
		if m.works() {
			return m
		}
	}
	return multi{}
}

// A batch is blocks that are digested together, each as a stream. One of their callers
// leads. It alone uses what mu does not guard.
type batch struct {
	// Hasher.mu guards these.
	large   bool     // it is of large blocks
	size    int      // number of blocks, those that join included
	joining []*block // they become streams before the next step

	streams     [maxStreams]*block // nil is free
	riders      [maxStreams]*block // the streams whose SHA-256 is digested, too
	md5, sha256 *track             // sha256 is nil if the processor has no multi for it
}

// A block is one call of a Hasher.
type block struct {
	data []byte
	both bool // SHA-256 is wanted, too
	done int  // bytes that are digested
	over bool
	md5  [md5.Size]byte
	// rode: sha256 is the digest.
	rode   bool
	sha256 [sha256.Size]byte
	// wake tells a caller that waits that it leads from now on, or else that its block
	// is over. There is always room in it.
	wake chan bool
}

// MD5 returns the digest of p. It does not keep p.
func (h *Hasher) MD5(p []byte) [md5.Size]byte {
	if h.md5.streams == 0 || len(p) < h.small {
		return md5.Sum(p)
	}
	own := h.digest(p, false)
	defer h.leave(own)
	return own.md5
}

// Both returns the MD5 and the SHA-256 digest of p. It does not keep p.
func (h *Hasher) Both(p []byte) ([md5.Size]byte, [sha256.Size]byte) {
	if h.md5.streams == 0 || len(p) < h.small {
		return md5.Sum(p), sha256.Sum256(p)
	}
	own := h.digest(p, true)
	defer h.leave(own)
	if !own.rode {
		own.sha256 = sha256.Sum256(p)
	}
	return own.md5, own.sha256
}

// digest returns the block of p when it is over.
func (h *Hasher) digest(p []byte, both bool) *block {
	own, b, leads := h.join(p, both)
	if leads || <-own.wake {
		h.lead(b, own)
	}
	return own
}

// join adds a block to a batch that has room. If there is none, the caller leads a new
// batch.
func (h *Hasher) join(p []byte, both bool) (own *block, b *batch, leads bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if own = pop(&h.idleBlocks); own == nil {
		own = &block{wake: make(chan bool, 1)}
	}
	own.data, own.both, own.done, own.over, own.rode = p, both, 0, false, false
	large := len(p) >= h.large
	i := slices.IndexFunc(h.batches, func(b *batch) bool { return b.large == large && b.size < h.md5.streams })
	if leads = i < 0; leads {
		if b = pop(&h.idleBatches); b == nil {
			b = h.newBatch()
		}
		b.large = large
		h.batches = append(h.batches, b)
	} else {
		b = h.batches[i]
	}
	b.size++
	b.joining = append(b.joining, own)
	return own, b, leads
}

func (h *Hasher) newBatch() *batch {
	b := &batch{joining: make([]*block, 0, maxStreams), md5: newTrack(&h.md5)}
	if h.sha256.streams > 0 {
		b.sha256 = newTrack(&h.sha256)
	}
	return b
}

// lead digests the blocks of b until its own is over.
func (h *Hasher) lead(b *batch, own *block) {
	for steps := 0; h.next(b, own); steps++ {
		if steps%turnSteps == 0 {
			runtime.Gosched()
		}
		b.step(h)
	}
}

// leave keeps a block that is over for another call.
func (h *Hasher) leave(own *block) {
	h.mu.Lock()
	defer h.mu.Unlock()
	own.data = nil
	h.idleBlocks = append(h.idleBlocks, own)
}

// pop removes the last element and returns it, or nil if there is none.
func pop[T any](list *[]*T) (last *T) {
	if n := len(*list); n > 0 {
		last = (*list)[n-1]
		*list = (*list)[:n-1]
	}
	return last
}

// next prepares a step: it lets the callers go whose blocks are over, and admits those
// that join. If the leader's own block is over, next returns false, and another caller
// leads, or the batch ends.
func (h *Hasher) next(b *batch, own *block) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	other := b.exchange(own, h.md5.streams)
	b.admit(h)
	switch {
	case !own.over:
		return true
	case other != nil:
		other.wake <- true
	default:
		h.batches = slices.DeleteFunc(h.batches, func(c *batch) bool { return c == b })
		h.idleBatches = append(h.idleBatches, b)
	}
	return false
}

// exchange frees the streams of blocks that are over, and fills them with those that
// join. It returns a block that is not the leader's own, if there is one. The caller
// holds mu.
func (b *batch) exchange(own *block, streams int) (other *block) {
	for i, s := range b.streams[:streams] {
		if s != nil && s.over {
			b.streams[i], b.riders[i] = nil, nil
			b.size--
			if s != own {
				s.wake <- false
			}
		}
		if b.streams[i] == nil {
			b.streams[i] = pop(&b.joining)
			b.md5.begin(i)
		}
		if s = b.streams[i]; s != nil && s != own {
			other = s
		}
	}
	return other
}

// admit makes new streams riders if there are enough blocks that need SHA-256.
func (b *batch) admit(h *Hasher) {
	if b.sha256 == nil {
		return
	}
	count := 0
	for _, s := range b.streams {
		if s != nil && s.both {
			count++
		}
	}
	if count < h.sha256.least {
		return
	}
	for i, s := range b.streams {
		if s != nil && s.both && s.done == 0 {
			b.riders[i] = s
			b.sha256.begin(i)
		}
	}
}

// step digests the next bytes of all blocks, as many as the one has that is nearest to
// its end.
func (b *batch) step(h *Hasher) {
	n := stepBytes
	for _, s := range b.streams {
		if s != nil {
			n = min(n, (len(s.data)-s.done)&^(blockBytes-1))
		}
	}
	b.md5.step(&h.md5, &b.streams, n)
	if b.sha256 != nil {
		b.sha256.step(&h.sha256, &b.riders, n)
	}
	for i, s := range b.streams {
		if s == nil {
			continue
		}
		s.done += n
		tail := s.data[s.done:]
		if s.over = len(tail) < blockBytes; !s.over {
			continue
		}
		b.md5.sum(s.md5[:0], i, s.done, tail)
		if s.rode = b.riders[i] != nil; s.rode {
			b.sha256.sum(s.sha256[:0], i, s.done, tail)
		}
	}
}
