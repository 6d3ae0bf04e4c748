// Package limits holds the resources that the objects of a run share: the memory for
// their bytes, the permits for objects, parts and deletions in flight, the rate of
// objects, and the hasher of many blocks. Permits follow what pays: see [pace.Limiter]. All units of a run use one Limits, so the bounds hold however many units
// run at once.
package limits

import (
	"context"
	"errors"
	"iter"
	"sync/atomic"

	"s3sync/internal/buffer"
	"s3sync/internal/checksum"
	"s3sync/internal/pace"
	"s3sync/internal/ratelimit"
	"s3sync/internal/setting"
)

// LeastMemory returns the least memory that the buffers need, in bytes: two parts of
// size chunk, one that is being filled while another one is sent, or an object below
// the threshold, which is sent in one piece.
func LeastMemory(chunk, threshold int64) int64 { return max(2*chunk, threshold) }

// DefaultMemory returns the bound of the buffers in bytes if the user gives none: 256
// MiB, or LeastMemory if that is more.
func DefaultMemory(chunk, threshold int64) int64 { return max(256<<20, LeastMemory(chunk, threshold)) }

// mostDeletions bounds the requests to delete in flight. Each has up to 1,000 keys, which
// servers count one by one.
const mostDeletions = 16

// Options are the bounds.
type Options struct {
	// Memory bounds the buffers of object data in bytes. FixedMemory says that the user
	// gave the bound, so nothing may raise it.
	Memory      int64
	FixedMemory bool
	// Workers is how many objects are worked on at once, and ParallelParts how many parts
	// of all objects together are in flight.
	Workers, ParallelParts Concurrency
	// ObjectsPerSecond bounds how many objects begin; 0 is no bound.
	ObjectsPerSecond int
}

// Limits are the bounds in force. Its methods may be called concurrently.
type Limits struct {
	opts    Options
	buffers *buffer.Pool
	rate    *ratelimit.Limiter
	hasher  *checksum.Hasher

	objects, parts limiter
	deletions      *pace.Limiter
	roundTrip      atomic.Int64 // ns, the shortest to an answer so far; 0 is unknown
}

// New returns limits with nothing in flight.
func New(opts Options) *Limits {
	return &Limits{
		opts:    opts,
		buffers: buffer.New(opts.Memory),
		rate:    ratelimit.Objects(opts.ObjectsPerSecond),
		hasher:  checksum.NewHasher(),

		objects:   limiter{Limiter: opts.Workers.pace("objects")},
		parts:     limiter{Limiter: opts.ParallelParts.pace("parts")},
		deletions: pace.New(pace.Options{Name: "requests to delete", Max: min(opts.Workers.Most(), mostDeletions), Start: 1, Ramp: true}),
	}
}

// Memory is the bound of the buffers in bytes.
func (l *Limits) Memory() int64 { return l.opts.Memory }

// ParallelParts is how many parts may be in flight at most.
func (l *Limits) ParallelParts() int { return l.opts.ParallelParts.Most() }

// Hasher computes MD5 digests of several blocks at once.
func (l *Limits) Hasher() *checksum.Hasher { return l.hasher }

// Workers is how many objects may be worked on at once at most.
func (l *Limits) Workers() int { return l.opts.Workers.Most() }

// Deletions is how many requests to delete may be in flight at most.
func (l *Limits) Deletions() int { return min(l.Workers(), mostDeletions) }

// WaitObject waits until another object may begin. It fails with the cause of a
// cancelled ctx.
func (l *Limits) WaitObject(ctx context.Context) error {
	if err := l.rate.WaitN(ctx, 1); err != nil {
		return context.Cause(ctx)
	}
	return nil
}

// Buffer returns memory of size bytes. It waits until there is room. It fails with
// buffer.ErrTooLarge if size can never fit.
func (l *Limits) Buffer(ctx context.Context, size int64) (*buffer.Buffer, error) {
	b, err := l.buffers.Get(ctx, int(size))
	if errors.Is(err, buffer.ErrTooLarge) {
		err = setting.Errorf("%w, which %s bounds", err, setting.Name("Transfer.MaxMemory"))
	}
	return b, err
}

// RaiseMemory raises the bound of the buffers to at least limit bytes, unless the user
// gave the bound.
func (l *Limits) RaiseMemory(limit int64) {
	if !l.opts.FixedMemory {
		l.buffers.Raise(limit)
	}
}

// A Part is a part of an object in flight, with the permit and the buffer that it
// holds.
type Part struct {
	// Index counts from 0.
	Index int
	// Off and End are bytes of the object: the part is [Off, End).
	Off, End int64
	// Buffer has the requested size: the whole part, or a piece of it.
	Buffer *buffer.Buffer

	permit Permit
}

// Size is the number of bytes of the part.
func (p *Part) Size() int64 { return p.End - p.Off }

// Release returns the permit and the buffer. It must be called once. did is what was done
// with the part.
func (p *Part) Release(did Work) {
	if p.Buffer != nil {
		p.Buffer.Release()
	}
	p.permit.End(did)
}

// Parts yields the parts of a layout in order, from one index to before another one. Each part has a permit and then a
// buffer; room returns the size of the buffer for the size of the part. The order
// matters: a part may wait for the digests of earlier parts, so earlier parts get their
// permit and buffer first. If room is nil, parts have no buffers. The consumer releases
// each part that it takes. If the consumer breaks off, Parts releases the part that it
// yielded last.
func (l *Limits) Parts(ctx context.Context, layout checksum.Layout, from, to int, room func(size int64) int64) iter.Seq2[Part, error] {
	return func(yield func(Part, error) bool) {
		for i := from; i < to; i++ {
			off, size := layout.Bounds(i)
			permit, err := l.parts.start(ctx, size, l.latency())
			if err != nil {
				yield(Part{}, err)
				return
			}
			p := Part{Index: i, Off: off, End: off + size, permit: permit}
			if room != nil {
				if p.Buffer, err = l.Buffer(ctx, room(size)); err != nil {
					p.Release(Work{})
					yield(Part{}, err)
					return
				}
			}
			if !yield(p, nil) {
				p.Release(Work{})
				return
			}
		}
	}
}
