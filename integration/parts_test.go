package integration_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"s3sync"
	"s3sync/internal/faultproxy"
	"s3sync/internal/s3server"
)

// layouts are objects as others wrote them, and the parts whose headers are requested
// to find out their sizes.
func layouts() map[string]struct{ parts, heads []int } {
	const MiB = s3sync.MiB
	return map[string]struct{ parts, heads []int }{
		// One request, which determines everything.
		"two-of-5":        {[]int{5 * MiB, 1}, []int{1}},
		"three-of-5":      {[]int{5 * MiB, 5 * MiB, 5 * MiB}, []int{1}},
		"two-of-7":        {[]int{7 * MiB, 3 * MiB}, []int{1}},
		"below-threshold": {[]int{5 * MiB, 100}, []int{1}},
		// The ETag determines everything.
		"one-part":       {[]int{100}, nil},
		"one-large-part": {[]int{9 * MiB}, nil},
		// The first part and the number of parts do not match the size.
		"first-is-small": {[]int{5 * MiB, 11 * MiB}, []int{1, 2}},
		// They match, but the parts differ: detected when the digest is compared.
		"looks-uniform": {[]int{5 * MiB, 6 * MiB, 7 * MiB, MiB}, []int{1, 1, 2, 3, 4}},
	}
}

// TestLayoutsOfOthers: objects in parts of any sizes, or in one piece although they are
// large, are verified in downloads and between buckets. That costs one HEAD request for
// an object in equal parts and none for an object without parts.
func TestLayoutsOfOthers(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, srv *s3server.Server) {
		source, content := newBucket(t, srv), map[string][]byte{}
		for key, tt := range layouts() {
			var parts [][]byte
			for i, size := range tt.parts {
				parts = append(parts, random(byte(i+1), size))
			}
			source.putParts(t, key, parts...)
			content[key] = bytes.Join(parts, nil)
		}
		content["plain"], content["large-plain"] = random(1, 100), random(2, 9*s3sync.MiB)
		source.put(t, "plain", content["plain"])
		source.put(t, "large-plain", content["large-plain"])

		root, target := t.TempDir(), newBucket(t, srv)
		for _, side := range []s3sync.Endpoint{local(root), target.at("")} {
			proxy := faultproxy.New(t, srv.Endpoint)
			cfg := config(source.at(proxy.URL), side) // with the default parts of 8 MiB
			run(t, cfg).succeeded(t, len(content))
			for key, tt := range layouts() {
				if got := proxy.Count("HEAD " + key); got != len(tt.heads) {
					t.Errorf("%s: %d HEAD requests, want %d", key, got, len(tt.heads))
				}
			}
			if got := proxy.Count("HEAD *plain"); got != 0 {
				t.Errorf("%d HEAD requests for objects that are in no parts", got)
			}
		}
		for key, data := range content {
			if got, err := os.ReadFile(filepath.Join(root, key)); err != nil || !bytes.Equal(got, data) {
				t.Errorf("%s: %v, or other content", key, err)
			}
			target.contains(t, content, []string{key})
		}
		// Objects that were written in our parts are now found equal.
		if again := sync(t, config(source.at(""), target.at(""))); again.Transferred != 0 {
			t.Errorf("again: %+v", again.Stats)
		}
	})
}

// TestLayoutFromServerThatDoesNotTell: some servers ignore partNumber in HEAD. Usual
// part sizes are tried; an object with other parts is transferred with a warning.
func TestLayoutFromServerThatDoesNotTell(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, srv *s3server.Server) {
		source := newBucket(t, srv)
		source.putParts(t, "usual-8", random(1, 8*s3sync.MiB), random(2, 100))
		source.putParts(t, "odd", random(1, 7*s3sync.MiB+1), random(2, 6*s3sync.MiB+1), random(3, 100))
		for name, fault := range map[string]string{
			"the whole":       "HeadObject set.Content-Length=99999999",
			"not implemented": "HeadObject status=501",
			"bad request":     "HeadObject status=400",
		} {
			t.Run(name, func(t *testing.T) {
				root := t.TempDir()
				proxy := faultproxy.New(t, srv.Endpoint, fault)
				o := run(t, config(source.at(proxy.URL), local(root)))
				if o.err != nil || o.Transferred != 2 || o.ETagVerified != 1 || o.Unverified != 1 || o.Warnings != 1 || o.Failed != 0 {
					t.Errorf("%v, %+v\n%s", o.err, o.Stats, o.log)
				}
				if events := o.eventsOf(s3sync.EventUnverified); len(events) != 1 || events[0].Key != "odd" || events[0].Err == nil {
					t.Errorf("%+v", events)
				}
				hasFiles(t, root, "odd", "usual-8")
			})
		}
	})
}

// TestVerificationOff: nothing unnecessary is compared, and nothing unverified counts
// as verified. Damage then remains undetected.
func TestVerificationOff(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, srv *s3server.Server) {
		source := newBucket(t, srv)
		source.put(t, "plain", random(1, 100))
		source.putParts(t, "parts", random(1, 5*s3sync.MiB), random(2, 100))
		for name, tt := range map[string]struct {
			adjust   func(*s3sync.Config)
			verified int64
			heads    int
		}{
			"on":        {func(*s3sync.Config) {}, 2, 1},
			"multipart": {func(c *s3sync.Config) { c.Verify.Multipart = false }, 1, 0},
			"all":       {func(c *s3sync.Config) { c.Verify.ETag, c.Verify.Multipart = false, false }, 0, 0},
		} {
			t.Run(name, func(t *testing.T) {
				target, root := newBucket(t, srv), t.TempDir()
				for _, side := range []s3sync.Endpoint{local(root), target.at("")} {
					proxy := faultproxy.New(t, srv.Endpoint)
					cfg := smallParts(config(source.at(proxy.URL), side))
					tt.adjust(cfg)
					o := run(t, cfg)
					if o.err != nil || o.Transferred != 2 || o.ETagVerified != tt.verified || o.Unverified != 2-tt.verified || o.Warnings != 0 {
						t.Errorf("%v, %+v\n%s", o.err, o.Stats, o.log)
					}
					if got := proxy.Count("HEAD"); got != tt.heads {
						t.Errorf("%d HEAD requests, want %d", got, tt.heads)
					}
				}
				target.holds(t, []string{"parts", "plain"})
				hasFiles(t, root, "parts", "plain")
			})
		}
		t.Run("damage", func(t *testing.T) {
			root := t.TempDir()
			proxy := faultproxy.New(t, srv.Endpoint, "GetObject flip byte=0")
			cfg := config(source.at(proxy.URL), local(root))
			cfg.Verify.ETag, cfg.Verify.Multipart = false, false
			if o := run(t, cfg); o.err != nil || o.Unverified != 2 {
				t.Errorf("%v, %+v", o.err, o.Stats)
			}
			if got, err := os.ReadFile(filepath.Join(root, "plain")); err != nil || bytes.Equal(got, random(1, 100)) {
				t.Errorf("%v, or the damage did not happen", err)
			}
		})
	})
}

// TestEncryptedBuckets: the ETag of an object that the server encrypts with KMS is not
// a digest. It is not compared, on either side, and the run reports that. Encryption
// that keeps digests does not reduce the comparison.
func TestEncryptedBuckets(t *testing.T) {
	t.Parallel()
	srv := s3server.Shared(t, s3server.MinIO)
	for name, tt := range map[string]struct {
		rule     types.ServerSideEncryptionByDefault
		verified int64
	}{
		"SSE-S3":  {types.ServerSideEncryptionByDefault{SSEAlgorithm: types.ServerSideEncryptionAes256}, 2},
		"SSE-KMS": {types.ServerSideEncryptionByDefault{SSEAlgorithm: types.ServerSideEncryptionAwsKms, KMSMasterKeyID: new("test-key")}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			root, encrypted, copied := t.TempDir(), newBucket(t, srv), filepath.Join(t.TempDir(), "copy")
			_, err := srv.Client().PutBucketEncryption(t.Context(), &s3.PutBucketEncryptionInput{
				Bucket: &encrypted.name,
				ServerSideEncryptionConfiguration: &types.ServerSideEncryptionConfiguration{
					Rules: []types.ServerSideEncryptionRule{{ApplyServerSideEncryptionByDefault: &tt.rule}},
				},
			})
			if err != nil {
				t.Fatal(err)
			}
			write(t, root, "plain", random(1, 100))
			write(t, root, "parts", random(2, 6*s3sync.MiB))
			for _, cfg := range []*s3sync.Config{
				config(local(root), encrypted.at("")),
				config(encrypted.at(""), local(copied)),
			} {
				o := run(t, smallParts(cfg))
				if o.err != nil || o.Transferred != 2 || o.ETagVerified != tt.verified || o.Unverified != 2-tt.verified || o.Warnings != 0 {
					t.Errorf("%v, %+v\n%s", o.err, o.Stats, o.log)
				}
				if told := strings.Contains(o.log, "level=INFO msg=\"not verified.\""); told != (tt.verified == 0) {
					t.Error(o.log)
				}
			}
			sameTree(t, root, copied)
		})
	}
}
