package checksum

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash"
	"slices"
	"sync"
)

// errAborted is what waiters get from Abort(nil).
var errAborted = errors.New("computation of the digest was aborted")

// lanes digest the parts of one object, each in its own lane, from bytes that arrive
// in any order. [ETag] and [Sum] share this code.
type lanes struct {
	alg    *algorithm
	layout Layout

	mu    sync.Mutex
	parts []lane
	sums  []byte // the digests of all parts in order; zero where not yet done
	err   error
	abort chan struct{} // closed when err is set; nil until somebody waits

	// These back the slices for an object of one part.
	onePart [1]lane
	oneSum  [maxSize]byte
}

// A lane is how far one part is digested.
type lane struct {
	run  *running // set while some bytes arrived, but not all
	done bool
}

// running is a part of which some bytes arrived.
type running struct {
	digested int64 // number of bytes that are digested

	// A CRC takes bytes from anywhere.
	crc   uint64
	taken spans // bytes that are digested or taken by a writer

	// A hash takes bytes in order.
	hash    hash.Hash
	claimed int64         // bytes that are digested or taken by a writer
	moved   chan struct{} // closed when digested moves; nil if nobody waits
}

// start prepares l, which must be zero.
func (l *lanes) start(alg *algorithm, layout Layout) {
	l.alg, l.layout = alg, layout
	if n := layout.Len(); n == 1 {
		l.parts, l.sums = l.onePart[:], l.oneSum[:alg.size]
	} else {
		l.parts, l.sums = make([]lane, n), make([]byte, n*alg.size)
	}
}

// Layout returns the layout that the digest is computed in.
func (l *lanes) Layout() Layout { return l.layout }

// WriteAt adds the bytes at off, which may span several parts. A CRC takes them at
// once. Other digests are sequential inside a part, so WriteAt blocks until all bytes
// before them in the same part were written. To prevent a deadlock, callers must begin
// to work on the bytes of an object in ascending order of their offset, so that
// earlier bytes never wait for later ones. The bytes of a whole part never wait.
//
// A byte can be written once: an overlap is an error. WriteAt fails with the
// cause of a cancelled ctx or the error given to Abort, and leaves the digest
// unusable if it had begun.
func (l *lanes) WriteAt(ctx context.Context, p []byte, off int64) error {
	if off < 0 || off > l.layout.total || int64(len(p)) > l.layout.total-off {
		return fmt.Errorf("%d bytes at %d are outside of an object of %d bytes", len(p), off, l.layout.total)
	}
	for len(p) > 0 {
		i := l.layout.Index(off)
		start, size := l.layout.Bounds(i)
		n := min(int64(len(p)), start+size-off)
		if err := l.writePart(ctx, i, p[:n], off-start, size); err != nil {
			return err
		}
		p, off = p[n:], off+n
	}
	return nil
}

// writePart digests p, which begins at byte at of part i.
func (l *lanes) writePart(ctx context.Context, i int, p []byte, at, size int64) error {
	n := int64(len(p))
	run, err := l.claim(ctx, i, n, at)
	if err != nil {
		return err
	}
	// The bytes belong to this caller alone. So does the hash of the part, because the
	// caller has the next byte: the hash needs no lock.
	var crc uint64
	if c := l.alg.crc; c != nil {
		crc = c.shift(c.of(p), size-at-n)
	} else {
		_, _ = run.hash.Write(p) // never fails, see hash.Hash
	}

	l.mu.Lock()
	defer l.mu.Unlock()
	run.crc ^= crc
	run.digested += n
	if run.digested == size {
		l.finish(i, run)
	}
	if run.moved != nil {
		close(run.moved)
		run.moved = nil
	}
	return nil
}

// finish keeps the digest of part i, whose bytes are all there.
func (l *lanes) finish(i int, run *running) {
	if sum := l.sum(i)[:0]; l.alg.crc != nil {
		l.alg.crc.appendTo(sum, run.crc)
	} else {
		run.hash.Sum(sum)
	}
	l.parts[i] = lane{done: true}
}

// claim takes n bytes from byte at of part i for the caller to digest. It waits
// until it is their turn.
func (l *lanes) claim(ctx context.Context, i int, n, at int64) (*running, error) {
	for {
		run, moved, err := l.tryClaim(i, n, at)
		if err != nil || moved == nil {
			return run, err
		}
		select {
		case <-moved:
		case <-l.abort:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// tryClaim is one step of claim. If it returns a channel, claim waits for it.
func (l *lanes) tryClaim(i int, n, at int64) (*running, <-chan struct{}, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return nil, nil, l.err
	}
	part := &l.parts[i]
	if part.run == nil && !part.done {
		part.run = l.alg.begin()
	}
	run := part.run
	ok, wait := part.take(at, n)
	switch {
	case ok:
		return run, nil, nil
	case !wait:
		return nil, nil, fmt.Errorf("%d bytes at %d of part %d: some were written before", n, at, i+1)
	}
	if run.moved == nil {
		run.moved = make(chan struct{})
	}
	if l.abort == nil {
		l.abort = make(chan struct{})
	}
	return nil, run.moved, nil
}

// take claims n bytes from byte at. If it fails, wait reports that their turn is still
// to come, and is not over.
func (p *lane) take(at, n int64) (ok, wait bool) {
	switch run := p.run; {
	case p.done:
		return false, false
	case run.hash == nil:
		return run.taken.add(at, at+n), false
	case at < run.claimed:
		return false, false
	case at > run.digested:
		return false, true
	default:
		run.claimed = at + n
		return true, false
	}
}

// setPart sets the digest of the whole part i in place of its bytes.
func (l *lanes) setPart(i int, digest []byte) error {
	if len(digest) != l.alg.size {
		return fmt.Errorf("%s of part %d has %d bytes, want %d", l.alg.name, i+1, len(digest), l.alg.size)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	done, part := l.complete(i), &l.parts[i]
	switch {
	case done && bytes.Equal(l.sum(i), digest):
		return nil
	case done || part.run != nil:
		return fmt.Errorf("part %d was already written", i+1)
	}
	copy(l.sum(i), digest)
	part.done = true
	return nil
}

// partSum returns a copy of the digest of part i, or false if bytes of it are missing.
func (l *lanes) partSum(i int) ([]byte, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.complete(i) {
		return nil, false
	}
	return slices.Clone(l.sum(i)), true
}

// partSums returns the digests of all parts in order, or an error if bytes are
// missing. The digests do not change any more.
func (l *lanes) partSums() ([]byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return nil, l.err
	}
	for i := range l.parts {
		if !l.complete(i) {
			return nil, fmt.Errorf("bytes of part %d of %d are missing", i+1, len(l.parts))
		}
	}
	return l.sums, nil
}

// complete reports whether the digest of part i is known. The caller holds mu.
func (l *lanes) complete(i int) bool {
	part := &l.parts[i]
	if _, size := l.layout.Bounds(i); size == 0 && !part.done { // no byte will ever arrive
		l.alg.digest(l.sum(i)[:0], nil)
		part.done = true
	}
	return part.done
}

// sum returns the memory for the digest of part i.
func (l *lanes) sum(i int) []byte { return l.sums[i*l.alg.size : (i+1)*l.alg.size] }

// composite returns the digest of the digests of the parts. For an object written
// whole it returns the digest of the bytes.
func (l *lanes) composite() ([]byte, error) {
	sums, err := l.partSums()
	if err != nil || !l.layout.multipart {
		return sums, err
	}
	return l.alg.digest(nil, sums), nil
}

// Abort wakes all writers that wait, and makes every later call that needs the result
// fail with err. Only the first Abort counts.
func (l *lanes) Abort(err error) {
	if err == nil {
		err = errAborted
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err == nil {
		l.err = err
		if l.abort != nil {
			close(l.abort)
		}
	}
}
