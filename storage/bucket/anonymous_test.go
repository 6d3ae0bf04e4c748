package bucket_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"s3sync/internal/s3server"
	"s3sync/storage"
	"s3sync/storage/bucket"
)

// TestAnonymous: nothing is signed, and no credentials are looked for, although
// there are some. The region is the one of the configuration.
func TestAnonymous(t *testing.T) {
	asked := filepath.Join(t.TempDir(), "asked")
	config := filepath.Join(t.TempDir(), "config")
	text := fmt.Sprintf("[default]\nregion = eu-test-2\ncredential_process = touch %s\n", asked)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("AWS_CONFIG_FILE", config)
	f := newFake(t, encryptingServer)
	everyRequest(t, open(t, bucket.Options{Bucket: "b", EndpointURL: f.URL, PathStyle: true, Anonymous: true}))
	for _, r := range f.all() {
		for _, name := range []string{"Authorization", "X-Amz-Security-Token", "X-Amz-Date"} {
			if got := r.Header.Get(name); got != "" {
				t.Errorf("%s %s: %s is %q", r.Method, r.URL, name, got)
			}
		}
	}
	if _, err := os.Stat(asked); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("credentials were looked for: %v", err)
	}
	// The same without Anonymous asks.
	_, err := bucket.Open(t.Context(), bucket.Options{Bucket: "b", EndpointURL: f.URL})
	if _, serr := os.Stat(asked); serr != nil || err == nil {
		t.Errorf("Open: %v; %v", err, serr)
	}
}

func TestAnonymousRegion(t *testing.T) {
	if _, err := bucket.Open(t.Context(), bucket.Options{Bucket: "b", Anonymous: true}); !errors.Is(err, storage.ErrUnusable) ||
		!strings.Contains(err.Error(), "no region is known") {
		t.Errorf("without a region: %v", err)
	}
	for name, opts := range map[string]bucket.Options{
		"region":   {Bucket: "b", Anonymous: true, Region: "eu-test-1"},
		"endpoint": {Bucket: "b", Anonymous: true, EndpointURL: "http://127.0.0.1:1"},
	} {
		t.Run(name, func(t *testing.T) { open(t, opts) })
	}
}

// TestAnonymousReads: everybody can read a public bucket of a real server, and no
// other one.
func TestAnonymousReads(t *testing.T) {
	for _, kind := range s3server.Kinds() {
		t.Run(string(kind), func(t *testing.T) {
			server := s3server.Shared(t, kind)
			opts := options(server, server.Bucket(t))
			if _, err := open(t, opts).Put(t.Context(), "k", block([]byte(content)), storage.WriteOptions{Size: 20}); err != nil {
				t.Fatal(err)
			}
			opts.AccessKey, opts.SecretKey, opts.Region, opts.Anonymous = "", "", "", true
			s := open(t, opts)
			_, err := keysOf(t.Context(), s, storage.Range{})
			wantKind(t, err, fs.ErrPermission)
			server.Publish(t, opts.Bucket)
			keys, err := keysOf(t.Context(), s, storage.Range{})
			if err != nil || !slices.Equal(keys, []string{"k"}) {
				t.Errorf("List: %q, %v", keys, err)
			}
			r := reader(t, s, storage.OpenOptions{First: 8})
			for _, off := range []int64{0, 8} {
				if got, err := readAt(t, r, 8, off); err != nil || got != content[off:off+8] {
					t.Errorf("at %d: %q, %v", off, got, err)
				}
			}
			if _, err := s.Stat(t.Context(), "k", storage.StatOptions{Checksums: true}); err != nil {
				t.Error(err)
			}
			wantKind(t, put(t, s, "k"), fs.ErrPermission)
		})
	}
}
