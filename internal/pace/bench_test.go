package pace

import (
	"context"
	"fmt"
	"sync"
	"testing"
)

// BenchmarkLimiter is the cost of one permit, with as many goroutines as permits, and
// with four waiting for each permit.
func BenchmarkLimiter(b *testing.B) {
	for _, goroutines := range []int{1, 16, 256} {
		for name, permits := range map[string]int{"free": goroutines, "waiting": max(1, goroutines/4)} {
			b.Run(fmt.Sprintf("%s/%d", name, goroutines), func(b *testing.B) {
				l := New(Options{Start: permits, Max: permits})
				work(b, goroutines, func() {
					p, err := l.Acquire(b.Context(), 1)
					if err != nil {
						b.Error(err)
					}
					p.Done(Outcome{Bytes: 10 << 10})
				})
			})
		}
	}
}

// BenchmarkChannel is the same with a channel, which counts nothing.
func BenchmarkChannel(b *testing.B) {
	for _, goroutines := range []int{1, 16, 256} {
		for name, permits := range map[string]int{"free": goroutines, "waiting": max(1, goroutines/4)} {
			b.Run(fmt.Sprintf("%s/%d", name, goroutines), func(b *testing.B) {
				in := fixed(permits)
				work(b, goroutines, func() {
					done, err := in(context.Background())
					if err != nil {
						b.Error(err)
					}
					done(answer{})
				})
			})
		}
	}
}

func work(b *testing.B, goroutines int, f func()) {
	b.Helper()
	b.ReportAllocs()
	var workers sync.WaitGroup
	for i := range goroutines {
		workers.Go(func() {
			for range (b.N + i) / goroutines {
				f()
			}
		})
	}
	workers.Wait()
}

// A permit costs no allocation, whether somebody had to wait or not.
func TestAllocations(t *testing.T) {
	l := New(Options{Max: 1})
	if got := testing.AllocsPerRun(100, func() {
		p, err := l.Acquire(t.Context(), 1)
		if err != nil {
			t.Error(err)
		}
		p.Done(Outcome{Bytes: 1})
	}); got != 0 {
		t.Errorf("%v allocations of a free permit", got)
	}
	var other sync.WaitGroup
	stop := make(chan struct{})
	other.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				p, err := l.Acquire(t.Context(), 1)
				if err != nil {
					t.Error(err)
				}
				p.Done(Outcome{Bytes: 1})
			}
		}
	})
	if got := testing.AllocsPerRun(1000, func() {
		p, err := l.Acquire(t.Context(), 1)
		if err != nil {
			t.Error(err)
		}
		p.Done(Outcome{Bytes: 1})
	}); got != 0 {
		t.Errorf("%v allocations of a permit with a neighbour", got)
	}
	close(stop)
	other.Wait()
}
