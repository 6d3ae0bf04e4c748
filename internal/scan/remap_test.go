package scan

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"s3sync/internal/plan"
	"s3sync/storage"
)

// A result is what a scan comes to.
type result struct {
	// processed are the source keys that are to be processed, each with the key of
	// its file, whether that is there, and its Err.
	processed []string
	// targetOnly are the keys that only the target has.
	targetOnly []string
	// found and held are the counts of the scan.
	found, held int64
}

// scanAll scans the ranges one after the other, and writes to the target what is to
// be written.
func scanAll(t rapid.TB, tb testing.TB, source *store, target fileStore, opts Options, ranges ...storage.Range) result {
	t.Helper()
	var r result
	opts.KeepTargetOnly = true
	selects := func(p *plan.Pair) (bool, error) { return !strings.Contains(p.Key(), "left out"), nil }
	for _, opts.Range = range ranges {
		for rest := true; rest; {
			s := scanner(tb, opts, source, target)
			added := int64(0)
			process := func(p Pair) {
				r.processed = append(r.processed, fmt.Sprintf("%q in %q: %v, %v", p.Key(), p.TargetKey, p.Exists, p.Err))
				if p.Err == nil && !plan.IsDirectory(p.TargetKey) {
					target.put(tb, p.TargetKey, "new")
					if !p.Exists {
						added++
					}
				}
			}
			for p, err := range s.Pairs(tb.Context()) {
				if err != nil {
					t.Fatal(err)
				}
				if ok, _ := selects(&p.Pair); ok {
					process(p)
				}
			}
			if s.AnyRemapped() {
				for p, err := range s.Remapped(tb.Context(), added, selects) {
					if err != nil {
						t.Fatal(err)
					}
					process(p)
				}
			}
			only := s.TakeTargetOnly()
			for o, err := range only.All() {
				if err != nil {
					t.Fatal(err)
				}
				r.targetOnly = append(r.targetOnly, o.Key)
			}
			if err := errors.Join(s.Close(), only.Close()); err != nil {
				t.Fatal(err)
			}
			got := s.Result()
			r.found, r.held = r.found+got.Found, r.held+got.Held
			rest = got.Stopped
			opts.Range.From = got.Range.To
		}
	}
	slices.Sort(r.processed)
	slices.Sort(r.targetOnly)
	return r
}

// cut divides the key space at bounds.
func cut(bounds []string) []storage.Range {
	slices.Sort(bounds)
	var ranges []storage.Range
	from := ""
	for _, to := range slices.Compact(bounds) {
		if to != "" {
			ranges = append(ranges, storage.Range{From: from, To: to})
			from = to
		}
	}
	return append(ranges, storage.Range{From: from})
}

// TestRangesAreOneWhole: ranges that are scanned on their own come to what a scan of
// everything comes to, however the key space is cut. No object is seen twice.
func TestRangesAreOneWhole(t *testing.T) {
	key := rapid.StringMatching(`/{0,2}((a|b|é|left out|\.\.)/{1,2}){0,2}(a|b|!|left out|\.\.|a\x00)?`)
	for _, n := range []int{1, 2, 7, 100} {
		t.Run(fmt.Sprint(n, " ranges"), func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) {
				source := newStore(t, nil)
				inTarget := map[string]string{}
				mapper := newMapper(t)
				for _, k := range rapid.SliceOfN(key, 0, 20).Draw(rt, "source") {
					if strings.HasSuffix(k, "/") && len(k)%3 > 0 { // mostly they have no data
						source.put(t, k, "")
					} else if k != "" {
						source.put(t, k, "data")
					}
				}
				for _, k := range rapid.SliceOfN(key, 0, 20).Draw(rt, "target") {
					if mapped, _ := mapper.MapKey(k); mapped != "" && !plan.IsDirectory(mapped) {
						inTarget[mapped] = "old"
					}
				}
				stopped := make(chan struct{})
				close(stopped)
				bounds := rapid.SliceOfN(key, n-1, n-1).Draw(rt, "bounds")
				source.shuffled = rapid.Bool().Draw(rt, "unordered")
				opts := Options{ListTarget: rapid.Bool().Draw(rt, "target is listed")}

				before := source.lists
				want := scanAll(rt, t, source, fileStore{newStore(t, inTarget), mapper}, opts, storage.Range{})
				if source.lists != before+1 {
					rt.Errorf("the source was listed %d times", source.lists-before)
				}
				if rapid.Bool().Draw(rt, "stopped and continued at every key") {
					opts.Stop = stopped
				}
				got := scanAll(rt, t, source, fileStore{newStore(t, inTarget), mapper}, opts, cut(bounds)...)
				if diff := cmp.Diff(want, got, cmp.AllowUnexported(result{})); diff != "" {
					rt.Errorf("whole and ranges (-whole +ranges):\n%s", diff)
				}
				for _, seen := range [][]string{got.processed, got.targetOnly} {
					if len(slices.Compact(slices.Clone(seen))) != len(seen) {
						rt.Errorf("seen twice: %q", seen)
					}
				}
			})
		})
	}
}

func TestRemapped(t *testing.T) {
	long := "//" + strings.Repeat("n", 300)
	cannot := func(key, as string, exists bool) string {
		_, err := newMapper(t).MapKey(key)
		return fmt.Sprintf("%q in %q: %v, %v", key, as, exists, err)
	}
	const taken = `put %q: key cannot be stored here: the file %q is that of the key %q`
	for name, tt := range map[string]struct {
		source, target []string
		want           result // without counts
	}{
		"no counterpart": {
			source: []string{"/a", "b//c", "d//"},
			want:   result{processed: []string{`"/a" in "a": false, <nil>`, `"b//c" in "b/c": false, <nil>`, `"d//" in "d/": false, <nil>`}},
		},
		"counterparts": {
			source: []string{"/a", "b//c", "d"}, target: []string{"a", "b/c", "e"},
			want: result{processed: []string{`"/a" in "a": true, <nil>`, `"b//c" in "b/c": true, <nil>`, `"d" in "d": false, <nil>`}, targetOnly: []string{"e"}},
		},
		"the first of several": {
			source: []string{"//a", "/a"}, target: []string{"a"},
			want: result{processed: []string{`"//a" in "a": true, <nil>`, `"/a" in "a": false, ` + fmt.Sprintf(taken, "/a", "a", "//a")}},
		},
		"the key of the name, which was there": {
			source: []string{"/a", "a"}, target: []string{"a"},
			want: result{processed: []string{`"/a" in "a": false, ` + fmt.Sprintf(taken, "/a", "a", "a"), `"a" in "a": true, <nil>`}},
		},
		"the key of the name, which is new": {
			source: []string{"/a", "a"},
			want:   result{processed: []string{`"/a" in "a": false, ` + fmt.Sprintf(taken, "/a", "a", "a"), `"a" in "a": false, <nil>`}},
		},
		"what is left out has its file": {
			source: []string{"//left out", "/left out", "left out//a"}, target: []string{"left out", "left out/a"},
		},
		"what cannot be there": {
			source: []string{"/..a", "/x/..", long}, target: []string{"..a", long[2:], "old"},
			want: result{
				processed:  []string{`"/..a" in "..a": true, <nil>`, cannot(long, long[2:], true), cannot("/x/..", "", false)},
				targetOnly: []string{"old"},
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			source, target := newStore(t, nil), newFileStore(t, nil)
			for _, k := range tt.source {
				source.put(t, k, strings.Trim(k[len(k)-1:], "/"))
			}
			for _, k := range tt.target {
				target.put(t, k, "old")
			}
			got := scanAll(t, t, source, target, Options{ListTarget: true}, storage.Range{})
			got.found, got.held = 0, 0
			if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(result{})); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// The stores are asked whether a file has an owner only if nothing else can tell.
func TestRemappedAsks(t *testing.T) {
	for name, tt := range map[string]struct {
		source, target []string
		unlisted       bool
		added          int64
		atTarget       int
		atSource       int
	}{
		"counterpart":                 {source: []string{"/a", "b"}, target: []string{"a"}},
		"a directory":                 {source: []string{"/a/", "b"}},
		"no key maps to itself":       {source: []string{"/a"}},
		"everything was written":      {source: []string{"/a", "b"}, added: 1, atTarget: 1},
		"everything was there":        {source: []string{"/a", "b"}, target: []string{"b"}, atTarget: 1},
		"something was not written":   {source: []string{"/a", "b"}, atTarget: 1, atSource: 1},
		"the target was not listed":   {source: []string{"/a", "b"}, unlisted: true, atSource: 1},
		"only the first of a file is": {source: []string{"/a", "//a", "b"}, atTarget: 1, atSource: 1},
	} {
		t.Run(name, func(t *testing.T) {
			source, target := newStore(t, nil), newFileStore(t, nil)
			for _, k := range tt.source {
				source.put(t, k, "")
			}
			for _, k := range tt.target {
				target.put(t, k, "old")
			}
			s := scanner(t, Options{ListTarget: !tt.unlisted}, source, target)
			drain(t, s)
			if _, err := keysOf(s.Remapped(t.Context(), tt.added, all)); err != nil {
				t.Fatal(err)
			}
			if source.stats != tt.atSource || target.stats != tt.atTarget {
				t.Errorf("asked the source %d times and the target %d times, want %d and %d", source.stats, target.stats, tt.atSource, tt.atTarget)
			}
		})
	}
}

// drain ranges over all pairs.
func drain(t *testing.T, s *Scanner) {
	t.Helper()
	for _, err := range s.Pairs(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// all selects every object.
func all(*plan.Pair) (bool, error) { return true, nil }

// If it cannot be found out whose a file is, that is the failure of the object, under
// the name of the side.
func TestRemappedFails(t *testing.T) {
	for _, which := range []string{"source", "target"} {
		source, target := newStore(t, map[string]string{"/a": "1", "b": "2", "/c": "3"}), newFileStore(t, map[string]string{"c": "3"})
		s := scanner(t, Options{ListTarget: true}, source, target)
		drain(t, s)
		map[string]*store{"source": source, "target": target.store}[which].stat = errTest
		var got []string
		for p, err := range s.Remapped(t.Context(), 0, all) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, fmt.Sprint(p.Key(), " ", p.Err))
		}
		if want := []string{"/a " + which + ": test failure", "/c <nil>"}; !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// A failure that may pass is retried before it fails the object.
func TestRemappedRetries(t *testing.T) {
	for name, tt := range map[string]struct {
		failures int
		want     string
	}{
		"passes":        {2, "/a <nil>"},
		"keeps failing": {3, "/a %s: temporary failure (after 3 attempts)"},
	} {
		for _, which := range []string{"source", "target"} {
			t.Run(name+" in the "+which, func(t *testing.T) {
				source, target := newStore(t, map[string]string{"/a": "1", "b": "2"}), newFileStore(t, nil)
				s := scanner(t, Options{ListTarget: true}, source, target)
				drain(t, s)
				broken := map[string]*store{"source": source, "target": target.store}[which]
				broken.stat, broken.transientStats = storage.ErrTransient, tt.failures
				for p, err := range s.Remapped(t.Context(), 0, all) {
					if got, want := fmt.Sprint(p.Key(), " ", p.Err), strings.ReplaceAll(tt.want, "%s", which); err != nil || got != want {
						t.Errorf("got %q, %v; want %q", got, err, want)
					}
				}
				if broken.stats != 3 {
					t.Errorf("asked %d times", broken.stats)
				}
			})
		}
	}
}

// A consumer may stop, and what it has seen of the target is lost to nobody.
func TestRemappedStops(t *testing.T) {
	source, target := newStore(t, map[string]string{"/a": "1", "/b": "2"}), newFileStore(t, map[string]string{"a": "1", "z": "2"})
	s := scanner(t, Options{ListTarget: true}, source, target)
	drain(t, s)
	for _, err := range s.Remapped(t.Context(), 0, all) {
		if err != nil {
			t.Error(err)
		}
		break
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// The filters of remapped objects may fail, which ends the scan.
func TestRemappedFilterFails(t *testing.T) {
	s := scanner(t, Options{ListTarget: true}, newStore(t, map[string]string{"/a": "1"}), newFileStore(t, nil))
	drain(t, s)
	_, err := keysOf(s.Remapped(t.Context(), 0, func(*plan.Pair) (bool, error) { return false, errTest }))
	if !errors.Is(err, errTest) {
		t.Errorf("error %v", err)
	}
}

func TestEmptyKey(t *testing.T) {
	for _, target := range []storage.Store{newStore(t, nil), newFileStore(t, nil)} {
		s := scanner(t, Options{ListTarget: true}, fixed{Store: newStore(t, nil), objects: []storage.Object{{}}}, target)
		wantKeys(t, s.Pairs(t.Context()), " s")
		if s.AnyRemapped() || s.Result().Found != 0 {
			t.Errorf("%+v", s.Result())
		}
	}
}

func TestDirectoryData(t *testing.T) {
	source := newStore(t, map[string]string{"a/": "data", "b/": ""})
	for name, target := range map[string]storage.Store{"bucket": newStore(t, nil), "files": newFileStore(t, nil)} {
		s := scanner(t, Options{ListTarget: true}, source, target)
		n := 0
		for p, err := range s.Pairs(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			n++
			if refused := name == "files" && p.Key() == "a/"; errors.Is(p.Err, ErrDirectoryData) != refused {
				t.Errorf("%s, %q: %v", name, p.Key(), p.Err)
			}
		}
		if n != 2 {
			t.Errorf("%s: %d pairs", name, n)
		}
	}
}
