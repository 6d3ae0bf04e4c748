package engine

import (
	"context"
	"errors"
	"iter"
	"slices"
	"sync"
	"testing"

	"s3sync/internal/compare"
	"s3sync/internal/gate"
	"s3sync/internal/limits"
	"s3sync/internal/report"
	"s3sync/internal/transfer"
	"s3sync/internal/verify"
	"s3sync/storage"
	"s3sync/storage/mem"
)

var errInjected = errors.New("injected")

// A store in memory that counts its calls, and may fail them.
type store struct {
	*mem.Store

	// before may fail a call before it is made: list, next (each object of a listing),
	// end (of a listing), stat, open, put, create, delete, tags, set tags, versions and
	// place.
	before func(op, key string) error
	// problem is told to the consumer of each listing, if its key is in the range.
	problem storage.Problem
	// mayBeArchived marks all objects.
	mayBeArchived bool

	mu    sync.Mutex
	calls map[string]int
}

func newStore(t *testing.T, keys ...string) *store {
	t.Helper()
	s := &store{Store: mem.New()}
	s.put(t, keys...)
	return s
}

// put writes objects with their keys as data.
func (s *store) put(t *testing.T, keys ...string) {
	t.Helper()
	for _, key := range keys {
		if _, err := s.Store.Put(t.Context(), key, storage.Block{Data: []byte(key)}, storage.WriteOptions{Size: int64(len(key))}); err != nil {
			t.Fatal(err)
		}
	}
}

// keys are those that the store has.
func (s *store) keys(t *testing.T) (keys []string) {
	t.Helper()
	for o, err := range s.Store.List(t.Context(), storage.ListOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, o.Key)
	}
	return keys
}

// call notes a call, and fails it if before says so.
func (s *store) call(op, key string) error {
	s.mu.Lock()
	if s.calls == nil {
		s.calls = map[string]int{}
	}
	s.calls[op]++
	s.mu.Unlock()
	if s.before == nil {
		return nil
	}
	return s.before(op, key)
}

func (s *store) List(ctx context.Context, opts storage.ListOptions) iter.Seq2[storage.Object, error] {
	return s.listing("list", opts, s.Store.List(ctx, opts))
}

func (s *store) Versions(ctx context.Context, opts storage.ListOptions) iter.Seq2[storage.Object, error] {
	return s.listing("versions", opts, s.Store.Versions(ctx, opts))
}

func (s *store) listing(op string, opts storage.ListOptions, all iter.Seq2[storage.Object, error]) iter.Seq2[storage.Object, error] {
	return func(yield func(storage.Object, error) bool) {
		if err := s.call(op, ""); err != nil {
			yield(storage.Object{}, err)
			return
		}
		if s.problem.Err != nil && opts.Problem != nil && opts.Contains(s.problem.Key) {
			opts.Problem(s.problem)
		}
		for o, err := range all {
			if err == nil {
				err = s.call("next", o.Key)
			}
			o.MaybeArchived = s.mayBeArchived
			if !yield(o, err) || err != nil {
				return
			}
		}
		if err := s.call("end", ""); err != nil {
			yield(storage.Object{}, err)
		}
	}
}

func (s *store) Stat(ctx context.Context, key string, opts storage.StatOptions) (storage.Info, error) {
	if err := s.call("stat", key); err != nil {
		return storage.Info{}, err
	}
	return s.Store.Stat(ctx, key, opts)
}

func (s *store) Open(ctx context.Context, key string, opts storage.OpenOptions) (storage.Reader, error) {
	if err := s.call("open", key); err != nil {
		return nil, err
	}
	return s.Store.Open(ctx, key, opts)
}

func (s *store) Put(ctx context.Context, key string, b storage.Block, opts storage.WriteOptions) (storage.Info, error) {
	if err := s.call("put", key); err != nil {
		return storage.Info{}, err
	}
	return s.Store.Put(ctx, key, b, opts)
}

func (s *store) Create(ctx context.Context, key string, opts storage.WriteOptions) (storage.Writer, error) {
	if err := s.call("create", key); err != nil {
		return nil, err
	}
	return s.Store.Create(ctx, key, opts)
}

func (s *store) Delete(ctx context.Context, objects []storage.Object, opts storage.DeleteOptions) []error {
	if err := s.call("delete", objects[0].Key); err != nil {
		return slices.Repeat([]error{err}, len(objects))
	}
	return s.Store.Delete(ctx, objects, opts)
}

func (s *store) Tags(ctx context.Context, key, versionID string) (map[string]string, error) {
	if err := s.call("tags", key); err != nil {
		return nil, err
	}
	return s.Store.Tags(ctx, key, versionID)
}

func (s *store) SetTags(ctx context.Context, key string, tags map[string]string) error {
	if err := s.call("set tags", key); err != nil {
		return err
	}
	return s.Store.SetTags(ctx, key, tags)
}

func (s *store) StillThere(context.Context) error { return s.call("place", "") }

// A testRun is an engine, and what it tells.
type testRun struct {
	*Engine

	record *report.Recorder
	events []report.Event // after end
}

// options are those of a sync by size that deletes.
func options() Options {
	return Options{
		ListTarget: true,
		Delete:     gate.Options{Enable: true, MaxPercent: 100},
		Limits:     limits.Options{Memory: 16 << 20, Workers: 2, ParallelParts: 4},
		Compare:    compare.Options{Mode: compare.Size},
		Transfer:   transfer.Options{Threshold: 1 << 20, ChunkSize: 1 << 20, Verify: verify.Options{ETag: true, Multipart: true}},
	}
}

// newRun opens an engine between two stores. set may be nil.
func newRun(t *testing.T, source, target storage.Store, set func(*Options)) *testRun {
	t.Helper()
	opts := options()
	if set != nil {
		set(&opts)
	}
	r := &testRun{}
	r.record = report.New(report.Options{
		DryRun: opts.DryRun, WarnAsError: opts.WarnAsError, OnEvent: func(ev report.Event) { r.events = append(r.events, ev) },
	})
	var err error
	if r.Engine, err = New(t.Context(), opts, source, target, r.record); err != nil {
		_, _ = r.record.Finish(t.Context(), err)
		t.Fatal(err)
	}
	return r
}

// unit runs a range without an error. The result is closed when the test ends.
func (r *testRun) unit(t *testing.T, u Unit) *Result {
	t.Helper()
	result, err := r.Run(t.Context(), u)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = result.Close() })
	return result
}

// end closes the engine and returns the report of the run.
func (r *testRun) end(t *testing.T) *report.Report {
	t.Helper()
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	told, _ := r.record.Finish(t.Context(), nil)
	return told
}

// keysOf are the keys of the events of a type, in order of the key.
func (r *testRun) keysOf(want report.EventType) (keys []string) {
	for _, ev := range r.events {
		if ev.Type == want {
			keys = append(keys, ev.Key)
		}
	}
	slices.Sort(keys)
	return keys
}

// extraneous are the keys that a result holds for deletion.
func extraneous(t *testing.T, r *Result) (keys []string) {
	t.Helper()
	for o, err := range r.Extraneous() {
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, o.Key)
	}
	return keys
}

// stopped is a channel that is closed.
func stopped() <-chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}
