package integration_test

import (
	"bytes"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	gosync "sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"s3sync"
	"s3sync/internal/faultproxy"
	"s3sync/internal/s3server"
)

// Objects that change between two requests, and servers that send other data than
// requested.

// TestOverwrittenWhileRead: an object that is replaced between two ranges begins again.
// One of its versions arrives, never a mixture. An object that always changes fails.
func TestOverwrittenWhileRead(t *testing.T) {
	t.Parallel()
	versions := map[string]func(i int) (data []byte, more bool){
		"same-size": func(i int) ([]byte, bool) { return random(byte(i), 6*s3sync.MiB), i < 2 },
		"larger":    func(i int) ([]byte, bool) { return random(byte(i), (1+5*i)*s3sync.MiB), i < 2 },
		"smaller":   func(i int) ([]byte, bool) { return random(byte(i), (6*s3sync.MiB)/(1+100*(i-1))), i < 2 },
		"twice":     func(i int) ([]byte, bool) { return random(byte(i), 6*s3sync.MiB), i < 3 },
		"always":    func(i int) ([]byte, bool) { return random(byte(i), 6*s3sync.MiB), true },
		"never":     func(i int) ([]byte, bool) { return random(byte(i), 6*s3sync.MiB), false },
	}
	eachServer(t, func(t *testing.T, srv *s3server.Server) {
		source, target, root := newBucket(t, srv), newBucket(t, srv), t.TempDir()
		for _, side := range []s3sync.Endpoint{local(root), target.at("")} {
			var mu gosync.Mutex
			written, last := map[string]int{}, map[string][]byte{}
			overwrite := func(key string) {
				data, more := versions[key](written[key] + 1)
				source.put(t, key, data)
				last[key] = data
				if written[key]++; !more {
					written[key] = -1
				}
			}
			for key := range versions {
				overwrite(key)
			}
			front := newFront(t, srv.Endpoint)
			front.onRequest(func(_ http.ResponseWriter, r *http.Request) bool {
				mu.Lock()
				defer mu.Unlock()
				if key := filepath.Base(r.URL.Path); ranged(r, "5242880") && written[key] > 0 {
					overwrite(key)
				}
				return false
			})
			cfg := smallParts(config(source.at(front.URL), side))
			cfg.Transfer.ParallelParts = 1 // so that ranges are requested one after another
			o := run(t, cfg)
			o.failed(t, "always", "changed while being read")
			if int(o.ETagVerified) != len(versions)-1 || o.Transferred != o.ETagVerified || o.Failed != 1 || o.Warnings != 0 {
				t.Errorf("%+v", o.Stats)
			}
			delete(last, "always")
			keys := slices.Collect(maps.Keys(last))
			if side.EndpointURL != "" {
				target.holds(t, keys, "always")
				target.contains(t, last, keys)
				continue
			}
			hasFiles(t, root, keys...)
			for key, data := range last {
				if got, err := os.ReadFile(filepath.Join(root, key)); err != nil || !bytes.Equal(got, data) {
					t.Errorf("%s: %v, or not its last version", key, err)
				}
			}
		}
	})
}

// TestOverwrittenAfterListing: the listing of an object may be out of date when the
// object is read. The size in the response counts.
func TestOverwrittenAfterListing(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, srv *s3server.Server) {
		source, target, root := newBucket(t, srv), newBucket(t, srv), t.TempDir()
		now := map[string][]byte{
			"little grew":    random(1, 6*s3sync.MiB),
			"little shrank":  random(2, 10),
			"large grew":     random(3, 11*s3sync.MiB),
			"large shrank":   random(4, 5*s3sync.MiB),
			"large is small": random(5, 10),
			"large is empty": {},
		}
		for _, side := range []s3sync.Endpoint{local(root), target.at("")} {
			for key := range now {
				size := 1000
				if strings.HasPrefix(key, "large") {
					size = 6 * s3sync.MiB
				}
				source.put(t, key, random(9, size))
			}
			source.put(t, "vanished", nil)
			front := newFront(t, srv.Endpoint)
			var listed gosync.Once
			front.onRequest(func(_ http.ResponseWriter, r *http.Request) bool {
				if r.Method == http.MethodGet && !r.URL.Query().Has("list-type") {
					listed.Do(func() {
						for key, data := range now {
							source.put(t, key, data)
						}
						key := "vanished"
						if _, err := srv.Client().DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &source.name, Key: &key}); err != nil {
							t.Error(err)
						}
					})
				}
				return false
			})
			o := run(t, smallParts(config(source.at(front.URL), side)))
			if o.err != nil || int(o.ETagVerified) != len(now) || o.Warnings != 1 || o.Failed != 0 || !strings.Contains(o.log, "gone since it was listed") {
				t.Errorf("%v, %+v\n%s", o.err, o.Stats, o.log)
			}
		}
		for key, data := range now {
			if got, err := os.ReadFile(filepath.Join(root, key)); err != nil || !bytes.Equal(got, data) {
				t.Errorf("%s: %v, or other content", key, err)
			}
			target.contains(t, now, []string{key})
		}
	})
}

// TestOtherRange: a server sends other bytes than requested, and may or may not say so.
func TestOtherRange(t *testing.T) {
	t.Parallel()
	// The responses to the request for bytes 5242880 to 10485759.
	answers := map[string]struct {
		cause  string
		answer func(header http.Header, data []byte) (status int, body []byte)
	}{
		"range-before": {"cannot be used", func(h http.Header, data []byte) (int, []byte) {
			h.Set("Content-Range", fmt.Sprintf("bytes 0-5242879/%d", len(data)))
			return http.StatusPartialContent, data[:5242880]
		}},
		"one-byte-further": {"cannot be used", func(h http.Header, data []byte) (int, []byte) {
			h.Set("Content-Range", fmt.Sprintf("bytes 5242881-10485760/%d", len(data)))
			return http.StatusPartialContent, data[5242881:10485761]
		}},
		"one-byte-less": {"cannot be used", func(h http.Header, data []byte) (int, []byte) {
			h.Set("Content-Range", fmt.Sprintf("bytes 5242880-10485758/%d", len(data)))
			return http.StatusPartialContent, data[5242880:10485759]
		}},
		"other-size": {"changed while being read", func(h http.Header, data []byte) (int, []byte) {
			h.Set("Content-Range", fmt.Sprintf("bytes 5242880-10485759/%d", len(data)+1))
			return http.StatusPartialContent, data[5242880:10485760]
		}},
		"all-of-it": {"cannot be used", func(_ http.Header, data []byte) (int, []byte) {
			return http.StatusOK, data
		}},
		"nonsense": {"cannot be used", func(h http.Header, data []byte) (int, []byte) {
			h.Set("Content-Range", "bytes somewhere")
			return http.StatusPartialContent, data[5242880:10485760]
		}},
		"range-before-in-disguise": {"does not match", func(h http.Header, data []byte) (int, []byte) {
			h.Set("Content-Range", fmt.Sprintf("bytes 5242880-10485759/%d", len(data)))
			return http.StatusPartialContent, data[:5242880]
		}},
	}
	eachServer(t, func(t *testing.T, srv *s3server.Server) {
		source, data := newBucket(t, srv), random(1, 11*s3sync.MiB)
		for key := range answers {
			source.put(t, key, data)
		}
		head, err := srv.Client().HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: &source.name, Key: new("all-of-it")})
		if err != nil {
			t.Fatal(err)
		}
		for name, times := range map[string]int{"once": 1, "for ever": 100} {
			t.Run(name, func(t *testing.T) {
				front, root := newFront(t, srv.Endpoint), t.TempDir()
				var mu gosync.Mutex
				answered := map[string]int{}
				front.onRequest(func(w http.ResponseWriter, r *http.Request) bool {
					key := filepath.Base(r.URL.Path)
					mu.Lock()
					answered[key]++
					due := ranged(r, "5242880") && answered[key] <= times+1 // the first one is of the first range
					mu.Unlock()
					if !due {
						return false
					}
					w.Header().Set("ETag", *head.ETag)
					w.Header().Set("Last-Modified", head.LastModified.UTC().Format(http.TimeFormat))
					status, body := answers[key].answer(w.Header(), data)
					w.Header().Set("Content-Length", strconv.Itoa(len(body)))
					w.WriteHeader(status)
					_, _ = w.Write(body) // the client may have disconnected
					return true
				})
				cfg := withOneRetry(source.at(front.URL), local(root))
				cfg.Transfer.ParallelParts = 1
				o := run(t, cfg)
				if times == 1 {
					o.succeeded(t, len(answers))
					for key := range answers {
						if got, err := os.ReadFile(filepath.Join(root, key)); err != nil || !bytes.Equal(got, data) {
							t.Errorf("%s: %v, or other content", key, err)
						}
					}
					return
				}
				o.failed(t, "")
				for key, tt := range answers {
					o.reports(t, key, tt.cause)
				}
				hasFiles(t, root)
			})
		}
	})
}

// TestStalledTransfer: the run does not wait for a stalled transfer, in either
// direction.
func TestStalledTransfer(t *testing.T) {
	for _, kind := range s3server.Kinds() {
		t.Run(string(kind), func(t *testing.T) {
			srv := s3server.Shared(t, kind)
			source, root, target := newBucket(t, srv), t.TempDir(), newBucket(t, srv)
			source.put(t, "one", random(1, 100_000))
			source.put(t, "two", random(2, 6*s3sync.MiB))
			proxy := faultproxy.New(t, srv.Endpoint, "GetObject times=2 stall after=50000", "PutObject times=1 stall after=50000", "UploadPart partNumber=2 times=1 stall after=50000")
			down := smallParts(config(source.at(proxy.URL), local(root)))
			down.Timeout.Read = time.Second
			o := run(t, down)
			o.succeeded(t, 2)
			if !strings.Contains(o.log, "the download made no progress for 1s") {
				t.Error(o.log)
			}
			up := smallParts(config(local(root), target.at(proxy.URL)))
			up.Timeout.Attempt = 2 * time.Second
			run(t, up).succeeded(t, 2)
			target.holds(t, []string{"one", "two"})
		})
	}
}
