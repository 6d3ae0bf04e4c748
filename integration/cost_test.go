package integration_test

import (
	"bufio"
	"bytes"
	"crypto/md5"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"s3sync"
)

// A frugalServer answers the requests of a run without an allocation, so that what is counted
// is the run's. All objects have the same bytes. The name of a bucket is how many objects it
// has.
type frugalServer struct {
	url          string
	data         []byte
	wrote, holds []byte              // answers to PutObject and GetObject
	pages        map[string][][]byte // answers to ListObjectsV2, by bucket
}

// frugalPage is how many objects stand on a page.
const frugalPage = 500

func frugalKey(i int) string { return fmt.Sprintf("photos/2024/%02d/IMG_%06d.jpeg", i/100, i) }

// startFrugal starts a server of buckets with 0 and with the given numbers of objects.
func startFrugal(t *testing.T, size int, objects ...int) *frugalServer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	s := &frugalServer{url: "http://" + l.Addr().String(), data: make([]byte, size), pages: map[string][][]byte{}}
	etag := fmt.Sprintf("Etag: \"%x\"\r\n", md5.Sum(s.data))
	s.wrote = frugalAnswer(etag, "")
	s.holds = frugalAnswer(etag+"Last-Modified: Sun, 29 Nov 2026 00:00:00 GMT\r\n", string(s.data))
	for _, n := range append(objects, 0) {
		s.pages[fmt.Sprint(n)] = s.list(n)
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go s.serve(c)
		}
	}()
	return s
}

func frugalAnswer(headers, body string) []byte {
	return fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nX-Amz-Request-Id: ID\r\nDate: Sun, 29 Nov 2026 00:00:00 GMT\r\n%sContent-Length: %d\r\n\r\n%s", headers, len(body), body)
}

// list makes the pages of a bucket with n objects. Their token is the number of the page.
func (s *frugalServer) list(n int) (pages [][]byte) {
	for from := 0; from == 0 || from < n; from += frugalPage {
		var b strings.Builder
		b.WriteString("<ListBucketResult>")
		to := min(from+frugalPage, n)
		for i := from; i < to; i++ {
			fmt.Fprintf(&b, "<Contents><Key>%s</Key><LastModified>2026-11-29T00:00:00.000Z</LastModified><ETag>&quot;%x&quot;</ETag><Size>%d</Size></Contents>",
				frugalKey(i), md5.Sum(s.data), len(s.data))
		}
		if to < n {
			fmt.Fprintf(&b, "<NextContinuationToken>%d</NextContinuationToken>", to/frugalPage)
		}
		fmt.Fprintf(&b, "<IsTruncated>%t</IsTruncated></ListBucketResult>", to < n)
		pages = append(pages, frugalAnswer("", b.String()))
	}
	return pages
}

// serve answers the requests of a connection until it ends.
func (s *frugalServer) serve(c net.Conn) {
	defer c.Close()
	for r := bufio.NewReaderSize(c, 64<<10); ; {
		request, err := r.ReadSlice('\n')
		if err != nil {
			return
		}
		answer := s.answer(request)
		length := 0
		for {
			header, err := r.ReadSlice('\n')
			if err != nil {
				return
			}
			if digits, ok := bytes.CutPrefix(header, []byte("Content-Length: ")); ok {
				length = leadingNumber(digits)
			}
			if len(header) == len("\r\n") {
				break
			}
		}
		if _, err := r.Discard(length); err != nil {
			return
		}
		if _, err := c.Write(answer); err != nil {
			return
		}
	}
}

// answer is that to a request, by its first line: METHOD /BUCKET?QUERY or METHOD /BUCKET/KEY.
func (s *frugalServer) answer(request []byte) []byte {
	switch {
	case bytes.HasPrefix(request, []byte("PUT ")):
		return s.wrote
	case !bytes.Contains(request, []byte("list-type=2")):
		return s.holds
	}
	_, rest, _ := bytes.Cut(request, []byte("/"))
	page := 0
	if _, token, ok := bytes.Cut(rest, []byte("continuation-token=")); ok {
		page = leadingNumber(token)
	}
	return s.pages[string(rest[:bytes.IndexAny(rest, "?/")])][page]
}

func leadingNumber(text []byte) (n int) {
	for _, c := range text {
		if c < '0' || c > '9' {
			break
		}
		n = 10*n + int(c-'0')
	}
	return n
}

// bucket is the side of a bucket with n objects.
func (s *frugalServer) bucket(n int) s3sync.Endpoint {
	return s3sync.Endpoint{URL: fmt.Sprintf("s3://%d", n), EndpointURL: s.url, PathStyle: true, Region: "us-east-1", AccessKey: "key", SecretKey: "secret"}
}

// files makes a directory with n files that are older than the objects.
func (s *frugalServer) files(t *testing.T, n int) s3sync.Endpoint {
	t.Helper()
	root := t.TempDir()
	for i := range n {
		name := filepath.Join(root, filepath.FromSlash(frugalKey(i)))
		if err := os.MkdirAll(filepath.Dir(name), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, s.data, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(name, time.Time{}, time.Unix(1e9, 0)); err != nil {
			t.Fatal(err)
		}
	}
	return local(root)
}

// TestCostOfObjects guards how many allocations a whole run makes for each object, with those
// of package http: files go up and objects come down whole and verified, and pairs are
// compared.
func TestCostOfObjects(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector lets memory be lost that is kept for the next object")
	}
	const n = 500
	s := startFrugal(t, 10<<10, n, 2*n)
	for name, tt := range map[string]struct {
		source func(n int) s3sync.Endpoint
		target func(n int) s3sync.Endpoint
		most   float64
		watch  func(s3sync.Progress)
	}{
		"up": {
			func(n int) s3sync.Endpoint { return s.files(t, n) },
			func(int) s3sync.Endpoint { return s.bucket(0) }, 70, nil,
		},
		"up, watched": {
			func(n int) s3sync.Endpoint { return s.files(t, n) },
			func(int) s3sync.Endpoint { return s.bucket(0) }, 70, func(s3sync.Progress) {},
		},
		"down":          {s.bucket, func(int) s3sync.Endpoint { return local(t.TempDir()) }, 76, nil},
		"down, watched": {s.bucket, func(int) s3sync.Endpoint { return local(t.TempDir()) }, 76, func(s3sync.Progress) {}},
		"pair":          {s.bucket, s.bucket, 2, nil},
		// The key, its form for the system, and what a directory of a hundred files takes.
		"pair with a file": {
			func(n int) s3sync.Endpoint { return s.files(t, n) }, s.bucket, 3, nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			allocations := func(n int) float64 {
				source := tt.source(n)
				return testing.AllocsPerRun(2, func() {
					cfg := config(source, tt.target(n))
					cfg.Transfer.Workers = 4
					cfg.OnProgress = tt.watch
					report, err := s3sync.Sync(t.Context(), cfg)
					if err != nil {
						t.Fatal(err)
					}
					if done := report.Transferred + report.Skipped; done != int64(n) {
						t.Fatalf("%d objects, want %d", done, n)
					}
				})
			}
			got := (allocations(2*n) - allocations(n)) / n
			t.Logf("%.2f allocations", got)
			if got > tt.most {
				t.Errorf("%.2f allocations for each object, want %v at most", got, tt.most)
			}
		})
	}
}
