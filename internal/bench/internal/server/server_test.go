package server

import (
	"bytes"
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"s3sync/internal/bench/internal/floor"
	"s3sync/internal/bench/internal/madeup"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// startTest serves buckets in this process, until the test ends.
func startTest(t *testing.T, s *server) (endpoint string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go s.accept(listener)
	return "http://" + listener.Addr().String()
}

// TestFloorAndServer: what the floor uploads, downloads and deletes is what the server
// has afterwards.
func TestFloorAndServer(t *testing.T) {
	for name, l := range map[string]madeup.Layout{
		"small":        {Objects: 300, Folder: 7, Size: 100},
		"empty":        {Objects: 3, Size: 0},
		"two listings": {Objects: 1500, Size: 1},
		"in parts":     {Objects: 2, Size: madeup.PartSize + 1000},
	} {
		for _, keep := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, keep %t", name, keep), func(t *testing.T) {
				s := &server{keep: keep, buckets: map[string]*bucket{"made": newBucket(l), "new": newBucket(madeup.Layout{})}}
				endpoint := startTest(t, s)
				dir := filepath.Join(t.TempDir(), "tree")
				run := func(args ...string) {
					t.Helper()
					if err := floor.Run(t.Context(), append([]string{"-endpoint", endpoint, "-workers", "3"}, args...)); err != nil {
						t.Fatal(err)
					}
				}
				check := func(bucket string) {
					t.Helper()
					if err := s.verify(bucket, dir); err != nil {
						t.Error(err)
					}
				}
				run("down", "s3://made", dir)
				check("made")
				run("up", dir, "s3://new")
				check("new")
				run("compare", dir, "s3://made")

				removed := filepath.Join(dir, string(l.AppendKey(nil, 1)))
				if err := os.Remove(removed); err != nil {
					t.Fatal(err)
				}
				if s.verify("new", dir) == nil {
					t.Error("a missing file was not noticed")
				}
				run("-delete", "compare", dir, "s3://made")
				check("made")
				for _, bucket := range []string{"made", "new"} {
					s.buckets[bucket].remove(string(l.AppendKey(nil, 1)))
				}
				check("new")
				changed := filepath.Join(dir, string(l.AppendKey(nil, 0)))
				for _, bucket := range []string{"made", "new"} {
					for _, size := range []int64{max(1, l.Size), l.Size + 1} {
						if err := os.WriteFile(changed, make([]byte, size), 0o600); err != nil {
							t.Fatal(err)
						}
						if s.verify(bucket, dir) == nil {
							t.Errorf("a changed file of %d bytes was not noticed in the bucket %s", size, bucket)
						}
					}
				}
			})
		}
	}
}

// TestVerifyBucket: a bucket is equal to one that has every second object if exactly the
// others were deleted, and nothing was written.
func TestVerifyBucket(t *testing.T) {
	l := madeup.Layout{Objects: 10, Size: 1}
	key := func(i int) string { return string(l.AppendKey(nil, i)) }
	for name, tt := range map[string]struct {
		deleted []int
		written []int
		equal   bool
	}{
		"equal":        {deleted: []int{1, 3, 5, 7, 9}, equal: true},
		"nothing":      {},
		"one too few":  {deleted: []int{1, 3, 5, 7}},
		"one too many": {deleted: []int{1, 3, 5, 7, 8, 9}},
		"another one":  {deleted: []int{1, 3, 5, 7, 8}},
		"written":      {deleted: []int{1, 3, 5, 7, 9}, written: []int{2}},
	} {
		t.Run(name, func(t *testing.T) {
			b, source := newBucket(l), newBucket(l)
			source.only(2)
			for _, i := range tt.deleted {
				b.remove(key(i))
			}
			for _, i := range tt.written {
				b.write(key(i), &object{size: 1})
			}
			s := &server{buckets: map[string]*bucket{"target": b, "source": source}}
			if err := s.verify("target", "s3://source"); (err == nil) != tt.equal {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestWriteTree(t *testing.T) {
	l := madeup.Layout{Objects: 50, Folder: 10, Size: 1000}
	dir := t.TempDir()
	if err := madeup.Files(t.Context(), []string{dir, l.String(), "1"}); err != nil {
		t.Fatal(err)
	}
	if err := (&server{buckets: map[string]*bucket{"b": newBucket(l)}}).verify("b", dir); err != nil {
		t.Error(err)
	}
}

// A listing is what the test reads of an answer.
type listing struct {
	Keys        []string `xml:"Contents>Key"`
	Versions    []string `xml:"Version>Key"`
	Prefixes    []string `xml:"CommonPrefixes>Prefix"`
	IsTruncated bool
	Token       string `xml:"NextContinuationToken"`
	KeyMarker   string `xml:"NextKeyMarker"`
}

// TestListing: the pages together are the objects that exist, whatever is asked for.
func TestListing(t *testing.T) {
	for _, versions := range []bool{false, true} {
		rapid.Check(t, func(t *rapid.T) {
			l := madeup.Layout{Objects: rapid.IntRange(0, 60).Draw(t, "objects"), Folder: rapid.IntRange(0, 7).Draw(t, "folder")}
			b := newBucket(l)
			prefix := rapid.SampledFrom([]string{"", "000", "000001", "000001/", "000001/0000", "00000001", "x"}).Draw(t, "prefix")
			delimiter := rapid.SampledFrom([]string{"", "/"}).Draw(t, "delimiter")
			after := rapid.SampledFrom([]string{"", "000000", "000001/000000004.bin", "000000004.bin", "zzz"}).Draw(t, "after")
			size := rapid.IntRange(1, 20).Draw(t, "size")
			var want []string
			for i := range l.Objects {
				key := string(l.AppendKey(nil, i))
				if rapid.Bool().Draw(t, "deleted") {
					b.remove(key)
					continue
				}
				rest, ok := strings.CutPrefix(key, prefix)
				if !ok || key <= after {
					continue
				}
				if at := strings.Index(rest, "/"); delimiter != "" && at >= 0 {
					key = prefix + rest[:at+1]
				}
				if !slices.Contains(want, key) {
					want = append(want, key)
				}
			}

			var got []string
			for more := true; more; {
				var page listing
				query := url.Values{"prefix": {prefix}, "delimiter": {delimiter}, "max-keys": {fmt.Sprint(size)}}
				name := "start-after"
				if versions {
					name = "key-marker"
				}
				if len(got) > 0 && !versions {
					name = "continuation-token"
				}
				query.Set(name, after)
				body := ask(t, b, query, versions)
				if err := xml.Unmarshal(body, &page); err != nil {
					t.Fatalf("%v in %s", err, body)
				}
				entries := slices.Concat(page.Keys, page.Versions, page.Prefixes)
				if len(entries) > size {
					t.Fatalf("a page of %d entries, at most %d were asked for", len(entries), size)
				}
				slices.Sort(entries)
				got = append(got, entries...)
				after, more = page.Token+page.KeyMarker, page.IsTruncated
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// ask returns the body of the answer to a request for a listing.
func ask(t *rapid.T, b *bucket, query url.Values, versions bool) []byte {
	ours, theirs := net.Pipe()
	go func() {
		defer func() { _ = ours.Close() }()
		c := &conversation{server: &server{}, conn: ours, request: request{bucket: "b", query: query.Encode()}}
		answer := c.list
		if versions {
			answer = c.listVersions
		}
		_ = answer(b) // seen by the reader
	}()
	data, err := io.ReadAll(theirs)
	if err != nil {
		t.Fatal(err)
	}
	_, body, _ := bytes.Cut(data, []byte("\r\n\r\n"))
	return body
}

// TestUploads: the ETag is that of the payload, however it is sent.
func TestUploads(t *testing.T) {
	const text = "hello, world"
	sum := md5.Sum([]byte(text))
	framed := "5;chunk-signature=0\r\nhello\r\n7\r\n, world\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n"
	for name, tt := range map[string]struct {
		body    string
		header  http.Header
		chunked bool
	}{
		"plain":                    {body: text},
		"with Content-MD5":         {body: text, header: http.Header{"Content-Md5": {base64.StdEncoding.EncodeToString(sum[:])}}},
		"with Expect":              {body: text, header: http.Header{"Expect": {"100-continue"}}},
		"with Transfer-Encoding":   {body: text, chunked: true},
		"aws-chunked":              {body: framed, header: http.Header{"X-Amz-Content-Sha256": {"STREAMING-UNSIGNED-PAYLOAD-TRAILER"}, "X-Amz-Decoded-Content-Length": {"12"}}},
		"aws-chunked, and chunked": {body: framed, chunked: true, header: http.Header{"X-Amz-Content-Sha256": {"STREAMING-UNSIGNED-PAYLOAD-TRAILER"}, "X-Amz-Decoded-Content-Length": {"12"}}},
	} {
		t.Run(name, func(t *testing.T) {
			s := &server{keep: true, buckets: map[string]*bucket{"b": newBucket(madeup.Layout{})}}
			endpoint := startTest(t, s)
			do := func(method string, body io.Reader, header http.Header) reply {
				t.Helper()
				return send(t, method, endpoint+"/b/a%20key?x-id=Test", body, header)
			}
			body := io.Reader(strings.NewReader(tt.body))
			if tt.chunked {
				body = io.MultiReader(body)
			}
			put := do(http.MethodPut, body, tt.header)
			if got, want := put.header.Get("ETag"), `"`+hex.EncodeToString(sum[:])+`"`; put.status != http.StatusOK || got != want {
				t.Fatalf("%d, ETag %s, want %s", put.status, got, want)
			}
			if got := do(http.MethodGet, nil, nil); got.body != text {
				t.Errorf("GET returns %q, want %q", got.body, text)
			}
			part := do(http.MethodGet, nil, http.Header{"Range": {"bytes=7-8"}})
			if part.status != http.StatusPartialContent || part.body != "wo" || part.header.Get("Content-Range") != "bytes 7-8/12" {
				t.Errorf("a range is %+v", part)
			}
			if head := do(http.MethodHead, nil, nil); head.header.Get("Content-Length") != "12" {
				t.Errorf("HEAD: %+v", head)
			}
			if gone := do(http.MethodDelete, nil, nil); gone.status != http.StatusNoContent {
				t.Errorf("DELETE: %+v", gone)
			}
			if missing := do(http.MethodGet, nil, nil); missing.status != http.StatusNotFound {
				t.Errorf("GET after DELETE: %+v", missing)
			}
		})
	}
}

type reply struct {
	status int
	header http.Header
	body   string
}

func send(t *testing.T, method, url string, body io.Reader, header http.Header) reply {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	if header != nil {
		r.Header = header
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply{answer.StatusCode, answer.Header, string(data)}
}

func TestParseRange(t *testing.T) {
	for header, want := range map[string]string{
		"bytes=0-0": "0 1 true", "bytes=5-": "5 10 true", "bytes=-3": "7 10 true", "bytes=-30": "0 10 true", "bytes=2-99": "2 10 true",
		"bytes=10-": "0 0 false", "bytes=5-4": "0 0 false", "bytes=": "0 0 false", "bits=0-1": "0 0 false", "bytes=a-b": "0 0 false",
	} {
		from, end, ok := parseRange(header, 10)
		if got := fmt.Sprint(from, end, ok); got != want {
			t.Errorf("%s: %s, want %s", header, got, want)
		}
	}
}

// TestThrottle: of a steady stream above the rate, about as much passes as is allowed.
func TestThrottle(t *testing.T) {
	var th throttle
	start := time.Unix(1000, 0)
	for i := range 3000 { // 1,000/s
		th.accepts(500, start.Add(time.Duration(i)*time.Millisecond))
	}
	for second := 1; second < 3; second++ {
		if n := th.accepted[second]; n < 499 || n > 501 || n+th.rejected[second] != 1000 {
			t.Errorf("second %d: %d accepted, %d rejected", second, n, th.rejected[second])
		}
	}
}

// TestUploadInParts: the answer to CompleteMultipartUpload names the bucket, without which
// mc takes it for a failure, and the ETag of the parts.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html
func TestUploadInParts(t *testing.T) {
	s := &server{keep: true, buckets: map[string]*bucket{"b": newBucket(madeup.Layout{})}}
	object := startTest(t, s) + "/b/key"
	answer := func(method, query, body string) (a struct{ Bucket, ETag, UploadId string }) {
		t.Helper()
		r := send(t, method, object+query, strings.NewReader(body), nil)
		if r.status != http.StatusOK {
			t.Fatalf("%s %s: %+v", method, query, r)
		}
		if err := xml.Unmarshal([]byte(r.body), &a); method == http.MethodPost && err != nil {
			t.Fatal(err)
		}
		return a
	}
	id := answer(http.MethodPost, "?uploads", "").UploadId
	parts := []string{"hello", ", world"}
	digest := md5.New()
	for i, part := range parts {
		sum := md5.Sum([]byte(part))
		digest.Write(sum[:])
		answer(http.MethodPut, fmt.Sprintf("?partNumber=%d&uploadId=%s", i+1, id), part)
	}
	done := answer(http.MethodPost, "?uploadId="+id, "<CompleteMultipartUpload/>")
	if want := fmt.Sprintf(`"%x-2"`, digest.Sum(nil)); done.Bucket != "b" || done.ETag != want {
		t.Errorf("completed as %+v, want the bucket b and the ETag %s", done, want)
	}
	if got := send(t, http.MethodGet, object, nil, nil); got.body != strings.Join(parts, "") {
		t.Errorf("GET: %+v", got)
	}
	if again := send(t, http.MethodPost, object+"?uploadId="+id, nil, nil); again.status != http.StatusNotFound {
		t.Errorf("completed twice: %+v", again)
	}
}
