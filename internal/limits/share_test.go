package limits

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"s3sync/internal/buffer"
	"s3sync/internal/checksum"
)

var errStopped = errors.New("stopped")

// newLimits are small: 2 workers, 3 parts in flight, 16 KiB of memory.
func newLimits(t *testing.T) *Limits {
	t.Helper()
	l := New(Options{Memory: 16 << 10, Workers: 2, ParallelParts: 3})
	return l
}

// wantFree checks that nothing is held any more.
func (l *Limits) wantFree(t *testing.T) {
	t.Helper()
	objects, parts, deletions := l.objects.Report().InFlight, l.parts.Report().InFlight, l.deletions.Report().InFlight
	if objects != 0 || parts != 0 || deletions != 0 || l.buffers.Used() != 0 {
		t.Errorf("%d objects, %d parts, %d deletions and %d bytes are held", objects, parts, deletions, l.buffers.Used())
	}
}

func TestBounds(t *testing.T) {
	l := newLimits(t)
	if l.Workers() != 2 || l.ParallelParts() != 3 || l.Memory() != 16<<10 || l.Hasher() == nil {
		t.Errorf("%d workers, %d parts, %d bytes", l.Workers(), l.ParallelParts(), l.Memory())
	}
}

// However many units work, only so many objects are worked on at once. Who waits goes
// on when another one ends, or ends with the cause of its context.
func TestWorkersAreShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimits(t)
		var held []Permit
		for range 2 {
			p, err := l.StartObject(t.Context(), 1)
			if err != nil {
				t.Fatal(err)
			}
			held = append(held, p)
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		patient, impatient := make(chan error, 1), make(chan error, 1)
		go func() {
			p, err := l.StartObject(t.Context(), 1)
			patient <- err
			p.End(Work{})
		}()
		go func() {
			_, err := l.StartObject(ctx, 1)
			impatient <- err
		}()
		synctest.Wait()
		if len(patient) != 0 || len(impatient) != 0 {
			t.Error("more objects are worked on than there are workers")
		}
		cancel(errStopped)
		if err := <-impatient; !errors.Is(err, errStopped) {
			t.Errorf("got %v", err)
		}
		held[0].End(Work{})
		if err := <-patient; err != nil {
			t.Errorf("got %v", err)
		}
		held[1].End(Work{})
		synctest.Wait()
		l.wantFree(t)
	})
}

// The rate of objects gives way to a cancellation, with its cause.
func TestWaitObject(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(Options{Memory: 1, Workers: 1, ParallelParts: 1, ObjectsPerSecond: 1})
		if err := l.WaitObject(t.Context()); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		waiting := make(chan error, 1)
		go func() { waiting <- l.WaitObject(ctx) }()
		synctest.Wait()
		if len(waiting) != 0 {
			t.Error("the second object of a second did not wait")
		}
		cancel(errStopped)
		if err := <-waiting; !errors.Is(err, errStopped) {
			t.Errorf("got %v", err)
		}
		if err := newLimits(t).WaitObject(ctx); !errors.Is(err, errStopped) {
			t.Errorf("without a rate: got %v", err)
		}
	})
}

// Parts tile the object in order. Each has a buffer of the size that was asked for.
func TestParts(t *testing.T) {
	whole := func(size int64) int64 { return size }
	for name, tt := range map[string]struct {
		layout checksum.Layout
		room   func(int64) int64
		sizes  []int64 // of the parts
		buffer int     // of the first part; -1: none
	}{
		"parts":           {checksum.Uniform(7<<10, 3<<10), whole, []int64{3 << 10, 3 << 10, 1 << 10}, 3 << 10},
		"pieces of parts": {checksum.Uniform(7<<10, 3<<10), func(int64) int64 { return 1 << 10 }, []int64{3 << 10, 3 << 10, 1 << 10}, 1 << 10},
		"without buffers": {checksum.Uniform(7<<10, 3<<10), nil, []int64{3 << 10, 3 << 10, 1 << 10}, -1},
		"one piece":       {checksum.Whole(100), whole, []int64{100}, 100},
		"empty object":    {checksum.Whole(0), whole, []int64{0}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLimits(t)
			n, off := 0, int64(0)
			for p, err := range l.Parts(t.Context(), tt.layout, 0, tt.layout.Len(), tt.room) {
				if err != nil {
					t.Fatal(err)
				}
				if p.Index != n || p.Off != off || n >= len(tt.sizes) || p.Size() != tt.sizes[n] {
					t.Fatalf("part %d: index %d, [%d, %d)", n, p.Index, p.Off, p.End)
				}
				if has := p.Buffer != nil; has != (tt.buffer >= 0) || has && n == 0 && len(p.Buffer.Bytes()) != tt.buffer {
					t.Errorf("part %d: buffer %v", n, p.Buffer)
				}
				if l.parts.Report().InFlight != 1 {
					t.Errorf("part %d: %d permits are held", n, l.parts.Report().InFlight)
				}
				n, off = n+1, p.End
				p.Release(Work{})
			}
			if n != len(tt.sizes) {
				t.Errorf("%d parts, want %d", n, len(tt.sizes))
			}
			l.wantFree(t)
		})
	}
}

// What parts held is free again however their object ends.
func TestPartsAreGivenBack(t *testing.T) {
	size := func(n int64) func(int64) int64 { return func(int64) int64 { return n } }
	for name, tt := range map[string]struct {
		room func(int64) int64
		take int // parts that the consumer keeps before it breaks off, or cancels
		ends bool
		want error
	}{
		"breaks off at the first part": {room: size(1 << 10)},
		"breaks off later":             {room: size(1 << 10), take: 2},
		"breaks off without buffers":   {take: 2},
		"waits for a permit":           {room: size(1 << 10), take: 3, ends: true, want: errStopped},
		"waits for a buffer":           {room: size(8 << 10), take: 2, ends: true, want: errStopped},
		"no budget is large enough":    {room: size(17 << 10), want: buffer.ErrTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLimits(t)
				ctx, cancel := context.WithCancelCause(t.Context())
				defer cancel(nil)
				var held []Part
				var failed error
				for p, err := range l.Parts(ctx, checksum.Uniform(100<<10, 10<<10), 0, 10, tt.room) {
					if err != nil {
						failed = err
						break
					}
					if len(held) == tt.take {
						break
					}
					if held = append(held, p); len(held) == tt.take && tt.ends {
						go func() { synctest.Wait(); cancel(errStopped) }()
					}
				}
				if !errors.Is(failed, tt.want) || len(held) != tt.take {
					t.Errorf("%d parts, then %v; want %d, then %v", len(held), failed, tt.take, tt.want)
				}
				for _, p := range held {
					p.Release(Work{})
				}
				l.wantFree(t)
			})
		})
	}
}

// A budget that is raised lets those in that wait.
func TestRaisedBudgetLetsIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimits(t)
		first, err := l.Buffer(t.Context(), 16<<10)
		if err != nil {
			t.Fatal(err)
		}
		got := make(chan *buffer.Buffer, 1)
		go func() {
			b, err := l.Buffer(t.Context(), 16<<10)
			if err != nil {
				t.Error(err)
			}
			got <- b
		}()
		synctest.Wait()
		if len(got) != 0 {
			t.Error("more memory was given than there is")
		}
		l.RaiseMemory(32 << 10)
		second := <-got
		first.Release()
		second.Release()
		l.wantFree(t)
	})
}
