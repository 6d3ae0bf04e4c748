package integration_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"s3sync"
	"s3sync/internal/s3server"
	"s3sync/internal/trash"
	"s3sync/internal/undo"
	"s3sync/storage"
)

// A keptObject is what an undo restores of an object.
type keptObject struct {
	Data, Type string
	Meta, Tags map[string]string
	// Time and Mode are those of a file.
	Time, Mode string
}

func keptObjects(t *testing.T, s storage.Store) map[string]keptObject {
	t.Helper()
	got := map[string]keptObject{}
	for o, err := range s.List(t.Context(), storage.ListOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		if trash.Within(o.Key, ".trash/") {
			continue
		}
		r, err := s.Open(t.Context(), o.Key, storage.OpenOptions{})
		if err != nil {
			t.Fatal(err)
		}
		data := make([]byte, r.Info().Size)
		if err := errors.Join(r.ReadAt(t.Context(), data, 0), r.Close()); err != nil {
			t.Fatal(err)
		}
		k := keptObject{Data: string(data), Type: r.Info().ContentType, Meta: r.Info().Metadata}
		if tagger, ok := storage.As[storage.Tagger](s); ok && s.Caps().Tags {
			if k.Tags, err = tagger.Tags(t.Context(), o.Key, ""); err != nil {
				t.Fatal(err)
			}
		}
		if l, ok := storage.As[storage.Locator](s); ok && s.Caps().Files {
			fi, err := os.Stat(l.FullKey(o.Key))
			if err != nil {
				t.Fatal(err)
			}
			k.Time, k.Mode = fi.ModTime().UTC().Format(time.RFC3339Nano), fi.Mode().String()
		}
		if len(k.Meta) == 0 {
			k.Meta = nil
		}
		if len(k.Tags) == 0 {
			k.Tags = nil
		}
		got[o.Key] = k
	}
	return got
}

// randomly writes n objects: some only there, some everywhere, with random attributes.
func randomly(t *testing.T, s storage.Store, r *rand.Rand, n int, side string) {
	t.Helper()
	for i := range n {
		if r.IntN(3) == 0 {
			continue
		}
		data := fmt.Append(nil, side, i, r.IntN(100))
		opts := storage.WriteOptions{Size: int64(len(data))}
		if r.IntN(2) == 0 {
			opts.ContentType = "text/x-" + side
		}
		if r.IntN(2) == 0 {
			opts.Metadata = map[string]string{"who": side, "n": fmt.Sprint(i)}
		}
		if r.IntN(2) == 0 && s.Caps().Tags {
			opts.Tags = map[string]string{"side": side}
		}
		key := fmt.Sprintf("d%d/é %d+%%", i%7, i)
		if i%30 == 7 && i < 90 {
			inParts(t, s, key, data, opts)
		} else if _, err := s.Put(t.Context(), key, storage.Block{Data: data}, opts); err != nil {
			t.Fatal(err)
		}
		if l, ok := storage.As[storage.Locator](s); ok && s.Caps().Files {
			path, when := l.FullKey(key), time.Unix(1.7e9+int64(i), int64(i)*1e6)
			err := os.Chtimes(path, when, when)
			if runtime.GOOS != "windows" {
				err = errors.Join(err, os.Chmod(path, []os.FileMode{0o600, 0o640, 0o755}[i%3]))
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
}

// inParts writes an object of two parts that begins with data.
func inParts(t *testing.T, s storage.Store, key string, data []byte, opts storage.WriteOptions) {
	t.Helper()
	const part = 5 << 20
	data = append(slices.Clone(data), make([]byte, part)...)
	opts.Size = int64(len(data))
	w, err := s.Create(t.Context(), key, opts)
	if err != nil {
		t.Fatal(err)
	}
	err = errors.Join(w.WritePart(t.Context(), 1, 0, storage.Block{Data: data[:part]}), w.WritePart(t.Context(), 2, part, storage.Block{Data: data[part:]}))
	if err == nil {
		_, err = w.Commit(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
}

// After a run with a trash an undo restores everything, also if it is interrupted again and
// again.
func TestUndo(t *testing.T) {
	t.Parallel()
	n := 60
	switch {
	case os.Getenv("S3SYNC_SOAK") != "":
		n = 1600 // at least 1,000 overwrites and deletions
	case !testing.Short():
		n = 300
	}
	eachServer(t, func(t *testing.T, srv *s3server.Server) {
		for name, target := range map[string]s3sync.Endpoint{
			"bucket": newBucket(t, srv).at(""), "versions": newVersionedBucket(t, srv).at(""), "directory": local(t.TempDir()),
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				source := newBucket(t, srv)
				cfg := config(source.at(""), target)
				cfg.Trash.URL = target.URL + "/.trash"
				cfg.Delete.Enable, cfg.Delete.MaxPercent, cfg.Check.Mode = true, 100, s3sync.CheckOverwrite
				undoRun(t, cfg, rand.New(rand.NewPCG(1, 2)), n)
			})
		}
	})
}

func undoRun(t *testing.T, cfg *s3sync.Config, r *rand.Rand, n int) {
	t.Helper()
	from, err := cfg.OpenSource(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	// The source is written like a target.
	writable := *cfg
	writable.Target = cfg.Source
	to, err2 := cfg.OpenTarget(t.Context(), nil)
	source, err3 := writable.OpenTarget(t.Context(), nil)
	if err := errors.Join(err2, err3); err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	defer to.Close()
	defer source.Close()
	randomly(t, to, r, n, "old")
	randomly(t, source, r, n, "new")
	before := keptObjects(t, to)
	report := sync(t, cfg)
	after := keptObjects(t, to)
	if want := keptObjects(t, source); !slices.Equal(slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(after))) {
		t.Errorf("the sync did not make the sides equal")
	}
	t.Logf("%d transferred, %d deleted", report.Transferred, report.Deleted)
	place, err := cfg.OpenTrash(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer place.Close()
	id := ""
	for found, err := range trash.IDs(t.Context(), place) {
		if err != nil || id != "" {
			t.Fatal(found, err)
		}
		id = found
	}
	run, err := trash.Find(t.Context(), place, id)
	if err != nil || run.State != trash.Complete || run.Created+run.Overwritten != report.Transferred || run.Deleted != report.Deleted {
		t.Errorf("run %+v, %v", run, err)
	}
	for i := 0; ; i++ {
		ctx, cancel := context.WithCancel(t.Context())
		left := r.IntN(n/2) + 20*i
		result, err := undo.Run(ctx, undo.Options{Target: to, Trash: place, ID: id, Report: func(c undo.Change) {
			if left--; left == 0 {
				cancel()
			}
			if c.Err != nil {
				t.Errorf("%s %q: %v", c.What, c.Key, c.Err)
			}
		}})
		cancel()
		if err == nil {
			t.Logf("undone at attempt %d: %v", i+1, result.Objects)
			break
		}
		if i > 100 {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(before, keptObjects(t, to)); diff != "" {
		t.Errorf("after undo (-want +got):\n%s", diff)
	}
	if run, err := trash.Find(t.Context(), place, id); err != nil || run.State != trash.Undone {
		t.Errorf("run %+v, %v", run, err)
	}
}
