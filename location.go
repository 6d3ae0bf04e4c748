package s3sync

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"unicode/utf8"
)

// A location is what the URL of an [Endpoint] names: a bucket and the prefix of
// its keys, or a path of the file system.
type location struct {
	bucket, prefix string
	path           string
}

func (l location) local() bool { return l.bucket == "" }

var (
	errNoLocation  = errors.New("is missing")
	errAccessPoint = errors.New("is an access point, which is not supported yet")
)

// parseLocation takes an endpoint's URL apart. The text after the bucket is the
// prefix as it stands: '?', '#', '%' and dot segments mean nothing special in a
// key, so that every key can be named. What has no scheme is a path, also with a
// colon in it (a:b, C:/x); a scheme other than s3 is refused, lest a mistyped
// URL become a directory.
func parseLocation(text string) (location, error) {
	if text == "" {
		return location{}, errNoLocation
	}
	if rest, ok := strings.CutPrefix(text, "s3://"); ok {
		return parseBucket(text, rest)
	}
	scheme, rest, found := strings.Cut(text, ":")
	switch {
	case found && strings.EqualFold(scheme, "s3"):
		return location{}, fmt.Errorf("%q is neither s3://bucket nor a path; write ./%s for a path", text, text)
	case found && strings.HasPrefix(rest, "//") && isScheme(scheme):
		return location{}, fmt.Errorf("must be s3://bucket[/prefix] or a path, not a URL of scheme %q", scheme)
	}
	return location{path: text}, nil
}

func parseBucket(text, rest string) (location, error) {
	if strings.HasPrefix(rest, "arn:") {
		if isAccessPoint(rest) {
			return location{}, errAccessPoint
		}
		return location{}, fmt.Errorf("%q does not name a bucket", text)
	}
	bucket, prefix, _ := strings.Cut(rest, "/")
	switch {
	case bucket == "":
		return location{}, fmt.Errorf("%q does not name a bucket", text)
	case !utf8.ValidString(rest):
		// https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html
		return location{}, fmt.Errorf("%q is not UTF-8, as keys of S3 are", text)
	}
	return location{bucket: bucket, prefix: prefix}, nil
}

// isAccessPoint recognises ARNs of access points, regional and multi-region:
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-points-naming.html
func isAccessPoint(arn string) bool {
	rest, found := strings.CutPrefix(arn, "arn:aws:s3:")
	if !found {
		return false
	}
	_, name, found := strings.Cut(rest, ":accesspoint/")
	return found && name != "" && name[0] != '/'
}

// isScheme reports whether s is a URL scheme (RFC 3986, section 3.1) that is
// not the letter of a Windows drive.
func isScheme(s string) bool {
	if s == "" || (len(s) == 1 && runtime.GOOS == "windows") {
		return false
	}
	for i, r := range s {
		letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
		digit := '0' <= r && r <= '9' || strings.ContainsRune("+-.", r)
		if !letter && (i == 0 || !digit) {
			return false
		}
	}
	return true
}
