package scan

import (
	"context"
	"errors"
	"iter"
	"math/rand/v2"
	"slices"
	"testing"

	"s3sync/internal/retry"
	"s3sync/internal/side"
	"s3sync/storage"
	"s3sync/storage/dir"
	"s3sync/storage/mem"
)

var errTest = errors.New("test failure")

// A store is one in memory that counts requests and can misbehave.
type store struct {
	*mem.Store

	lists, stats int
	// failures is how many listings break behind their first object, with failure.
	failures int
	failure  error
	// stat fails instead of a Stat, if it is permanent or transientStats are left.
	stat           error
	transientStats int
	// problem is told to the consumer of each listing.
	problem storage.Problem
	// shuffled: listings are in an order that is never the same.
	shuffled bool
}

func newStore(tb testing.TB, data map[string]string) *store {
	tb.Helper()
	s := &store{Store: mem.New()}
	for key, text := range data {
		s.put(tb, key, text)
	}
	return s
}

func (s *store) put(tb testing.TB, key, text string) {
	tb.Helper()
	if _, err := s.Put(tb.Context(), key, storage.Block{Data: []byte(text)}, storage.WriteOptions{Size: int64(len(text))}); err != nil {
		tb.Fatal(err)
	}
}

func (s *store) Caps() storage.Caps {
	caps := s.Store.Caps()
	caps.Ordered = !s.shuffled
	return caps
}

func (s *store) Stat(ctx context.Context, key string, opts storage.StatOptions) (storage.Info, error) {
	s.stats++
	if errors.Is(s.stat, storage.ErrTransient) {
		if s.transientStats--; s.transientStats < 0 {
			return s.Store.Stat(ctx, key, opts)
		}
	}
	if s.stat != nil {
		return storage.Info{}, s.stat
	}
	return s.Store.Stat(ctx, key, opts)
}

func (s *store) List(ctx context.Context, opts storage.ListOptions) iter.Seq2[storage.Object, error] {
	s.lists++
	return func(yield func(storage.Object, error) bool) {
		if s.problem.Err != nil {
			opts.Problem(s.problem)
		}
		var all []storage.Object
		for o, err := range s.Store.List(ctx, opts) {
			if err != nil {
				yield(o, err)
				return
			}
			all = append(all, o)
		}
		if s.shuffled {
			rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		}
		for i, o := range all {
			if i == 1 && s.failures > 0 {
				s.failures--
				yield(storage.Object{}, s.failure)
				return
			}
			if !yield(o, nil) {
				return
			}
		}
	}
}

// A fileStore maps keys as a directory does.
type fileStore struct {
	*store
	storage.KeyMapper
}

func newFileStore(tb testing.TB, data map[string]string) fileStore {
	tb.Helper()
	return fileStore{newStore(tb, data), newMapper(tb)}
}

func newMapper(tb testing.TB) storage.KeyMapper {
	tb.Helper()
	d, err := dir.Open(tb.TempDir(), dir.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = d.Close() })
	return d
}

// scanner is one between two stores. Failures that may pass are retried twice.
func scanner(tb testing.TB, opts Options, source, target storage.Store) *Scanner {
	tb.Helper()
	policy := side.Options{Policy: retry.Policy{Count: 2}}
	s := New(opts, side.New("source", source, policy), side.New("target", target, policy))
	tb.Cleanup(func() { _ = s.Close() })
	return s
}

// keysOf writes pairs as their keys and the sides that have them.
func keysOf(pairs iter.Seq2[Pair, error]) (keys []string, err error) {
	for p, perr := range pairs {
		switch {
		case perr != nil:
			err = perr
		case p.Exists:
			keys = append(keys, p.Key()+" st")
		default:
			keys = append(keys, p.Key()+" s")
		}
	}
	return keys, err
}

func wantKeys(tb testing.TB, pairs iter.Seq2[Pair, error], want ...string) {
	tb.Helper()
	if got, err := keysOf(pairs); err != nil || !slices.Equal(got, want) {
		tb.Errorf("got %q, %v; want %q", got, err, want)
	}
}

// wantTargetOnly takes what only the target has.
func wantTargetOnly(tb testing.TB, s *Scanner, want ...string) {
	tb.Helper()
	only := s.TakeTargetOnly()
	defer only.Close()
	var got []string
	for o, err := range only.All() {
		if err != nil {
			tb.Fatal(err)
		}
		got = append(got, o.Key)
	}
	if !slices.Equal(got, want) {
		tb.Errorf("only in the target: %q, want %q", got, want)
	}
}
