package s3sync

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"s3sync/storage"
	"s3sync/storage/mem"
)

// A hangingStore puts no object before letGo is closed, and says that it waits.
type hangingStore struct {
	storage.Store

	letGo chan struct{}
	began time.Time
}

func (h *hangingStore) Put(ctx context.Context, key string, b storage.Block, opts storage.WriteOptions) (storage.Info, error) {
	<-h.letGo
	return h.Store.Put(ctx, key, b, opts)
}

func (h *hangingStore) Waiting() (quiet time.Duration, what string) {
	return time.Since(h.began), "an answer"
}

// TestSilenceIsExplained: a run that does nothing says what it waits for, not too
// often.
func TestSilenceIsExplained(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := mem.New()
		if _, err := source.Put(t.Context(), "k", storage.Block{Data: []byte("data")}, storage.WriteOptions{Size: 4}); err != nil {
			t.Fatal(err)
		}
		target := &hangingStore{Store: mem.New(), letGo: make(chan struct{}), began: time.Now()}
		cfg := DefaultConfig()
		cfg.Source.Store, cfg.Target.Store = source, target
		began := time.Now()
		var at []time.Duration
		var last string
		cfg.OnEvent = func(ev Event) {
			if ev.Type == EventNote {
				at = append(at, time.Since(began).Round(10*time.Second))
				last = ev.Note
			}
		}
		var run sync.WaitGroup
		run.Go(func() {
			if _, err := Sync(t.Context(), cfg); err != nil {
				t.Error(err)
			}
		})
		time.Sleep(5 * time.Minute)
		close(target.letGo)
		run.Wait()
		if want := []time.Duration{30 * time.Second, time.Minute, 2 * time.Minute, 4 * time.Minute}; !slices.Equal(at, want) {
			t.Errorf("notes at %v, want %v", at, want)
		}
		if !strings.HasPrefix(last, "nothing has moved for 4m") || !strings.HasSuffix(last, "; waiting for the target: an answer") {
			t.Errorf("the note is %q", last)
		}
	})
}

// waitsFor is a side that has waited for some time.
type waitsFor struct {
	quiet time.Duration
	what  string
}

func (w waitsFor) Waiting() (quiet time.Duration, what string) { return w.quiet, w.what }

func TestSilenceIsBroken(t *testing.T) {
	now := time.Unix(1e9, 0)
	const hour = time.Hour
	for name, tt := range map[string]struct {
		since time.Duration
		bytes int64
		sides []waitingSide
		want  string
	}{
		"one side":              {hour, 0, []waitingSide{{"source", waitsFor{hour, "x"}}}, "nothing has moved for 1h0m0s; waiting for the source: x"},
		"both sides":            {hour, 0, []waitingSide{{"source", waitsFor{time.Minute, "x"}}, {"target", waitsFor{hour, "y"}}}, "nothing has moved for 1m0s; waiting for the source: x; the target: y"},
		"an event":              {29 * time.Second, 0, []waitingSide{{"source", waitsFor{hour, "x"}}}, ""},
		"a byte":                {hour, 1, []waitingSide{{"source", waitsFor{hour, "x"}}}, ""},
		"something on one side": {hour, 0, []waitingSide{{"source", waitsFor{hour, "x"}}, {"target", waitsFor{time.Second, "y"}}}, ""},
		"nobody waits":          {hour, 0, []waitingSide{{"source", waitsFor{hour, ""}}}, ""},
		"no such side":          {hour, 0, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := silence{since: now.Add(-tt.since)}
			if got := s.note(now, tt.bytes, tt.sides); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
