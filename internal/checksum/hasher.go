package checksum

import (
	"crypto/md5"
	"runtime"
	"slices"
	"sync"
)

const (
	// smallBlock is the smallest block, in bytes, that is digested together with others.
	// To wake a caller costs more than a smaller one would save.
	smallBlock = 64 << 10
	// stepBytes is how much of each block is digested before other blocks may join. It
	// is a multiple of md5.BlockSize.
	stepBytes = 16 << 10
	// turnSteps is after how many steps others that are ready to run get a turn, so that
	// their blocks join. The fuller a batch is, the less each block costs.
	turnSteps = 64
)

// A Hasher computes the MD5 digests of blocks. Where the processor has wide registers,
// the blocks of callers that come at the same time are digested together. It may be
// used concurrently.
//
// There is no goroutine: one of the callers digests the blocks of all, and the others
// wait for it. A caller never waits for blocks that may come; they join when they
// come. If nobody else comes, crypto/md5 digests the block.
type Hasher struct {
	multi     multiMD5
	small     int // smallBlock, but for tests
	constants [64]uint32

	mu      sync.Mutex
	batches []*batch // those with blocks

	// These are used again. There are as many as there ever were at once.
	idleBatches []*batch
	idleBlocks  []*block
}

// NewHasher returns a Hasher.
func NewHasher() *Hasher {
	for _, multi := range multiMD5s() {
		if multi.works() {
			return newHasher(multi, smallBlock)
		}
	}
	return newHasher(multiMD5{}, smallBlock)
}

func newHasher(multi multiMD5, small int) *Hasher {
	return &Hasher{multi: multi, small: small, constants: md5Constants()}
}

// A batch is blocks that are digested together, each as a stream. One of their callers
// leads. It alone uses what mu does not guard.
type batch struct {
	// Hasher.mu guards these.
	size    int      // number of blocks, those that join included
	joining []*block // they become streams before the next step

	streams [maxStreams]*block // nil is free
	state   md5State
	at      [maxStreams]*byte
	serial  *serialMD5
}

// A block is one call of MD5.
type block struct {
	data []byte
	done int // bytes that are digested
	over bool
	sum  [md5.Size]byte
	// wake tells a caller that waits that it leads from now on, or else that its block
	// is over. There is always room in it.
	wake chan bool
}

// MD5 returns the digest of p. It does not keep p.
func (h *Hasher) MD5(p []byte) [md5.Size]byte {
	if h.multi.streams == 0 || len(p) < h.small {
		return md5.Sum(p)
	}
	own, b, leads := h.join(p)
	if leads || <-own.wake {
		h.lead(b, own)
	}
	return h.leave(own)
}

// join adds a block to a batch that has room. If there is none, the caller leads a new
// batch.
func (h *Hasher) join(p []byte) (own *block, b *batch, leads bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if own = pop(&h.idleBlocks); own == nil {
		own = &block{wake: make(chan bool, 1)}
	}
	own.data, own.done, own.over = p, 0, false
	i := slices.IndexFunc(h.batches, func(b *batch) bool { return b.size < h.multi.streams })
	if leads = i < 0; leads {
		if b = pop(&h.idleBatches); b == nil {
			b = &batch{joining: make([]*block, 0, maxStreams), serial: newSerialMD5()}
		}
		h.batches = append(h.batches, b)
	} else {
		b = h.batches[i]
	}
	b.size++
	b.joining = append(b.joining, own)
	return own, b, leads
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

// leave returns the digest of a block that is over.
func (h *Hasher) leave(own *block) [md5.Size]byte {
	h.mu.Lock()
	defer h.mu.Unlock()
	own.data = nil
	h.idleBlocks = append(h.idleBlocks, own)
	return own.sum
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
	other := b.exchange(own, h.multi.streams)
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
			b.streams[i] = nil
			b.size--
			if s != own {
				s.wake <- false
			}
		}
		if b.streams[i] == nil {
			b.streams[i] = pop(&b.joining)
			b.state.reset(i)
		}
		if s = b.streams[i]; s != nil && s != own {
			other = s
		}
	}
	return other
}

// step digests the next bytes of all blocks, as many as the one has that is nearest to
// its end.
func (b *batch) step(h *Hasher) {
	n, count, last := stepBytes, 0, 0
	for i, s := range b.streams {
		if s != nil {
			n = min(n, (len(s.data)-s.done)&^(md5.BlockSize-1))
			count, last = count+1, i
		}
	}
	switch s := b.streams[last]; {
	case n == 0:
	case count == 1:
		b.serial.advance(&b.state, last, s.done, s.data[s.done:][:n])
	default:
		for i, t := range b.streams {
			if t == nil {
				t = s // a free stream digests anything
			}
			b.at[i] = &t.data[t.done]
		}
		h.multi.advance(&b.state, &b.at, n/md5.BlockSize, &h.constants)
		clear(b.at[:]) // nothing is kept
	}
	for i, s := range b.streams {
		if s == nil {
			continue
		}
		s.done += n
		if tail := s.data[s.done:]; len(tail) < md5.BlockSize {
			s.sum = b.serial.sum(&b.state, i, s.done, tail)
			s.over = true
		}
	}
}
