package bucket_test

import (
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"s3sync/internal/s3server"
	"s3sync/storage"
	"s3sync/storage/bucket"
	"s3sync/storage/storagetest"
)

// TestMain keeps the configuration of the machine out of the tests.
func TestMain(m *testing.M) {
	for _, variable := range os.Environ() {
		name, _, _ := strings.Cut(variable, "=")
		if strings.HasPrefix(name, "AWS_") || strings.HasSuffix(strings.ToUpper(name), "_PROXY") {
			os.Unsetenv(name) //nolint:errcheck // the name is one
		}
	}
	for name, value := range map[string]string{
		"AWS_CONFIG_FILE":             filepath.Join("testdata", "none"),
		"AWS_SHARED_CREDENTIALS_FILE": filepath.Join("testdata", "none"),
		"AWS_EC2_METADATA_DISABLED":   "true",
	} {
		os.Setenv(name, value) //nolint:errcheck // the name is one
	}
	if bySDK() {
		os.Setenv("AWS_AUTH_SCHEME_PREFERENCE", "sigv4") //nolint:errcheck // the name is one
	}
	os.Exit(s3server.Main(m))
}

// options reach a bucket of a test server.
func options(s *s3server.Server, name string) bucket.Options {
	return bucket.Options{
		Bucket:         name,
		AccessKey:      s.AccessKey,
		SecretKey:      s.SecretKey,
		Region:         s.Region,
		EndpointURL:    s.Endpoint,
		PathStyle:      true,
		MaxAttempts:    3,
		InitialBackoff: 10 * time.Millisecond,
		StallTimeout:   20 * time.Second,
		MaxConns:       16,
	}
}

// open opens a store and closes it at the end of the test.
func open(t testing.TB, opts bucket.Options) *bucket.Store {
	t.Helper()
	s, err := bucket.Open(t.Context(), opts)
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

func TestConformance(t *testing.T) {
	for _, kind := range s3server.Kinds() {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			server := s3server.Shared(t, kind)
			opts := storagetest.Options{
				MinPartSize: 5 << 20,
				Attributes:  true,
				Tags:        true,
				Conditions:  true,
				MD5ETags:    true,
				Layouts:     true,
				SkipKey:     cannotHold(kind),
			}
			// MinIO keeps no redirects, versitygw no storage classes.
			switch kind {
			case s3server.VersityGW:
				opts.Redirects = true
			case s3server.MinIO:
				opts.StorageClass = "REDUCED_REDUNDANCY"
			}
			if testing.Short() {
				opts.Objects = 101
			}
			open := func(t *testing.T) storage.Store {
				o := options(server, server.Bucket(t))
				o.Prefix = testPrefix
				o.MaxKeys = 100
				s, err := bucket.Open(t.Context(), o)
				if err != nil {
					t.Fatal(err)
				}
				return s
			}
			storagetest.Run(t, open, opts)
			if !slices.Contains(s3server.Rotated("decorated"), kind) {
				return
			}
			opts.Objects = 101
			t.Run("decorated", func(t *testing.T) { storagetest.Run(t, storagetest.Decorated(open), opts) })
		})
	}
}

// cannotHold tells which keys a server changes, or refuses too late: see the
// package comment of s3server.
func cannotHold(kind s3server.Kind) func(string) string {
	return func(key string) string {
		for segment := range strings.SplitSeq(testPrefix+key, "/") {
			if len(segment) > 255 {
				return "refused only when a multipart upload is completed"
			}
		}
		if kind != s3server.VersityGW {
			return ""
		}
		clean := path.Clean("/"+key) == "/"+key
		control := strings.ContainsFunc(key, func(r rune) bool { return r < ' ' && !strings.ContainsRune("\t\n\r", r) })
		switch {
		case !clean:
			return "cleaned like a path"
		case control:
			return "listed as U+FFFD"
		}
		return ""
	}
}

const testPrefix = "pre fix/+"
