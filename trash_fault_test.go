package s3sync_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"s3sync"
	"s3sync/internal/trash"
	"s3sync/internal/undo"
	"s3sync/storage"
	"s3sync/storage/mem"
)

// A fuse counts the calls of stores, and lets one of them fail, or it and all that follow.
type fuse struct {
	mu    sync.Mutex
	n, at int
	kind  string
	stop  func()
}

func (f *fuse) next() (hit, dead bool) {
	f.n++
	return f.n == f.at, f.n > f.at && f.at > 0 && f.kind == "dies"
}

func (f *fuse) before(op, key string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	hit, dead := f.next()
	switch {
	case dead, hit && (f.kind == "fails" || f.kind == "dies"):
		return &storage.Error{Op: op, Key: key, Err: errInjected}
	case hit && f.kind == "fails once":
		return &storage.Error{Op: op, Key: key, Err: storage.ErrTransient}
	}
	return nil
}

func (f *fuse) after(op, key string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.n != f.at {
		return nil
	}
	switch f.kind {
	case "is carried out, and fails once":
		return &storage.Error{Op: op, Key: key, Err: storage.ErrTransient}
	case "is carried out, and fails":
		return &storage.Error{Op: op, Key: key, Err: errInjected}
	case "is the last":
		f.stop()
	}
	return nil
}

// Whatever call of a run fails, is the last one, or gets no answer: each old object is in its
// place, or it is in the trash and the journal tells where. An undo restores it. What the
// undo cannot know, because the run died, it leaves and names.
func TestTrashLosesNothing(t *testing.T) {
	seeds := uint64(4)
	if soaks() {
		seeds = 100
	}
	for _, versions := range []bool{false, true} {
		t.Run(fmt.Sprint("versions=", versions), func(t *testing.T) {
			eachSeed(t, seeds, func(t *testing.T, r *rand.Rand) {
				for _, kind := range []string{"fails", "dies", "fails once", "is carried out, and fails once", "is carried out, and fails", "is the last"} {
					seed := r.Uint64()
					for at := 1; trashFault(t, seed, kind, at, versions); at++ {
						if t.Failed() {
							t.Fatalf("call %d %s", at, kind)
						}
					}
				}
			})
		})
	}
}

// A versionedSide is a bucketSide that keeps versions.
type versionedSide struct {
	bucketSide
	storage.Versioner
}

// trashFault makes a run whose call number at has a fault. It returns false if there is no
// such call.
func trashFault(t *testing.T, seed uint64, kind string, at int, versions bool) bool {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 1))
	source, target, place := mem.New(), mem.New(), mem.New()
	if versions {
		target = mem.NewVersioned()
	}
	from, to := map[string]string{}, map[string]string{}
	for i := range 6 {
		key := fmt.Sprint("k", i)
		if r.IntN(3) > 0 {
			to[key] = "old"
		}
		if r.IntN(3) > 0 {
			from[key] = "new " + key
		}
	}
	fillRandom(t, source, r, from, time.Time{})
	fillRandom(t, target, r, to, time.Time{})
	before := wholes(t, target)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	f := &fuse{at: at, kind: kind, stop: cancel}
	bad := func(s *mem.Store) storage.Store {
		b := bucketSide{&faulty{Store: s, before: f.before, after: f.after}, below{s, ""}}
		if s == target && versions {
			return versionedSide{b, s}
		}
		return b
	}
	cfg := config(source, bad(target))
	cfg.Trash.Store = bad(place)
	cfg.Delete.Enable, cfg.Delete.AllowEmptySource, cfg.Delete.MaxPercent = true, true, 100
	cfg.Check.Mode = s3sync.CheckSize
	cfg.Retry.ForceCount = 1
	cfg.Transfer.Workers = 2
	report, err := s3sync.Sync(ctx, cfg)
	checkKept(t, before, target, place)
	if t.Failed() {
		t.Logf("run: %+v, %v", report, err)
		return true
	}
	result := undoAll(t, target, place, false)
	if kind != "dies" && kind != "is the last" && result.Objects[undo.Failed] > 0 {
		t.Errorf("undo: %+v", result)
	}
	if !result.Clean() {
		undoAll(t, target, place, true)
	}
	if diff := cmp.Diff(before, wholes(t, target)); diff != "" {
		t.Errorf("run: %+v, %v; after undo (-want +got):\n%s", report, err, diff)
	}
	return f.n >= at
}

// checkKept checks that no old object is lost.
func checkKept(t *testing.T, before map[string]whole, target, place *mem.Store) {
	t.Helper()
	now, kept := wholes(t, target), wholes(t, place)
	told := map[string]trash.Line{}
	id := ""
	for found, err := range trash.IDs(context.Background(), place) {
		if err != nil {
			t.Fatal(err)
		}
		id = found
		for l, err := range trash.Read(context.Background(), place, id) {
			if err != nil {
				if cmp.Equal(now, before) {
					return // nothing was done, and there is no journal
				}
				t.Errorf("journal: %v", err)
			}
			if l.Do != "" {
				told[l.Key] = l
			}
		}
	}
	for key, old := range before {
		if cmp.Equal(now[key], old) {
			continue
		}
		l := told[key]
		switch {
		case l.Do == "":
			t.Errorf("%q was changed, and the journal does not tell of it", key)
		case l.Trash != "" && !cmp.Equal(kept[id+"/"+l.Trash], old):
			t.Errorf("%q was changed, and the trash has %+v of %+v", key, kept[id+"/"+l.Trash], old)
		case l.Trash == "":
			if _, err := target.Stat(context.Background(), key, storage.StatOptions{VersionID: l.Old.Version}); err != nil {
				t.Errorf("%q was changed, and its version: %v", key, err)
			}
		}
	}
	for key := range now {
		if _, ok := before[key]; !ok && told[key].Do != trash.Create {
			t.Errorf("%q was created, and the journal does not tell of it", key)
		}
	}
}
