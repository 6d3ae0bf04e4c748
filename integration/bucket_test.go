package integration_test

import (
	"bytes"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/google/go-cmp/cmp"

	"s3sync"
	"s3sync/internal/faultproxy"
	"s3sync/internal/s3server"
)

// A bucket is a new bucket, which tests inspect without a proxy.
type bucket struct {
	*s3server.Server

	name string
}

func newBucket(t *testing.T, srv *s3server.Server) bucket {
	t.Helper()
	return bucket{srv, srv.Bucket(t)}
}

// at returns the bucket as a side, behind the proxy at endpoint if that is not empty.
func (b bucket) at(endpoint string) s3sync.Endpoint { return at(b.Server, endpoint, "s3://"+b.name) }

func (b bucket) put(t *testing.T, key string, data []byte) {
	t.Helper()
	_, err := b.Client().PutObject(t.Context(), &s3.PutObjectInput{
		Bucket: &b.name, Key: &key, Body: bytes.NewReader(data),
	})
	if err != nil {
		t.Fatal(err)
	}
}

// putParts writes an object in parts of the given data.
func (b bucket) putParts(t *testing.T, key string, parts ...[]byte) {
	t.Helper()
	upload, err := b.Client().CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: &b.name, Key: &key})
	if err != nil {
		t.Fatal(err)
	}
	b.finish(t, key, upload.UploadId, parts...)
}

// finish writes the parts of an upload and completes it.
func (b bucket) finish(t *testing.T, key string, uploadID *string, parts ...[]byte) {
	t.Helper()
	var done types.CompletedMultipartUpload
	for i, data := range parts {
		n := aws.Int32(int32(i) + 1)
		out, err := b.Client().UploadPart(t.Context(), &s3.UploadPartInput{
			Bucket: &b.name, Key: &key, UploadId: uploadID, PartNumber: n, Body: bytes.NewReader(data),
		})
		if err != nil {
			t.Fatal(err)
		}
		done.Parts = append(done.Parts, types.CompletedPart{PartNumber: n, ETag: out.ETag})
	}
	_, err := b.Client().CompleteMultipartUpload(t.Context(), &s3.CompleteMultipartUploadInput{
		Bucket: &b.name, Key: &key, UploadId: uploadID, MultipartUpload: &done,
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (b bucket) get(t *testing.T, key string) []byte {
	t.Helper()
	out, err := b.Client().GetObject(t.Context(), &s3.GetObjectInput{Bucket: &b.name, Key: &key})
	if err != nil {
		t.Fatal(err)
	}
	defer out.Body.Close()
	data, err := io.ReadAll(out.Body)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// contains checks that some of the objects have the right bytes.
func (b bucket) contains(t *testing.T, content map[string][]byte, keys []string) {
	t.Helper()
	for _, key := range keys {
		if got := b.get(t, key); !bytes.Equal(got, content[key]) {
			t.Errorf("%s has other content: %d bytes, want %d", key, len(got), len(content[key]))
		}
	}
}

// keys returns the keys of all objects in order.
func (b bucket) keys(t *testing.T) []string {
	t.Helper()
	keys := []string{}
	pages := s3.NewListObjectsV2Paginator(b.Client(), &s3.ListObjectsV2Input{Bucket: &b.name})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range page.Contents {
			keys = append(keys, aws.ToString(o.Key))
		}
	}
	return keys
}

// holds checks that the bucket has exactly these keys, and no unfinished upload of one
// of them or of those in also.
func (b bucket) holds(t *testing.T, want []string, also ...string) {
	t.Helper()
	if diff := cmp.Diff(inOrder(want), b.keys(t)); diff != "" {
		t.Errorf("keys in the bucket (-want +got):\n%s", diff)
	}
	for _, key := range slices.Concat(want, also) {
		if open := b.OpenUploads(t, b.name, key); len(open) > 0 {
			t.Errorf("uploads that were left open: %q", open)
		}
	}
}

// hasFiles checks that a directory has exactly these files.
func hasFiles(t *testing.T, root string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(inOrder(want), names(t, root)); diff != "" {
		t.Errorf("files in the directory (-want +got):\n%s", diff)
	}
}

func inOrder(keys []string) []string {
	sorted := append([]string{}, keys...)
	slices.Sort(sorted)
	return sorted
}

// random returns random bytes that depend only on the seed.
func random(seed byte, size int) []byte {
	data := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{seed}).Read(data) // never fails
	return data
}

// numberedKeys returns n keys "key-00", "key-01" and so on.
func numberedKeys(n int) []string {
	keys := make([]string, n)
	for i := range keys {
		keys[i] = "key-" + string(rune('0'+i/10)) + string(rune('0'+i%10))
	}
	return keys
}

func addRule(t *testing.T, proxy *faultproxy.Proxy, text string) {
	t.Helper()
	if err := proxy.Add(text); err != nil {
		t.Fatal(err)
	}
}

// oneLine checks that an error is readable for a user.
func oneLine(t *testing.T, err error) {
	t.Helper()
	for _, noise := range []string{"\n", "operation error", "RequestID", "request id", "https response", "exceeded maximum"} {
		if strings.Contains(strings.ToLower(err.Error()), strings.ToLower(noise)) {
			t.Errorf("the error holds %q: %q", noise, err)
		}
	}
}
