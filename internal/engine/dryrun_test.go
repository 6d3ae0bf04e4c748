package engine

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"s3sync/internal/compare"
	"s3sync/internal/gate"
	"s3sync/internal/pace"
	"s3sync/internal/report"
	"s3sync/storage"
	"s3sync/storage/dir"
	"s3sync/storage/mem"
)

// A dry run says what a run does, and makes no call that writes, nor one that reads
// data, unless only that can tell what would come of it.
func TestDryRunCalls(t *testing.T) {
	tags := func(t *testing.T, s *store, key, value string) {
		t.Helper()
		if err := s.Store.SetTags(t.Context(), key, map[string]string{"k": value}); err != nil {
			t.Fatal(err)
		}
	}
	for name, tt := range map[string]struct {
		prepare           func(t *testing.T, source, target *store)
		set               func(*Options)
		real, dry         string // calls of the source, then of the target
		transferred, gone int64
	}{
		"transfer": {
			prepare: func(t *testing.T, source, _ *store) { t.Helper(); source.put(t, "a", "b") },
			real:    "list open tags, list put", dry: "list, list", transferred: 2,
		},
		"transfer in parts": {
			prepare: func(t *testing.T, source, _ *store) { t.Helper(); source.put(t, strings.Repeat("a", 1000)) },
			set:     func(o *Options) { o.Transfer.Threshold, o.Transfer.ChunkSize = 300, 300 },
			real:    "list open tags, create list", dry: "list, list", transferred: 1,
		},
		"perhaps archived": {
			prepare: func(t *testing.T, source, _ *store) {
				t.Helper()
				source.put(t, "a")
				source.mayBeArchived = true
			},
			real: "list open tags, list put", dry: "list open, list", transferred: 1,
		},
		"deletion": {
			prepare: func(t *testing.T, source, target *store) { t.Helper(); source.put(t, "a"); target.put(t, "a", "b") },
			real:    "list, delete list", dry: "list, list", gone: 1,
		},
		"tags": {
			prepare: func(t *testing.T, source, target *store) {
				t.Helper()
				source.put(t, "a", "b")
				target.put(t, "a", "b")
				tags(t, source, "a", "new")
			},
			set:  func(o *Options) { o.SyncTags = true },
			real: "list tags, list set tags tags", dry: "list tags, list tags", transferred: 1,
		},
		"versions": {
			prepare: func(t *testing.T, source, target *store) {
				t.Helper()
				source.Store, target.Store = mem.NewVersioned(), mem.NewVersioned()
				source.put(t, "a", "a", "b")
				source.Store.Delete(t.Context(), []storage.Object{{Key: "b"}}, storage.DeleteOptions{})
			},
			set:  func(o *Options) { versions(o) },
			real: "open tags versions, delete put versions", dry: "versions, versions", transferred: 3, gone: 1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			for _, dry := range []bool{true, false} {
				source, target := newStore(t), newStore(t)
				tt.prepare(t, source, target)
				before := fmt.Sprint(target.keys(t))
				r := newRun(t, source, target, func(o *Options) {
					if tt.set != nil {
						tt.set(o)
					}
					o.DryRun = dry
				})
				result := r.unit(t, Unit{})
				if err := r.Delete(t.Context(), []*Result{result}); err != nil {
					t.Error(err)
				}
				told := r.end(t)
				if told.Transferred != tt.transferred || told.Deleted != tt.gone || told.Failed != 0 || result.DryRun != dry {
					t.Errorf("dry %v: %+v", dry, told.Stats)
				}
				want := tt.real
				if dry {
					want = tt.dry
					if after := fmt.Sprint(target.keys(t)); after != before {
						t.Errorf("the target had %s and has %s", before, after)
					}
				}
				if got := callsOf(source) + ", " + callsOf(target); got != want {
					t.Errorf("dry %v: called %q, want %q", dry, got, want)
				}
				for _, ev := range r.events {
					if ev.DryRun != dry {
						t.Errorf("dry %v: %+v", dry, ev)
					}
				}
			}
		})
	}
}

// callsOf are the names of the calls that a store got, in order of the name. That a
// listing goes on, and whether the store is still there, is left out.
func callsOf(s *store) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	names := slices.Sorted(maps.Keys(s.calls))
	names = slices.DeleteFunc(names, func(name string) bool { return slices.Contains([]string{"next", "end", "place"}, name) })
	return strings.Join(names, " ")
}

// versions are the options of a sync of versions.
func versions(o *Options) {
	o.Versions, o.Transfer.Versions, o.Attributes.Versions = true, true, true
	o.Delete = gate.Options{}
}

// A dry run has the results of a run, but for the bytes that arrived.
func TestDryRunResult(t *testing.T) {
	var results []*Result
	for _, dry := range []bool{true, false} {
		source, target := newStore(t, "a", "b", "c"), newStore(t, "b", "x")
		r := newRun(t, source, target, func(o *Options) { o.DryRun = dry })
		result := r.unit(t, Unit{})
		if got := extraneous(t, result); !slices.Equal(got, []string{"x"}) {
			t.Errorf("dry %v: only in the target: %q", dry, got)
		}
		r.end(t)
		results = append(results, result)
	}
	dry, real := *results[0], *results[1]
	dry.DryRun, dry.extraneous, real.extraneous = false, nil, nil
	dry.Stats.Elapsed, real.Stats.Elapsed = 0, 0
	dry.Stats.ETagVerified, dry.Stats.Verified = real.Stats.ETagVerified, real.Stats.Verified // nothing was read
	if diff := cmp.Diff(&real, &dry, cmpopts.IgnoreFields(Result{}, "engine"), cmp.AllowUnexported(Result{})); diff != "" {
		t.Errorf("(-run +dry run):\n%s", diff)
	}
}

// The events of a dry run have the digests that the decision is based on: the ETag that
// was computed of a file, or the additional checksums of both sides.
func TestDryRunDigests(t *testing.T) {
	const sha256OfA, sha256OfB = "ypeBEsobvcr6wjGzmiPcTaeG7/gUfE5yuYB3ha/uSLs=", "PiPoFgA5WUoziU9lZOGxNIu9egCI1CxKy3PurtWcAJ0="
	for name, tt := range map[string]struct {
		set                    func(*Options)
		sourceETag, targetETag string
		checksums              *report.Checksums
	}{
		"etag": {func(o *Options) { o.Compare.Mode = compare.ETag }, "92eb5ffee6ae2fec3ad71c777531578f", "0cc175b9c0f1b6a831c399e269772661", nil},
		"checksum": {
			func(o *Options) { o.Compare.Mode, o.Compare.Algorithm = compare.Checksum, storage.SHA256 }, "", "0cc175b9c0f1b6a831c399e269772661",
			&report.Checksums{Algorithm: string(storage.SHA256), Source: sha256OfB, Target: sha256OfA},
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := t.TempDir()
			if err := os.WriteFile(filepath.Join(path, "a"), []byte("b"), 0o600); err != nil {
				t.Fatal(err)
			}
			source, err := dir.Open(path, dir.Options{Source: true})
			if err != nil {
				t.Fatal(err)
			}
			defer source.Close()
			target := newStore(t)
			opts := storage.WriteOptions{Size: 1, Checksum: storage.Checksum{Algorithm: storage.SHA256, Type: storage.FullObject}}
			if _, err := target.Store.Put(t.Context(), "a", storage.Block{Data: []byte("a")}, opts); err != nil {
				t.Fatal(err)
			}
			r := newRun(t, source, target, func(o *Options) { tt.set(o); o.DryRun = true })
			r.unit(t, Unit{})
			if told := r.end(t); told.Transferred != 1 {
				t.Errorf("%+v", told.Stats)
			}
			for _, ev := range r.events {
				if ev.Type != report.EventTransferred {
					continue
				}
				if ev.Source.ETag != tt.sourceETag || ev.Target.ETag != tt.targetETag {
					t.Errorf("ETags %q and %q, want %q and %q", ev.Source.ETag, ev.Target.ETag, tt.sourceETag, tt.targetETag)
				}
				if diff := cmp.Diff(tt.checksums, ev.Checksums); diff != "" {
					t.Errorf("checksums (-want +got):\n%s", diff)
				}
			}
		})
	}
}

// The end of a run tells what may not be what was meant, with its number.
func TestNotes(t *testing.T) {
	const (
		size = "%s skipped, because the source is not newer; Check.Mode=mtime-and-size transfers such objects"
		etag = "%s taken for different, because the ETags or checksums were made of other parts and do not tell; Check.ReadBoth compares the bytes of such objects"
	)
	for name, tt := range map[string]struct {
		otherSize, undecided int64
		want                 []string
	}{
		"nothing":      {},
		"one":          {otherSize: 1, want: []string{fmt.Sprintf(size, "1 object of another size was")}},
		"several":      {undecided: 3, want: []string{fmt.Sprintf(etag, "3 objects of the same size were")}},
		"both of them": {1, 1, []string{fmt.Sprintf(size, "1 object of another size was"), fmt.Sprintf(etag, "1 object of the same size was")}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRun(t, newStore(t), newStore(t), nil)
			r.notes.otherSize.Add(tt.otherSize)
			r.notes.undecided.Add(tt.undecided)
			r.end(t)
			var got []string
			for _, ev := range r.events {
				if ev.Note != "" {
					got = append(got, ev.Note)
				}
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// Units count for the notes together.
func TestNotesOfAllUnits(t *testing.T) {
	source, target := newStore(t, "a", "b", "c"), newStore(t)
	for _, key := range []string{"a", "b", "c"} { // later, and of another size
		if _, err := target.Store.Put(t.Context(), key, storage.Block{Data: []byte("longer")}, storage.WriteOptions{Size: 6}); err != nil {
			t.Fatal(err)
		}
	}
	r := newRun(t, source, target, func(o *Options) { o.Compare.Mode, o.ByTime = compare.Newer, true })
	for _, keys := range []storage.Range{{To: "b"}, {From: "b"}} {
		r.unit(t, Unit{Range: keys})
	}
	r.end(t)
	if n := r.notes.otherSize.Load(); n != 3 {
		t.Errorf("%d objects of another size", n)
	}
}

// A dry run sends no requests to delete, so it tells nothing of how many a server bears.
func TestDryRunDeletesWithoutRequests(t *testing.T) {
	for _, dry := range []bool{true, false} {
		r := newRun(t, newStore(t, "a"), newStore(t, "a", "b"), func(o *Options) { o.DryRun = dry })
		if err := r.Delete(t.Context(), []*Result{r.unit(t, Unit{})}); err != nil {
			t.Fatal(err)
		}
		told := slices.ContainsFunc(r.limits.Reports(), func(p pace.Report) bool { return p.Name == "requests to delete" })
		if told == dry {
			t.Errorf("dry run %v: told of requests to delete: %v", dry, told)
		}
		r.end(t)
	}
}
