package bucket_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"path"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"s3sync/storage"
	"s3sync/storage/bucket"
)

// TestSlowReads: few reads that take long do not hold up the others, and a server that is slow
// as a whole is not asked more often. Both ways of making requests do the same.
func TestSlowReads(t *testing.T) {
	const reads, workers, usual = 4_000, 16, 50 * time.Millisecond
	oneIn := func(n, read int32) time.Duration {
		if (read+workers+4)%n == 0 { // the last one is followed by others
			return 10 * time.Second
		}
		return usual
	}
	firstOneIn := func(n int32) func(int32, int32) time.Duration {
		return func(read, request int32) time.Duration {
			if request > 1 {
				return usual
			}
			return oneIn(n, read)
		}
	}
	all := func(wait time.Duration) func(int32, int32) time.Duration {
		return func(int32, int32) time.Duration { return wait }
	}
	for name, tt := range map[string]struct {
		takes func(read, request int32) time.Duration // how long the first or a later request for a read takes
		most  float64                                 // multiple of the time without slow reads
		extra int32                                   // most further requests
	}{
		"none":              {all(usual), 1, 0},
		"one in a hundred":  {firstOneIn(100), 1.3, reads / 20},
		"one in ten":        {firstOneIn(10), 20, reads / 20},
		"one in a thousand": {firstOneIn(1000), 1.15, reads / 1000},
		"one in a hundred, of which one in ten again": {func(read, request int32) time.Duration {
			return oneIn([]int32{100, 1000, reads + 1}[request-1], read)
		}, 1.4, 44},
		"again no faster": {func(read, _ int32) time.Duration { return oneIn(100, read) }, 3.9, 20},
		"all":             {all(3 * time.Second), 60, 0},
		"the later half of all": {func(read, _ int32) time.Duration {
			if read > reads/2 {
				return 3 * time.Second
			}
			return usual
		}, 31, 20},
	} {
		for _, way := range []string{"b", "b--use1-az4--x-s3"} { // the second one by the SDK, which is slow
			t.Run(name+", "+way, func(t *testing.T) {
				if way != "b" && name != "one in a hundred" && name != "all" {
					t.Skip("what decides is the same")
				}
				synctest.Test(t, func(t *testing.T) {
					server := &slowReads{takes: tt.takes, asked: map[string]int32{}}
					s, err := bucket.Open(t.Context(), bucket.Options{
						Bucket: way, AccessKey: "AKTEST", SecretKey: "very-secret", Region: "us-east-1", EndpointURL: "http://server.invalid",
						PathStyle: true, MaxAttempts: 1, ReadTimeout: time.Minute, Transport: server,
					})
					if err != nil {
						t.Fatal(err)
					}
					defer s.Close()
					began := time.Now()
					var next atomic.Int32
					var all sync.WaitGroup
					for range workers {
						all.Go(func() {
							for i := next.Add(1); i <= reads && !t.Failed(); i = next.Add(1) {
								key := fmt.Sprint(i)
								got, err := readObject(t, s, key, storage.OpenOptions{})
								if err != nil || got != key {
									t.Errorf("got %q of %s: %v", got, key, err)
								}
							}
						})
					}
					all.Wait()
					took, want := time.Since(began), usual*reads/workers
					if float64(took) > tt.most*float64(want) {
						t.Errorf("took %v, without slow reads %v", took, want)
					}
					if n := server.further; n > tt.extra {
						t.Errorf("%d further requests, want at most %d", n, tt.extra)
					}
					if n := server.open.Load(); n != 0 {
						t.Errorf("%d bodies are open", n)
					}
					t.Logf("%v, %.2f times that without slow reads; %d further requests", took, float64(took)/float64(want), server.further)
				})
			})
		}
	}
}

// readObject reads an object.
func readObject(t *testing.T, s *bucket.Store, key string, opts storage.OpenOptions) (string, error) {
	t.Helper()
	r, err := s.Open(t.Context(), key, opts)
	if err != nil {
		return "", err
	}
	p := make([]byte, r.Info().Size)
	if err := r.ReadAt(t.Context(), p, 0); err != nil {
		return "", err
	}
	return string(p), r.Close()
}

// slowReads is a server whose objects hold their keys, which are numbers.
type slowReads struct {
	takes func(read, request int32) time.Duration
	open  atomic.Int32 // bodies that were not closed

	mu      sync.Mutex
	asked   map[string]int32
	further int32
}

func (s *slowReads) RoundTrip(req *http.Request) (*http.Response, error) {
	resp := &http.Response{
		StatusCode: http.StatusOK, ProtoMajor: 1, ProtoMinor: 1, Request: req,
		Header: http.Header{"Etag": {`"` + etag + `"`}, "Last-Modified": {"Mon, 02 Jan 2006 15:04:05 GMT"}, "X-Amz-Request-Id": {"ID"}},
	}
	if req.URL.Query().Has("session") {
		resp.Body = io.NopCloser(bytes.NewReader([]byte("<CreateSessionResult><Credentials><SessionToken>t</SessionToken><SecretAccessKey>s</SecretAccessKey>" +
			"<AccessKeyId>a</AccessKeyId><Expiration>2100-01-01T00:00:00Z</Expiration></Credentials></CreateSessionResult>")))
		return resp, nil
	}
	key := path.Base(req.URL.Path)
	select {
	case <-time.After(s.wait(key)):
	case <-req.Context().Done():
		return nil, req.Context().Err()
	}
	s.open.Add(1)
	resp.ContentLength = int64(len(key))
	resp.Header.Set("Content-Length", fmt.Sprint(len(key)))
	resp.Body = &countedBody{bytes.NewReader([]byte(key)), sync.OnceFunc(func() { s.open.Add(-1) })}
	return resp, nil
}

// wait notes that a read is asked for, and returns how long that takes.
func (s *slowReads) wait(key string) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked[key]++
	if s.asked[key] > 1 {
		s.further++
	}
	var read int32
	_, _ = fmt.Sscan(key, &read) // keys are numbers
	return s.takes(read, s.asked[key])
}

// A countedBody tells when it is closed.
type countedBody struct {
	io.Reader

	closed func()
}

func (b *countedBody) Close() error {
	b.closed()
	return nil
}
