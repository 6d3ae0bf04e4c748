package history_test

import (
	"context"
	"iter"
	"testing"
	"time"

	"s3sync/internal/attributes"
	"s3sync/internal/history"
	"s3sync/internal/retry"
	"s3sync/internal/side"
	"s3sync/storage"
	"s3sync/storage/mem"
)

// A store keeps versions, counts questions, and can misbehave.
type store struct {
	*mem.Store

	stats int
	stat  error // instead of an answer
	// listing may change what is listed.
	listing func(iter.Seq2[storage.Object, error]) iter.Seq2[storage.Object, error]
}

func newStore() *store {
	s := &store{Store: mem.NewVersioned()}
	// All within one second: nothing may depend on the time.
	s.SetClock(func() time.Time { return time.Unix(1_700_000_000, 0) })
	return s
}

func (s *store) Stat(ctx context.Context, key string, opts storage.StatOptions) (storage.Info, error) {
	s.stats++
	if s.stat != nil {
		return storage.Info{}, s.stat
	}
	return s.Store.Stat(ctx, key, opts)
}

func (s *store) Versions(ctx context.Context, opts storage.ListOptions) iter.Seq2[storage.Object, error] {
	all := s.Store.Versions(ctx, opts)
	if s.listing != nil {
		return s.listing(all)
	}
	return all
}

// write writes one version, and notes of which version of a source it is, if origin
// is not empty. The step "-" deletes.
func (s *store) write(tb testing.TB, key, step, origin string) {
	tb.Helper()
	if step == "-" {
		if err := s.Delete(tb.Context(), []storage.Object{{Key: key}}, storage.DeleteOptions{})[0]; err != nil {
			tb.Fatal(err)
		}
		return
	}
	opts := storage.WriteOptions{Size: int64(len(step))}
	if origin != "" {
		opts.Metadata = map[string]string{}
		attributes.SetMark(opts.Metadata, attributes.OriginVersionID, origin)
	}
	if _, err := s.Put(tb.Context(), key, storage.Block{Data: []byte(step)}, opts); err != nil {
		tb.Fatal(err)
	}
}

// steps writes the history of a key: one letter for each version, "-" deletes.
func (s *store) steps(tb testing.TB, key, steps string) {
	tb.Helper()
	for _, step := range steps {
		s.write(tb, key, string(step), "")
	}
}

// story is the history of a key as steps writes it.
func (s *store) story(tb testing.TB, key string) (story string) {
	tb.Helper()
	for o, err := range s.Store.Versions(tb.Context(), storage.ListOptions{Range: storage.Range{From: key, To: key + "\x00"}}) {
		if err != nil {
			tb.Fatal(err)
		}
		story = s.step(tb, o) + story
	}
	return story
}

// step is the content of a version.
func (s *store) step(tb testing.TB, v storage.Object) string {
	tb.Helper()
	if v.DeleteMarker {
		return "-"
	}
	r, err := s.Open(tb.Context(), v.Key, storage.OpenOptions{VersionID: v.VersionID})
	if err != nil {
		tb.Fatal(err)
	}
	p := make([]byte, v.Size)
	if err := r.ReadAt(tb.Context(), p, 0); err != nil {
		tb.Fatal(err)
	}
	return string(p)
}

func planner(opts history.Options, source, target *store) *history.Planner {
	policy := side.Options{Policy: retry.Policy{Count: 2}}
	return history.New(opts, side.New("source", source, policy), side.New("target", target, policy))
}

// sync writes what is missing, and returns the states: P, O and M for each version,
// and D for a marker that is written.
func sync(tb testing.TB, opts history.Options, source, target *store) (states map[string]string) {
	tb.Helper()
	states = map[string]string{}
	p := planner(opts, source, target)
	for g, err := range p.Groups(tb.Context()) {
		if err != nil {
			tb.Fatal(err)
		}
		wrote := false
		for v, err := range p.Versions(tb.Context(), g) {
			if err != nil {
				tb.Fatal(err)
			}
			if v.Key != g.Key {
				tb.Errorf("a version of %q in the group of %q", v.Key, g.Key)
			}
			states[g.Key] += map[history.State]string{history.Present: "P", history.OutOfOrder: "O", history.Missing: "M"}[v.State]
			if v.State == history.Missing {
				target.write(tb, g.Key, source.step(tb, v.Object), v.VersionID)
				wrote = true
			}
		}
		if g.Marker != nil && (wrote || !g.Deleted) {
			states[g.Key] += "D"
			target.write(tb, g.Key, "-", "")
		}
		if err := g.Close(); err != nil {
			tb.Fatal(err)
		}
	}
	return states
}
