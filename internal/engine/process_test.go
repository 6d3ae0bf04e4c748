package engine

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"testing"

	"s3sync/internal/pattern"
	"s3sync/internal/report"
	"s3sync/storage"
	"s3sync/storage/dir"
)

// A fileStore maps keys as a directory does.
type fileStore struct {
	*store
	storage.KeyMapper
}

func newFileStore(t *testing.T, keys ...string) fileStore {
	t.Helper()
	d, err := dir.Open(t.TempDir(), dir.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return fileStore{newStore(t, keys...), d}
}

// A target object that is gone when its tags are asked for is missing in the target:
// nothing is deleted. One that is gone from the source is not. A report leaves both out.
func TestGoneWhenTagsAreAsked(t *testing.T) {
	for name, tt := range map[string]struct {
		inTarget, report bool // where it is gone
		want             report.EventType
		deleted          int64
	}{
		"source":           {want: report.EventWarning, deleted: 1},
		"target":           {inTarget: true, want: report.EventFailed},
		"source, reported": {report: true, want: report.EventStatus},
		"target, reported": {inTarget: true, report: true, want: report.EventStatus},
	} {
		t.Run(name, func(t *testing.T) {
			source, target := newStore(t, "a"), newStore(t, "a", "x")
			gone := source
			if tt.inTarget {
				gone = target
			}
			gone.before = func(op, key string) error {
				if op == "tags" && key == "a" {
					return &storage.Error{Op: "get tags", Key: key, Err: fs.ErrNotExist}
				}
				return nil
			}
			r := newRun(t, source, target, func(o *Options) {
				o.SyncTags, o.Report = !tt.report, Report{Enable: tt.report, Tagging: tt.report}
				o.Delete.Enable = !tt.report
			})
			result := r.unit(t, Unit{})
			if result.Unsafe != (tt.want == report.EventFailed) {
				t.Errorf("unsafe: %v", result.Unsafe)
			}
			if err := r.Delete(t.Context(), []*Result{result}); err != nil {
				t.Error(err)
			}
			if told := r.end(t); told.Deleted != tt.deleted {
				t.Errorf("%+v", told.Stats)
			}
			if got := r.keysOf(tt.want); !slices.Equal(got, []string{"a"}) {
				t.Errorf("%v of %q", tt.want, got)
			}
		})
	}
}

// A report says that an object is not in the target if it cannot be there. If a store
// fails instead, so does the object.
func TestReportOfKeysWithoutAFile(t *testing.T) {
	for name, tt := range map[string]struct {
		source []string
		fails  string // the call of the target
		want   map[string]string
	}{
		"no key of a file":    {[]string{"a/..", "b"}, "", map[string]string{"a/..": "not found", "b": "not found"}},
		"a directory's data":  {[]string{"a/", "b"}, "", map[string]string{"a/": "not found", "b": "not found"}},
		"another key's file":  {[]string{"/b", "b"}, "", map[string]string{"/b": "not found", "b": "not found"}},
		"a store that failed": {[]string{"/a", "b"}, "stat", map[string]string{"/a": "failed", "b": "not found"}},
	} {
		t.Run(name, func(t *testing.T) {
			target := newFileStore(t)
			target.before = func(op, _ string) error { return errIf(op == tt.fails) }
			r := newRun(t, newStore(t, tt.source...), target, func(o *Options) { o.Report.Enable, o.Delete.Enable = true, false })
			result := r.unit(t, Unit{})
			told := r.end(t)
			got := map[string]string{}
			for _, ev := range r.events {
				switch {
				case ev.Type == report.EventStatus && ev.Line.Status == report.StatusNotFound:
					got[ev.Key] += "not found"
				case ev.Type == report.EventFailed && errors.Is(ev.Err, errInjected):
					got[ev.Key] += "failed"
				case ev.Key != "":
					t.Errorf("%v", ev)
				}
			}
			if fmt.Sprint(got) != fmt.Sprint(tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
			if failed := tt.fails != ""; result.Unsafe != failed || (told.Failed > 0) != failed {
				t.Errorf("%+v", result)
			}
		})
	}
}

// Directories count as written only in a target that lists them.
func TestAddedAreListed(t *testing.T) {
	for name, tt := range map[string]struct {
		target storage.Store
		want   int64
	}{
		"files":  {newFileStore(t), 1},
		"bucket": {newStore(t), 2},
	} {
		source := newStore(t, "a")
		if _, err := source.Store.Put(t.Context(), "d/", storage.Block{}, storage.WriteOptions{}); err != nil {
			t.Fatal(err)
		}
		r := newRun(t, source, tt.target, nil)
		result := r.unit(t, Unit{})
		if told := r.end(t); result.Added != tt.want || told.Transferred != 2 {
			t.Errorf("%s: %d added, want %d; %+v", name, result.Added, tt.want, told.Stats)
		}
	}
}

// A fixed prefix of the included keys limits the listings, but not those of a run that
// deletes: what only the target has goes whether its key is included or not.
func TestIncludedKeys(t *testing.T) {
	include, err := pattern.Compile("^b")
	if err != nil {
		t.Fatal(err)
	}
	for _, deletes := range []bool{false, true} {
		source, target := newStore(t, "a", "b1", "c"), newStore(t, "a", "b2", "c", "x")
		r := newRun(t, source, target, func(o *Options) { o.Listed.Include, o.Delete.Enable = include, deletes })
		result := r.unit(t, Unit{})
		want := [2]int64{1, 1}
		left := []string{"a", "b1", "b2", "c", "x"}
		if deletes {
			want, left = [2]int64{3, 4}, []string{"a", "b1", "c"}
		}
		if got := [2]int64{result.Found, result.Held}; got != want {
			t.Errorf("delete %v: listed %d and %d keys, want %d", deletes, got[0], got[1], want)
		}
		if err := r.Delete(t.Context(), []*Result{result}); err != nil {
			t.Error(err)
		}
		r.end(t)
		if got := target.keys(t); !slices.Equal(got, left) {
			t.Errorf("delete %v: the target has %q, want %q", deletes, got, left)
		}
	}
}

// What the filters of contents learned about an object, its event tells: that of an
// object that they exclude as well as that of one that a dry run would transfer. The
// object changed since it was listed.
func TestContentsTellOfTheObject(t *testing.T) {
	for text, want := range map[string]report.EventType{"^text/": report.EventTransferred, "^image/": report.EventSkipped} {
		include, err := pattern.Compile(text)
		if err != nil {
			t.Fatal(err)
		}
		source := newStore(t, "a")
		source.before = func(op, key string) error {
			if op != "stat" {
				return nil
			}
			opts := storage.WriteOptions{Size: 3, Attributes: storage.Attributes{ContentType: "text/plain"}}
			_, err := source.Store.Put(t.Context(), key, storage.Block{Data: []byte("new")}, opts)
			return err
		}
		r := newRun(t, source, newStore(t), func(o *Options) { o.DryRun, o.Contents.IncludeContentType = true, include })
		r.unit(t, Unit{})
		r.end(t)
		n := 0
		for _, ev := range r.events {
			if ev.Type != want {
				continue
			}
			n++
			if ev.Source.Size != 3 || ev.Source.ETag != "22af645d1859cb5ca6da0c484f1f37ea" {
				t.Errorf("%v tells of %+v", want, ev.Source)
			}
		}
		if n != 1 {
			t.Errorf("%d events %v", n, want)
		}
	}
}
