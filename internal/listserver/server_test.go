package listserver_test

import (
	"crypto/md5"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
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
func get(t *testing.T, method, u string, body io.Reader) (int, http.Header, []byte) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, u, body)
	if err != nil {
		t.Fatal(err)
	}
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
	status, _, data := get(t, http.MethodGet, s.URL+"/b?"+query.Encode(), nil)
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
			key, err := url.QueryUnescape(o.Key)
			if err != nil || p.EncodingType != "url" {
				t.Fatalf("key %q, encoding %q", o.Key, p.EncodingType)
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
		"flat": listserver.Flat, "deep": listserver.Deep, "odd": listserver.Odd,
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

func TestHead(t *testing.T) {
	s := listserver.New(t, map[string]listserver.Bucket{"b": {Objects: 10}})
	status, header, _ := get(t, http.MethodHead, s.URL+"/b/"+listserver.Flat(3), nil)
	p, _ := listPage(t, s, url.Values{})
	sum := md5.Sum(nil)
	want := `"` + hex.EncodeToString(sum[:]) + `"`
	if listed := p.Contents[3]; status != 200 || header.Get("ETag") != want || listed.ETag != want || header.Get("Content-Length") != "0" || listed.Size != 0 {
		t.Errorf("got %d %v, listed as %+v", status, header, listed)
	}
	if status, _, _ = get(t, http.MethodHead, s.URL+"/b/none", nil); status != 404 {
		t.Errorf("missing: got %d", status)
	}
	if status, _, _ = get(t, http.MethodGet, s.URL+"/none?list-type=2", nil); status != 404 {
		t.Errorf("no bucket: got %d", status)
	}
}

func TestDeleting(t *testing.T) {
	s := listserver.New(t, map[string]listserver.Bucket{"b": {Objects: 10}})
	request := "<Delete><Object><Key>" + listserver.Flat(9) + "</Key></Object><Object><Key>none</Key></Object></Delete>"
	status, _, data := get(t, http.MethodPost, s.URL+"/b?delete", strings.NewReader(request))
	if status != 200 || strings.Count(string(data), "<Deleted>") != 2 {
		t.Errorf("got %d %s", status, data)
	}
	if s.Delete.Load() != 1 || s.Deleted.Load() != 2 || s.Unknown.Load() != 1 {
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
		if _, _, got := get(t, http.MethodGet, u+"?tagging", nil); !strings.Contains(string(got), want) {
			t.Errorf("%s: got %s, want %s", u, got, want)
		}
	}
	_, header, _ := get(t, http.MethodHead, odd, nil)
	if n := header.Get("X-Amz-Tagging-Count"); n != "1" || s.Tagging.Load() != 3 {
		t.Errorf("count %q, %d times tags", n, s.Tagging.Load())
	}
}
