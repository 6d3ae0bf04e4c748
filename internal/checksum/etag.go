package checksum

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"strconv"
	"sync"
)

// An MD5 is the digest of one part.
type MD5 = [md5.Size]byte

// errAborted is what waiters get from Abort(nil).
var errAborted = errors.New("computation of the ETag was aborted")

// An ETag computes the ETag of one object in one layout from bytes that arrive
// in any order. MD5 is sequential inside a part, so a write waits for the bytes
// before it in the same part; different parts are hashed at the same time. Its
// methods may be called concurrently.
type ETag struct {
	layout Layout

	mu     sync.Mutex
	parts  []etagPart
	single [1]etagPart // backs parts of an object of one part
	err    error
	abort  chan struct{} // closed when err is set
}

// An etagPart is how far one part is hashed.
type etagPart struct {
	sum  MD5
	run  *running // while the part is being hashed
	done bool
}

// running is a part that is being hashed.
type running struct {
	hash    hash.Hash
	claimed int64         // bytes of the part that are hashed or taken by a writer
	hashed  int64         // bytes that are hashed
	moved   chan struct{} // closed when hashed moves; nil if nobody waits
}

// NewETag returns an ETag to which no byte was written yet.
func NewETag(layout Layout) *ETag {
	e := &ETag{layout: layout, abort: make(chan struct{})}
	if n := layout.Len(); n == 1 {
		e.parts = e.single[:]
	} else {
		e.parts = make([]etagPart, n)
	}
	return e
}

// Layout returns the layout given to [NewETag].
func (e *ETag) Layout() Layout { return e.layout }

// WriteAt adds the bytes at off, which may span several parts. It blocks until
// all bytes before them in the same part were written. To rule out a dead-lock,
// callers begin to work on the bytes of an object in ascending order of their
// offset, so that what comes first is never held up by what comes later.
//
// A byte can be written once: an overlap is an error. WriteAt fails with the
// cause of a cancelled ctx or the error given to Abort, and leaves the ETag
// unusable if it had begun.
func (e *ETag) WriteAt(ctx context.Context, p []byte, off int64) error {
	if off < 0 || off > e.layout.total || int64(len(p)) > e.layout.total-off {
		return fmt.Errorf("%d bytes at %d are outside of an object of %d bytes", len(p), off, e.layout.total)
	}
	for len(p) > 0 {
		i := e.layout.Index(off)
		start, size := e.layout.Bounds(i)
		n := min(int64(len(p)), start+size-off)
		if err := e.writePart(ctx, i, p[:n], off-start, size); err != nil {
			return err
		}
		p, off = p[n:], off+n
	}
	return nil
}

// writePart hashes p, which begins at byte at of part i.
func (e *ETag) writePart(ctx context.Context, i int, p []byte, at, size int64) error {
	run, err := e.claim(ctx, i, int64(len(p)), at)
	if err != nil {
		return err
	}
	// Only the claimant of the next byte gets here, so the hash is its own.
	_, _ = run.hash.Write(p) // never fails, see hash.Hash

	e.mu.Lock()
	defer e.mu.Unlock()
	run.hashed += int64(len(p))
	if run.hashed == size {
		part := &e.parts[i]
		run.hash.Sum(part.sum[:0])
		part.run, part.done = nil, true
	}
	if run.moved != nil {
		close(run.moved)
		run.moved = nil
	}
	return nil
}

// claim waits until byte at of part i is the next one, and takes n bytes.
func (e *ETag) claim(ctx context.Context, i int, n, at int64) (*running, error) {
	for {
		run, moved, err := e.tryClaim(i, n, at)
		if err != nil || moved == nil {
			return run, err
		}
		select {
		case <-moved:
		case <-e.abort:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// tryClaim is one step of claim; a channel in its result is to be waited for.
func (e *ETag) tryClaim(i int, n, at int64) (*running, <-chan struct{}, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.err != nil {
		return nil, nil, e.err
	}
	part := &e.parts[i]
	if part.run == nil && !part.done {
		part.run = &running{hash: md5.New()}
	}
	run := part.run
	if part.done || at < run.claimed {
		return nil, nil, fmt.Errorf("byte %d of part %d was written twice", at, i+1)
	}
	if at == run.hashed {
		run.claimed = at + n
		return run, nil, nil
	}
	if run.moved == nil {
		run.moved = make(chan struct{})
	}
	return nil, run.moved, nil
}

// SetPart gives the digest of the whole part i, counted from 0, in place of its
// bytes. It fails if other bytes or another digest were given for it.
func (e *ETag) SetPart(i int, sum MD5) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	part := &e.parts[i]
	if part.run != nil || part.done && part.sum != sum {
		return fmt.Errorf("part %d was already written", i+1)
	}
	part.sum, part.done = sum, true
	return nil
}

// PartSum returns the digest of part i, counted from 0, or false while bytes of
// it are missing.
func (e *ETag) PartSum(i int) (MD5, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.partSum(i)
}

func (e *ETag) partSum(i int) (MD5, bool) {
	if part := &e.parts[i]; part.done {
		return part.sum, true
	}
	if _, size := e.layout.Bounds(i); size == 0 {
		return md5.Sum(nil), true
	}
	return MD5{}, false
}

// Sum returns the ETag without quotes. It fails if bytes are missing.
func (e *ETag) Sum() (string, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.err != nil {
		return "", e.err
	}
	all := md5.New()
	for i := range e.parts {
		sum, ok := e.partSum(i)
		if !ok {
			return "", fmt.Errorf("bytes of part %d of %d are missing", i+1, len(e.parts))
		}
		if !e.layout.multipart {
			return hex.EncodeToString(sum[:]), nil
		}
		_, _ = all.Write(sum[:]) // never fails, see hash.Hash
	}
	return hex.EncodeToString(all.Sum(nil)) + "-" + strconv.Itoa(len(e.parts)), nil
}

// Abort wakes all writers that wait, and lets every later call that needs the
// result fail with err. Only the first Abort counts.
func (e *ETag) Abort(err error) {
	if err == nil {
		err = errAborted
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.err == nil {
		e.err = err
		close(e.abort)
	}
}
