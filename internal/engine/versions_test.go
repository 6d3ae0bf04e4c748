package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"s3sync/internal/attributes"
	"s3sync/internal/report"
	"s3sync/storage"
	"s3sync/storage/mem"
)

// newVersions is a store that keeps versions, with a history for each text: the key,
// then its versions in their order, '-' for a delete marker.
func newVersions(t *testing.T, histories ...string) *store {
	t.Helper()
	s := &store{Store: mem.NewVersioned()}
	for _, history := range histories {
		key := history[:1]
		for _, step := range history[1:] {
			if step == '-' {
				s.Store.Delete(t.Context(), []storage.Object{{Key: key}}, storage.DeleteOptions{})
				continue
			}
			if _, err := s.Store.Put(t.Context(), key, storage.Block{Data: []byte(string(step))}, storage.WriteOptions{Size: 1}); err != nil {
				t.Fatal(err)
			}
		}
	}
	return s
}

// histories are what newVersions makes.
func (s *store) histories(t *testing.T) (histories []string) {
	t.Helper()
	last := ""
	for v, err := range s.Store.Versions(t.Context(), storage.ListOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		step := "-"
		if !v.DeleteMarker {
			r, err := s.Store.Open(t.Context(), v.Key, storage.OpenOptions{VersionID: v.VersionID})
			if err != nil {
				t.Fatal(err)
			}
			data := make([]byte, 1)
			if err := r.ReadAt(t.Context(), data, 0); err != nil {
				t.Fatal(err)
			}
			step = string(data)
		}
		if v.Key != last {
			histories = append(histories, v.Key)
			last = v.Key
		}
		n := len(histories) - 1
		histories[n] = v.Key + step + histories[n][1:] // they come from the newest
	}
	return histories
}

// Versions can be synced in ranges, one after another, at once, and stopped at a key
// and continued. Each history is whole, in its order.
func TestVersionsInUnits(t *testing.T) {
	histories := []string{"a123", "b1-2", "c12-", "d1", "e1234567", "f-1"}
	inTarget := []string{"b1", "d1", "e123", "g12"}
	want := []string{"a123", "b1-2", "c12-", "d1", "e1234567", "f-1", "g12"}
	for name, tt := range map[string]struct {
		ranges []storage.Range
		stop   bool
		stops  []string
	}{
		"one range":         {ranges: []storage.Range{{}}},
		"at once":           {ranges: []storage.Range{{To: "b"}, {From: "b", To: "e"}, {From: "e"}}},
		"stopped":           {ranges: []storage.Range{{}}, stop: true, stops: []string{"b", "c", "d", "e", "f"}},
		"stopped in ranges": {ranges: []storage.Range{{To: "c"}, {From: "c"}}, stop: true, stops: []string{"b", "d", "e", "f"}},
	} {
		t.Run(name, func(t *testing.T) {
			source, target := newVersions(t, histories...), newVersions(t, inTarget...)
			r := newRun(t, source, target, func(o *Options) { versions(o); o.AllMarkers = true })
			var mu sync.Mutex
			var stops []string
			transferred := int64(0)
			var units sync.WaitGroup
			for _, keys := range tt.ranges {
				units.Go(func() {
					for more := true; more; {
						u := Unit{Range: keys}
						if tt.stop {
							u.Stop = stopped()
						}
						result, err := r.Run(t.Context(), u)
						if err != nil || result.Incomplete || result.Unsafe || result.Range.From != keys.From || !result.Stopped && result.Range != keys {
							t.Errorf("%+v: %v, %+v", keys, err, result)
							return
						}
						mu.Lock()
						transferred += result.Stats.Transferred
						if more = result.Stopped; more {
							stops = append(stops, result.Range.To)
							keys.From = result.Range.To
						}
						mu.Unlock()
					}
				})
			}
			units.Wait()
			slices.Sort(stops)
			if !slices.Equal(stops, tt.stops) {
				t.Errorf("stopped at %q, want %q", stops, tt.stops)
			}
			if told := r.end(t); told.Transferred != transferred || told.Failed != 0 || told.Warnings != 0 {
				t.Errorf("%d in the units, %+v", transferred, told.Stats)
			}
			if got := target.histories(t); !slices.Equal(got, want) {
				t.Errorf("the target has %q, want %q", got, want)
			}
		})
	}
}

// A unit of versions that was interrupted says so. Run anew it goes on behind what is
// there: no version is written twice.
func TestInterruptedVersions(t *testing.T) {
	histories := []string{"a12345", "b12", "c1"}
	for _, at := range []string{"versions", "next", "end", "open"} {
		for _, cancels := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, cancelled %v", at, cancels), func(t *testing.T) {
				source, target := newVersions(t, histories...), newVersions(t)
				ctx, cancel := context.WithCancelCause(t.Context())
				defer cancel(nil)
				var mu sync.Mutex
				n := 0
				source.before = func(op, _ string) error {
					mu.Lock()
					defer mu.Unlock()
					if n++; op != at || op == "open" && n%3 != 0 {
						return nil
					}
					if cancels {
						cancel(errInjected)
					}
					return errInjected
				}
				r := newRun(t, source, target, versions)
				result, err := r.Run(ctx, Unit{})
				if failed := err != nil; failed != (cancels || at != "open") || failed && !errors.Is(err, errInjected) {
					t.Errorf("got %v", err)
				}
				if !result.Incomplete && !result.Unsafe {
					t.Errorf("the result passes for a complete one: %+v", result)
				}
				source.before = nil
				if again := r.unit(t, Unit{}); again.Incomplete || again.Unsafe {
					t.Errorf("again: %+v", again)
				}
				r.end(t)
				if got := target.histories(t); !slices.Equal(got, histories) {
					t.Errorf("the target has %q, want %q", got, histories)
				}
			})
		}
	}
}

// The preprocess callback may skip a version on purpose. Later runs do not warn that the
// target lacks it, as they do where there is no callback.
func TestVersionThatTheCallbackSkips(t *testing.T) {
	source, target := newVersions(t, "a12"), newVersions(t)
	sync := func(callback bool) *report.Report {
		r := newRun(t, source, target, func(o *Options) {
			versions(o)
			o.Preprocesses = callback
			if callback {
				o.Attributes.Preprocess = func(_ context.Context, source *storage.Info, _ *attributes.Upload) error {
					if source.ETag == "c4ca4238a0b923820dcc509a6f75849b" { // of the data "1"
						return attributes.ErrSkip
					}
					return nil
				}
			}
		})
		r.unit(t, Unit{})
		return r.end(t)
	}
	if told := sync(true); told.Transferred != 1 || told.Skipped+told.Warnings+told.Failed != 1 {
		t.Errorf("%+v", told.Stats)
	}
	if got := target.histories(t); !slices.Equal(got, []string{"a2"}) {
		t.Errorf("the target has %q", got)
	}
	if told := sync(true); told.Transferred != 0 || told.Warnings != 0 || told.Skipped != 2 {
		t.Errorf("again: %+v", told.Stats)
	}
	if told := sync(false); told.Transferred != 0 || told.Warnings != 1 {
		t.Errorf("without the callback: %+v", told.Stats)
	}
}
