package listing

import (
	"context"
	"math"
	"slices"
	"time"

	"s3sync/storage"
)

// next returns the next page that has objects. It returns neither a page nor an error at
// the end.
func (o *ordered) next(ctx, fetchCtx context.Context) (*page, error) {
	for {
		o.mu.Lock()
		p, ended, err := o.pop()
		if !ended && err == nil {
			o.schedule(fetchCtx)
		}
		o.mu.Unlock()
		if ended || err != nil || p != nil {
			return p, err
		}
		select {
		case <-o.wake:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// hand hands a page to the consumer. It reports whether the listing goes on.
func (o *ordered) hand(ctx context.Context, p *page, yield func(storage.Object, error) bool) bool {
	start := time.Now()
	objects := p.objects
	if objects == nil {
		o.memory = p.packed.appendTo(o.memory[:0])
		objects = o.memory
	}
	fastest, last := time.Duration(math.MaxInt64), start
	for i := range objects {
		if i%stride == stride-1 {
			now := time.Now()
			fastest, last = min(fastest, now.Sub(last)*time.Duration(len(objects))/stride), now
		}
		if err := ctx.Err(); err != nil {
			yield(storage.Object{}, o.bucket.Wire.Fail(ctx, "list", "", err))
			return false
		}
		if !yield(objects[i], nil) {
			return false
		}
	}
	took := min(time.Since(start), fastest)
	o.mu.Lock()
	defer o.mu.Unlock()
	o.listers.read(took, len(objects), o.pageSize)
	return true
}

// stride is how many objects are read between two looks at the clock. Where the consumer
// waits for another listing meanwhile, most of them are read without a wait.
const stride = 64

// pop takes the next page with objects, if it is there.
func (o *ordered) pop() (p *page, ended bool, err error) {
	for {
		front := o.segments[0]
		switch {
		case len(front.pages) > 0:
			p := front.pages[0]
			front.pages = slices.Delete(front.pages, 0, 1)
			p.gone = true
			front.buffered -= p.bytes
			o.buffered -= p.bytes
			if p.n > 0 {
				o.waiting = false
				return p, false, nil
			}
		case front.err != nil:
			return nil, false, front.err
		case !front.done:
			o.waiting = true
			return nil, false, nil
		case len(o.segments) == 1:
			return nil, true, nil
		default:
			switch front.meets(o.segments[1]) {
			case unclear:
				o.waiting = true
				return nil, false, nil
			case contradicted:
				o.merge()
			case agreed:
				o.leave()
			}
		}
	}
}
