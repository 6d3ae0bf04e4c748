package s3sync_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"s3sync"
	"s3sync/internal/trash"
	"s3sync/internal/undo"
	"s3sync/storage"
	"s3sync/storage/dir"
	"s3sync/storage/mem"
)

// A whole is everything that an object has and that an undo restores.
type whole struct {
	Data    string
	Meta    map[string]string
	Type    string
	Class   string
	Tags    map[string]string
	ModTime time.Time // of files
	Mode    string    // of files
}

// trashInside is where a trash lies in a target.
const trashInside = "a/trash/"

// wholes returns the objects of a store that are not in a trash.
func wholes(t testing.TB, s storage.Store) map[string]whole {
	t.Helper()
	got := map[string]whole{}
	ctx := context.Background()
	for o, err := range s.List(ctx, storage.ListOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		if !trash.Within(o.Key, trashInside) {
			got[o.Key] = wholeOf(t, s, o.Key)
		}
	}
	return got
}

// wholeOf returns an object of a store.
func wholeOf(t testing.TB, s storage.Store, key string) whole {
	t.Helper()
	ctx := context.Background()
	r, err := s.Open(ctx, key, storage.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	data := make([]byte, r.Info().Size)
	if err := errors.Join(r.ReadAt(ctx, data, 0), r.Close()); err != nil {
		t.Fatal(err)
	}
	w := whole{Data: string(data), Meta: r.Info().Metadata, Type: r.Info().ContentType, Class: r.Info().StorageClass}
	if s.Caps().Files {
		w.ModTime = r.Info().ModTime
	}
	if tagger, ok := storage.As[storage.Tagger](s); ok && s.Caps().Tags {
		if w.Tags, err = tagger.Tags(ctx, key, ""); err != nil {
			t.Fatal(err)
		}
	}
	if len(w.Tags) == 0 {
		w.Tags = nil
	}
	if len(w.Meta) == 0 {
		w.Meta = nil
	}
	return w
}

// fillRandom writes objects with random attributes.
func fillRandom(t testing.TB, s storage.Store, r *rand.Rand, objects map[string]string, when time.Time) {
	t.Helper()
	for _, key := range slices.Sorted(maps.Keys(objects)) {
		data := []byte(objects[key])
		opts := storage.WriteOptions{Size: int64(len(data)), ModTime: when}
		opts.ContentType = []string{"text/plain", "image/png"}[r.IntN(2)]
		if r.IntN(2) == 0 {
			opts.Metadata = map[string]string{"who": fmt.Sprint(r.IntN(9))}
		}
		if r.IntN(2) == 0 {
			opts.Tags = map[string]string{"tag": fmt.Sprint(r.IntN(9))}
		}
		if r.IntN(3) == 0 {
			opts.StorageClass = "STANDARD_IA"
		}
		_, err := s.Put(context.Background(), key, storage.Block{Data: data}, opts)
		if errors.Is(err, storage.ErrUnstorable) {
			delete(objects, key)
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// undoAll undoes the only run in a trash.
func undoAll(t testing.TB, target, place storage.Store, force bool) *undo.Result {
	t.Helper()
	for id, err := range trash.IDs(context.Background(), place) {
		if err != nil {
			t.Fatal(err)
		}
		result, err := undo.Run(context.Background(), undo.Options{Target: target, Trash: place, ID: id, Force: force, Report: func(c undo.Change) {
			if c.Err != nil {
				t.Logf("%s %q: %v", c.What, c.Key, c.Err)
			}
		}})
		if err != nil {
			t.Fatal(err)
		}
		return result
	}
	return &undo.Result{}
}

// After an undo the target is as before the run, whatever the run did.
func TestUndoProperty(t *testing.T) {
	seeds := uint64(15)
	if soaks() {
		seeds = 300
	}
	for _, kind := range []string{"bucket", "versions", "no copier", "directory", "directory inside"} {
		t.Run(kind, func(t *testing.T) {
			eachSeed(t, seeds, func(t *testing.T, r *rand.Rand) {
				undoProperty(t, r, kind)
			})
		})
	}
}

func undoProperty(t *testing.T, r *rand.Rand, kind string) {
	t.Helper()
	var target storage.Store
	var source, place storage.Store = mem.New(), mem.New()
	cfg := config(source, nil)
	switch kind {
	case "bucket":
		target = mem.New()
	case "versions":
		target = mem.NewVersioned()
	case "no copier":
		target, place = hidden{mem.New()}, hidden{mem.New()}
	default:
		root := t.TempDir()
		at := filepath.Join(root, "trash")
		if kind == "directory inside" {
			at = filepath.Join(root, "target", "a", "trash")
		}
		target, place = treeAt(t, filepath.Join(root, "target")), treeAt(t, at)
	}
	cfg.Target.Store, cfg.Trash.Store = target, place
	from, to := randomTrees(r)
	now := time.Now().Truncate(time.Second)
	fillRandom(t, target, r, to, now.Add(-time.Hour))
	fillRandom(t, source, r, from, now)
	cfg.Check.Mode = []s3sync.CheckMode{s3sync.CheckNewer, s3sync.CheckSize, s3sync.CheckOverwrite}[r.IntN(3)]
	if r.IntN(2) == 0 {
		cfg.Delete.Enable, cfg.Delete.AllowEmptySource, cfg.Delete.MaxPercent = true, true, 100
	}
	cfg.Tagging.SyncLatest = !target.Caps().Files && r.IntN(2) == 0
	cfg.ServerSideCopy = kind == "bucket" && r.IntN(2) == 0
	before := wholes(t, target)
	if _, err := try(t, cfg); err != nil {
		if _, ok := errors.AsType[*s3sync.ConfigError](err); ok {
			t.Fatal(err)
		}
		t.Log(err) // some keys cannot be files
	}
	result := undoAll(t, target, place, false)
	if !result.Clean() {
		t.Errorf("not clean: %+v", result)
	}
	if diff := cmp.Diff(before, wholes(t, target)); diff != "" {
		t.Errorf("after undo (-want +got):\n%s", diff)
	}
	again := undoAll(t, target, place, false)
	for what, n := range again.Objects {
		if what != undo.Same && what != undo.Replaced && n > 0 {
			t.Errorf("a second undo: %s %d", what, n)
		}
	}
}

// A hidden store has no capabilities but tags.
type hidden struct{ *mem.Store }

func (hidden) Copies(storage.Store) bool { return false }

func treeAt(t testing.TB, path string) storage.Store {
	t.Helper()
	if err := os.MkdirAll(path, 0o700); err != nil {
		t.Fatal(err)
	}
	d, err := dir.Open(path, dir.Options{Missing: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}
