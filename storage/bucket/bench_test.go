package bucket_test

import (
	"crypto/md5"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"s3sync/storage"
	"s3sync/storage/bucket"
)

// benchStore opens a store on a server that answers at once. Its cost is in the
// figures, too.
func benchStore(b *testing.B, handle http.HandlerFunc) *bucket.Store {
	b.Helper()
	server := httptest.NewServer(handle)
	b.Cleanup(server.Close)
	return open(b, bucket.Options{
		Bucket: "bucket", AccessKey: "a", SecretKey: "s", Region: "us-east-1", EndpointURL: server.URL, PathStyle: true,
		MaxAttempts: 1, StallTimeout: time.Minute, MaxConns: 16,
	})
}

// BenchmarkList is the cost of one key of a listing by 1,000.
func BenchmarkList(b *testing.B) {
	var text strings.Builder
	for i := range 1000 {
		text.WriteString(entry(fmt.Sprintf("some/prefix/%06d/object.bin", i)))
	}
	answer := []byte(listing(lastPage + text.String()))
	s := benchStore(b, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(answer) })
	n := 0
	for b.Loop() {
		for _, err := range s.List(b.Context(), storage.ListOptions{}) {
			if err != nil {
				b.Fatal(err)
			}
			n++
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/key")
}

// BenchmarkPut is the cost of one object of 10 KiB, its digests included.
func BenchmarkPut(b *testing.B) {
	s := benchStore(b, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("ETag", `"`+etag+`"`)
	})
	data := make([]byte, 10<<10)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			m, h := md5.Sum(data), sha256.Sum256(data)
			_, err := s.Put(b.Context(), "some/prefix/object.bin",
				storage.Block{Data: data, MD5: m[:], SHA256: h[:]}, storage.WriteOptions{Size: int64(len(data))})
			if err != nil {
				b.Error(err)
				return
			}
		}
	})
}

// BenchmarkGet is the cost of one object of 10 KiB.
func BenchmarkGet(b *testing.B) {
	content := strings.Repeat("x", 10<<10)
	s := benchStore(b, func(w http.ResponseWriter, r *http.Request) { object(w, r, content, etag) })
	b.SetBytes(int64(len(content)))
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		p := make([]byte, len(content))
		for pb.Next() {
			r, err := s.Open(b.Context(), "some/prefix/object.bin", storage.OpenOptions{})
			if err == nil {
				err = r.ReadAt(b.Context(), p, 0)
			}
			if err == nil {
				err = r.Close()
			}
			if err != nil {
				b.Error(err)
				return
			}
		}
	})
}
