package s3sync_test

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"s3sync"
	"s3sync/internal/undo"
	"s3sync/storage"
	"s3sync/storage/mem"
)

// A busy store calls a function before it writes to a file.
type busy struct {
	storage.Store

	write func(key string)
}

func (b busy) Unwrap() storage.Store { return b.Store }

func (b busy) Put(ctx context.Context, key string, block storage.Block, opts storage.WriteOptions) (storage.Info, error) {
	b.write(key)
	return b.Store.Put(ctx, key, block, opts)
}

func (b busy) Create(ctx context.Context, key string, opts storage.WriteOptions) (storage.Writer, error) {
	w, err := b.Store.Create(ctx, key, opts)
	return busyWriter{w, func() { b.write(key) }}, err
}

type busyWriter struct {
	storage.Writer

	write func()
}

func (w busyWriter) WritePart(ctx context.Context, n int, off int64, b storage.Block) error {
	w.write()
	return w.Writer.WritePart(ctx, n, off, b)
}

// A file that somebody replaces while its new version is being written is in the trash as it
// was at the end.
func TestFileThatChangesWhileItIsWritten(t *testing.T) {
	root := t.TempDir()
	at := filepath.Join(root, "target", "a")
	source, target, place := mem.New(), treeAt(t, filepath.Join(root, "target")), treeAt(t, filepath.Join(root, "trash"))
	put(t, source, map[string]string{"a": "new", "empty": ""})
	replaceFile(t, at, "old")
	cfg := config(source, busy{target, func(key string) {
		if key == "a" {
			replaceFile(t, at, "newer work")
		}
	}})
	cfg.Trash.Store, cfg.Check.Mode, cfg.Transfer.Workers = place, s3sync.CheckOverwrite, 1
	report, err := try(t, cfg)
	if err != nil || report.Transferred != 2 {
		t.Fatalf("%+v, %v", report, err)
	}
	if got := texts(t, target); !maps.Equal(got, map[string]string{"a": "new", "empty": ""}) {
		t.Errorf("the target has %q", got)
	}
	if r := undoAll(t, target, place, false); !r.Clean() || texts(t, target)["a"] != "newer work" {
		t.Errorf("undo: %+v, the target has %q", r, texts(t, target))
	}
}

// If a run died before the journal told what it wrote, a file is as before only if its bytes
// are: a download has the time of the object, and may have the size of the old file.
func TestUndoOfUnknownFile(t *testing.T) {
	for name, copied := range map[string]bool{"second name": false, "copy": true} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			source, target, place := mem.New(), treeAt(t, filepath.Join(root, "target")), treeAt(t, filepath.Join(root, "trash"))
			put(t, source, map[string]string{"a": "new", "b": "old"})
			for _, key := range []string{"a", "b"} {
				info, err := source.Stat(t.Context(), key, storage.StatOptions{})
				if err == nil {
					_, err = target.Put(t.Context(), key, storage.Block{Data: []byte("old")}, storage.WriteOptions{Size: 3, ModTime: info.ModTime})
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			cfg := config(source, target)
			cfg.Trash.Store, cfg.Check.Mode = place, s3sync.CheckOverwrite
			if _, err := try(t, cfg); err != nil {
				t.Fatal(err)
			}
			id, _ := onlyRun(t, place)
			forgetResults(t, filepath.Join(root, "trash", id, "journal.jsonl"))
			if kept := filepath.Join(root, "trash", id, "objects", "b"); copied {
				fi, err := os.Stat(kept)
				if err != nil {
					t.Fatal(err)
				}
				replaceFile(t, kept, "old")
				if err := os.Chtimes(kept, fi.ModTime(), fi.ModTime()); err != nil {
					t.Fatal(err)
				}
			}
			if r := undoAll(t, target, place, false); r.Objects[undo.Kept] != 1 || r.Objects[undo.Same] != 1 || r.Clean() {
				t.Errorf("undo: %+v", r)
			}
			if r := undoAll(t, target, place, true); !r.Clean() || texts(t, target)["a"] != "old" {
				t.Errorf("with force: %+v, the target has %q", r, texts(t, target))
			}
			if r := undoAll(t, target, place, false); r.Objects[undo.Same] != 2 {
				t.Errorf("and then: %+v", r)
			}
		})
	}
}

// forgetResults removes from a journal what became of the actions, and the end.
func forgetResults(t testing.TB, path string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := slices.DeleteFunc(strings.SplitAfter(string(text), "\n"), func(line string) bool {
		return strings.Contains(line, `"did":`) || strings.Contains(line, `"end":`)
	})
	if err := os.WriteFile(path, []byte(strings.Join(lines, "")), 0o600); err != nil {
		t.Fatal(err)
	}
}

// A file that somebody replaces while others are looked at before their deletion is not deleted.
func TestFileThatChangesDuringDeletions(t *testing.T) {
	root := t.TempDir()
	at := filepath.Join(root, "target", "a")
	source, target, place := mem.New(), treeAt(t, filepath.Join(root, "target")), treeAt(t, filepath.Join(root, "trash"))
	put(t, source, map[string]string{"c": "c"})
	put(t, target, map[string]string{"a": "old", "b": "old"})
	cfg := config(source, watched{target, func(key string) {
		if _, err := os.Stat(filepath.Join(root, "trash")); key == "b" && err == nil {
			replaceFile(t, at, "newer work")
		}
	}})
	cfg.Trash.Store = place
	cfg.Delete.Enable, cfg.Delete.MaxPercent = true, 100
	if report, err := try(t, cfg); err != nil || report.Deleted != 2 {
		t.Errorf("%+v, %v", report, err)
	}
	if got := texts(t, target); !maps.Equal(got, map[string]string{"a": "newer work", "c": "c"}) {
		t.Errorf("the target has %q", got)
	}
}

// A simple store knows no conditions of writes. Somebody writes to it before each answer that
// says so.
type simple struct {
	*mem.Store

	meanwhile func(key string)
}

func (s simple) Put(ctx context.Context, key string, b storage.Block, opts storage.WriteOptions) (storage.Info, error) {
	if opts.IfAbsent || opts.IfMatch != "" {
		s.meanwhile(key)
		return storage.Info{}, &storage.Error{Op: "put", Key: key, Err: errors.ErrUnsupported}
	}
	return s.Store.Put(ctx, key, b, opts)
}

// Where writes have no conditions, the target is looked at before each: what somebody wrote
// meanwhile stays.
func TestTrashWithoutConditions(t *testing.T) {
	source, inner, place := mem.New(), mem.New(), mem.New()
	put(t, source, map[string]string{"a": "new", "b": "new", "c": "new", "d": "new"})
	put(t, inner, map[string]string{"a": "old", "c": "old"})
	target := simple{inner, func(key string) {
		if key == "a" || key == "b" {
			put(t, inner, map[string]string{key: "newer work"})
		}
	}}
	cfg := config(source, target)
	cfg.Trash.Store, cfg.Check.Mode, cfg.Transfer.Workers = place, s3sync.CheckOverwrite, 1
	report, err := try(t, cfg)
	if report == nil || report.Transferred != 2 {
		t.Errorf("%+v, %v", report, err)
	}
	if got := texts(t, inner); !maps.Equal(got, map[string]string{"a": "newer work", "b": "newer work", "c": "new", "d": "new"}) {
		t.Errorf("the target has %q", got)
	}
	undoAll(t, inner, place, false)
	if got := texts(t, inner); !maps.Equal(got, map[string]string{"a": "newer work", "b": "newer work", "c": "old"}) {
		t.Errorf("after the undo it has %q", got)
	}
}
