package s3sync_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"s3sync"
	"s3sync/storage"
	"s3sync/storage/mem"
)

// A hyphenatingStore is a target that replaces "_" by "-" in the names of metadata, as
// Ceph RGW 16 does.
type hyphenatingStore struct{ *versioned }

func (h hyphenatingStore) Put(ctx context.Context, key string, b storage.Block, opts storage.WriteOptions) (storage.Info, error) {
	metadata := map[string]string{}
	for name, value := range opts.Metadata {
		if kept, twice := metadata[strings.ReplaceAll(name, "_", "-")]; twice {
			value = kept + "," + value
		}
		metadata[strings.ReplaceAll(name, "_", "-")] = value
	}
	opts.Metadata = metadata
	return h.versioned.Put(ctx, key, b, opts)
}

// TestMarksWithHyphens: versions are recognized on a server that replaces "_" by "-" in
// names, even if the source is such a copy with marks of its own.
func TestMarksWithHyphens(t *testing.T) {
	source := newVersioned()
	for i := range 4 {
		opts := storage.WriteOptions{Size: 1}
		opts.Metadata = map[string]string{"s3sync-origin-version-id": "other", "s3sync-origin-last-modified": "other"}
		if _, err := source.Put(t.Context(), "a", storage.Block{Data: []byte("x")}, opts); err != nil {
			t.Fatal(i, err)
		}
	}
	target := hyphenatingStore{newVersioned()}
	// Listings do not show which versions are the same, so the marks are requested.
	target.listed = each(func(o *storage.Object) { o.ETag = "none" })
	cfg := versionsConfig(source, target)
	for i, want := range []int64{4, 0, 0} {
		if r := run(t, cfg); r.Transferred != want || r.Warnings != 0 {
			t.Errorf("run %d: %+v, want %d transferred", i+1, r.Stats, want)
		}
	}
	n := 0
	for v, err := range target.versions.Versions(t.Context(), storage.ListOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		info, err := target.Stat(t.Context(), "a", storage.StatOptions{VersionID: v.VersionID})
		if got, want := info.Metadata["s3sync-origin-version-id"], fmt.Sprintf("v%08d", 4-n); err != nil || got != want {
			t.Errorf("%v, mark %q, want %q", err, got, want)
		}
		n++
	}
	if n != 4 {
		t.Errorf("the target has %d versions", n)
	}
}

// TestMetadataWithHyphens: a report ignores that a server spells names differently, and
// reports every other difference.
func TestMetadataWithHyphens(t *testing.T) {
	for name, tt := range map[string]struct {
		source, target map[string]string
		want           s3sync.Status
	}{
		"the same":            {map[string]string{"a_b": "1", "c-d": "2"}, map[string]string{"a_b": "1", "c-d": "2"}, s3sync.StatusMatches},
		"hyphens":             {map[string]string{"a_b": "1", "c-d": "2"}, map[string]string{"a-b": "1", "c-d": "2"}, s3sync.StatusMatches},
		"hyphens at the left": {map[string]string{"a-b": "1"}, map[string]string{"a_b": "1"}, s3sync.StatusMatches},
		"another value":       {map[string]string{"a_b": "1"}, map[string]string{"a-b": "2"}, s3sync.StatusMismatch},
		"another name":        {map[string]string{"a_b": "1"}, map[string]string{"ab": "1"}, s3sync.StatusMismatch},
		"two names in one":    {map[string]string{"a_b": "1", "a-b": "1"}, map[string]string{"a-b": "1"}, s3sync.StatusMismatch},
		"two names, swapped":  {map[string]string{"a_b": "1", "a-b": "2"}, map[string]string{"a_b": "2", "a-b": "1"}, s3sync.StatusMismatch},
		"a mark":              {nil, map[string]string{"s3sync-origin-version-id": "1", "s3sync_origin_last_modified": "2"}, s3sync.StatusMatches},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := config(mem.New(), mem.New())
			for store, metadata := range map[storage.Store]map[string]string{cfg.Source.Store: tt.source, cfg.Target.Store: tt.target} {
				opts := storage.WriteOptions{Size: 1, Attributes: storage.Attributes{Metadata: metadata}}
				if _, err := store.Put(t.Context(), "a", storage.Block{Data: []byte("x")}, opts); err != nil {
					t.Fatal(err)
				}
			}
			cfg.Report.Metadata = true
			_, lines := report(t, cfg)
			if got := lines["a METADATA"].Status; got != tt.want {
				t.Errorf("got %s, want %s: %+v", got, tt.want, lines)
			}
		})
	}
}
