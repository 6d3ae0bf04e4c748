package engine

import (
	"errors"
	"fmt"
	"testing"

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
