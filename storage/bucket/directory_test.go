package bucket_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"s3sync/internal/directoryserver"
	"s3sync/storage"
	"s3sync/storage/bucket"
	"s3sync/storage/storagetest"
)

const directoryBucket = "b--use1-az4--x-s3"

// directoryOptions reach a directory bucket of the test server.
func directoryOptions(s *directoryserver.Server, name string) bucket.Options {
	return bucket.Options{
		Bucket:         name,
		AccessKey:      directoryserver.AccessKey,
		SecretKey:      directoryserver.SecretKey,
		Region:         "us-east-1",
		EndpointURL:    s.URL,
		MaxAttempts:    2,
		InitialBackoff: time.Millisecond,
		StallTimeout:   20 * time.Second,
		MaxConns:       16,
	}
}

func TestDirectoryBucketConformance(t *testing.T) {
	t.Parallel()
	server := directoryserver.New(t)
	n := 0
	opts := storagetest.Options{
		MinPartSize: 5 << 20,
		Attributes:  true,
		Layouts:     true,
		Objects:     1001,
		SkipKey: func(key string) string {
			if strings.ContainsFunc(key, func(r rune) bool {
				return r < ' ' && !strings.ContainsRune("\t\n\r", r) || r == '\ufffe' || r == '\uffff'
			}) {
				return "cannot stand in a listing that is not URL-encoded"
			}
			return ""
		},
	}
	if testing.Short() {
		opts.Objects = 101
	}
	storagetest.Run(t, func(t *testing.T) storage.Store {
		n++
		name := fmt.Sprintf("b%d--use1-az4--x-s3", n)
		server.AddBucket(name)
		o := directoryOptions(server, name)
		o.Prefix = testPrefix
		o.MaxKeys = 100
		s, err := bucket.Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}, opts)
	if server.Count("CreateSession") == 0 {
		t.Error("there was no session")
	}
}

// Only prefixes that end in a slash can be listed: the rest is sorted out here.
func TestDirectoryBucketPrefix(t *testing.T) {
	server := directoryserver.New(t, directoryBucket)
	all := open(t, directoryOptions(server, directoryBucket))
	for _, key := range []string{"a", "d/a", "d/ab", "d/abc/d", "d/b", "d/e/ab", "dab"} {
		if err := put(t, all, key); err != nil {
			t.Fatal(err)
		}
	}
	for prefix, want := range map[string][]string{
		"":       {"a", "d/a", "d/ab", "d/abc/d", "d/b", "d/e/ab", "dab"},
		"d":      {"/a", "/ab", "/abc/d", "/b", "/e/ab", "ab"},
		"d/":     {"a", "ab", "abc/d", "b", "e/ab"},
		"d/a":    {"", "b", "bc/d"},
		"d/abc/": {"d"},
		"x":      nil,
		"x/y":    nil,
	} {
		t.Run(prefix, func(t *testing.T) {
			o := directoryOptions(server, directoryBucket)
			o.Prefix, o.MaxKeys = prefix, 2
			keys, err := keysOf(t.Context(), open(t, o), storage.Range{})
			slices.Sort(keys)
			if err != nil || !slices.Equal(keys, want) {
				t.Errorf("got %q, %v, want %q", keys, err, want)
			}
		})
	}
}

func TestDirectoryBucketCaps(t *testing.T) {
	s := open(t, directoryOptions(directoryserver.New(t, directoryBucket), directoryBucket))
	if c := s.Caps(); c.Ordered || c.WantMD5 || c.DefaultChecksum != "CRC64NVME" || !c.WantSHA256 {
		t.Errorf("%+v", c)
	}
}

// A session serves many requests, and another one follows when it has expired.
func TestDirectoryBucketSessions(t *testing.T) {
	server := directoryserver.New(t, directoryBucket)
	s := open(t, directoryOptions(server, directoryBucket))
	for range 3 {
		if err := put(t, s, "key"); err != nil {
			t.Fatal(err)
		}
	}
	if n := server.Count("CreateSession"); n != 1 {
		t.Errorf("%d sessions for three requests", n)
	}
	for name, request := range map[string]func() error{
		"PutObject": func() error { return put(t, s, "key") },
		// Nothing but its status tells why a HEAD is refused.
		"HeadObject": func() error {
			_, err := s.Stat(t.Context(), "key", storage.StatOptions{})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			server.Expire()
			sessions, requests := server.Count("CreateSession"), server.Count(name)
			err := request()
			if !errors.Is(err, storage.ErrTransient) || !strings.HasSuffix(err.Error(), ": the session with the directory bucket has expired") ||
				strings.Contains(err.Error(), "operation error") {
				t.Errorf("with an expired session: %v", err)
			}
			if n := server.Count(name) - requests; n != 1 {
				t.Errorf("%d requests, want 1: an expired session is not tried again", n)
			}
			if err := request(); err != nil {
				t.Errorf("after an expired session: %v", err)
			}
			if n := server.Count("CreateSession") - sessions; n != 1 {
				t.Errorf("%d sessions, want 1", n)
			}
		})
	}
}

// The kind of a failure to get a session is not lost on its way through the SDK.
func TestDirectoryBucketSessionFailures(t *testing.T) {
	for name, tt := range map[string]struct {
		status   int
		code     string
		want     error
		attempts int64
	}{
		"no right":     {http.StatusForbidden, "AccessDenied", storage.ErrUnusable, 1},
		"no bucket":    {http.StatusNotFound, "NoSuchBucket", storage.ErrNoBucket, 1},
		"bad key":      {http.StatusForbidden, "InvalidAccessKeyId", storage.ErrCredentials, 1},
		"expired":      {http.StatusBadRequest, "ExpiredToken", storage.ErrCredentials, 1},
		"slow down":    {http.StatusServiceUnavailable, "SlowDown", storage.ErrThrottled, 2},
		"server fault": {http.StatusInternalServerError, "InternalError", storage.ErrTransient, 2},
		"no session":   {http.StatusOK, "", storage.ErrTransient, 1},
	} {
		t.Run(name, func(t *testing.T) {
			var attempts, others atomic.Int64
			f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
				switch {
				case !r.URL.Query().Has("session"):
					others.Add(1)
				case attempts.Add(1) > 0 && tt.status != http.StatusOK:
					refuse(w, tt.status, tt.code)
				default:
					_, _ = w.Write([]byte("<CreateSessionResult></CreateSessionResult>"))
				}
			})
			opts := f.options()
			opts.Bucket, opts.MaxAttempts = directoryBucket, 2
			s := open(t, opts)
			err := put(t, s, "key")
			if !errors.Is(err, tt.want) || !strings.Contains(err.Error(), "no session with directory bucket") {
				t.Errorf("got %v, want %v", err, tt.want)
			}
			if attempts.Load() != tt.attempts || others.Load() != 0 {
				t.Errorf("%d requests for a session, want %d; %d others", attempts.Load(), tt.attempts, others.Load())
			}
			_, err = keysOf(t.Context(), s, storage.Range{})
			if !errors.Is(err, tt.want) {
				t.Errorf("listing: %v, want %v", err, tt.want)
			}
			wantKind(t, err, tt.want)
		})
	}
}

// The request for a session has nothing of the one that waits for it.
func TestDirectoryBucketSessionRequest(t *testing.T) {
	f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
		refuse(w, http.StatusForbidden, "AccessDenied")
	})
	opts := f.options()
	opts.Bucket = directoryBucket
	opts.Encryption = bucket.Encryption{SSE: "aws:kms", KMSKeyID: "key-id"}
	s := open(t, opts)
	data := []byte("data")
	_, err := s.Put(t.Context(), "key", storage.Block{Data: data}, storage.WriteOptions{
		Size: 4, Checksum: storage.Checksum{Algorithm: "CRC64NVME", Type: "FULL_OBJECT"},
	})
	if err == nil {
		t.Error("no error")
	}
	r, body := f.last(t)
	if r.Method != http.MethodGet || !r.URL.Query().Has("session") || body != "" {
		t.Errorf("%s %s with body %q", r.Method, r.URL, body)
	}
	const empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	if got := r.Header.Get("X-Amz-Content-Sha256"); got != empty {
		t.Errorf("payload hash %q, want that of nothing", got)
	}
	if got := r.Header.Get("X-Amz-Server-Side-Encryption"); got != "aws:kms" {
		t.Errorf("encryption %q of the session", got)
	}
	for name := range r.Header {
		if strings.HasPrefix(name, "X-Amz-Checksum") || strings.HasPrefix(name, "X-Amz-Sdk-Checksum") {
			t.Errorf("header %s", name)
		}
	}
}
