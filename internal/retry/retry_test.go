package retry_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"s3sync/internal/retry"
	"s3sync/storage"
)

var (
	errPasses = fmt.Errorf("connection reset: %w", storage.ErrTransient)
	errStays  = fmt.Errorf("no such key: %w", fs.ErrNotExist)
	errTest   = errors.New("test failure")
)

func TestDo(t *testing.T) {
	tests := map[string]struct {
		count     int
		results   []error // of the attempts; the last one repeats
		attempts  int
		exhausted bool
		want      error
		took      time.Duration
	}{
		"success":              {2, []error{nil}, 1, false, nil, 0},
		"success at last":      {2, []error{errPasses, errPasses, nil}, 3, false, nil, 2 * time.Second},
		"never":                {2, []error{errPasses}, 3, true, storage.ErrTransient, 2 * time.Second},
		"another kind at last": {2, []error{errPasses, storage.ErrChanged}, 3, true, storage.ErrChanged, 2 * time.Second},
		"not retryable":        {2, []error{errStays}, 1, false, fs.ErrNotExist, 0},
		"not retryable later":  {5, []error{errPasses, errStays}, 2, false, fs.ErrNotExist, time.Second},
		"no retries":           {0, []error{errPasses}, 1, false, storage.ErrTransient, 0},
		"exhausted inside":     {5, []error{&retry.ExhaustedError{Attempts: 9, Err: errPasses}}, 1, true, storage.ErrTransient, 0},
		"exhausted, wrapped": {
			5,
			[]error{&storage.Error{Op: "put", Key: "a", Err: errors.Join(errTest, &retry.ExhaustedError{Attempts: 9, Err: errPasses})}},
			1, true, storage.ErrTransient, 0,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start, attempts := time.Now(), 0
				var told []int
				policy := retry.Policy{Count: tt.count, Interval: time.Second}
				onRetry := func(attempt int, err error) {
					told = append(told, attempt)
					if want := tt.results[min(attempt, len(tt.results))-1]; !errors.Is(err, want) {
						t.Errorf("told %v of attempt %d, want %v", err, attempt, want)
					}
				}
				err := retry.Do(t.Context(), policy, onRetry, func(context.Context) error {
					attempts++
					return tt.results[min(attempts, len(tt.results))-1]
				})
				if !errors.Is(err, tt.want) || attempts != tt.attempts || time.Since(start) != tt.took {
					t.Errorf("got %v after %d attempts, %v; want %v, %d, %v", err, attempts, time.Since(start), tt.want, tt.attempts, tt.took)
				}
				if _, ok := errors.AsType[*retry.ExhaustedError](err); ok != tt.exhausted {
					t.Errorf("exhausted: %v, want %v", ok, tt.exhausted)
				}
				if want := []int{1, 2, 3, 4}[:tt.attempts-1]; !slices.Equal(told, want) {
					t.Errorf("told of attempts %v, want %v", told, want)
				}
			})
		})
	}
}

func TestDoNested(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		policy, calls := retry.Policy{Count: 3}, 0
		err := retry.Do(t.Context(), policy, nil, func(ctx context.Context) error {
			return retry.Do(ctx, policy, nil, func(context.Context) error {
				calls++
				return errPasses
			})
		})
		if calls != 4 || !errors.Is(err, storage.ErrTransient) {
			t.Errorf("got %v after %d calls, want 4", err, calls)
		}
		if want := "connection reset: temporary failure (after 4 attempts)"; err.Error() != want {
			t.Errorf("got text %q, want %q", err, want)
		}
	})
}

func TestDoCancelled(t *testing.T) {
	t.Run("in the pause", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			start := time.Now()
			time.AfterFunc(time.Minute, func() { cancel(errTest) })
			err := retry.Do(ctx, retry.Policy{Count: 1, Interval: time.Hour}, nil, func(context.Context) error { return errPasses })
			if !errors.Is(err, errTest) || time.Since(start) != time.Minute {
				t.Errorf("got %v after %v, want the cause after 1m", err, time.Since(start))
			}
		})
	})
	for name, tt := range map[string]struct{ result, want error }{
		"in an attempt":                {errPasses, errTest},
		"in an attempt that fails":     {errStays, fs.ErrNotExist},
		"in an attempt that succeeds":  {nil, nil},
		"in an attempt that tells so":  {fmt.Errorf("put: %w", context.Canceled), context.Canceled},
		"in an attempt that looks odd": {fmt.Errorf("%w: %w", storage.ErrTransient, context.Canceled), context.Canceled},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			calls := 0
			err := retry.Do(ctx, retry.Policy{Count: 5}, nil, func(context.Context) error {
				calls++
				cancel(errTest)
				return tt.result
			})
			if !errors.Is(err, tt.want) || calls != 1 {
				t.Errorf("got %v after %d calls, want %v after 1", err, calls, tt.want)
			}
		})
	}
}

// A brokenLister lists keys. It fails once for each entry of breaksAfter, when it
// has listed that many objects in all.
type brokenLister struct {
	keys        []string
	breaksAfter []int
	fail        error
	served      int
	asked       []storage.Range
}

func (s *brokenLister) list(r storage.Range) iter.Seq2[storage.Object, error] {
	return func(yield func(storage.Object, error) bool) {
		s.asked = append(s.asked, r)
		for _, k := range append(slices.Clone(s.keys), "\xff") {
			if len(s.breaksAfter) > 0 && s.breaksAfter[0] == s.served {
				s.breaksAfter = s.breaksAfter[1:]
				yield(storage.Object{}, s.fail)
				return
			}
			if k == "\xff" || !r.Contains(k) {
				continue
			}
			s.served++
			if !yield(storage.Object{Key: k}, nil) {
				return
			}
		}
	}
}

func keysOf(seq iter.Seq2[storage.Object, error]) (keys []string, err error) {
	for o, e := range seq {
		if e != nil {
			err = e
			continue
		}
		keys = append(keys, o.Key)
	}
	return keys, err
}

func TestList(t *testing.T) {
	keys := []string{"", "a", "a\x00", "a/b", "b"}
	tests := map[string]struct {
		breaks    []int
		fail      error
		r         storage.Range
		keys      []string
		asked     []string // lower bounds
		exhausted bool
		want      error
	}{
		"smooth":              {nil, nil, storage.Range{}, keys, []string{""}, false, nil},
		"in the middle":       {[]int{2}, errPasses, storage.Range{}, keys, []string{"", "a\x00"}, false, nil},
		"behind the empty":    {[]int{1}, errPasses, storage.Range{}, keys, []string{"", "\x00"}, false, nil},
		"before the first":    {[]int{0, 0}, errPasses, storage.Range{From: "a"}, keys[1:], []string{"a", "a", "a"}, false, nil},
		"behind the last":     {[]int{5}, errPasses, storage.Range{}, keys, []string{"", "b\x00"}, false, nil},
		"counted anew":        {[]int{1, 1, 3, 3, 4, 4}, errPasses, storage.Range{}, keys, []string{"", "\x00", "\x00", "a\x00\x00", "a\x00\x00", "a/b\x00", "a/b\x00"}, false, nil},
		"exhausted":           {[]int{2, 2, 2}, errPasses, storage.Range{}, keys[:2], []string{"", "a\x00", "a\x00"}, true, storage.ErrTransient},
		"not retryable":       {[]int{2}, errStays, storage.Range{}, keys[:2], []string{""}, false, fs.ErrNotExist},
		"nothing left":        {[]int{2}, errPasses, storage.Range{To: "a\x00"}, keys[:2], []string{""}, false, nil},
		"upper bound is kept": {[]int{2}, errPasses, storage.Range{To: "b"}, keys[:4], []string{"", "a\x00"}, false, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &brokenLister{keys: keys, breaksAfter: tt.breaks, fail: tt.fail}
				told := 0
				policy := retry.Policy{Count: 2, Interval: time.Second}
				got, err := keysOf(retry.List(t.Context(), policy, func(int, error) { told++ }, s.list, tt.r))
				if !slices.Equal(got, tt.keys) || !errors.Is(err, tt.want) {
					t.Errorf("got %q, %v, want %q, %v", got, err, tt.keys, tt.want)
				}
				if _, ok := errors.AsType[*retry.ExhaustedError](err); ok != tt.exhausted {
					t.Errorf("exhausted: %v, want %v", ok, tt.exhausted)
				}
				var asked []string
				for _, r := range s.asked {
					asked = append(asked, r.From)
					if r.To != tt.r.To {
						t.Errorf("asked up to %q", r.To)
					}
				}
				if !slices.Equal(asked, tt.asked) || told < len(asked)-1 {
					t.Errorf("asked from %q, told %d times, want %q", asked, told, tt.asked)
				}
			})
		})
	}
}

func TestListStops(t *testing.T) {
	s := &brokenLister{keys: []string{"a", "b", "c"}}
	for o, err := range retry.List(t.Context(), retry.Policy{Count: 2}, nil, s.list, storage.Range{}) {
		if err != nil {
			t.Fatal(err)
		}
		if o.Key == "b" {
			break
		}
	}
	if s.served != 2 || len(s.asked) != 1 {
		t.Errorf("served %d, asked %d times, want 2, 1", s.served, len(s.asked))
	}
}

func TestListCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Minute, func() { cancel(errTest) })
		s := &brokenLister{keys: []string{"a", "b"}, breaksAfter: []int{1}, fail: errPasses}
		got, err := keysOf(retry.List(ctx, retry.Policy{Count: 1, Interval: time.Hour}, nil, s.list, storage.Range{}))
		if !slices.Equal(got, []string{"a"}) || !errors.Is(err, errTest) {
			t.Errorf("got %q, %v, want the cause as the last element", got, err)
		}
	})
}

// Whatever fails on the way, each key comes once and in order, or the last
// element is an error.
func TestListIsWholeOrFails(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		keys := rapid.SliceOfDistinct(rapid.StringOfN(rapid.RuneFrom([]rune("ab\x00")), 0, 3, -1), rapid.ID).Draw(t, "keys")
		slices.Sort(keys)
		breaks := rapid.SliceOfN(rapid.IntRange(0, len(keys)), 0, 6).Draw(t, "breaks")
		slices.Sort(breaks)
		s := &brokenLister{keys: keys, breaksAfter: breaks, fail: errPasses}
		got, err := keysOf(retry.List(context.Background(), retry.Policy{Count: 2}, nil, s.list, storage.Range{}))
		if err == nil && !slices.Equal(got, keys) {
			t.Fatalf("got %q, want %q", got, keys)
		}
		if err != nil && !strings.HasPrefix(strings.Join(keys, "|"), strings.Join(got, "|")) {
			t.Fatalf("got %q before %v, want the beginning of %q", got, err, keys)
		}
	})
}

func BenchmarkList(b *testing.B) {
	s := &brokenLister{keys: make([]string, 1000)}
	for i := range s.keys {
		s.keys[i] = fmt.Sprintf("photos/2024/05/IMG_%06d.jpeg", i)
	}
	n := 0
	for b.Loop() {
		s.asked = s.asked[:0]
		for o, err := range retry.List(b.Context(), retry.Policy{}, nil, s.list, storage.Range{}) {
			if err != nil {
				b.Fatal(o, err)
			}
			n++
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/object")
}

// TestVersions: wherever a listing of versions breaks, and how often, each version
// comes once and in order.
func TestVersions(t *testing.T) {
	var all []storage.Object
	for _, key := range []string{"a", "b", "c"} {
		for _, id := range []string{"3", "2", "1"} {
			all = append(all, storage.Object{Key: key, VersionID: id})
		}
	}
	for first := range len(all) + 1 {
		for second := range len(all) + 1 {
			breaks := []int{first, second}
			list := func(r storage.Range) iter.Seq2[storage.Object, error] {
				return func(yield func(storage.Object, error) bool) {
					n := len(all) + 1
					if len(breaks) > 0 {
						n, breaks = breaks[0], breaks[1:]
					}
					for _, o := range all {
						if !r.Contains(o.Key) {
							continue
						}
						if n--; n < 0 {
							yield(storage.Object{}, storage.ErrTransient)
							return
						}
						if !yield(o, nil) {
							return
						}
					}
				}
			}
			var got []storage.Object
			for o, err := range retry.Versions(t.Context(), retry.Policy{Count: 2}, nil, list, storage.Range{}) {
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, o)
			}
			if !slices.Equal(got, all) {
				t.Fatalf("broken after %d and %d: got %v", first, second, got)
			}
		}
	}
}

// A version at which the listing could go on may be gone. What is behind it is not
// guessed.
func TestVersionsWithoutTheLast(t *testing.T) {
	for name, again := range map[string][]storage.Object{
		"version": {{Key: "a", VersionID: "1"}, {Key: "b", VersionID: "1"}},
		"key":     {{Key: "b", VersionID: "1"}},
		"all":     nil,
	} {
		t.Run(name, func(t *testing.T) {
			n := 0
			list := func(storage.Range) iter.Seq2[storage.Object, error] {
				return func(yield func(storage.Object, error) bool) {
					if n++; n == 1 {
						_ = yield(storage.Object{Key: "a", VersionID: "2"}, nil) && yield(storage.Object{}, storage.ErrTransient)
						return
					}
					for _, o := range again {
						if !yield(o, nil) {
							return
						}
					}
				}
			}
			var last error
			count := 0
			for _, err := range retry.Versions(t.Context(), retry.Policy{Count: 5}, nil, list, storage.Range{}) {
				count, last = count+1, err
			}
			if count != 2 || last == nil || storage.Retryable(last) {
				t.Errorf("%d elements, the last with %v", count, last)
			}
		})
	}
}
