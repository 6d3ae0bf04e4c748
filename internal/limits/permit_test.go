package limits

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"s3sync/internal/pace"
	"s3sync/storage"
)

// What was done with a permit tells something only if a server was asked for it alone.
func TestWork(t *testing.T) {
	throttled := fmt.Errorf("target: %w", storage.ErrThrottled)
	for name, tt := range map[string]struct {
		did  Work
		want pace.Outcome
	}{
		"nothing":     {Work{}, pace.Outcome{Kind: pace.Canceled}},
		"a transfer":  {Work{Asked: true, Bytes: 5}, pace.Outcome{Bytes: 5}},
		"with parts":  {Work{Asked: true, Shared: true}, pace.Outcome{Kind: pace.Shared}},
		"a failure":   {Work{Asked: true, Bytes: 5, Err: storage.ErrMismatch}, pace.Outcome{Kind: pace.Canceled}},
		"a throttled": {Work{Err: throttled}, pace.Outcome{Kind: pace.Throttled}},
	} {
		if got := tt.did.outcome(); got != tt.want {
			t.Errorf("%s: got %+v, want %+v", name, got, tt.want)
		}
	}
}

// The number to begin with follows from the sizes of the first objects and the latency.
func TestSeeds(t *testing.T) {
	const mib = 1 << 20
	for name, tt := range map[string]struct {
		latency time.Duration
		sizes   []int64
		want    int
	}{
		"nothing is known":       {0, nil, 16},
		"near":                   {time.Millisecond, []int64{100}, 16},
		"small and far":          {50 * time.Millisecond, []int64{100, 100, 100, 100}, 160},
		"large and far":          {50 * time.Millisecond, []int64{9 * mib, 9 * mib, 9 * mib, 9 * mib}, 32},
		"most are small":         {50 * time.Millisecond, []int64{9 * mib, 100, 100, 100}, 160},
		"the first one is large": {50 * time.Millisecond, []int64{9 * mib}, 32},
	} {
		t.Run(name, func(t *testing.T) {
			l := New(Options{})
			l.Observe(storage.Request{FirstByte: 2 * time.Second})
			l.Observe(storage.Request{FirstByte: tt.latency})
			l.Observe(storage.Request{FirstByte: time.Second})
			for _, size := range tt.sizes {
				p, err := l.StartObject(t.Context(), size)
				if err != nil {
					t.Fatal(err)
				}
				p.End(Work{})
			}
			if got := l.objects.Report().Limit; got != tt.want {
				t.Errorf("begins with %d, want %d", got, tt.want)
			}
		})
	}
}

// What a server refuses delays what it was asked for, and nothing else. A given number is
// delayed, too.
func TestObserve(t *testing.T) {
	for kind, name := range map[storage.RequestKind]string{
		storage.ObjectRequest: "objects", storage.PartRequest: "parts", storage.DeleteRequest: "requests to delete", storage.ListRequest: "",
	} {
		for _, given := range []Concurrency{Auto, 4} {
			synctest.Test(t, func(t *testing.T) {
				l := New(Options{Workers: given, ParallelParts: given})
				l.Observe(storage.Request{Kind: kind, Began: time.Now(), Throttled: true, RetryAfter: 3 * time.Second})
				for limiter, start := range map[string]func(context.Context) (Permit, error){
					"objects":            func(ctx context.Context) (Permit, error) { return l.StartObject(ctx, 1) },
					"parts":              func(ctx context.Context) (Permit, error) { return l.parts.start(ctx, 1, 0) },
					"requests to delete": func(ctx context.Context) (Permit, error) { return l.StartDeletion(ctx, 1000) },
				} {
					began := time.Now()
					p, err := start(t.Context())
					if err != nil {
						t.Fatal(err)
					}
					waited := time.Since(began)
					p.End(Work{Asked: true})
					if limiter == name && waited < 2*time.Second || limiter != name && waited > 0 {
						t.Errorf("%s refused: %s waited for %v", name, limiter, waited)
					}
				}
				for _, r := range l.Reports() {
					if r.Fixed && r.Throttled == 0 || r.Name == name && r.Throttled != 1 {
						t.Errorf("reported: %+v", r)
					}
				}
			})
		}
	}
}

// The retry of one request that is refused delays nothing else.
func TestObserveRetry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(Options{})
		l.Observe(storage.Request{Began: time.Now(), Again: true, Throttled: true, RetryAfter: time.Minute})
		began := time.Now()
		p, err := l.StartObject(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		p.End(Work{Asked: true})
		if waited := time.Since(began); waited > 0 {
			t.Errorf("waited for %v", waited)
		}
	})
}
