package bucket

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"s3sync/internal/checksum"
	"s3sync/storage"
)

// Backoff is the pause after an attempt.
func Backoff(initial time.Duration, attempt int) time.Duration { return backoff(initial, attempt) }

// StartAfter is what a listing of a store with that prefix sends as start-after.
func StartAfter(prefix, from string) string {
	return (&Store{opts: Options{Prefix: prefix}}).startAfter(from)
}

// InXML reports whether XML can hold a text.
func InXML(text string) bool { return inXML(text) }

// ParseContentRange takes a Content-Range header apart.
func ParseContentRange(text string) (begin, end, size int64, ok bool) { return parseContentRange(text) }

// ChecksumsIn are the additional checksums that headers tell.
func ChecksumsIn(h http.Header) []storage.Checksum { return checksumsIn(h) }

// ChecksumField is the field of a struct of the SDK for an algorithm.
func ChecksumField(of any, alg checksum.Algorithm) **string { return checksumField(of, alg) }

// CopySource is the value of x-amz-copy-source.
func CopySource(bucket, key, version string) string { return copySource(bucket, key, version) }

// Dial makes a store reach its server by dial.
func (s *Store) Dial(dial func() (net.Conn, error)) {
	s.client.transport.DialContext = func(context.Context, string, string) (net.Conn, error) { return dial() }
}

// Resolve makes a store reach that address in place of its server, but proxies
// where they are.
func (s *Store) Resolve(address string) {
	s.client.transport.DialContext = func(ctx context.Context, network, asked string) (net.Conn, error) {
		if !strings.HasPrefix(asked, "127.0.0.1:") {
			asked = address
		}
		return new(net.Dialer).DialContext(ctx, network, asked)
	}
}

// IsDirect reports whether NO_PROXY says that a URL is reached without a proxy.
func IsDirect(noProxy string, u *url.URL) bool { return newDirectHosts(noProxy).has(u) }

// MaxEmptyPages sets how many empty pages of a listing may follow each other.
func (s *Store) MaxEmptyPages(n int) { s.maxEmptyPages = n }
