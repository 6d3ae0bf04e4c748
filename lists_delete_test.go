package s3sync_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"s3sync"
	"s3sync/storage"
	"s3sync/storage/dir"
	"s3sync/storage/mem"
)

// With a list, nothing is deleted that a listing of the source would protect: what is under
// a link to nothing, or below it.
func TestListDeletesNothingBelowALink(t *testing.T) {
	path := t.TempDir()
	for _, name := range []string{"link", "below"} {
		if err := os.Symlink(filepath.Join(path, "away"), filepath.Join(path, name)); err != nil {
			t.Skip(err)
		}
	}
	if err := os.WriteFile(filepath.Join(path, "a"), []byte("a"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, list := range []bool{false, true} {
		source, err := dir.Open(path, dir.Options{Source: true})
		if err != nil {
			t.Fatal(err)
		}
		target := mem.New()
		put(t, target, map[string]string{"a": "a", "link": "1", "below/it": "2", "below/deep/it": "2", "gone": "3", "a/gone": "4", "x/gone": "5"})
		cfg := config(source, target)
		if list {
			cfg = withList(source, target, "a\n")
			cfg.Delete.ListIsComplete = true
		}
		cfg.Delete.Enable, cfg.Delete.MaxPercent = true, 100
		report, err := try(t, cfg)
		if got, want := holds(t, target), []string{"a", "below/deep/it", "below/it", "link"}; !slices.Equal(got, want) {
			t.Errorf("with a list %v: got %q, want %q: %+v, %v", list, got, want, report.Stats, err)
		}
		_ = source.Close()
	}
}

// With a list, a file is not deleted whose object has a key that the directory writes
// otherwise.
func TestListDeletesNoMappedKey(t *testing.T) {
	source := old()
	put(t, source, map[string]string{"/a": "1", "b//c": "2", "//d///e": "3", "listed": "4"})
	target, err := dir.Open(t.TempDir(), dir.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer target.Close()
	put(t, target, map[string]string{"a": "1", "b/c": "2", "d/e": "3", "listed": "4", "b/gone": "5", "gone": "6"})
	cfg := withList(source, target, "listed\n")
	cfg.Delete.Enable, cfg.Delete.ListIsComplete, cfg.Delete.MaxPercent = true, true, 100
	report, err := try(t, cfg)
	if got, want := holds(t, target), []string{"a", "b/c", "d/e", "listed"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q: %+v, %v", got, want, report.Stats, err)
	}
}

// A refusing store answers questions about single objects with an error.
type refusingStore struct {
	storage.Store

	err error
}

func (s *refusingStore) Stat(_ context.Context, key string, _ storage.StatOptions) (storage.Info, error) {
	return storage.Info{}, &storage.Error{Op: "head", Key: key, Err: s.err}
}

func (s *refusingStore) Unwrap() storage.Store { return s.Store }

// An answer that does not say that the source lacks an object deletes nothing.
func TestListDeletesNothingUnanswered(t *testing.T) {
	for _, answer := range []error{fs.ErrPermission, storage.ErrTransient, storage.ErrThrottled, storage.ErrUnusable, storage.ErrNoBucket, errors.New("an HTML page")} {
		source, target := mem.New(), mem.New()
		put(t, target, map[string]string{"x": "1", "y": "2"})
		var keys string
		for i := range 200 { // a listing answers for these
			key := string(rune('a'+i/26)) + string(rune('a'+i%26))
			put(t, source, map[string]string{key: "1"})
			keys += key + "\n"
		}
		cfg := withList(&refusingStore{source, answer}, target, keys)
		cfg.Check.Mode = s3sync.CheckETag
		cfg.Delete.Enable, cfg.Delete.ListIsComplete, cfg.Delete.MaxPercent = true, true, 100
		report, err := try(t, cfg)
		if held := contents(t, target); held["x"] != "1" || held["y"] != "2" {
			t.Errorf("%v: deleted: %+v, %v", answer, report.Stats, err)
		}
	}
}
