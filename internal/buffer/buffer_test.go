package buffer

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

const (
	kib = 1 << 10
	mib = 1 << 20
)

var errTest = errors.New("test failure")

func get(t testing.TB, p *Pool, n int) *Buffer {
	t.Helper()
	b, err := p.Get(t.Context(), n)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// check compares the books of a pool with what it holds.
func check(t interface{ Fatalf(string, ...any) }, p *Pool, held []*Buffer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var used, cached int64
	for _, b := range held {
		used += int64(cap(b.mem))
	}
	for _, list := range append(p.small[:], p.large) {
		for _, mem := range list {
			cached += int64(cap(mem))
		}
	}
	if p.used != used || p.cached != cached {
		t.Fatalf("books say %d used, %d cached; there are %d, %d", p.used, p.cached, used, cached)
	}
	if used+cached > p.limit || p.peak > p.limit || p.peak < used+cached {
		t.Fatalf("%d used, %d cached, peak %d, limit %d", used, cached, p.peak, p.limit)
	}
}

func TestSizes(t *testing.T) {
	tests := map[string]struct{ limit, n, want int }{
		"none":               {mib, 0, 0},
		"one byte":           {mib, 1, 4 * kib},
		"a page":             {mib, 4 * kib, 4 * kib},
		"over a page":        {mib, 4*kib + 1, 8 * kib},
		"largest class":      {mib, mib, mib},
		"no room for class":  {mib - 1, mib - 1, mib - 1},
		"above the classes":  {10 * mib, mib + 1, mib + 1},
		"the whole limit":    {10*mib + 3, 10*mib + 3, 10*mib + 3},
		"tiny limit":         {10, 10, 10},
		"half of the limit":  {2 * 15 * mib, 15 * mib, 15 * mib},
		"below the classes":  {mib, 100, 4 * kib},
		"just under a class": {mib, 64*kib - 1, 64 * kib},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p := New(int64(tt.limit))
			b := get(t, p, tt.n)
			if len(b.Bytes()) != tt.n || p.Used() != int64(tt.want) || p.Peak() != int64(tt.want) {
				t.Errorf("got %d bytes, %d charged, peak %d, want %d charged", len(b.Bytes()), p.Used(), p.Peak(), tt.want)
			}
			b.Release()
			b.Release() // does nothing
			if p.Used() != 0 || b.Bytes() != nil {
				t.Errorf("after Release: %d charged, bytes %v", p.Used(), b.Bytes())
			}
			check(t, p, nil)
		})
	}
}

func TestTooLarge(t *testing.T) {
	p := New(mib)
	for _, n := range []int{mib + 1, math.MaxInt, -1} {
		_, err := p.Get(t.Context(), n)
		if !errors.Is(err, ErrTooLarge) {
			t.Errorf("%d bytes: got %v", n, err)
		}
	}
}

func TestRaise(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(2 * mib)
		held := get(t, p, 2*mib)
		var granted *Buffer
		var waiter sync.WaitGroup
		waiter.Go(func() { granted = get(t, p, 2*mib) })
		synctest.Wait()
		p.Raise(4 * mib)
		waiter.Wait()
		check(t, p, []*Buffer{held, granted})
		p.Raise(mib) // never lowers
		if _, err := p.Get(t.Context(), 4*mib+1); !errors.Is(err, ErrTooLarge) {
			t.Errorf("error %v", err)
		}
	})
}

func TestReuse(t *testing.T) {
	tests := map[string]struct {
		first, second int
		same          bool
	}{
		"same class":        {5 * kib, 8 * kib, true},
		"other class":       {4 * kib, 5 * kib, false},
		"smaller class":     {8 * kib, 4 * kib, false},
		"large, same":       {8 * mib, 8 * mib, true},
		"large, half":       {8 * mib, 4 * mib, true},
		"large, below half": {8 * mib, 4*mib - 1, false},
		"large, more":       {8 * mib, 8*mib + 1, false},
		"large for small":   {mib + 1, mib, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p := New(64 * mib)
			b := get(t, p, tt.first)
			addr := &b.Bytes()[0]
			b.Release()
			b = get(t, p, tt.second)
			if got := addr == &b.Bytes()[0]; got != tt.same {
				t.Errorf("memory used again: %v, want %v", got, tt.same)
			}
			if len(b.Bytes()) != tt.second {
				t.Errorf("got %d bytes", len(b.Bytes()))
			}
			check(t, p, []*Buffer{b})
		})
	}
	t.Run("best fit", func(t *testing.T) {
		p := New(64 * mib)
		bufs := []*Buffer{get(t, p, 8*mib), get(t, p, 5*mib), get(t, p, 6*mib)}
		addr := &bufs[2].Bytes()[0]
		for _, b := range bufs {
			b.Release()
		}
		if b := get(t, p, 5*mib+1); &b.Bytes()[0] != addr {
			t.Error("not the smallest that fits")
		}
	})
}

// What is kept for reuse gives way to what is needed, so k buffers of n bytes
// always fit into a limit of k*n.
func TestCacheGivesWay(t *testing.T) {
	const n = 15 * mib
	p := New(2 * n)
	for _, size := range []int{4 * kib, mib, 2 * mib, 3 * mib, 7 * mib, n} {
		for range 3 {
			a, b := get(t, p, size), get(t, p, size)
			check(t, p, []*Buffer{a, b})
			a.Release()
			check(t, p, []*Buffer{b})
			b.Release()
		}
	}
}

// fillPool takes the whole limit of a new pool of k pages.
func fillPool(t *testing.T, k int) (p *Pool, pages []*Buffer) {
	t.Helper()
	p = New(int64(k) * 4 * kib)
	for range k {
		pages = append(pages, get(t, p, 4*kib))
	}
	return p, pages
}

// A diary notes how requests end, in the order in which they do.
type diary struct {
	mu    sync.Mutex
	lines []string
}

func (d *diary) note(line string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, line)
}

func (d *diary) String() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return fmt.Sprint(d.lines)
}

// wait starts a Get that has to wait, and notes its end under its name.
func (d *diary) wait(ctx context.Context, p *Pool, n int, name string) *Buffer {
	var b Buffer
	go func() {
		got, err := p.Get(ctx, n)
		if err != nil {
			d.note(name + ": " + err.Error())
			return
		}
		b = *got
		d.note(name)
	}()
	synctest.Wait()
	return &b
}

func TestFIFO(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, pages := fillPool(t, 4)
		var order diary
		big := order.wait(t.Context(), p, 16*kib, "big")
		pages[0].Release()
		// There is room for the small one now, but the big one came first.
		order.wait(t.Context(), p, 4*kib, "small")
		for i, b := range pages {
			if order.String() != "[]" {
				t.Fatalf("%v served with %d pages free", &order, i)
			}
			b.Release()
			synctest.Wait()
		}
		if order.String() != "[big]" {
			t.Fatalf("got %v, want the big one first", &order)
		}
		big.Release()
		synctest.Wait()
		if order.String() != "[big small]" {
			t.Fatalf("got %v", &order)
		}
	})
}

func TestCancel(t *testing.T) {
	t.Run("before", func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(errTest)
		if _, err := New(mib).Get(ctx, 1); !errors.Is(err, errTest) {
			t.Errorf("got %v, want the cause", err)
		}
	})
	t.Run("first in the queue", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			p, pages := fillPool(t, 4)
			ctx, cancel := context.WithCancelCause(t.Context())
			var order diary
			order.wait(ctx, p, 16*kib, "big")
			order.wait(t.Context(), p, 4*kib, "small")
			pages[0].Release()
			synctest.Wait()
			if order.String() != "[]" {
				t.Fatalf("%v was served too early", &order)
			}
			cancel(errTest)
			synctest.Wait()
			if got := order.String(); got != "[big: test failure small]" && got != "[small big: test failure]" {
				t.Errorf("got %v", got)
			}
		})
	})
	t.Run("in the middle of the queue", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			p, pages := fillPool(t, 3)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			var order diary
			order.wait(t.Context(), p, 4*kib, "1")
			order.wait(ctx, p, 4*kib, "2")
			order.wait(t.Context(), p, 4*kib, "3")
			time.Sleep(2 * time.Minute)
			for _, b := range pages {
				b.Release()
				synctest.Wait()
			}
			if got := order.String(); got != "[2: context deadline exceeded 1 3]" {
				t.Errorf("got %v", got)
			}
		})
	})
	// A request that is granted while it is given up must not keep its memory.
	t.Run("at the moment of the grant", func(t *testing.T) {
		for _, cached := range []bool{false, true} {
			p := New(4 * kib)
			w := &waiter{size: 4 * kib, ready: make(chan struct{})}
			b := get(t, p, 4*kib)
			p.push(w)
			if !cached {
				b.mem = b.mem[: 0 : 4*kib-1] // not of a class: dropped
				p.used = 4*kib - 1
			}
			b.Release()
			<-w.ready
			p.cancel(w)
			check(t, p, nil)
		}
	})
}

// The books are right after any series of steps, and nobody who could be served
// waits.
func TestBooks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := New(rapid.Int64Range(1, 64*kib).Draw(t, "limit") * rapid.SampledFrom([]int64{1, 64}).Draw(t, "unit"))
		var held []*Buffer
		t.Repeat(map[string]func(*rapid.T){
			"get": func(t *rapid.T) {
				n := rapid.Int64Range(0, p.limit).Draw(t, "n")
				if p.used+int64(p.sizeFor(int(n))) > p.limit {
					t.Skip("no room")
				}
				b, err := p.Get(context.Background(), int(n))
				if err != nil {
					t.Fatal(err)
				}
				held = append(held, b)
			},
			"release": func(t *rapid.T) {
				if len(held) == 0 {
					t.Skip("nothing held")
				}
				i := rapid.IntRange(0, len(held)-1).Draw(t, "which")
				held[i].Release()
				held = append(held[:i], held[i+1:]...)
			},
			"": func(t *rapid.T) { check(t, p, held) },
		})
	})
}

// Many owners at once: each finds its own bytes as it left them, the limit
// holds, and all of them get their turn.
func TestConcurrent(t *testing.T) {
	p := New(8 * mib)
	var owners sync.WaitGroup
	for owner := range byte(8) {
		owners.Go(func() {
			random := rand.New(rand.NewPCG(uint64(owner), 0))
			for range 200 {
				ctx, cancel := context.WithCancel(t.Context())
				if random.IntN(4) == 0 {
					go cancel()
				}
				b, err := p.Get(ctx, random.IntN(1<<(1+random.IntN(22))))
				cancel()
				if err != nil {
					continue
				}
				mem := b.Bytes()
				for i := 0; i < len(mem); i += 512 {
					mem[i] = owner
				}
				runtime.Gosched()
				for i := 0; i < len(mem); i += 512 {
					if mem[i] != owner {
						t.Errorf("byte %d of %d is of %d, want %d", i, len(mem), mem[i], owner)
						break
					}
				}
				b.Release()
			}
		})
	}
	owners.Wait()
	check(t, p, nil)
	if p.first != nil || p.last != nil {
		t.Error("somebody still waits")
	}
}

func BenchmarkGet(b *testing.B) {
	for _, n := range []int{1, 10 * kib, 64 * kib, 8 * mib} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			p := New(256 * mib)
			b.ReportAllocs()
			for b.Loop() {
				buf, err := p.Get(b.Context(), n)
				if err != nil {
					b.Fatal(err)
				}
				buf.Release()
			}
		})
	}
	b.Run("parallel", func(b *testing.B) {
		p := New(256 * mib)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				buf, err := p.Get(b.Context(), 10*kib)
				if err != nil {
					b.Error(err)
					return
				}
				buf.Release()
			}
		})
	})
}
