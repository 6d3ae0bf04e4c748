package bucket_test

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"s3sync/internal/parallel"
	"s3sync/internal/s3server"
	"s3sync/storage"
	"s3sync/storage/bucket"
)

// TestListInSegments: real servers list the same in segments, several at once, as page by
// page.
func TestListInSegments(t *testing.T) {
	for _, kind := range s3server.Rotated("TestListInSegments") {
		t.Run(string(kind), func(t *testing.T) {
			server := s3server.Shared(t, kind)
			opts := options(server, server.VersionedBucket(t))
			opts.MaxKeys = 5
			s := open(t, opts)
			var keys []string
			for i := range 300 {
				keys = append(keys, []string{
					fmt.Sprintf("%08x", uint32(i)*2654435761), fmt.Sprintf("dir-%d/%d", i%7, i),
					fmt.Sprintf("dir/sub %d/é%d", i%5, i), fmt.Sprintf("日本%d", i), fmt.Sprintf("flat+%04d", i),
				}[i%5])
			}
			for _, round := range [][]string{keys, keys[:100]} { // some have two versions
				err := parallel.ForEach(t.Context(), 8, func(context.Context) iter.Seq2[string, error] { return seq(round) }, func(ctx context.Context, key string) error {
					_, err := s.Put(ctx, key, block([]byte(key)), storage.WriteOptions{Size: int64(len(key))})
					return err
				})
				if err != nil {
					t.Fatal(err)
				}
			}
			opts.ParallelListings = 16
			parallel := open(t, opts)
			for name, list := range map[string]func(s *bucket.Store) ([]storage.Object, error){
				"objects": func(s *bucket.Store) ([]storage.Object, error) {
					return gather(s.List(t.Context(), storage.ListOptions{}))
				},
				"versions": func(s *bucket.Store) ([]storage.Object, error) {
					return gather(s.Versions(t.Context(), storage.ListOptions{}))
				},
			} {
				want, err := list(s)
				if err != nil || len(want) < len(keys) {
					t.Fatalf("%s: %d of %d, %v", name, len(want), len(keys), err)
				}
				got, err := list(parallel)
				if diff := cmp.Diff(want, got); err != nil || diff != "" {
					t.Errorf("%s: %v\n%s", name, err, diff)
				}
			}
		})
	}
}

// seq yields keys, and no error.
func seq(keys []string) func(func(string, error) bool) {
	return func(yield func(string, error) bool) {
		for key := range slices.Values(keys) {
			if !yield(key, nil) {
				return
			}
		}
	}
}

func gather(list func(func(storage.Object, error) bool)) (all []storage.Object, err error) {
	for o, err := range list {
		if err != nil {
			return all, err
		}
		all = append(all, o)
	}
	return all, nil
}
