package walk

import (
	"context"
	"iter"
	"sync"
	"time"

	"s3sync/internal/parallel"
)

const (
	// readers is how many calls a listing has under way at once where that pays.
	readers = 16
	// slowCall is how long a call takes at least where it waits, for the network or a disk,
	// and does not work: one about a file in the cache takes a microsecond or two. Several
	// at once gain little there and cost more.
	slowCall = 30 * time.Microsecond
	// longCall is as long as a call counts at most. On a busy machine some take very long,
	// though they wait for a processor and not for the file system.
	longCall = 2 * slowCall
	// Of so many calls at least, and so many at most, the average counts.
	fewCalls, manyCalls = 256, 4096
	// someCalls are made one by one before their time is noted.
	someCalls = 64
)

// A Pace notes how long calls to a file system take. The zero value has noted none. A nil
// Pace notes nothing, and lets nothing be done at once. It may be used concurrently.
type Pace struct {
	mu    sync.Mutex
	calls int64
	took  time.Duration
}

// add notes calls of listings.
func (p *Pace) add(calls int, took time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls += int64(calls)
	p.took += min(took, longCall*time.Duration(calls))
	for p.calls > manyCalls {
		p.calls /= 2
		p.took /= 2
	}
}

// slow reports whether calls wait, so that several at once pay.
func (p *Pace) slow() bool {
	if p == nil {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.calls >= fewCalls && p.took/time.Duration(p.calls) >= slowCall
}

// each calls do for 0 to n-1, in order, or several at once where that pays. It returns the
// lowest value for which do failed, or n, and that error. Greater values may be left out
// then. do makes one call to the file system, or none.
func (p *Pace) each(n int, do func(i int) error) (int, error) {
	for from := 0; from < n; {
		if p.slow() {
			return p.eachAtOnce(from, n, func(i int) (int, error) { return 1, do(i) })
		}
		start, to := time.Now(), min(from+someCalls, n)
		for i := from; i < to; i++ {
			if err := do(i); err != nil {
				return i, err
			}
		}
		if p != nil {
			p.add(to-from, time.Since(start))
		}
		from = to
	}
	return n, nil
}

// eachAtOnce is each from a value on, several at once. do returns about how many calls to
// the file system it made.
func (p *Pace) eachAtOnce(from, n int, do func(i int) (calls int, err error)) (failed int, failure error) {
	var mu sync.Mutex
	failed = n
	values := func(context.Context) iter.Seq2[int, error] {
		return func(yield func(int, error) bool) {
			for i := from; i < n; i++ {
				mu.Lock()
				stop := failure != nil
				mu.Unlock()
				if stop || !yield(i, nil) {
					return
				}
			}
		}
	}
	ctx := context.Background() //nolint:forbidigo // all of do is short, and who lists asks the context between
	err := parallel.ForEach(ctx, readers, values, func(_ context.Context, i int) error {
		start := time.Now()
		calls, err := do(i)
		p.add(calls, time.Since(start))
		mu.Lock()
		defer mu.Unlock()
		if err != nil && i < failed {
			failed, failure = i, err
		}
		return nil
	})
	if err != nil {
		panic(err) //nolint:forbidigo // it is a panic of do, which goes on to the caller: nothing else ends ForEach
	}
	return failed, failure
}
