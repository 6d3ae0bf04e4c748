package s3sync_test

import (
	"context"
	"errors"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"s3sync"
	"s3sync/storage"
	"s3sync/storage/dir"
	"s3sync/storage/mem"
)

// A prefixView is the objects below a prefix of a bucket in memory, reached through a
// server name. Views of one bucket through two names are two sides with the same
// objects.
type prefixView struct {
	storage.Store

	server, prefix string
	// full makes requests for full keys fail.
	full error
}

func (v *prefixView) Location() storage.Location {
	return storage.Location{Server: v.server, Container: "b", Prefix: v.prefix}
}

func (v *prefixView) FullKey(key string) string { return v.prefix + key }

func (v *prefixView) StatFull(ctx context.Context, full string) (storage.Object, error) {
	if v.full != nil {
		return storage.Object{}, v.full
	}
	info, err := v.Store.Stat(ctx, full, storage.StatOptions{})
	return info.Object, err
}

func (v *prefixView) List(ctx context.Context, opts storage.ListOptions) iter.Seq2[storage.Object, error] {
	return func(yield func(storage.Object, error) bool) {
		for o, err := range v.Store.List(ctx, storage.ListOptions{}) {
			key, ok := strings.CutPrefix(o.Key, v.prefix)
			if o.Key = key; ok && opts.Contains(key) && !yield(o, err) {
				return
			}
		}
	}
}

func (v *prefixView) Stat(ctx context.Context, key string, opts storage.StatOptions) (storage.Info, error) {
	return v.Store.Stat(ctx, v.prefix+key, opts)
}

func (v *prefixView) Open(ctx context.Context, key string, opts storage.OpenOptions) (storage.Reader, error) {
	return v.Store.Open(ctx, v.prefix+key, opts)
}

func (v *prefixView) Put(ctx context.Context, key string, b storage.Block, opts storage.WriteOptions) (storage.Info, error) {
	return v.Store.Put(ctx, v.prefix+key, b, opts)
}

func (v *prefixView) Delete(ctx context.Context, objects []storage.Object, opts storage.DeleteOptions) []error {
	objects = append([]storage.Object(nil), objects...)
	for i := range objects {
		objects[i].Key = v.prefix + objects[i].Key
	}
	return v.Store.Delete(ctx, objects, opts)
}

// One bucket under two names keeps its source, whatever the options. Two buckets with
// one name are synced.
func TestOneBucketUnderTwoNames(t *testing.T) {
	before := map[string]string{"a/sub/1": "one", "a/sub/2": "two", "a/old": "old"}
	for name, tt := range map[string]struct {
		server  string // of the target
		source  string // prefix
		target  string
		two     bool // they are two buckets
		full    error
		allow   bool
		nothing bool // nothing may be written either
		want    string
	}{
		"source inside":                  {"x", "a/sub/", "a/", false, nil, false, false, "one bucket under two names"},
		"source inside, allowed":         {"x", "a/sub/", "a/", false, nil, true, false, "one bucket under two names"},
		"source inside, one name":        {"s", "a/sub/", "a/", false, nil, true, true, "would delete the source"},
		"target inside":                  {"x", "a/", "a/sub/", false, nil, false, true, "lies inside"},
		"target inside, one name":        {"s", "a/", "a/sub/", false, nil, false, true, "lies inside"},
		"same prefix, one name":          {"s", "a/", "a/", false, nil, false, true, "the same as"},
		"two buckets":                    {"x", "a/sub/", "a/", true, nil, false, false, ""},
		"two buckets, same prefix":       {"x", "a/sub/", "a/sub/", true, nil, false, false, ""},
		"two buckets, nobody knows":      {"x", "a/sub/", "a/", true, errInjected, false, false, "Delete.AllowOverlap"},
		"two buckets, not allowed":       {"x", "a/sub/", "a/", true, fs.ErrPermission, false, false, "Delete.AllowOverlap"},
		"two buckets, nobody asks":       {"x", "a/sub/", "a/", true, errInjected, true, false, ""},
		"one bucket, beside each other":  {"s", "a/sub/", "b/", false, nil, false, false, ""},
		"two buckets, beside each other": {"x", "a/sub/", "b/", true, errInjected, false, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			one := mem.New()
			put(t, one, before)
			held := one
			if tt.two {
				held = mem.New()
				put(t, held, map[string]string{tt.target + "extra": "extra"})
			}
			if tt.target == "b/" {
				put(t, held, map[string]string{"b/extra": "extra"})
			}
			cfg := config(&prefixView{Store: one, server: "s", prefix: tt.source, full: tt.full}, &prefixView{Store: held, server: tt.server, prefix: tt.target})
			cfg.Delete = s3sync.Delete{Enable: true, AllowOverlap: tt.allow}
			report, err := try(t, cfg)
			if tt.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				if contents(t, held)[tt.target+"extra"] != "" {
					t.Error("what only the target has is still there")
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
			if report.Deleted != 0 {
				t.Errorf("%d deleted", report.Deleted)
			}
			if _, ok := errors.AsType[*s3sync.ConfigError](err); ok != tt.nothing || ok && report.Transferred != 0 {
				t.Errorf("%T, %d transferred", err, report.Transferred)
			}
			kept := contents(t, one)
			for key, data := range before {
				if kept[key] != data {
					t.Errorf("%s is %q", key, kept[key])
				}
			}
		})
	}
}

// A copy of an object, which has another time, does not make two buckets look like one.
func TestTwoBucketsOfOneNameHoldTheSame(t *testing.T) {
	source, target := mem.New(), mem.New()
	put(t, source, map[string]string{"a/x": "same", "a/sub/y": "y"})
	target.SetClock(func() time.Time { return time.Now().Add(-time.Hour) })
	put(t, target, map[string]string{"a/x": "same"})
	cfg := config(&prefixView{Store: source, server: "s", prefix: "a/sub/"}, &prefixView{Store: target, server: "t", prefix: "a/"})
	cfg.Delete.Enable = true
	run(t, cfg)
	equal(t, contents(t, target), map[string]string{"a/y": "y"})
}

// Directories are compared by identity.
func TestDirectoriesInEachOther(t *testing.T) {
	root := t.TempDir()
	writeFile(filepath.Join(root, "data", "sub", "file"), "data")
	if err := os.Symlink("data", filepath.Join(root, "link")); err != nil {
		t.Skip(err)
	}
	open := func(path string, opts dir.Options) storage.Store {
		s, err := dir.Open(filepath.Join(root, path), opts)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
		return s
	}
	for name, tt := range map[string]struct{ source, target, want string }{
		"source inside": {"link/sub", "data", "would delete the source"},
		"target inside": {"link", "data/new", "lies inside"},
		"same":          {"link", "data", "the same as"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := config(open(tt.source, dir.Options{Source: true}), open(tt.target, dir.Options{Missing: true}))
			cfg.Delete.Enable = true
			_, err := try(t, cfg)
			if _, ok := errors.AsType[*s3sync.ConfigError](err); !ok || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
	if _, err := os.Stat(filepath.Join(root, "data", "sub", "file")); err != nil {
		t.Error(err)
	}
}
