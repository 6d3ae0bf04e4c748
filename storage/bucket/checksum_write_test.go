package bucket_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"s3sync/internal/checksum"
	"s3sync/internal/faultproxy"
	"s3sync/internal/s3server"
	"s3sync/storage"
	"s3sync/storage/bucket"
)

// checksumHeaders are those of a request that have to do with checksums.
func checksumHeaders(r *http.Request) map[string]string {
	got := map[string]string{}
	for name := range r.Header {
		if strings.Contains(name, "Checksum") || name == "X-Amz-Trailer" || name == "Content-Encoding" {
			got[strings.ToLower(name)] = r.Header.Get(name)
		}
	}
	return got
}

// completedWith is an answer to CompleteMultipartUpload with further elements.
func completedWith(elements string) string {
	return strings.Replace(completed(etag+"-1"), "</ETag>", "</ETag>"+elements, 1)
}

// TestChecksumRequests: what uploads carry for every algorithm: the value of the
// caller as it is, also over TLS, where the SDK would rather append its own.
func TestChecksumRequests(t *testing.T) {
	var complete string
	f, ca := tlsFake(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Has("uploadId") && r.Method == http.MethodPost {
			complete = bodyOf(r)
			_, sums, _ := strings.Cut(complete, "<Checksum")
			sums, _, _ = strings.Cut("<Checksum"+sums, "<ETag")
			_, _ = w.Write([]byte(completedWith(sums)))
			return
		}
		uploadServer("", nil)(w, r)
	})
	t.Setenv("AWS_CA_BUNDLE", ca)
	s := open(t, f.options())
	for _, alg := range checksum.Algorithms() {
		for _, typ := range []checksum.Type{"", checksum.Composite, checksum.FullObject} {
			if typ != "" && !checksum.Allows(alg, typ) {
				continue
			}
			t.Run(fmt.Sprint(alg, " ", typ), func(t *testing.T) {
				// A sum that nobody else can compute.
				sum := bytes.Repeat([]byte{7}, checksum.Size(alg))
				b := block([]byte(content))
				b.Checksum = sum
				opts := storage.WriteOptions{Size: 20, Checksum: storage.Checksum{Algorithm: alg, Type: typ}}
				value := base64.StdEncoding.EncodeToString(sum)
				data := map[string]string{checksum.Header(alg): value, "x-amz-sdk-checksum-algorithm": string(alg)}
				begin := map[string]string{"x-amz-checksum-algorithm": string(alg)}
				end := map[string]string{}
				if typ == checksum.FullObject {
					begin["x-amz-checksum-type"] = "FULL_OBJECT"
					// Of one part, the whole is the part.
					end["x-amz-checksum-type"], end[checksum.Header(alg)] = "FULL_OBJECT", value
				}
				from := len(f.all())
				if _, err := s.Put(t.Context(), "k", b, opts); err != nil {
					t.Fatal(err)
				}
				w, err := s.Create(t.Context(), "k", opts)
				if err != nil {
					t.Fatal(err)
				}
				if err := w.WritePart(t.Context(), 1, 0, b); err != nil {
					t.Fatal(err)
				}
				if _, err := w.Commit(t.Context()); err != nil {
					t.Fatal(err)
				}
				var got []map[string]string
				for _, r := range f.all()[from:] {
					got = append(got, checksumHeaders(r))
				}
				if diff := cmp.Diff([]map[string]string{data, begin, data, end}, got); diff != "" {
					t.Errorf("headers of put, create, part, complete (-want +got):\n%s", diff)
				}
				if part := fmt.Sprintf("<Checksum%s>%s</Checksum%s>", alg, value, alg); !strings.Contains(complete, part) {
					t.Errorf("%s is not in %s", part, complete)
				}
				if body := f.bodies[from]; body != content {
					t.Errorf("the body of the put is %q", body)
				}
			})
		}
	}
}

// TestChecksumMadeUp: a caller without the digest, and the part that stands for
// an empty object.
func TestChecksumMadeUp(t *testing.T) {
	empty := sumOf(checksum.CRC64NVME, "")
	f := newFake(t, uploadServer("", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(completedWith("<ChecksumCRC64NVME>" + empty + "</ChecksumCRC64NVME>")))
	}))
	s := open(t, f.options())
	opts := storage.WriteOptions{Checksum: storage.Checksum{Algorithm: "CRC64NVME", Type: "FULL_OBJECT"}}
	w, err := s.Create(t.Context(), "k", opts)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	opts.Size = 3
	if _, err := s.Put(t.Context(), "k", storage.Block{Data: []byte("abc")}, opts); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range f.all() {
		got = append(got, r.Header.Get("X-Amz-Checksum-Crc64nvme"))
	}
	if diff := cmp.Diff([]string{"", empty, empty, sumOf(checksum.CRC64NVME, "abc")}, got); diff != "" {
		t.Errorf("create, part, complete, put (-want +got):\n%s", diff)
	}
}

// TestChecksumOfStream: a digest that nobody knows cannot go before the bytes.
func TestChecksumOfStream(t *testing.T) {
	f := newFake(t, uploadServer("", nil))
	s := open(t, f.options())
	opts := storage.WriteOptions{Size: 3, Checksum: storage.Checksum{Algorithm: "CRC32"}}
	stream := func() storage.Block { return storage.Block{Stream: strings.NewReader("abc"), Size: 3} }
	_, err := s.Put(t.Context(), "k", stream(), opts)
	wantKind(t, err, nil)
	w, err := s.Create(t.Context(), "k", opts)
	if err != nil {
		t.Fatal(err)
	}
	wantKind(t, w.WritePart(t.Context(), 1, 0, stream()), nil)
	f.wantSeen(t, "POST uploads")
	b := stream()
	b.Checksum = checksum.Digest(checksum.CRC32, []byte("abc"))
	if _, err := s.Put(t.Context(), "k", b, opts); err != nil {
		t.Error(err)
	}
	if last, body := f.last(t); last.Header.Get("X-Amz-Checksum-Crc32") != sumOf(checksum.CRC32, "abc") || body != "abc" {
		t.Errorf("%v, %q", checksumHeaders(last), body)
	}
}

func TestChecksumUnknown(t *testing.T) {
	f := newFake(t, func(http.ResponseWriter, *http.Request) {})
	s := open(t, f.options())
	opts := storage.WriteOptions{Checksum: storage.Checksum{Algorithm: "CRC7"}}
	_, err := s.Put(t.Context(), "k", storage.Block{}, opts)
	wantKind(t, err, nil)
	_, err = s.Create(t.Context(), "k", opts)
	wantKind(t, err, nil)
	f.wantSeen(t)
}

// TestChecksumAnswers: what is told of the object that was written.
func TestChecksumAnswers(t *testing.T) {
	value := sumOf(checksum.XXHASH3, "x")
	want := []storage.Checksum{{Algorithm: "XXHASH3", Value: value + "-2", Type: "COMPOSITE"}}
	headers := map[string]string{"X-Amz-Checksum-Xxhash3": value + "-2", "X-Amz-Checksum-Type": "COMPOSITE"}
	inBody := "<ChecksumXXHASH3>" + value + "-2</ChecksumXXHASH3>"
	for name, tt := range map[string]struct {
		headers map[string]string
		body    string
		want    []storage.Checksum
	}{
		"in headers":        {headers, "", want},
		"in the body":       {nil, inBody + "<ChecksumType>COMPOSITE</ChecksumType>", want},
		"in both":           {headers, inBody, want},
		"the body goes on":  {map[string]string{"X-Amz-Checksum-Xxhash3": "?"}, inBody + "<ChecksumType>COMPOSITE</ChecksumType>", want},
		"nothing":           {nil, "", nil},
		"another, unasked":  {nil, "<ChecksumCRC32>" + sumOf(checksum.CRC32, "x") + "</ChecksumCRC32>", []storage.Checksum{{Algorithm: "CRC32", Value: sumOf(checksum.CRC32, "x")}}},
		"of no form at all": {nil, "<ChecksumXXHASH3>odd</ChecksumXXHASH3>", nil},
	} {
		t.Run(name, func(t *testing.T) {
			answer := func(w http.ResponseWriter) {
				for name, value := range tt.headers {
					w.Header().Set(name, value)
				}
				w.Header().Set("ETag", etag)
			}
			f := newFake(t, uploadServer("", func(w http.ResponseWriter, _ *http.Request) {
				answer(w)
				_, _ = w.Write([]byte(completedWith(tt.body)))
			}))
			w, err := open(t, f.options()).Create(t.Context(), "k", storage.WriteOptions{})
			if err != nil {
				t.Fatal(err)
			}
			info, err := w.Commit(t.Context())
			if diff := cmp.Diff(tt.want, info.Checksums); diff != "" || err != nil {
				t.Errorf("Commit: %v (-want +got):\n%s", err, diff)
			}
			if tt.body != "" {
				return
			}
			f = newFake(t, func(w http.ResponseWriter, _ *http.Request) { answer(w) })
			info, err = open(t, f.options()).Put(t.Context(), "k", storage.Block{}, storage.WriteOptions{})
			if diff := cmp.Diff(tt.want, info.Checksums); diff != "" || err != nil {
				t.Errorf("Put: %v (-want +got):\n%s", err, diff)
			}
		})
	}
}

// TestChecksumAskedFor: an upload that was completed without telling a checksum
// is complete, whether the object tells one or not.
func TestChecksumAskedFor(t *testing.T) {
	value := sumOf(checksum.CRC32C, "x")
	for name, tt := range map[string]struct {
		head http.HandlerFunc
		want []storage.Checksum
	}{
		"told":        {sumServer(etag+"-1", map[string]string{"X-Amz-Checksum-Crc32c": value}, nil), []storage.Checksum{{Algorithm: "CRC32C", Value: value}}},
		"not told":    {sumServer(etag+"-1", nil, nil), nil},
		"another now": {sumServer(etag, map[string]string{"X-Amz-Checksum-Crc32c": value}, nil), nil},
		"failed":      {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(403) }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodHead {
					tt.head(w, r)
					return
				}
				uploadServer("", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(completed(etag + "-1"))) })(w, r)
			})
			w, err := open(t, f.options()).Create(t.Context(), "k", storage.WriteOptions{Checksum: storage.Checksum{Algorithm: "CRC32C"}})
			if err != nil {
				t.Fatal(err)
			}
			info, err := w.Commit(t.Context())
			if diff := cmp.Diff(tt.want, info.Checksums); diff != "" || err != nil || info.ETag != etag+"-1" {
				t.Errorf("%+v, %v (-want +got):\n%s", info, err, diff)
			}
			f.wantSeen(t, "POST uploads", "PUT uploadId partNumber", "POST uploadId", "HEAD")
		})
	}
}

// TestPartChecksumMismatch: a server that has other bytes than were sent says so
// by its checksum, also where the ETag says nothing.
func TestPartChecksumMismatch(t *testing.T) {
	for name, tt := range map[string]struct {
		algorithm   storage.ChecksumAlgorithm
		name, value string
		want        error
	}{
		"right":            {"SHA512", "X-Amz-Checksum-Sha512", sumOf(checksum.SHA512, "abc"), nil},
		"wrong":            {"SHA512", "X-Amz-Checksum-Sha512", sumOf(checksum.SHA512, "abx"), storage.ErrMismatch},
		"of no form":       {"SHA512", "X-Amz-Checksum-Sha512", "odd", storage.ErrMismatch},
		"no answer":        {"SHA512", "X-Amz-Checksum-Sha512", "", nil},
		"other algorithm":  {"SHA512", "X-Amz-Checksum-Crc32", sumOf(checksum.CRC32, "abx"), nil},
		"nothing was sent": {"", "X-Amz-Checksum-Crc32", sumOf(checksum.CRC32, "abx"), nil},
	} {
		for _, sse := range []string{"", "aws:kms"} {
			t.Run(strings.TrimSpace(name+" "+sse), func(t *testing.T) {
				f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
					w.Header().Set(tt.name, tt.value)
					if sse != "" {
						w.Header().Set("X-Amz-Server-Side-Encryption", sse)
					}
					uploadServer("", nil)(w, r)
				})
				w, err := open(t, f.options()).Create(t.Context(), "k", storage.WriteOptions{Size: 3, Checksum: storage.Checksum{Algorithm: tt.algorithm}})
				if err != nil {
					t.Fatal(err)
				}
				b := block([]byte("abc"))
				b.Checksum = checksum.Digest(tt.algorithm, b.Data)
				if err = w.WritePart(t.Context(), 1, 0, b); tt.want == nil {
					if err != nil {
						t.Error(err)
					}
					return
				}
				wantKind(t, err, tt.want)
			})
		}
	}
}

// supportsChecksum reports whether a server has an algorithm: see the package comment
// of s3server.
func supportsChecksum(kind s3server.Kind, alg checksum.Algorithm) bool {
	switch alg {
	case checksum.CRC32, checksum.CRC32C, checksum.CRC64NVME, checksum.SHA1, checksum.SHA256:
		return true
	default:
		return kind == s3server.VersityGW
	}
}

// TestChecksumsOnServers: all checksums that real servers know, of objects
// written whole and in parts, and read in every way.
func TestChecksumsOnServers(t *testing.T) {
	part := bytes.Repeat([]byte("some data of a part\n"), 5<<20/20+1)
	for _, kind := range s3server.Kinds() {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			server := s3server.Shared(t, kind)
			s := open(t, options(server, server.Bucket(t)))
			for _, alg := range checksum.Algorithms() {
				for _, typ := range []checksum.Type{checksum.Composite, checksum.FullObject} {
					if !checksum.Allows(alg, typ) {
						continue
					}
					t.Run(fmt.Sprint(alg, " ", typ), func(t *testing.T) {
						want := storage.Checksum{Algorithm: alg, Type: typ}
						data := [][]byte{part, []byte(content)}
						if !supportsChecksum(kind, alg) {
							_, err := s.Create(t.Context(), "k", storage.WriteOptions{Size: 20, Checksum: want})
							wantKind(t, err, nil)
							info, err := s.Put(t.Context(), "k", storage.Block{Data: data[1]}, storage.WriteOptions{Size: 20, Checksum: want})
							if err != nil || info.Checksums != nil {
								t.Errorf("Put = %+v, %v", info, err)
							}
							return
						}
						writeSum(t, s, want, data[1:])
						if !testing.Short() {
							writeSum(t, s, want, data)
						}
						writeDamaged(t, s, want)
					})
				}
			}
		})
	}
}

// writeSum writes object "k" in parts, or whole if there is but one, and wants its
// checksum in every answer.
func writeSum(t *testing.T, s *bucket.Store, want storage.Checksum, parts [][]byte) {
	t.Helper()
	var sizes []int64
	data := bytes.Join(parts, nil)
	for _, p := range parts {
		sizes = append(sizes, int64(len(p)))
	}
	layout, err := checksum.Parts(sizes)
	if err != nil {
		t.Fatal(err)
	}
	if len(parts) == 1 {
		layout = checksum.Whole(sizes[0])
	}
	sum, err := checksum.NewSum(want.Algorithm, layout, want.Type)
	if err != nil {
		t.Fatal(err)
	}
	if err := sum.WriteAt(t.Context(), data, 0); err != nil {
		t.Fatal(err)
	}
	opts := storage.WriteOptions{Size: int64(len(data)), Checksum: want}
	if want.Value, err = sum.Value(); err != nil {
		t.Fatal(err)
	}
	want.Type = sum.Type()
	check := func(what string, got []storage.Checksum, err error) {
		t.Helper()
		if diff := cmp.Diff([]storage.Checksum{want}, got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", what, err, diff)
		}
	}
	info, err := writeParts(t, s, parts, opts)
	check("written", info.Checksums, err)
	info, err = s.Stat(t.Context(), "k", storage.StatOptions{Checksums: true, Parts: storage.ExactParts})
	check("Stat", info.Checksums, err)
	if diff := cmp.Diff(sizes, info.Parts); diff != "" {
		t.Errorf("parts (-want +got):\n%s", diff)
	}
	for _, first := range []int64{0, 8, int64(len(data))} {
		r := reader(t, s, storage.OpenOptions{Checksums: true, First: first})
		got, err := r.Checksums(t.Context())
		check(fmt.Sprintf("the first %d bytes read", first), got, err)
	}
}

// writeParts writes object "k" in parts, or whole if there is but one.
func writeParts(t *testing.T, s *bucket.Store, parts [][]byte, opts storage.WriteOptions) (storage.Info, error) {
	t.Helper()
	blockOf := func(data []byte) storage.Block {
		b := block(data)
		b.Checksum = checksum.Digest(opts.Checksum.Algorithm, data)
		return b
	}
	if len(parts) == 1 {
		return s.Put(t.Context(), "k", blockOf(parts[0]), opts)
	}
	w, err := s.Create(t.Context(), "k", opts)
	if err != nil {
		t.Fatal(err)
	}
	for i, data := range parts {
		if err := w.WritePart(t.Context(), i+1, 0, blockOf(data)); err != nil {
			t.Fatal(err)
		}
	}
	return w.Commit(t.Context())
}

// writeDamaged wants that the server refuses what is not as its checksum says.
func writeDamaged(t *testing.T, s *bucket.Store, want storage.Checksum) {
	t.Helper()
	b := storage.Block{Data: []byte(content), Checksum: checksum.Digest(want.Algorithm, []byte("other"))}
	opts := storage.WriteOptions{Size: 20, Checksum: want}
	_, err := s.Put(t.Context(), "damaged", b, opts)
	wantKind(t, err, storage.ErrMismatch)
	w, err := s.Create(t.Context(), "damaged", opts)
	if err != nil {
		t.Fatal(err)
	}
	wantKind(t, w.WritePart(t.Context(), 1, 0, b), storage.ErrMismatch)
	if err := w.Abort(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestChecksumAfterLostAnswer: what is known of an upload of whose completion
// nobody told.
func TestChecksumAfterLostAnswer(t *testing.T) {
	for kind, sse := range map[s3server.Kind]string{s3server.VersityGW: "", s3server.MinIO: "aws:kms"} {
		t.Run(string(kind)+" "+sse, func(t *testing.T) {
			server := s3server.Shared(t, kind)
			proxy := faultproxy.New(t, server.Endpoint, "CompleteMultipartUpload times=1 lost")
			opts := options(server, server.Bucket(t))
			opts.EndpointURL = proxy.URL
			opts.Encryption.SSE = sse
			w, err := open(t, opts).Create(t.Context(), "k", storage.WriteOptions{Size: 3, Checksum: storage.Checksum{Algorithm: "CRC32", Type: "FULL_OBJECT"}})
			if err != nil {
				t.Fatal(err)
			}
			if err := w.WritePart(t.Context(), 1, 0, block([]byte("abc"))); err != nil {
				t.Fatal(err)
			}
			info, err := w.Commit(t.Context())
			want := []storage.Checksum{{Algorithm: "CRC32", Value: sumOf(checksum.CRC32, "abc"), Type: "FULL_OBJECT"}}
			if diff := cmp.Diff(want, info.Checksums); diff != "" || err != nil {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
		})
	}
}
