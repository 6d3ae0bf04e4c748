package bucket_test

import (
	"encoding/base64"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"s3sync/internal/checksum"
	"s3sync/internal/s3server"
	"s3sync/storage"
)

// sumOf is the checksum of bytes as S3 writes it.
func sumOf(alg checksum.Algorithm, data string) string {
	return base64.StdEncoding.EncodeToString(checksum.Digest(alg, []byte(data)))
}

// sumServer answers for object "k" with checksum headers: with those of the
// object, or in answers about a part of it with those of the part.
func sumServer(tag string, ofObject, ofPart map[string]string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Amz-Checksum-Mode") == "ENABLED" {
			headers := ofObject
			if r.Header.Get("Range") != "" || r.URL.Query().Has("partNumber") {
				headers = ofPart
			}
			for name, value := range headers {
				w.Header().Set(name, value)
			}
		}
		if r.URL.Query().Has("partNumber") {
			w.Header().Set("ETag", `"`+tag+`"`)
			w.Header().Set("Content-Length", "8")
			return
		}
		object(w, r, content, tag)
	}
}

// TestReadChecksums: what is told of checksums, and which requests that takes.
func TestReadChecksums(t *testing.T) {
	full := map[string]string{"X-Amz-Checksum-Sha1": sumOf(checksum.SHA1, "whole") + "-3", "X-Amz-Checksum-Type": "COMPOSITE"}
	part := map[string]string{"X-Amz-Checksum-Sha1": sumOf(checksum.SHA1, "part"), "X-Amz-Checksum-Type": "COMPOSITE"}
	sums := []storage.Checksum{{Algorithm: "SHA1", Value: sumOf(checksum.SHA1, "whole") + "-3", Type: "COMPOSITE"}}
	for name, tt := range map[string]struct {
		opts   storage.OpenOptions
		object map[string]string
		info   []storage.Checksum // of Reader.Info
		want   []storage.Checksum // of Reader.Checksums
		heads  int
	}{
		"not asked":          {storage.OpenOptions{}, full, nil, nil, 0},
		"not asked, ranged":  {storage.OpenOptions{First: 8}, full, nil, nil, 0},
		"whole":              {storage.OpenOptions{Checksums: true}, full, sums, sums, 0},
		"whole without":      {storage.OpenOptions{Checksums: true}, nil, nil, nil, 0},
		"ranged":             {storage.OpenOptions{Checksums: true, First: 8}, full, nil, sums, 1},
		"ranged to the end":  {storage.OpenOptions{Checksums: true, First: 20}, full, nil, sums, 1},
		"ranged without":     {storage.OpenOptions{Checksums: true, First: 8}, nil, nil, nil, 1},
		"ranged, of version": {storage.OpenOptions{Checksums: true, First: 8, VersionID: "v"}, full, nil, sums, 1},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t, sumServer(etag+"-3", tt.object, part))
			r := reader(t, open(t, f.options()), tt.opts)
			if diff := cmp.Diff(tt.info, r.Info().Checksums); diff != "" {
				t.Errorf("Info (-want +got):\n%s", diff)
			}
			for range 2 {
				got, err := r.Checksums(t.Context())
				if diff := cmp.Diff(tt.want, got); diff != "" || err != nil {
					t.Errorf("Checksums: %v (-want +got):\n%s", err, diff)
				}
			}
			for _, r := range f.all() {
				if got := r.Header.Get("X-Amz-Checksum-Mode") != ""; got != tt.opts.Checksums {
					t.Errorf("%s asks for checksums: %v", r.Method, got)
				}
			}
			if got := len(f.all()) - 1; got != tt.heads {
				t.Fatalf("%d requests after the first, want %d", got, tt.heads)
			}
			if last, _ := f.last(t); tt.heads > 0 && (last.Method != http.MethodHead ||
				last.Header.Get("If-Match") != `"`+etag+`-3"` || last.URL.Query().Get("versionId") != tt.opts.VersionID) {
				t.Errorf("request %s %s, If-Match %s", last.Method, last.URL, last.Header.Get("If-Match"))
			}
		})
	}
}

func TestReadChecksumsChanged(t *testing.T) {
	for name, handle := range map[string]http.HandlerFunc{
		"precondition": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(412) },
		"deleted":      func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404) },
		"another ETag": func(w http.ResponseWriter, r *http.Request) { object(w, r, content, "other") },
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodGet {
					object(w, r, content, etag)
					return
				}
				handle(w, r)
			})
			r := reader(t, open(t, f.options()), storage.OpenOptions{Checksums: true, First: 8})
			_, err := r.Checksums(t.Context())
			wantKind(t, err, storage.ErrChanged)
		})
	}
}

// TestReadIgnoresChecksum: whether what was read is what the checksum says is
// for the caller to find out, who may read a composite one in parts. The SDK
// must not do it again, nor fail for what it does not understand.
func TestReadIgnoresChecksum(t *testing.T) {
	for name, value := range map[string]string{
		"other":       sumOf(checksum.CRC32, "other"),
		"composite":   sumOf(checksum.CRC32, "other") + "-2",
		"no checksum": "?",
	} {
		for _, first := range []int64{0, 8} {
			t.Run(name, func(t *testing.T) {
				headers := map[string]string{"X-Amz-Checksum-Crc32": value}
				f := newFake(t, sumServer(etag, headers, headers))
				r := reader(t, open(t, f.options()), storage.OpenOptions{Checksums: true, First: first})
				n := first
				if n == 0 {
					n = 20
				}
				if got, err := readAt(t, r, n, 0); got != content[:n] || err != nil {
					t.Errorf("read %q, %v", got, err)
				}
			})
		}
	}
}

func TestStatOptions(t *testing.T) {
	headers := map[string]string{"X-Amz-Checksum-Md5": sumOf(checksum.MD5, "x"), "X-Amz-Checksum-Type": "FULL_OBJECT"}
	sums := []storage.Checksum{{Algorithm: "MD5", Value: sumOf(checksum.MD5, "x"), Type: "FULL_OBJECT"}}
	for name, tt := range map[string]struct {
		etag     string
		opts     storage.StatOptions
		sums     []storage.Checksum
		parts    []int64
		requests int
	}{
		"nothing":         {etag + "-3", storage.StatOptions{}, nil, nil, 1},
		"version":         {etag + "-3", storage.StatOptions{VersionID: "v"}, nil, nil, 1},
		"checksums":       {etag + "-3", storage.StatOptions{Checksums: true}, sums, nil, 1},
		"parts":           {etag + "-3", storage.StatOptions{VersionID: "v", Parts: storage.InferParts}, nil, []int64{8, 8, 4}, 2},
		"exact parts":     {etag + "-3", storage.StatOptions{Checksums: true, Parts: storage.ExactParts}, sums, []int64{8, 8, 4}, 4},
		"parts of whole":  {etag, storage.StatOptions{Parts: storage.ExactParts}, nil, []int64{20}, 1},
		"parts not known": {etag + "-7", storage.StatOptions{Parts: storage.InferParts}, nil, nil, 8},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("If-Match") == "" {
					sumServer(tt.etag, headers, nil)(w, r)
					return
				}
				partServer([]int64{8, 8, 4, 0, 0, 0, 7}, tt.etag)(w, r)
			})
			info, err := open(t, f.options()).Stat(t.Context(), "k", tt.opts)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.sums, info.Checksums); diff != "" {
				t.Errorf("checksums (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.parts, info.Parts); diff != "" {
				t.Errorf("parts (-want +got):\n%s", diff)
			}
			if len(f.all()) != tt.requests {
				t.Errorf("%d requests, want %d", len(f.all()), tt.requests)
			}
			for i, r := range f.all() {
				if got := r.Header.Get("X-Amz-Checksum-Mode") != ""; got != (i == 0 && tt.opts.Checksums) {
					t.Errorf("request %d asks for checksums: %v", i+1, got)
				}
				if got := r.URL.Query().Get("versionId"); got != tt.opts.VersionID {
					t.Errorf("version %q, want %q", got, tt.opts.VersionID)
				}
			}
		})
	}
}

// TestStatVersions: every version tells its own checksum and parts.
func TestStatVersions(t *testing.T) {
	for _, kind := range s3server.Kinds() {
		t.Run(string(kind), func(t *testing.T) {
			server := s3server.Shared(t, kind)
			s := open(t, options(server, server.VersionedBucket(t)))
			var old []storage.Info
			for _, data := range []string{"one", "more"} {
				info, err := writeParts(t, s, [][]byte{[]byte(data)}, storage.WriteOptions{
					Size: int64(len(data)), Checksum: storage.Checksum{Algorithm: "SHA256"},
				})
				if err != nil || info.VersionID == "" {
					t.Fatalf("%+v, %v", info, err)
				}
				info.Parts = []int64{info.Size}
				old = append(old, info)
			}
			if errs := s.Delete(t.Context(), objectsOf("k"), storage.DeleteOptions{}); errs[0] != nil {
				t.Fatal(errs)
			}
			for _, want := range old {
				got, err := s.Stat(t.Context(), "k", storage.StatOptions{VersionID: want.VersionID, Checksums: true, Parts: storage.ExactParts})
				got.ModTime, got.Attributes = want.ModTime, want.Attributes
				if diff := cmp.Diff(want, got); diff != "" || err != nil {
					t.Errorf("%v (-want +got):\n%s", err, diff)
				}
			}
			if _, err := s.Stat(t.Context(), "k", storage.StatOptions{Checksums: true}); !storage.Gone(err) {
				t.Errorf("the deleted object: %v", err)
			}
		})
	}
}
