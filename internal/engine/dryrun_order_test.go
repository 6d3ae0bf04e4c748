package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"

	"s3sync/internal/compare"
	"s3sync/internal/gate"
	"s3sync/internal/plan"
	"s3sync/internal/report"
	"s3sync/internal/selection"
	"s3sync/storage"
	"s3sync/storage/mem"
)

// toldOf returns what the events say that have a key: the key and the type.
func toldOf(r *testRun) (told []string) {
	for _, ev := range r.events {
		if ev.Key != "" {
			told = append(told, ev.Key+" "+ev.Type.String())
		}
	}
	return told
}

// A dry run tells what it would do in the order of the keys, although the answers about
// the first key come last, and deletes in their order.
func TestDryRunInOrder(t *testing.T) {
	source, target := newStore(t, "a", "b", "c", "d"), newStore(t, "b", "c", "w", "x", "y")
	target.put(t, "b")
	last := make(chan struct{})
	var asked atomic.Int64
	target.before = func(op, key string) error {
		if op != "stat" {
			return nil
		}
		if key == "a" {
			<-last
		} else if asked.Add(1) == 3 {
			close(last)
		}
		return nil
	}
	r := newRun(t, source, target, func(o *Options) {
		o.DryRun = true
		o.Compare.Mode, o.Compare.AskTarget = compare.Always, true
	})
	if err := r.Delete(t.Context(), []*Result{r.unit(t, Unit{})}); err != nil {
		t.Fatal(err)
	}
	r.end(t)
	want := []string{
		"a transferred", "b transferred", "c transferred", "d transferred", "w deleted", "x deleted", "y deleted",
	}
	if got := toldOf(r); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Deletions of many batches are in order, too.
func TestDryRunDeletesInOrder(t *testing.T) {
	target := newStore(t)
	for i := range 3500 {
		target.put(t, fmt.Sprintf("%04d", i))
	}
	r := newRun(t, newStore(t, "a"), target, func(o *Options) { o.DryRun, o.Delete.MaxPercent = true, 100 })
	if err := r.Delete(t.Context(), []*Result{r.unit(t, Unit{})}); err != nil {
		t.Fatal(err)
	}
	r.end(t)
	got := toldOf(r)[1:] // a is transferred
	if len(got) != 3500 || !slices.IsSorted(got) {
		t.Errorf("%d deletions, in order: %v", len(got), slices.IsSorted(got))
	}
}

// A dry run that ends before its time waits for nothing.
func TestDryRunThatEnds(t *testing.T) {
	source := newStore(t)
	for i := range 6000 { // more than are held back
		source.put(t, fmt.Sprintf("%04d", i))
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	target := newStore(t)
	var asked atomic.Int64
	target.before = func(op, key string) error {
		switch {
		case op != "stat":
		case key == "0000":
			<-ctx.Done()
			return context.Cause(ctx)
		case asked.Add(1) == 2000:
			cancel(errInjected)
		}
		return nil
	}
	r := newRun(t, source, target, func(o *Options) {
		o.DryRun = true
		o.Compare.Mode, o.Compare.AskTarget = compare.Always, true
	})
	if _, err := r.Run(ctx, Unit{}); !errors.Is(err, errInjected) {
		t.Errorf("error %v", err)
	}
	r.end(t)
	if got := toldOf(r); len(got) < 1990 || !slices.IsSorted(got) {
		t.Errorf("%d events, in order: %v", len(got), slices.IsSorted(got))
	}
}

// putOther writes an object with other data than put does.
func putOther(t *testing.T, s *store, key string) {
	t.Helper()
	if _, err := s.Store.Put(t.Context(), key, storage.Block{Data: []byte("other data")}, storage.WriteOptions{Size: 10}); err != nil {
		t.Fatal(err)
	}
}

// The events of every kind of change say why, and whether something is overwritten, in a
// dry run and in a run.
func TestChangesAndReasons(t *testing.T) {
	for name, tt := range map[string]struct {
		prepare func(t *testing.T, source, target *store)
		set     func(*Options)
		want    []string
	}{
		"transfer": {
			func(t *testing.T, source, target *store) {
				t.Helper()
				source.put(t, "new", "other")
				target.put(t, "gone")
				putOther(t, target, "other")
			},
			func(o *Options) { o.Compare.Mode = compare.Size },
			[]string{"gone deleted: only in the target, overwrites false", "new transferred: new, overwrites false", "other transferred: sizes differ, overwrites true"},
		},
		"tags": {
			func(t *testing.T, source, target *store) {
				t.Helper()
				source.put(t, "a")
				target.put(t, "a")
				if err := source.Store.SetTags(t.Context(), "a", map[string]string{"k": "v"}); err != nil {
					t.Fatal(err)
				}
			},
			func(o *Options) { o.SyncTags = true },
			[]string{"a tagged: tags differ, overwrites false"},
		},
		"versions": {
			func(t *testing.T, source, target *store) {
				t.Helper()
				source.Store, target.Store = mem.NewVersioned(), mem.NewVersioned()
				putOther(t, target, "a")
				source.put(t, "a")
				source.Store.Delete(t.Context(), []storage.Object{{Key: "a"}}, storage.DeleteOptions{})
			},
			versions,
			[]string{"a deleted: deleted in the source, overwrites false", "a transferred: new version, overwrites false"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			for _, dry := range []bool{true, false} {
				source, target := newStore(t), newStore(t)
				tt.prepare(t, source, target)
				r := newRun(t, source, target, func(o *Options) { tt.set(o); o.DryRun = dry })
				if err := r.Delete(t.Context(), []*Result{r.unit(t, Unit{})}); err != nil {
					t.Fatal(err)
				}
				r.end(t)
				var got []string
				for _, ev := range r.events {
					switch ev.Type {
					case report.EventTransferred, report.EventTagged, report.EventDeleted:
						got = append(got, fmt.Sprintf("%s %s: %s, overwrites %v", ev.Key, ev.Type, ev.Reason, ev.Exists))
					default:
					}
				}
				slices.Sort(got)
				if !slices.Equal(got, tt.want) {
					t.Errorf("dry run %v: got %q, want %q", dry, got, tt.want)
				}
			}
		})
	}
}

// What only the target has and is kept has a reason of the vocabulary.
func TestKeptHasAReason(t *testing.T) {
	for _, why := range []string{gate.KeptPrefix, gate.KeptFolder, gate.KeptUnlisted, string(selection.ExcludeRegex), string(selection.ExcludeGlob), string(selection.IgnoreFile)} {
		if plan.Reason(why).Words() == "" {
			t.Errorf("%q has no words", why)
		}
	}
}
