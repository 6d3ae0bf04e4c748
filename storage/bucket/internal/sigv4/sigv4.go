// Package sigv4 signs requests to S3 with AWS Signature Version 4, in headers. It does what
// the signer of the AWS SDK does, with two allocations per request.
// https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
package sigv4

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	algorithm  = "AWS4-HMAC-SHA256"
	timeFormat = "20060102T150405Z"
	dateLength = len("20060102")
)

// Credentials sign requests.
type Credentials struct{ AccessKey, SecretKey, SessionToken string }

// A Scope is what a signature is valid for, besides a day.
type Scope struct{ Service, Region string }

// A Signer signs requests. It keeps the key that follows from the last credentials, scope
// and day, which is what most requests are signed with. The zero value is ready for use. Its
// methods may be called concurrently.
type Signer struct {
	last  atomic.Pointer[key]
	clock atomic.Pointer[stamp]
}

// A stamp is the text of a second.
type stamp struct {
	second int64
	text   string
}

// A key signs all requests of a day.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
type key struct {
	credentials Credentials
	scope       Scope
	day         string
	suffix      string    // of the credential scope, behind the day
	desks       sync.Pool // of *desk
}

// A desk is what one signature is made on.
type desk struct {
	mac   hash.Hash // with the key
	text  []byte
	names []string
	sum   [sha256.Size]byte
}

// Sign sets the headers X-Amz-Date, X-Amz-Security-Token and Authorization of a request. All
// other headers that it has must be set already: they are signed. payloadHash is the value of
// its X-Amz-Content-Sha256. The path of the URL must be escaped in RawPath, or need no escape.
// Its RawQuery must be as AppendParameter makes it, in the order of the names.
func (s *Signer) Sign(req *http.Request, c Credentials, scope Scope, payloadHash string, at time.Time) {
	date := s.date(at)
	k := s.key(c, scope, date[:dateLength])
	d, ok := k.desks.Get().(*desk)
	if !ok {
		d = &desk{mac: hmac.New(sha256.New, k.derive())}
	}
	defer k.desks.Put(d)

	values := &[3]string{date, c.SessionToken}
	req.Header["X-Amz-Date"] = values[0:1:1]
	if c.SessionToken != "" {
		req.Header["X-Amz-Security-Token"] = values[1:2:2]
	} else {
		delete(req.Header, "X-Amz-Security-Token")
	}
	d.sortNames(req)
	canonical := sha256.Sum256(d.canonical(req, payloadHash))

	// https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html (string to sign)
	b := append(d.text[:0], algorithm+"\n"...)
	b = append(b, date...)
	b = append(b, '\n')
	b = append(b, k.day...)
	b = append(b, k.suffix...)
	b = append(b, '\n')
	b = hex.AppendEncode(b, canonical[:])
	d.mac.Reset()
	d.mac.Write(b)
	signature := d.mac.Sum(d.sum[:0])

	b = append(b[:0], algorithm+" Credential="...)
	b = append(b, c.AccessKey...)
	b = append(b, '/')
	b = append(b, k.day...)
	b = append(b, k.suffix...)
	b = append(b, ", SignedHeaders="...)
	b = d.appendNames(b)
	b = append(b, ", Signature="...)
	b = hex.AppendEncode(b, signature)
	d.text = b
	values[2] = string(b)
	req.Header["Authorization"] = values[2:3:3]
}

// date is the text of a time.
func (s *Signer) date(at time.Time) string {
	second := at.Unix()
	if last := s.clock.Load(); last != nil && last.second == second {
		return last.text
	}
	now := &stamp{second, at.UTC().Format(timeFormat)}
	s.clock.Store(now)
	return now.text
}

// key returns the key for a day.
func (s *Signer) key(c Credentials, scope Scope, day string) *key {
	if k := s.last.Load(); k != nil && k.day == day && k.credentials == c && k.scope == scope {
		return k
	}
	k := &key{credentials: c, scope: scope, day: day, suffix: "/" + scope.Region + "/" + scope.Service + "/aws4_request"}
	s.last.Store(k)
	return k
}

// derive computes the key.
func (k *key) derive() []byte {
	sum := []byte("AWS4" + k.credentials.SecretKey)
	for _, text := range []string{k.day, k.scope.Region, k.scope.Service, "aws4_request"} {
		mac := hmac.New(sha256.New, sum)
		mac.Write([]byte(text))
		sum = mac.Sum(nil)
	}
	return sum
}

// Headers that are signed though they are in no http.Header, and those that are not signed
// though they are: they may change on the way. The front of Google Cloud Storage changes
// Accept-Encoding, which the SDK signs.
// https://github.com/aws/aws-sdk-go-v2/issues/1816
const (
	hostHeader   = "Host"
	lengthHeader = "Content-Length"
)

func isUnsigned(name string) bool {
	switch name {
	case "Authorization", "User-Agent", "X-Amzn-Trace-Id", "Expect", "Transfer-Encoding", "Accept-Encoding", hostHeader, lengthHeader:
		return true
	}
	return false
}

// sortNames finds the headers that are signed.
func (d *desk) sortNames(req *http.Request) {
	d.names = append(d.names[:0], hostHeader)
	if req.ContentLength > 0 {
		d.names = append(d.names, lengthHeader)
	}
	for name := range req.Header {
		if !isUnsigned(name) {
			d.names = append(d.names, name)
		}
	}
	slices.SortFunc(d.names, compareFolded)
}

// compareFolded compares names in lower case.
func compareFolded(a, b string) int {
	for i := range min(len(a), len(b)) {
		if x, y := lower(a[i]), lower(b[i]); x != y {
			return int(x) - int(y)
		}
	}
	return len(a) - len(b)
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

func appendLower(b []byte, text string) []byte {
	for i := range len(text) {
		b = append(b, lower(text[i]))
	}
	return b
}

// appendNames appends the list of signed headers.
func (d *desk) appendNames(b []byte) []byte {
	for i, name := range d.names {
		if i > 0 {
			b = append(b, ';')
		}
		b = appendLower(b, name)
	}
	return b
}

// canonical writes the canonical request.
// https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html (canonical request)
func (d *desk) canonical(req *http.Request, payloadHash string) []byte {
	path := req.URL.RawPath
	if path == "" {
		path = req.URL.Path
	}
	if path == "" {
		path = "/"
	}
	b := append(d.text[:0], req.Method...)
	b = append(b, '\n')
	b = append(b, path...)
	b = append(b, '\n')
	b = append(b, req.URL.RawQuery...)
	b = append(b, '\n')
	for _, name := range d.names {
		b = appendLower(b, name)
		b = append(b, ':')
		switch name {
		case hostHeader:
			host := req.Host
			if host == "" {
				host = req.URL.Host
			}
			b = append(b, host...)
		case lengthHeader:
			b = strconv.AppendInt(b, req.ContentLength, 10)
		default:
			for i, value := range req.Header[name] {
				if i > 0 {
					b = append(b, ',')
				}
				b = appendTrimmed(b, value)
			}
		}
		b = append(b, '\n')
	}
	b = append(b, '\n')
	b = d.appendNames(b)
	b = append(b, '\n')
	b = append(b, payloadHash...)
	d.text = b
	return b
}

// appendTrimmed appends a value without blanks around it, and with one in place of several.
func appendTrimmed(b []byte, value string) []byte {
	value = strings.Trim(value, " \t") // not other white space, which is sent
	for {
		i := strings.Index(value, "  ")
		if i < 0 {
			return append(b, value...)
		}
		b = append(b, value[:i+1]...)
		value = strings.TrimLeft(value[i:], " ")
	}
}
