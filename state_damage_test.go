package s3sync_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"s3sync"
	"s3sync/storage/mem"
)

// A stateOutcome is all that a user sees of a run, but for its state.
type stateOutcome struct {
	stats  s3sync.Stats // without times
	failed string
	target map[string]string
}

// damagedRuns are runs that compare by contents, transfer and delete, all from the same
// beginning.
type damagedRuns struct {
	*stateRun

	name string // of the file of the state
	good []byte // its content
	want stateOutcome
}

// newDamagedRuns makes a tree, and the state of a run that uploaded it.
func newDamagedRuns(t *testing.T, n int) *damagedRuns {
	t.Helper()
	r := &damagedRuns{stateRun: newStateRun(t)}
	for i := range n {
		r.write(fmt.Sprintf("file%04d", i), strings.Repeat(fmt.Sprint(i), 20), time.Now().Add(-24*time.Hour))
	}
	r.run()
	names, err := filepath.Glob(filepath.Join(r.cfg.State.Dir, "*.state"))
	if err != nil || len(names) != 1 {
		t.Fatal(names, err)
	}
	r.name = names[0]
	if r.good, err = os.ReadFile(r.name); err != nil {
		t.Fatal(err)
	}
	r.cfg.Check.Mode, r.cfg.Delete.Enable = s3sync.CheckETag, true
	dir := r.cfg.State.Dir
	r.cfg.State.Dir = ""
	r.want = r.outcome()
	r.cfg.State.Dir = dir
	if r.want.failed != "" || r.want.stats.Transferred != 2 || r.want.stats.Deleted != 1 || len(r.want.target) != n {
		t.Fatalf("without state: %+v", r.want)
	}
	return r
}

// outcome runs the sync to a target that lacks an object, has another one in another state,
// and one that the source has not.
func (r *damagedRuns) outcome() stateOutcome {
	r.t.Helper()
	r.far = &placed{mem.New(), "bucket"}
	r.cfg.Target.Store = r.far
	objects := files(r.t, r.root)
	delete(objects, "file0000")
	objects["file0001"] = strings.Repeat("x", len(objects["file0001"]))
	objects["gone"] = "gone"
	put(r.t, r.far.Store, objects)
	r.log.Reset()
	report, err := s3sync.Sync(r.t.Context(), r.cfg)
	o := stateOutcome{stats: report.Stats, target: contents(r.t, r.far.Store)}
	o.stats.Elapsed = 0
	if err != nil || report.Incomplete {
		o.failed = fmt.Sprint(err, report.Incomplete)
	}
	return o
}

// check runs the sync with what is there, and compares the outcome with that without state.
func (r *damagedRuns) check(what string, warnings int) {
	r.t.Helper()
	got := r.outcome()
	if got.stats != r.want.stats || got.failed != r.want.failed {
		r.t.Errorf("%s: got %+v, %s, want %+v\n%s", what, got.stats, got.failed, r.want.stats, r.log.String())
	}
	equal(r.t, got.target, r.want.target)
	if n := bytes.Count(r.log.Bytes(), []byte("level=WARN")); n > warnings || bytes.Count(r.log.Bytes(), []byte("\n")) > 1 {
		r.t.Errorf("%s: %d warnings\n%s", what, n, r.log.String())
	}
}

// restore puts this content in place of the state.
func (r *damagedRuns) restore(data []byte) {
	r.t.Helper()
	entries, err := os.ReadDir(filepath.Dir(r.name))
	for _, e := range entries {
		err = errors.Join(err, os.RemoveAll(filepath.Join(filepath.Dir(r.name), e.Name())))
	}
	if err = errors.Join(err, os.WriteFile(r.name, data, 0o600)); err != nil {
		r.t.Fatal(err)
	}
}

// Whatever became of its state, a run does, reports and deletes what it does without any, and
// warns at most once.
func TestDamagedState(t *testing.T) {
	for _, n := range []int{5, 60} { // in the page of its name, and in pages of its own
		r := newDamagedRuns(t, n)
		r.restore(r.good)
		if r.warns("intact", 0); r.log.Len() > 0 {
			t.Error(r.log.String())
		}
		random := rand.New(rand.NewPCG(1, uint64(n)))
		used := len(bytes.TrimRight(r.good, "\x00"))
		for range 100 {
			data, at := bytes.Clone(r.good), random.IntN(used)
			data[at] ^= byte(1 + random.IntN(255))
			r.restore(data)
			r.check(fmt.Sprintf("%d files, byte %d", n, at), 1)
		}
		for range 30 {
			length := random.IntN(len(r.good))
			r.restore(r.good[:length])
			r.check(fmt.Sprintf("%d files, cut at %d", n, length), 1)
		}
	}
}

// So it is with what is no file of this version, or none at all.
func TestForeignState(t *testing.T) {
	r := newDamagedRuns(t, 5)
	dir := filepath.Dir(r.name)
	change := func(f func(tx *bbolt.Tx) error) func() error {
		return func() error {
			db, err := bbolt.Open(r.name, 0o600, nil)
			if err != nil {
				return err
			}
			return errors.Join(db.Update(f), db.Close())
		}
	}
	for name, tt := range map[string]struct {
		do       func() error
		warnings int
	}{
		"of a newer version": {change(func(tx *bbolt.Tx) error {
			return tx.Bucket([]byte("s3sync")).Put([]byte("version"), []byte{0, 0, 0, 99})
		}), 1},
		"of another pair": {change(func(tx *bbolt.Tx) error {
			return tx.Bucket([]byte("s3sync")).Put([]byte("source"), []byte("/elsewhere"))
		}), 1},
		"of another program": {change(func(tx *bbolt.Tx) error { return tx.DeleteBucket([]byte("s3sync")) }), 1},
		"a text":             {func() error { return os.WriteFile(r.name, []byte("some text\n"), 0o600) }, 1},
		"empty":              {func() error { return os.Truncate(r.name, 0) }, 0},
		"a directory":        {func() error { return errors.Join(os.Remove(r.name), os.Mkdir(r.name, 0o700)) }, 1},
		"a link to nothing":  {func() error { return errors.Join(os.Remove(r.name), os.Symlink("nowhere", r.name)) }, 1},
		"a bad log": {func() error {
			return os.WriteFile(strings.TrimSuffix(r.name, ".state")+".parts", []byte("no record"), 0o600)
		}, 0},
		"a log that is none": {func() error { return os.Mkdir(strings.TrimSuffix(r.name, ".state")+".parts", 0o700) }, 0},
		"in use": {func() error {
			db, err := bbolt.Open(r.name, 0o600, nil)
			if err == nil {
				t.Cleanup(func() { _ = db.Close() })
			}
			return err
		}, 0},
	} {
		r.restore(r.good)
		if err := tt.do(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		r.warns(name, tt.warnings)
	}
	// No directory can be made where a file is.
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	r.warns("a file in place of the directory", 0)
}

// warns checks the outcome, and that there is exactly this number of warnings.
func (r *damagedRuns) warns(what string, warnings int) {
	r.t.Helper()
	r.check(what, warnings)
	if n := bytes.Count(r.log.Bytes(), []byte("level=WARN")); n != warnings {
		r.t.Errorf("%s: %d warnings, want %d\n%s", what, n, warnings, r.log.String())
	}
}
