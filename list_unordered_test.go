package s3sync_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"s3sync"
	"s3sync/internal/join"
	"s3sync/storage"
	"s3sync/storage/mem"
)

// An unordered store lists the objects of another store in an order that is never the
// same.
type unordered struct{ storage.Store }

func (u unordered) Caps() storage.Caps {
	caps := u.Store.Caps()
	caps.Ordered = false
	return caps
}

func (u unordered) List(ctx context.Context, opts storage.ListOptions) iter.Seq2[storage.Object, error] {
	return func(yield func(storage.Object, error) bool) {
		var objects []storage.Object
		for o, err := range u.Store.List(ctx, opts) {
			if err != nil {
				yield(o, err)
				return
			}
			objects = append(objects, o)
		}
		rand.Shuffle(len(objects), func(i, j int) { objects[i], objects[j] = objects[j], objects[i] })
		for _, o := range objects {
			if !yield(o, nil) {
				return
			}
		}
	}
}

// unorderedSides runs a test with either side and both of them unordered.
func unorderedSides(t *testing.T, test func(t *testing.T, source, target func(storage.Store) storage.Store)) {
	t.Helper()
	same := func(s storage.Store) storage.Store { return s }
	shuffled := func(s storage.Store) storage.Store { return unordered{s} }
	t.Run("source", func(t *testing.T) { test(t, shuffled, same) })
	t.Run("target", func(t *testing.T) { test(t, same, shuffled) })
	t.Run("both", func(t *testing.T) { test(t, shuffled, shuffled) })
}

func TestUnorderedSides(t *testing.T) {
	unorderedSides(t, func(t *testing.T, wrapSource, wrapTarget func(storage.Store) storage.Store) {
		eachSeed(t, 50, func(t *testing.T, r *rand.Rand) {
			inSource, inTarget := randomTrees(r)
			source, target := mem.New(), mem.New()
			put(t, source, inSource)
			put(t, target, inTarget)
			cfg := config(wrapSource(source), wrapTarget(target))
			cfg.Check.Mode = s3sync.CheckMtimeAndSize
			cfg.Delete.Enable = true

			run(t, cfg)
			for key, data := range inSource {
				if old, ok := inTarget[key]; ok && len(old) == len(data) {
					inSource[key] = old
				}
			}
			equal(t, contents(t, target), inSource)
			if again := run(t, cfg); again.Transferred+again.Deleted != 0 {
				t.Errorf("second run: transferred %d, deleted %d", again.Transferred, again.Deleted)
			}
		})
	})
}

func TestUnorderedRange(t *testing.T) {
	unorderedSides(t, func(t *testing.T, wrapSource, wrapTarget func(storage.Store) storage.Store) {
		source, target := mem.New(), mem.New()
		put(t, source, map[string]string{"a": "1", "b": "2", "c/d": "3", "e": "4"})
		put(t, target, map[string]string{"a0": "5", "b0": "6", "z": "7"})
		cfg := config(wrapSource(source), wrapTarget(target))
		cfg.Range = storage.Range{From: "b", To: "e"}
		cfg.Delete.Enable = true
		run(t, cfg)
		equal(t, contents(t, target), map[string]string{"a0": "5", "b": "2", "c/d": "3", "z": "7"})
	})
}

// A listing that breaks starts again: no object of the first attempt remains, and no
// object is missing.
func TestUnorderedListingIsBegunAnew(t *testing.T) {
	want := map[string]string{}
	for i := range 100 {
		want[fmt.Sprint("key", i)] = fmt.Sprint(i)
	}
	unorderedSides(t, func(t *testing.T, wrapSource, wrapTarget func(storage.Store) storage.Store) {
		source, target := &faulty{Store: wrapSource(mem.New())}, &faulty{Store: wrapTarget(mem.New())}
		put(t, source, want)
		put(t, target, map[string]string{"old1": "x", "old2": "x", "key1": "1"})
		var attempts atomic.Int64
		broken := func(seq iter.Seq2[storage.Object, error]) iter.Seq2[storage.Object, error] {
			if n := attempts.Add(1); n > 2 {
				return seq
			}
			return func(yield func(storage.Object, error) bool) {
				for o, err := range failAfter(1)(seq) {
					if err != nil {
						err = fmt.Errorf("%w: %w", storage.ErrTransient, err)
					}
					if !yield(o, err) {
						return
					}
				}
			}
		}
		for _, side := range []*faulty{source, target} {
			if !side.Caps().Ordered {
				side.list = broken
			}
		}
		cfg := config(source, target)
		cfg.Delete.Enable = true
		retries := 0
		cfg.OnEvent = func(ev s3sync.Event) {
			if ev.Type == s3sync.EventRetry {
				retries++
			}
		}
		report := run(t, cfg)
		equal(t, contents(t, target.Store), want)
		if retries != 2 || report.Deleted != 2 || report.Transferred != 99 || report.Incomplete {
			t.Errorf("%d retries, %+v", retries, report)
		}
	})
}

func TestUnorderedListingThatFailsDeletesNothing(t *testing.T) {
	for name, tt := range map[string]struct {
		kind  error
		lists int
	}{
		"stays":         {fs.ErrPermission, 1},
		"keeps failing": {storage.ErrTransient, 4},
	} {
		t.Run(name, func(t *testing.T) {
			unorderedSides(t, func(t *testing.T, wrapSource, wrapTarget func(storage.Store) storage.Store) {
				source, target := &faulty{Store: wrapSource(mem.New())}, &faulty{Store: wrapTarget(mem.New())}
				put(t, source.Store, map[string]string{"a": "1", "b": "2", "c": "3"})
				put(t, target.Store, map[string]string{"x": "1", "y": "2", "z": "3"})
				side := source
				if source.Caps().Ordered {
					side = target
				}
				side.list = func(seq iter.Seq2[storage.Object, error]) iter.Seq2[storage.Object, error] {
					return func(yield func(storage.Object, error) bool) {
						for o, err := range failAfter(2)(seq) {
							if err != nil {
								err = tt.kind
							}
							if !yield(o, err) {
								return
							}
						}
					}
				}
				cfg := config(source, target)
				cfg.Retry.ForceCount = 3
				cfg.Delete.Enable = true
				report, err := try(t, cfg)
				if !errors.Is(err, tt.kind) || !report.Incomplete || side.called("list") != tt.lists {
					t.Errorf("error %v after %d listings, %+v", err, side.called("list"), report)
				}
				if target.called("delete")+target.called("put") != 0 {
					t.Error("the target was changed")
				}
			})
		})
	}
}

func TestUnorderedListingWithProblemsDeletesNothing(t *testing.T) {
	source, target := &faulty{Store: unordered{mem.New()}}, mem.New()
	source.problem.Err = &storage.Error{Op: "list", Key: "locked", Err: fs.ErrPermission}
	put(t, source, map[string]string{"a": "1"})
	put(t, target, map[string]string{"b": "2"})
	cfg := config(source, target)
	cfg.Delete.Enable = true
	report := run(t, cfg)
	if report.Warnings != 1 || !report.Incomplete {
		t.Errorf("%+v", report)
	}
	equal(t, contents(t, target), map[string]string{"a": "1", "b": "2"})
}

// A key that is listed twice could be joined with only one counterpart.
func TestUnorderedDuplicatesAreAnError(t *testing.T) {
	unorderedSides(t, func(t *testing.T, wrapSource, wrapTarget func(storage.Store) storage.Store) {
		source, target := &faulty{Store: wrapSource(mem.New())}, &faulty{Store: wrapTarget(mem.New())}
		put(t, source, map[string]string{"a": "1", "b": "2", "c": "3"})
		put(t, target, map[string]string{"a": "1", "b": "2", "c": "3"})
		for _, side := range []*faulty{source, target} {
			if side.Caps().Ordered {
				continue
			}
			side.list = func(seq iter.Seq2[storage.Object, error]) iter.Seq2[storage.Object, error] {
				return func(yield func(storage.Object, error) bool) {
					for o, err := range seq {
						if !yield(o, err) {
							return
						}
					}
					yield(storage.Object{Key: "b"}, nil)
				}
			}
		}
		if _, err := try(t, config(source, target)); !errors.Is(err, join.ErrOrder) {
			t.Errorf("error %v", err)
		}
	})
}

// A cancelled run stops in the middle of a listing, even if the store would continue.
func TestUnorderedListingIsCancelled(t *testing.T) {
	source, target := &faulty{Store: unordered{mem.New()}}, mem.New()
	put(t, source, map[string]string{"a": "1", "b": "2", "c": "3"})
	ctx, cancel := context.WithCancel(t.Context())
	listed := 0
	source.list = func(seq iter.Seq2[storage.Object, error]) iter.Seq2[storage.Object, error] {
		return func(yield func(storage.Object, error) bool) {
			cancel()
			for o, err := range seq {
				listed++
				if !yield(o, err) {
					return
				}
			}
		}
	}
	report, err := s3sync.Sync(ctx, config(source, target))
	if !errors.Is(err, context.Canceled) || !report.Incomplete || listed > 1 {
		t.Errorf("error %v after %d objects, %+v", err, listed, report)
	}
	equal(t, contents(t, target), map[string]string{})
}

// The objects of an unordered listing are not kept in memory.
func TestUnorderedListingsInBoundedMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("writes 100 MB of temporary files")
	}
	const (
		objects = 300_000
		stride  = 123_457 // coprime to objects: every number occurs once
		limit   = 64 << 20
	)
	name := strings.Repeat("x", 300)
	heap := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	var listed, yielded int64
	before := heap()
	source := &faulty{Store: unordered{mem.New()}}
	source.list = func(iter.Seq2[storage.Object, error]) iter.Seq2[storage.Object, error] {
		return func(yield func(storage.Object, error) bool) {
			for i := range objects {
				o := storage.Object{Key: fmt.Sprintf("%06d/%s", i*stride%objects, name), ModTime: time.Unix(1e9, 0)}
				if !yield(o, nil) {
					return
				}
			}
			listed = heap()
		}
	}
	cfg := config(source, mem.New())
	cfg.Filter.SmallerThan = new(int64) // rejects all of them
	skipped := 0
	cfg.OnEvent = func(ev s3sync.Event) {
		if ev.Type != s3sync.EventSkipped {
			return
		}
		if skipped++; skipped == objects/2 {
			yielded = heap()
		}
	}
	if report := run(t, cfg); report.Skipped != objects {
		t.Errorf("%+v", report)
	}
	t.Logf("%d MiB when all was listed, %d MiB when half of it was compared", (listed-before)>>20, (yielded-before)>>20)
	if max(listed, yielded)-before > limit {
		t.Errorf("more than %d MiB for %d MiB of keys", limit>>20, objects*len(name)>>20)
	}
}
