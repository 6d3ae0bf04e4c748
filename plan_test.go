package s3sync_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"s3sync"
	"s3sync/internal/plan"
	"s3sync/internal/planfile"
	"s3sync/storage"
	"s3sync/storage/dir"
	"s3sync/storage/mem"
)

// planTrial draws a trial whose fault, if any, occurs at an object and not at a moment.
func planTrial(t *rapid.T, d direction) *trial {
	tr := drawTrial(t, d)
	switch tr.fault.name {
	case "put", "put denied", "open", "damage", "delete":
		tr.fault.once = false
	default:
		tr.fault.name = ""
	}
	tr.o.dry, tr.o.failFast = false, false
	return tr
}

// A world is the two sides of a trial, and a run between them.
type world struct {
	*sides

	tr  *trial
	cfg *s3sync.Config
	// events are those of the last run.
	events []s3sync.Event
}

func (tr *trial) world(ctx context.Context, root string) *world {
	w := &world{tr: tr}
	w.sides, w.cfg = tr.open(ctx, root)
	w.cfg.Transfer.Threshold, w.cfg.Transfer.ChunkSize = tr.o.threshold, tr.o.chunk
	w.cfg.OnEvent = func(ev s3sync.Event) { w.events = append(w.events, ev) }
	return w
}

func (w *world) close() {
	_ = w.source.Store.Close()
	_ = w.target.Store.Close()
}

// own returns the settings of whoever applies a plan.
func (w *world) own() *s3sync.Config {
	c := s3sync.DefaultConfig()
	c.Source.Store, c.Target.Store = w.cfg.Source.Store, w.cfg.Target.Store
	c.Transfer.Workers, c.Retry = w.cfg.Transfer.Workers, w.cfg.Retry
	c.OnEvent = w.cfg.OnEvent
	return c
}

// plan plans, and returns the plan if it is valid.
func (w *world) plan(ctx context.Context) (file *bytes.Reader, report *s3sync.Report, err error) {
	var b bytes.Buffer
	w.events = nil
	report, err = s3sync.PlanUnchecked(ctx, w.cfg, &b, w.tr.targetPrefix)
	file = bytes.NewReader(b.Bytes())
	if _, invalid := planfile.Read(file, nil); invalid != nil {
		return nil, report, err
	}
	return file, report, err
}

func (w *world) apply(ctx context.Context, file *bytes.Reader) (*s3sync.Report, error) {
	w.events = nil
	return s3sync.ApplyUnchecked(ctx, w.own(), file, w.tr.targetPrefix)
}

// count returns what a run did, and what it said about that.
func count(r *s3sync.Report) map[string]int64 {
	return map[string]int64{
		"transferred": r.Transferred, "deleted": r.Deleted, "verified": r.Verified, "ETag": r.ETagVerified, "checksum": r.ChecksumVerified,
		"unverified": r.Unverified, "failed": r.Failed, "warnings": r.Warnings, "skipped": r.Skipped, "bytes": r.TransferredBytes,
	}
}

// A plan that is applied does what a sync does: the target is the same, and plan and
// application together report the same. Applied again, it does nothing.
func TestPlanEqualsSync(t *testing.T) {
	for name, d := range map[string]direction{"up": up, "down": down, "across": across} {
		t.Run(name, func(t *testing.T) {
			root, n := t.TempDir(), 0
			seen := map[string]int{}
			rapid.Check(t, func(rt *rapid.T) {
				n++
				here := filepath.Join(root, fmt.Sprint(n))
				defer os.RemoveAll(here) //nolint:errcheck // the test's directory goes as a whole
				tr := planTrial(rt, d)
				side := filepath.Join(here, "sides") // links have the path in them
				w := tr.world(t.Context(), side)
				tr.injectFault(w.sides, w.cfg, func() {})
				synced, syncErr := s3sync.SyncUnchecked(t.Context(), w.cfg, tr.targetPrefix)
				source, want, _ := tr.viewSides(t.Context(), w.sides)
				w.close()
				if d == down && rivals(source) {
					return // two runs may differ
				}
				if err := os.RemoveAll(here); err != nil {
					rt.Fatal(err)
				}

				p := tr.world(t.Context(), side)
				defer p.close()
				_, before, _ := tr.viewSides(t.Context(), p.sides)
				file, planned, err := p.plan(t.Context())
				_, after, _ := tr.viewSides(t.Context(), p.sides)
				if diff := cmp.Diff(before, after, cmp.AllowUnexported(sideView{}, entry{})); diff != "" {
					rt.Fatalf("planning changed the target: %s", diff)
				}
				if file == nil {
					// A sync that could not write something does not ask whether it may delete so much.
					unasked := synced.Failed+synced.Warnings > 0 && errors.Is(err, s3sync.ErrDeleteRefused)
					if err == nil || syncErr == nil && !unasked {
						rt.Fatalf("planning fails with %v, sync with %v\n%s", err, syncErr, eventText(w.events))
					}
					seen["refused"]++
					return
				}
				tr.injectFault(p.sides, p.cfg, func() {})
				applied, err := p.apply(t.Context(), file)
				_, got, _ := tr.viewSides(t.Context(), p.sides)
				if diff := cmp.Diff(want, got, cmp.AllowUnexported(sideView{}, entry{})); diff != "" {
					rt.Fatalf("the target differs from that of a sync (-sync +apply): %s\nplan %+v\napply %+v, %v\nsync %+v, %v\n%v\n%s",
						diff, planned.Stats, applied.Stats, err, synced.Stats, syncErr, tr.o, eventText(p.events))
				}
				both := count(applied)
				for what, k := range count(planned) {
					switch what {
					case "failed", "warnings", "skipped":
						both[what] += k
					}
				}
				wanted := count(synced)
				if synced.Failed > 0 || synced.Warnings > 0 && synced.Deleted == 0 {
					// The plan has warned of the number of deletions that were not reached.
					delete(wanted, "warnings")
					delete(both, "warnings")
				}
				// How much is read before a failure or a refusal is a matter of chance.
				if synced.Failed > 0 || tr.fault.name != "" {
					delete(wanted, "bytes")
					delete(both, "bytes")
				}
				if synced.Failed > 0 {
					delete(wanted, "failed")
					delete(both, "failed")
				}
				if diff := cmp.Diff(wanted, both); diff != "" {
					rt.Fatalf("the reports differ (-sync +plan and apply): %s\n%v, %v\n%s", diff, syncErr, err, eventText(p.events))
				}
				seen["applied"]++
				if applied.Deleted > 0 {
					seen["deleted"]++
				}
				if tr.fault.name != "" {
					return
				}
				first := transferredIn(p.events)
				again, err := p.apply(t.Context(), file)
				if errors.Is(err, s3sync.ErrDeleteRefused) {
					return // the first time wrote what looks like siblings of the prefix
				}
				for key := range transferredIn(p.events) {
					// A file that is overwritten by one of the same size and time looks as before.
					was, now := before.entries[fileOf(key)], got.entries[fileOf(key)]
					alike := d == down && len(was.data) == len(now.data) && was.age == now.age
					if first[key] && !alike {
						rt.Fatalf("applied again, %q is transferred again: %v", key, eventText(p.events))
					}
				}
				if again.Deleted != 0 || applied.Warnings+applied.Failed == 0 && again.Warnings+again.Failed != 0 {
					rt.Fatalf("applied again: %+v\n%s", again.Stats, eventText(p.events))
				}
				if again.Skipped > 0 {
					seen["done already"]++
				}
			})
			t.Logf("%d trials: %v", n, seen)
			for _, what := range []string{"applied", "deleted", "refused", "done already"} {
				if seen[what] == 0 && !t.Failed() && !testing.Short() {
					t.Errorf("no trial of the kind %q", what)
				}
			}
		})
	}
}

// rivals reports whether objects cannot all be files of one directory.
func rivals(source *sideView) bool {
	for key := range source.entries {
		if name, ok := fileName(key); ok && rival(source, key, name) {
			return true
		}
	}
	return false
}

// transferredIn returns the keys that were transferred.
func transferredIn(events []s3sync.Event) map[string]bool {
	keys := map[string]bool{}
	for _, ev := range events {
		if ev.Type == s3sync.EventTransferred {
			keys[ev.Key] = true
		}
	}
	return keys
}

func eventText(events []s3sync.Event) string {
	var b strings.Builder
	for _, ev := range events {
		if ev.Type != s3sync.EventProgress {
			fmt.Fprintf(&b, "  %s %q %s %v\n", ev.Type, ev.Key, ev.Reason, ev.Err)
		}
	}
	return b.String()
}

// actionsOf returns the actions of a plan.
func actionsOf(t *rapid.T, file *bytes.Reader) (all []plan.Action) {
	if _, err := planfile.Read(file, func(_ plan.Change, a *plan.Action) { all = append(all, *a) }); err != nil {
		t.Fatal(err)
	}
	return all
}

// Of a plan one side of which changed, exactly the action of the changed object is not
// carried out, and is reported. If that is a transfer, nothing is deleted.
func TestPlanOfChangedSides(t *testing.T) {
	root, n := t.TempDir(), 0
	seen := map[string]int{}
	rapid.Check(t, func(rt *rapid.T) {
		n++
		here := filepath.Join(root, fmt.Sprint(n))
		defer os.RemoveAll(here) //nolint:errcheck // the test's directory goes as a whole
		tr := planTrial(rt, across)
		tr.fault = fault{}
		tr.o.warnAsError, tr.o.allowPartial, tr.o.allowEmpty, tr.o.percent = false, true, true, 100
		w := tr.world(t.Context(), here)
		defer w.close()
		file, _, _ := w.plan(t.Context())
		if file == nil {
			return
		}
		actions := actionsOf(rt, file)
		if len(actions) == 0 {
			return
		}
		hit := rapid.SampledFrom(actions).Draw(rt, "action")
		side := rapid.SampledFrom([]string{"source", "target", "source is gone", "target is gone"}).Draw(rt, "what changes")
		key, change := hit.Key(), tree{hit.Key(): {kind: aFile, data: "changed", age: 50}}
		switch side {
		case "source":
			change.writeObjects(t.Context(), w.from, tr.sourcePrefix)
		case "target":
			change.writeObjects(t.Context(), w.to, tr.targetPrefix)
		case "source is gone":
			if hit.Kind == plan.Delete {
				return
			}
			w.from.Delete(t.Context(), objectsOf(tr.sourcePrefix+key), deleteAll())
		case "target is gone":
			if !hit.Exists {
				return
			}
			w.to.Delete(t.Context(), objectsOf(tr.targetPrefix+key), deleteAll())
		}
		_, before, _ := tr.viewSides(t.Context(), w.sides)
		report, err := w.apply(t.Context(), file)
		_, after, _ := tr.viewSides(t.Context(), w.sides)
		transfer := hit.Kind == plan.Transfer
		if before.entries[key] != after.entries[key] {
			rt.Fatalf("%q is %v in the target, and was %v: %v", key, after.entries[key], before.entries[key], eventText(w.events))
		}
		var warned []string
		for _, ev := range w.events {
			if ev.Type == s3sync.EventWarning || ev.Type == s3sync.EventFailed {
				warned = append(warned, ev.Key)
			}
		}
		want := []string{key}
		if hit.Kind == plan.Delete && side == "target is gone" {
			want = nil // it is done
		}
		if !slices.Equal(warned, want) || err != nil {
			rt.Fatalf("warnings about %q, want %q, error %v: %v", warned, want, err, eventText(w.events))
		}
		for _, a := range actions {
			_, there := after.entries[a.TargetKey]
			switch {
			case a.Key() == key:
			case a.Kind == plan.Delete && there != transfer:
				rt.Fatalf("%q is in the target: %v, with a change of the %s for %v: %v", a.Key(), there, side, hit.Kind, eventText(w.events))
			case a.Kind == plan.Transfer && after.entries[a.TargetKey].data != tr.source[a.Key()].data:
				rt.Fatalf("%q is not transferred: %v", a.Key(), eventText(w.events))
			}
		}
		seen[fmt.Sprint(hit.Kind, " ", side)]++
		_ = report
	})
	t.Logf("%v", seen)
	for _, what := range []string{"transfer source", "transfer target", "transfer source is gone", "transfer target is gone", "delete source", "delete target"} {
		if seen[what] == 0 && !t.Failed() && !testing.Short() {
			t.Errorf("no trial of the kind %q", what)
		}
	}
}

func objectsOf(key string) []storage.Object { return []storage.Object{{Key: key}} }

func deleteAll() storage.DeleteOptions { return storage.DeleteOptions{} }

// A directory has the file a, which is not the object a/ of the target: a plan deletes that,
// as a sync does.
func TestApplyDeletesBesideAFile(t *testing.T) {
	root, target := t.TempDir(), mem.New()
	if err := os.WriteFile(filepath.Join(root, "a"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	put(t, target, map[string]string{"a/": "y"})
	source, err := dir.Open(root, dir.Options{Source: true})
	if err != nil {
		t.Fatal(err)
	}
	cfg := config(source, target)
	cfg.Delete.Enable, cfg.Delete.MaxPercent = true, 100
	var file bytes.Buffer
	if _, err := s3sync.Plan(t.Context(), cfg, &file); err != nil {
		t.Fatal(err)
	}
	report, err := applied(t.Context(), cfg, bytes.NewReader(file.Bytes()))
	if err != nil || report.Deleted != 1 || report.Warnings != 0 {
		t.Errorf("%v, %+v", err, report)
	}
	equal(t, contents(t, target), map[string]string{"a": "x"})
}
