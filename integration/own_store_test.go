package integration_test

import (
	"context"
	"slices"
	"testing"

	"s3sync"
	"s3sync/internal/directoryserver"
	"s3sync/storage"
	s3bucket "s3sync/storage/bucket"
)

// Stores of the caller: no URL describes them.

// ownStore opens a bucket of the test server as a caller of the library does.
func ownStore(t *testing.T, srv *directoryserver.Server, name, prefix string) *s3bucket.Store {
	t.Helper()
	s, err := s3bucket.Open(t.Context(), s3bucket.Options{
		Bucket: name, Prefix: prefix, Region: "us-west-2", EndpointURL: srv.URL,
		AccessKey: directoryserver.AccessKey, SecretKey: directoryserver.SecretKey,
	})
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

// A decorated store adds nothing to another one.
type decorated struct{ storage.Store }

func (d decorated) Unwrap() storage.Store { return d.Store }

// decorations are the ways in which a caller may wrap a store.
func decorations() map[string]func(storage.Store) storage.Store {
	return map[string]func(storage.Store) storage.Store{
		"as it is":  func(s storage.Store) storage.Store { return s },
		"decorated": func(s storage.Store) storage.Store { return decorated{s} },
	}
}

func putKeys(t *testing.T, s storage.Store, keys ...string) {
	t.Helper()
	for _, key := range keys {
		if _, err := s.Put(t.Context(), key, storage.Block{Data: []byte(key)}, storage.WriteOptions{Size: int64(len(key))}); err != nil {
			t.Fatal(err)
		}
	}
}

// TestOwnDirectoryBuckets: directory buckets have no tags, and are not asked for any.
func TestOwnDirectoryBuckets(t *testing.T) {
	t.Parallel()
	for name, give := range decorations() {
		t.Run(name, func(t *testing.T) {
			srv := directoryserver.New(t, directoryA, directoryB)
			source, target := ownStore(t, srv, directoryA, "from/"), ownStore(t, srv, directoryB, "to/")
			putKeys(t, source, "a", "b", "c/d")
			cfg := s3sync.DefaultConfig()
			cfg.Source.Store, cfg.Target.Store = give(source), give(target)
			report := sync(t, cfg)
			if report.Transferred != 3 || report.Failed != 0 || report.Warnings != 0 {
				t.Errorf("%d transferred, %d failed, %d warnings", report.Transferred, report.Failed, report.Warnings)
			}
			if n := srv.Count("GetObjectTagging"); n != 0 {
				t.Errorf("%d questions for tags", n)
			}
			cfg.Tagging.SyncLatest = true
			if _, err := s3sync.Sync(t.Context(), cfg); err == nil {
				t.Error("tags of directory buckets were synced")
			}
		})
	}
}

// TestOwnStoreKey: a preprocess callback receives the whole key in the bucket.
func TestOwnStoreKey(t *testing.T) {
	t.Parallel()
	for name, give := range decorations() {
		t.Run(name, func(t *testing.T) {
			srv := directoryserver.New(t, directoryA, directoryB)
			source, target := ownStore(t, srv, directoryA, ""), ownStore(t, srv, directoryB, "to/here/")
			putKeys(t, source, "a", "c/d")
			cfg := s3sync.DefaultConfig()
			cfg.Source.Store, cfg.Target.Store = give(source), give(target)
			var keys []string
			cfg.Preprocess = func(_ context.Context, _ *storage.Info, u *s3sync.Upload) error {
				keys = append(keys, u.Key)
				return nil
			}
			sync(t, cfg)
			slices.Sort(keys)
			if want := []string{"to/here/a", "to/here/c/d"}; !slices.Equal(keys, want) {
				t.Errorf("keys %q, want %q", keys, want)
			}
		})
	}
}
