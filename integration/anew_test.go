package integration_test

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	gosync "sync"
	"testing"

	"s3sync"
	"s3sync/internal/faultproxy"
	"s3sync/internal/s3server"
)

// TestOverwrittenBeforeItsPartsAreKnown: an object that is replaced after it was read
// and before its parts were requested begins again. It does not stay unverified.
func TestOverwrittenBeforeItsPartsAreKnown(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, srv *s3server.Server) {
		source, root := newBucket(t, srv), t.TempDir()
		source.putParts(t, "parts", random(1, 5*s3sync.MiB), random(2, 100))
		front := newFront(t, srv.Endpoint)
		var once gosync.Once
		front.onRequest(func(_ http.ResponseWriter, r *http.Request) bool {
			if r.Method == http.MethodHead {
				once.Do(func() { source.putParts(t, "parts", random(3, 5*s3sync.MiB), random(4, 100)) })
			}
			return false
		})
		o := run(t, config(source.at(front.URL), local(root)))
		o.succeeded(t, 1)
		want := append(random(3, 5*s3sync.MiB), random(4, 100)...)
		if got, err := os.ReadFile(filepath.Join(root, "parts")); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%v, or not the last version", err)
		}
	})
}

// TestLayoutWithoutRepetition: an object in unequal parts needs no second attempt,
// which the settings do not allow.
func TestLayoutWithoutRepetition(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, srv *s3server.Server) {
		source, root := newBucket(t, srv), t.TempDir()
		source.putParts(t, "looks-uniform", random(1, 5*s3sync.MiB), random(2, 6*s3sync.MiB), random(3, 100))
		source.putParts(t, "looks-uniform-2", random(1, 6*s3sync.MiB), random(2, 5*s3sync.MiB), random(3, s3sync.MiB+100))
		cfg := config(source.at(""), local(root))
		cfg.Retry.ForceCount = 0
		run(t, cfg).succeeded(t, 2)
	})
}

// TestWrongETagOfHeaders: a response about the parts of another object is ignored.
func TestWrongETagOfHeaders(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, srv *s3server.Server) {
		source := newBucket(t, srv)
		source.putParts(t, "parts", random(1, 5*s3sync.MiB), random(2, 100))
		for _, times := range []string{" times=1", ""} {
			root, target := t.TempDir(), newBucket(t, srv)
			for _, side := range []s3sync.Endpoint{local(root), target.at("")} {
				proxy := faultproxy.New(t, srv.Endpoint, "HeadObject etag=bad"+times)
				o := run(t, config(source.at(proxy.URL), side))
				if times != "" {
					o.succeeded(t, 1)
				} else {
					o.failed(t, "parts", "changed while being read")
				}
			}
			if times != "" {
				hasFiles(t, root, "parts")
				target.holds(t, []string{"parts"})
			} else {
				hasFiles(t, root)
				target.holds(t, nil, "parts")
			}
		}
	})
}
