package listserver_test

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"s3sync/internal/listserver"
)

type page struct {
	IsTruncated           bool
	NextContinuationToken string
	EncodingType          string
	Contents              []struct {
		Key, ETag string
		Size      int64
	}
}

// get makes one request and decodes what it understands of the answer.
func get(t *testing.T, method, u string, body io.Reader, header http.Header) (int, http.Header, []byte) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, u, body)
	if err != nil {
		t.Fatal(err)
	}
	maps.Copy(r.Header, header)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, data
}

func listPage(t *testing.T, s *listserver.Server, query url.Values) (page, int) {
	t.Helper()
	query.Set("list-type", "2")
	status, _, data := get(t, http.MethodGet, s.URL+"/b?"+query.Encode(), nil, nil)
	var p page
	if status == http.StatusOK {
		if err := xml.Unmarshal(data, &p); err != nil {
			t.Fatal(err)
		}
	}
	return p, status
}

// listAll follows the tokens and returns the keys.
func listAll(t *testing.T, s *listserver.Server, query url.Values) []string {
	t.Helper()
	var keys []string
	for {
		p, status := listPage(t, s, query)
		if status != http.StatusOK {
			t.Fatalf("status %d", status)
		}
		for _, o := range p.Contents {
			key := o.Key
			if p.EncodingType == "url" {
				decoded, err := url.QueryUnescape(key)
				if err != nil {
					t.Fatal(err)
				}
				key = decoded
			}
			keys = append(keys, key)
		}
		if !p.IsTruncated {
			return keys
		}
		if p.NextContinuationToken == "" || len(p.Contents) == 0 {
			t.Fatalf("truncated without a way on: %+v", p)
		}
		query.Set("continuation-token", p.NextContinuationToken)
	}
}

func TestListing(t *testing.T) {
	shapes := map[string]func(int) string{
		"flat": listserver.Flat, "deep": listserver.Deep, "slash": listserver.Slash, "odd": listserver.Odd,
	}
	const n = 1100
	for name, key := range shapes {
		t.Run(name, func(t *testing.T) {
			s := listserver.New(t, map[string]listserver.Bucket{"b": {Objects: n, Key: key}})
			want := make([]string, n)
			for i := range want {
				want[i] = key(i)
			}
			if !slices.IsSorted(want) {
				t.Fatal("the keys do not ascend")
			}
			after := func(k string) int {
				i, found := slices.BinarySearch(want, k)
				if found {
					i++
				}
				return i
			}
			for _, tt := range []struct {
				query url.Values
				want  []string
				pages int64
			}{
				{url.Values{}, want, 2},
				{url.Values{"encoding-type": {"url"}}, want, 2},
				{url.Values{"max-keys": {"100"}}, want, 11},
				{url.Values{"max-keys": {"5000"}}, want, 2},
				{url.Values{"start-after": {want[999]}}, want[1000:], 1},
				{url.Values{"start-after": {want[9] + "x"}}, want[after(want[9]+"x"):], 2},
				{url.Values{"start-after": {want[n-1]}}, nil, 1},
				{url.Values{"prefix": {want[1034]}}, want[1034:1035], 1},
				{url.Values{"prefix": {want[0][:len(want[0])-2]}}, want[:100], 1},
				{url.Values{"prefix": {want[0][:len(want[0])-2]}, "start-after": {want[49]}}, want[50:100], 1},
				{url.Values{"prefix": {want[0][:len(want[0])-2]}, "start-after": {want[200]}}, nil, 1},
				{url.Values{"prefix": {"zzz"}}, nil, 1},
			} {
				before := s.List.Load()
				query := fmt.Sprint(tt.query)
				if got := listAll(t, s, tt.query); !slices.Equal(got, tt.want) {
					t.Errorf("%s: got %d keys, want %d", query, len(got), len(tt.want))
				}
				if got := s.List.Load() - before; got != tt.pages {
					t.Errorf("%s: %d requests, want %d", query, got, tt.pages)
				}
			}
		})
	}
}

func TestListingFaults(t *testing.T) {
	const n, at = 2500, 1500
	server := func(fault listserver.Fault) *listserver.Server {
		return listserver.New(t, map[string]listserver.Bucket{"b": {Objects: n, Fault: fault, FaultAt: at}})
	}
	start := url.Values{"start-after": {listserver.Flat(999)}}
	t.Run("fail", func(t *testing.T) {
		s := server(listserver.Fail)
		for range 2 {
			if _, status := listPage(t, s, start); status != http.StatusInternalServerError {
				t.Errorf("status %d", status)
			}
		}
		if _, status := listPage(t, s, url.Values{}); status != http.StatusOK {
			t.Errorf("the first page has status %d", status)
		}
	})
	t.Run("disorder", func(t *testing.T) {
		keys := listAll(t, server(listserver.Disorder), url.Values{})
		if len(keys) != n || keys[at] != listserver.Flat(at+1) || keys[at+1] != listserver.Flat(at) {
			t.Errorf("got %d keys, %v", len(keys), keys[at:at+2])
		}
	})
	t.Run("no token", func(t *testing.T) {
		p, _ := listPage(t, server(listserver.NoToken), start)
		if !p.IsTruncated || p.NextContinuationToken != "" || len(p.Contents) != at+1-1000 {
			t.Errorf("got %v %q %d", p.IsTruncated, p.NextContinuationToken, len(p.Contents))
		}
	})
	t.Run("loop", func(t *testing.T) {
		s := server(listserver.Loop)
		p, _ := listPage(t, s, start)
		again, _ := listPage(t, s, url.Values{"continuation-token": {p.NextContinuationToken}})
		if !p.IsTruncated || p.Contents[0] != again.Contents[0] {
			t.Errorf("the second page begins with %v", again.Contents[0])
		}
	})
}

func TestObjects(t *testing.T) {
	for _, size := range []int{0, 100, 256, 257, 100_000} {
		t.Run(strconv.Itoa(size), func(t *testing.T) { testObject(t, size) })
	}
}

func testObject(t *testing.T, size int) {
	t.Helper()
	s := listserver.New(t, map[string]listserver.Bucket{"b": {Objects: 10, Size: int64(size)}})
	object := s.URL + "/b/" + listserver.Flat(3)
	status, header, data := get(t, http.MethodGet, object, nil, nil)
	sum := md5.Sum(data)
	if status != 200 || len(data) != size || header.Get("ETag") != `"`+hex.EncodeToString(sum[:])+`"` {
		t.Errorf("got %d, %d bytes, %s", status, len(data), header.Get("ETag"))
	}
	p, _ := listPage(t, s, url.Values{})
	if got := p.Contents[3]; got.ETag != header.Get("ETag") || got.Size != int64(size) {
		t.Errorf("listed as %+v", got)
	}
	if size > 0 {
		status, _, part := get(t, http.MethodGet, object, nil, http.Header{"Range": {"bytes=20-29"}})
		if status != 206 || !bytes.Equal(part, data[20:30]) {
			t.Errorf("range: got %d %q", status, part)
		}
	}
	status, _, _ = get(t, http.MethodGet, object, nil, http.Header{"If-Match": {`"other"`}})
	if status != http.StatusPreconditionFailed {
		t.Errorf("condition: got %d", status)
	}
	if status, header, _ = get(t, http.MethodHead, object, nil, nil); status != 200 || header.Get("Content-Length") != strconv.Itoa(size) {
		t.Errorf("head: got %d %v", status, header)
	}
	if status, _, _ = get(t, http.MethodHead, s.URL+"/b/none", nil, nil); status != 404 {
		t.Errorf("missing: got %d", status)
	}
	if status, _, _ = get(t, http.MethodGet, s.URL+"/none/k", nil, nil); status != 404 {
		t.Errorf("no bucket: got %d", status)
	}
}

func TestWriting(t *testing.T) {
	s := listserver.New(t, map[string]listserver.Bucket{"b": {}, "kept": {Remember: true}})
	const hello = `"5d41402abc4b2a76b9719d911017c592"` // MD5 of "hello"
	for name, header := range map[string]http.Header{
		"hello": {},
		"":      {"Content-Md5": {"XUFAKrxLKna5cZ2REBfFkg=="}},
		"2;chunk-signature=0\r\nhe\r\n3;chunk-signature=0\r\nllo\r\n0;chunk-signature=0\r\n\r\n": {"Content-Encoding": {"aws-chunked"}},
		"5\r\nhello\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n":                               {"Content-Encoding": {"aws-chunked"}},
	} {
		_, answer, _ := get(t, http.MethodPut, s.URL+"/b/k", strings.NewReader(name), header)
		if got := answer.Get("ETag"); got != hello {
			t.Errorf("%q: got %s", name, got)
		}
	}
	status, _, _ := get(t, http.MethodPut, s.URL+"/b/k", strings.NewReader("9\r\nhello\r\n"), http.Header{"Content-Encoding": {"aws-chunked"}})
	if status != http.StatusBadRequest {
		t.Errorf("a body that is cut off: got %d", status)
	}
	if got := s.Bytes.Load(); got != 22 { // 3 × 5 and the 7 of the last
		t.Errorf("%d bytes", got)
	}
	if status, _, _ = get(t, http.MethodHead, s.URL+"/b/k", nil, nil); status != 404 {
		t.Errorf("discarded, but there: %d", status)
	}
	get(t, http.MethodPut, s.URL+"/kept/k", strings.NewReader("hello"), http.Header{"X-Amz-Meta-A": {"b"}})
	status, header, _ := get(t, http.MethodHead, s.URL+"/kept/k", nil, nil)
	if status != 200 || header.Get("ETag") != hello || header.Get("Content-Length") != "5" || header.Get("X-Amz-Meta-A") != "b" {
		t.Errorf("remembered: got %d %v", status, header)
	}

	get(t, http.MethodPost, s.URL+"/kept/parts?uploads", nil, nil)
	_, header, _ = get(t, http.MethodPut, s.URL+"/kept/parts?partNumber=1&uploadId=upload", strings.NewReader("hello"), nil)
	if header.Get("ETag") != hello {
		t.Errorf("part: got %v", header)
	}
	request := "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>" + hello + "</ETag></Part></CompleteMultipartUpload>"
	_, _, data := get(t, http.MethodPost, s.URL+"/kept/parts?uploadId=upload", strings.NewReader(request), nil)
	inner := md5.Sum([]byte("hello"))
	outer := md5.Sum(inner[:])
	if want := hex.EncodeToString(outer[:]) + "-1"; !strings.Contains(string(data), want) {
		t.Errorf("complete: %s is not in %s", want, data)
	}
	if _, header, _ = get(t, http.MethodHead, s.URL+"/kept/parts", nil, nil); header.Get("Content-Length") != "5" {
		t.Errorf("an object in parts is remembered as %v", header)
	}
	if status, _, _ = get(t, http.MethodPost, s.URL+"/kept/parts?uploadId=upload", strings.NewReader(request), nil); status != 404 {
		t.Errorf("completed twice: %d", status)
	}
}

func TestDeleting(t *testing.T) {
	s := listserver.New(t, map[string]listserver.Bucket{"b": {Objects: 10}})
	request := "<Delete><Object><Key>" + listserver.Flat(9) + "</Key></Object><Object><Key>none</Key></Object></Delete>"
	status, _, data := get(t, http.MethodPost, s.URL+"/b?delete", strings.NewReader(request), nil)
	if status != 200 || strings.Count(string(data), "<Deleted>") != 2 {
		t.Errorf("got %d %s", status, data)
	}
	get(t, http.MethodDelete, s.URL+"/b/"+listserver.Flat(0), nil, nil)
	if s.Delete.Load() != 2 || s.Deleted.Load() != 3 || s.Unknown.Load() != 1 {
		t.Errorf("counted %d requests, %d objects, %d unknown", s.Delete.Load(), s.Deleted.Load(), s.Unknown.Load())
	}
}

func BenchmarkPage(b *testing.B) {
	s, err := listserver.Start(map[string]listserver.Bucket{"b": {Objects: 1_000_000}})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	for b.Loop() {
		resp, err := http.Get(s.URL + "/b?list-type=2&start-after=" + listserver.Flat(500_000))
		if err != nil {
			b.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			b.Fatal(err)
		}
		resp.Body.Close()
	}
}

func TestTags(t *testing.T) {
	s := listserver.New(t, map[string]listserver.Bucket{"b": {Objects: 1, Key: listserver.Odd, Tag: "name"}, "none": {Objects: 1}})
	odd := s.URL + "/b/" + url.PathEscape(listserver.Odd(0))
	for u, want := range map[string]string{
		odd:                                   "<TagSet><Tag><Key>name</Key><Value>a b+%&amp;&lt;é日😀/000000000000</Value></Tag></TagSet>",
		s.URL + "/none/" + listserver.Flat(0): "<TagSet></TagSet>",
		s.URL + "/b/other":                    "NoSuchKey",
	} {
		if _, _, got := get(t, http.MethodGet, u+"?tagging", nil, nil); !strings.Contains(string(got), want) {
			t.Errorf("%s: got %s, want %s", u, got, want)
		}
	}
	_, header, _ := get(t, http.MethodHead, odd, nil, nil)
	if n := header.Get("X-Amz-Tagging-Count"); n != "1" || s.Tagging.Load() != 3 {
		t.Errorf("count %q, %d times tags", n, s.Tagging.Load())
	}
}
