package s3sync_test

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"sync/atomic"
	"testing"

	"s3sync"
	"s3sync/storage"
	"s3sync/storage/mem"
)

// raced is a store to which somebody else writes right before an object is published.
type raced struct {
	storage.Store

	write func(key string)
	// unknown: the store knows no conditions.
	unknown bool
	writes  atomic.Int32
}

func (s *raced) Unwrap() storage.Store { return s.Store }

func (s *raced) Put(ctx context.Context, key string, b storage.Block, opts storage.WriteOptions) (storage.Info, error) {
	if err := s.before(key, opts); err != nil {
		return storage.Info{}, err
	}
	return s.Store.Put(ctx, key, b, opts)
}

func (s *raced) before(key string, opts storage.WriteOptions) error {
	s.writes.Add(1)
	if s.unknown && (opts.IfAbsent || opts.IfMatch != "") {
		return &storage.Error{Op: "put", Key: key, Err: errors.ErrUnsupported}
	}
	s.write(key)
	return nil
}

func (s *raced) Create(ctx context.Context, key string, opts storage.WriteOptions) (storage.Writer, error) {
	w, err := s.Store.Create(ctx, key, opts)
	return &racedWriter{w, s, key, opts}, err
}

type racedWriter struct {
	storage.Writer

	store *raced
	key   string
	opts  storage.WriteOptions
}

func (w *racedWriter) Commit(ctx context.Context) (storage.Info, error) {
	if err := w.store.before(w.key, w.opts); err != nil {
		return storage.Info{}, err
	}
	return w.Writer.Commit(ctx)
}

// planOf plans, with parts of some bytes.
func planOf(t *testing.T, cfg *s3sync.Config) *bytes.Reader {
	t.Helper()
	cfg.Transfer.Threshold, cfg.Transfer.ChunkSize = 8, 8
	var b bytes.Buffer
	if _, err := s3sync.PlanUnchecked(t.Context(), cfg, &b, ""); err != nil {
		t.Fatal(err)
	}
	return bytes.NewReader(b.Bytes())
}

func applySmall(t *testing.T, cfg *s3sync.Config, file *bytes.Reader) (*s3sync.Report, error) {
	t.Helper()
	own := s3sync.DefaultConfig()
	own.Source.Store, own.Target.Store, own.Retry = cfg.Source.Store, cfg.Target.Store, cfg.Retry
	return s3sync.ApplyUnchecked(t.Context(), own, file, "")
}

// Between the look at the target and the write somebody else may write. What he wrote stays,
// and nothing is deleted. A server without conditions writes all the same.
func TestApplyOverwritesNothingThatCameLast(t *testing.T) {
	for name, unknown := range map[string]bool{"conditions": false, "no conditions": true} {
		t.Run(name, func(t *testing.T) {
			source, inner := mem.New(), old()
			put(t, inner, map[string]string{"over": "old", "over in parts": "old", "gone": "x"})
			want := map[string]string{"new": "n", "new in parts": "more than eight bytes", "over": "n", "over in parts": "more than eight bytes"}
			put(t, source, want)
			target := &raced{Store: inner, unknown: unknown}
			target.write = func(string) {}
			cfg := config(source, target)
			cfg.Delete.Enable, cfg.Delete.MaxPercent = true, 100
			file := planOf(t, cfg)
			target.write = func(key string) { put(t, inner, map[string]string{key: "somebody else's"}) }
			report, err := applySmall(t, cfg, file)
			got := contents(t, inner)
			if unknown {
				equal(t, got, want)
				if report.Transferred != 4 || report.Deleted != 1 || err != nil || target.writes.Load() > 8 {
					t.Errorf("%+v, %v, %d writes", report.Stats, err, target.writes.Load())
				}
				return
			}
			stays := map[string]string{"gone": "x"}
			for key := range maps.Keys(want) {
				stays[key] = "somebody else's"
			}
			equal(t, got, stays)
			if report.Transferred != 0 || report.Warnings != 4 || report.Deleted != 0 || err != nil {
				t.Errorf("%+v, %v", report.Stats, err)
			}
		})
	}
}

// Somebody else may be an apply of the same plan that was killed, whose last writes arrive
// late. Then the action is done.
func TestApplyAfterLateWrites(t *testing.T) {
	source, inner := mem.New(), old()
	put(t, inner, map[string]string{"over": "old", "over in parts": "old", "gone": "x"})
	want := map[string]string{"new": "n", "new in parts": "more than eight bytes", "over": "n", "over in parts": "more than eight bytes"}
	put(t, source, want)
	target := &raced{Store: inner, write: func(string) {}}
	cfg := config(source, target)
	cfg.Delete.Enable, cfg.Delete.MaxPercent = true, 100
	file := planOf(t, cfg)
	target.write = func(key string) { put(t, inner, map[string]string{key: want[key]}) }
	report, err := applySmall(t, cfg, file)
	equal(t, contents(t, inner), want)
	if report.Skipped != 4 || report.Warnings != 0 || report.Deleted != 1 || err != nil {
		t.Errorf("%+v, %v", report.Stats, err)
	}
}
