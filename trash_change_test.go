package s3sync_test

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"s3sync"
	"s3sync/internal/trash"
	"s3sync/internal/undo"
	"s3sync/storage"
	"s3sync/storage/mem"
)

// A watched store calls a function before an object of it is looked at.
type watched struct {
	storage.Store

	stat func(key string)
}

func (w watched) Unwrap() storage.Store { return w.Store }

func (w watched) Stat(ctx context.Context, key string, opts storage.StatOptions) (storage.Info, error) {
	if w.stat != nil {
		w.stat(key)
	}
	return w.Store.Stat(ctx, key, opts)
}

// replaceFile replaces a file by another one, as editors do.
func replaceFile(t testing.TB, path, text string) {
	t.Helper()
	temp := path + ".new"
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(temp, []byte(text), 0o600), os.Rename(temp, path)); err != nil {
		t.Error(err)
	}
}

// onlyRun returns the id of the only run in a trash, and the actions of its journal by
// their keys.
func onlyRun(t testing.TB, place storage.Store) (id string, actions map[string]trash.Line) {
	t.Helper()
	actions = map[string]trash.Line{}
	for found, err := range trash.IDs(context.Background(), place) {
		if err != nil || id != "" {
			t.Fatal(found, err)
		}
		id = found
		for l, err := range trash.Read(context.Background(), place, id) {
			if err != nil {
				t.Fatal(err)
			}
			if l.Do != "" {
				actions[l.Key] = l
			}
		}
	}
	return id, actions
}

// texts returns what a store holds besides a trash.
func texts(t testing.TB, s storage.Store) map[string]string {
	t.Helper()
	got := map[string]string{}
	for key, w := range wholes(t, s) {
		got[key] = w.Data
	}
	return got
}

// A file that somebody replaces or makes while its new version is being read is in the trash as
// it was at the end, and an undo restores that.
func TestFileThatChangesDuringItsTransfer(t *testing.T) {
	for name, old := range map[string]string{"replaced": "old", "made": ""} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			at := filepath.Join(root, "target", "a")
			source, target, place := mem.New(), treeAt(t, filepath.Join(root, "target")), treeAt(t, filepath.Join(root, "trash"))
			put(t, source, map[string]string{"a": "new"})
			if old != "" {
				replaceFile(t, at, old)
			}
			slow := &faulty{Store: source, read: func(string, []byte, int64) error {
				replaceFile(t, at, "newer work")
				return nil
			}}
			cfg := config(slow, target)
			cfg.Trash.Store, cfg.Check.Mode = place, s3sync.CheckOverwrite
			_, err := try(t, cfg)
			if got := texts(t, target)["a"]; err != nil || got != "new" {
				t.Fatalf("the target has %q, %v", got, err)
			}
			if _, actions := onlyRun(t, place); actions["a"].Do != trash.Overwrite {
				t.Errorf("the journal has %+v", actions)
			}
			if r := undoAll(t, target, place, false); !r.Clean() || texts(t, target)["a"] != "newer work" {
				t.Errorf("undo: %+v, the target has %q", r, texts(t, target))
			}
		})
	}
}

// A file that somebody replaces after it was kept is not deleted.
func TestFileThatChangesBeforeItsDeletion(t *testing.T) {
	root := t.TempDir()
	at := filepath.Join(root, "target", "a")
	source, target, place := mem.New(), treeAt(t, filepath.Join(root, "target")), treeAt(t, filepath.Join(root, "trash"))
	put(t, source, map[string]string{"b": "b"})
	put(t, target, map[string]string{"a": "old"})
	cfg := config(source, watched{target, func(key string) {
		if _, err := os.Stat(filepath.Join(root, "trash")); key == "a" && err == nil {
			replaceFile(t, at, "newer work")
		}
	}})
	cfg.Trash.Store = place
	cfg.Delete.Enable, cfg.Delete.MaxPercent = true, 100
	report, err := try(t, cfg)
	if err != nil || report.Deleted != 0 || report.Warnings != 1 {
		t.Errorf("%+v, %v", report, err)
	}
	if got := texts(t, target); got["a"] != "newer work" {
		t.Errorf("the target has %v", got)
	}
	if r := undoAll(t, target, place, false); texts(t, target)["a"] != "newer work" || r.Objects[undo.Failed] > 0 {
		t.Errorf("undo: %+v", r)
	}
}

// A half versioned store keeps no versions of some keys, as MinIO does of excluded prefixes.
type halfVersioned struct{ *mem.Store }

func (halfVersioned) Versioning(context.Context) (bool, error) { return true, nil }

func (h halfVersioned) Stat(ctx context.Context, key string, opts storage.StatOptions) (storage.Info, error) {
	info, err := h.Store.Stat(ctx, key, storage.StatOptions{Checksums: opts.Checksums, Parts: opts.Parts})
	info.VersionID = "null"
	return info, err
}

// An object without a version of its own is copied, although the bucket keeps versions.
func TestTrashOfNullVersions(t *testing.T) {
	source, inner, place := mem.New(), mem.New(), mem.New()
	put(t, source, map[string]string{"a": "new"})
	put(t, inner, map[string]string{"a": "old", "b": "b"})
	target := halfVersioned{inner}
	cfg := config(source, target)
	cfg.Trash.Store, cfg.Check.Mode = place, s3sync.CheckOverwrite
	cfg.Delete.Enable, cfg.Delete.MaxPercent = true, 100
	if _, err := try(t, cfg); err != nil {
		t.Fatal(err)
	}
	if r := undoAll(t, inner, place, false); !r.Clean() || !maps.Equal(texts(t, inner), map[string]string{"a": "old", "b": "b"}) {
		t.Errorf("undo: %+v, the target has %v", r, texts(t, inner))
	}
}

// A store whose tags nobody may read.
type secretTags struct{ *mem.Store }

func (secretTags) Tags(_ context.Context, key, _ string) (map[string]string, error) {
	return nil, &storage.Error{Op: "get tags", Key: key, Err: fs.ErrPermission}
}

func (s secretTags) Stat(ctx context.Context, key string, opts storage.StatOptions) (storage.Info, error) {
	info, err := s.Store.Stat(ctx, key, opts)
	info.TagCount = 0
	return info, err
}

func (secretTags) Copies(storage.Store) bool { return false }

func (s secretTags) Open(ctx context.Context, key string, opts storage.OpenOptions) (storage.Reader, error) {
	return (&faulty{Store: s.Store, info: func(i *storage.Info) { i.TagCount = 0 }}).Open(ctx, key, opts)
}

// An object whose tags cannot be read is neither overwritten nor deleted: the trash would not
// have them.
func TestTrashWithoutPermissionForTags(t *testing.T) {
	source, target, place := mem.New(), mem.New(), mem.New()
	put(t, source, map[string]string{"a": "new"})
	for _, key := range []string{"a", "b"} {
		_, err := target.Put(t.Context(), key, storage.Block{Data: []byte("old")}, storage.WriteOptions{Size: 3, Tags: map[string]string{"t": "1"}})
		if err != nil {
			t.Fatal(err)
		}
	}
	before := wholes(t, target)
	cfg := config(source, secretTags{target})
	cfg.Trash.Store, cfg.Check.Mode = secretTags{place}, s3sync.CheckOverwrite
	cfg.Delete.Enable, cfg.Delete.MaxPercent = true, 100
	report, err := try(t, cfg)
	if err == nil || !strings.Contains(err.Error(), "s3:GetObjectTagging") || report.Failed != 1 || report.Transferred+report.Deleted > 0 {
		t.Errorf("%+v, %v", report, err)
	}
	if after := wholes(t, target); !maps.EqualFunc(before, after, func(a, b whole) bool { return a.Data == b.Data && maps.Equal(a.Tags, b.Tags) }) {
		t.Errorf("the target has %+v", after)
	}
}

// An uncounted store does not count tags.
type uncounted struct{ *mem.Store }

func (u uncounted) Stat(ctx context.Context, key string, opts storage.StatOptions) (storage.Info, error) {
	return secretTags(u).Stat(ctx, key, opts)
}

func (u uncounted) Open(ctx context.Context, key string, opts storage.OpenOptions) (storage.Reader, error) {
	return secretTags(u).Open(ctx, key, opts)
}

func (uncounted) Copies(storage.Store) bool { return false }

// On a server that does not count tags none are lost, whichever object is the first with some.
func TestTrashWhereTagsAreNotCounted(t *testing.T) {
	source, target, place := mem.New(), mem.New(), mem.New()
	objects := map[string]string{}
	for _, key := range []string{"a", "b", "c", "d", "e", "f"} {
		objects[key] = "new"
		opts := storage.WriteOptions{Size: 3}
		if key == "c" || key == "e" {
			opts.Tags = map[string]string{"t": key}
		}
		if _, err := target.Put(t.Context(), key, storage.Block{Data: []byte("old")}, opts); err != nil {
			t.Fatal(err)
		}
	}
	put(t, source, objects)
	before := wholes(t, target)
	cfg := config(source, uncounted{target})
	cfg.Trash.Store, cfg.Check.Mode, cfg.Transfer.Workers = uncounted{place}, s3sync.CheckOverwrite, 1
	if _, err := try(t, cfg); err != nil {
		t.Fatal(err)
	}
	r := undoAll(t, uncounted{target}, uncounted{place}, false)
	if after := wholes(t, target); !r.Clean() || !maps.EqualFunc(before, after, func(a, b whole) bool { return maps.Equal(a.Tags, b.Tags) }) {
		t.Errorf("undo: %+v, the target has %+v", r, after)
	}
}

// What somebody did after the run stays, and is named.
func TestUndoKeepsNewerWork(t *testing.T) {
	root := t.TempDir()
	files := func(t *testing.T) (storage.Store, storage.Store) {
		return treeAt(t, filepath.Join(root, t.Name(), "target")), treeAt(t, filepath.Join(root, t.Name(), "trash"))
	}
	buckets := func(*testing.T) (storage.Store, storage.Store) { return mem.New(), mem.New() }
	write := func(t *testing.T, s storage.Store, text string) {
		put(t, s, map[string]string{"a": text})
	}
	for name, tt := range map[string]struct {
		stores func(*testing.T) (target, place storage.Store)
		since  func(t *testing.T, target storage.Store)
		force  string // what --force restores
	}{
		"file replaced":   {files, func(t *testing.T, s storage.Store) { write(t, s, "newer") }, "old"},
		"object replaced": {buckets, func(t *testing.T, s storage.Store) { write(t, s, "newer") }, "old"},
		"file changed in place": {files, func(t *testing.T, _ storage.Store) {
			f, err := os.OpenFile(filepath.Join(root, t.Name(), "target", "a"), os.O_WRONLY|os.O_APPEND, 0)
			if err != nil {
				t.Fatal(err)
			}
			_, err = f.WriteString(", more")
			if err := errors.Join(err, f.Close()); err != nil {
				t.Fatal(err)
			}
		}, "old"},
		"what the trash has changed in place": {files, func(t *testing.T, _ storage.Store) {
			// As by a program that had the old file open, or has another name of it.
			found, err := filepath.Glob(filepath.Join(root, t.Name(), "trash", "*", "objects", "a"))
			if err != nil || len(found) != 1 {
				t.Fatal(found, err)
			}
			if err := os.WriteFile(found[0], []byte("OLD"), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chtimes(found[0], time.Time{}, time.Now().Add(time.Hour)); err != nil {
				t.Fatal(err)
			}
		}, "OLD"},
	} {
		t.Run(name, func(t *testing.T) {
			source := mem.New()
			target, place := tt.stores(t)
			put(t, source, map[string]string{"a": "new one"})
			put(t, target, map[string]string{"a": "old"})
			cfg := config(source, target)
			cfg.Trash.Store, cfg.Check.Mode = place, s3sync.CheckSize
			if _, err := try(t, cfg); err != nil {
				t.Fatal(err)
			}
			tt.since(t, target)
			since := texts(t, target)
			if r := undoAll(t, target, place, false); r.Objects[undo.Kept] != 1 || !maps.Equal(texts(t, target), since) {
				t.Errorf("undo: %+v, the target has %v", r, texts(t, target))
			}
			if r := undoAll(t, target, place, true); !r.Clean() || texts(t, target)["a"] != tt.force {
				t.Errorf("with force: %+v, the target has %v", r, texts(t, target))
			}
		})
	}
}

// Tags that somebody changed after the run stay.
func TestUndoKeepsNewerTags(t *testing.T) {
	source, target, place := mem.New(), mem.New(), mem.New()
	for s, tag := range map[*mem.Store]string{source: "new", target: "old"} {
		for _, key := range []string{"a", "b"} {
			_, err := s.Put(t.Context(), key, storage.Block{Data: []byte("x")}, storage.WriteOptions{Size: 1, Tags: map[string]string{"t": tag}})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	cfg := config(source, target)
	cfg.Trash.Store, cfg.Tagging.SyncLatest = place, true
	if _, err := try(t, cfg); err != nil {
		t.Fatal(err)
	}
	if err := target.SetTags(t.Context(), "b", map[string]string{"t": "newer"}); err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"newer", "old"} {
		r := undoAll(t, target, place, i > 0)
		a, err := target.Tags(t.Context(), "a", "")
		b, err2 := target.Tags(t.Context(), "b", "")
		if errors.Join(err, err2) != nil || a["t"] != "old" || b["t"] != want || r.Clean() != (i > 0) {
			t.Errorf("attempt %d: %+v, tags %v and %v", i, r, a, b)
		}
	}
}

// If a run dies right after it wrote the same bytes with other attributes, the undo does not
// call that unchanged.
func TestUndoOfUnknownAttributes(t *testing.T) {
	source, target, place := mem.New(), mem.New(), mem.New()
	clock := time.Now()
	target.SetClock(func() time.Time { clock = clock.Add(time.Minute); return clock })
	for s, who := range map[*mem.Store]string{source: "new", target: "old"} {
		for _, key := range []string{"a", "b"} {
			opts := storage.WriteOptions{Size: 1}
			if opts.Tags = map[string]string{"t": who}; key == "b" {
				opts.Tags, opts.Metadata = nil, map[string]string{"who": who}
			}
			if _, err := s.Put(t.Context(), key, storage.Block{Data: []byte("x")}, opts); err != nil {
				t.Fatal(err)
			}
		}
	}
	before := wholes(t, target)
	writes := 0
	dying := &faulty{Store: place, put: func(string) error {
		if writes++; writes > 3 { // the header, a copy, and the action
			return &storage.Error{Op: "put", Err: errInjected}
		}
		return nil
	}}
	cfg := config(source, target)
	cfg.Trash.Store, cfg.Check.Mode, cfg.Transfer.Workers = bucketSide{dying, below{place, ""}}, s3sync.CheckOverwrite, 1
	if _, err := try(t, cfg); err == nil {
		t.Fatal("the run did not fail")
	}
	if now := wholes(t, target); maps.EqualFunc(before, now, func(a, b whole) bool { return maps.Equal(a.Tags, b.Tags) }) {
		t.Fatalf("nothing was written: %+v", now)
	}
	if r := undoAll(t, target, place, false); r.Clean() || r.Objects[undo.Kept] != 1 {
		t.Errorf("undo: %+v", r)
	}
	undoAll(t, target, place, true)
	if now := wholes(t, target); !maps.EqualFunc(before, now, func(a, b whole) bool { return maps.Equal(a.Tags, b.Tags) && maps.Equal(a.Meta, b.Meta) }) {
		t.Errorf("with force: %+v", now)
	}
	if r := undoAll(t, target, place, false); !r.Clean() {
		t.Errorf("and then: %+v", r)
	}
}

// A dry run of an undo fails where the undo would.
func TestUndoTellsWhatIsMissing(t *testing.T) {
	source, target, place := mem.New(), mem.New(), mem.New()
	put(t, source, map[string]string{"a": "new"})
	put(t, target, map[string]string{"a": "old", "b": "b"})
	cfg := config(source, target)
	cfg.Trash.Store, cfg.Check.Mode = place, s3sync.CheckOverwrite
	cfg.Delete.Enable, cfg.Delete.MaxPercent = true, 100
	if _, err := try(t, cfg); err != nil {
		t.Fatal(err)
	}
	id, actions := onlyRun(t, place)
	if err := errors.Join(place.Delete(t.Context(), []storage.Object{{Key: id + "/" + actions["a"].Trash}}, storage.DeleteOptions{})...); err != nil {
		t.Fatal(err)
	}
	for _, dry := range []bool{true, false} {
		r, err := undo.Run(t.Context(), undo.Options{Target: target, Trash: place, ID: id, DryRun: dry})
		if err != nil || r.Objects[undo.Failed] != 1 || r.Objects[undo.Restored] != 1 {
			t.Errorf("dry %v: %+v, %v", dry, r, err)
		}
	}
	if got := texts(t, target); !maps.Equal(got, map[string]string{"a": "new", "b": "b"}) {
		t.Errorf("the target has %v", got)
	}
}

// What nobody else could reach in the target is not open to all in the trash.
func TestTrashIsPrivate(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no such permissions")
	}
	root := t.TempDir()
	source, target, place := mem.New(), treeAt(t, filepath.Join(root, "target")), treeAt(t, filepath.Join(root, "trash"))
	put(t, source, map[string]string{"d/a": "new"})
	put(t, target, map[string]string{"d/a": "old"})
	if err := os.Chmod(filepath.Join(root, "target", "d"), 0o700); err != nil {
		t.Fatal(err)
	}
	cfg := config(source, target)
	cfg.Trash.Store, cfg.Check.Mode = place, s3sync.CheckOverwrite
	if _, err := try(t, cfg); err != nil {
		t.Fatal(err)
	}
	id, _ := onlyRun(t, place)
	for name, want := range map[string]fs.FileMode{"": 0o700, "journal.jsonl": 0o600} {
		fi, err := os.Stat(filepath.Join(root, "trash", id, name))
		if err != nil || fi.Mode().Perm() != want {
			t.Errorf("%q: %v, %v", name, fi.Mode(), err)
		}
	}
	if names := slices.Sorted(maps.Keys(texts(t, target))); !slices.Equal(names, []string{"d/a"}) {
		t.Errorf("the target has %v", names)
	}
}
