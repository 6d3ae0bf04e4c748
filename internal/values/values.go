// Package values checks the text form of settings.
package values

import (
	"crypto/md5"
	"encoding/base64"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

var (
	tagSet     = regexp.MustCompile(`^[\w+%.~-]+=[\w+%.~-]*(&[\w+%.~-]+=[\w+%.~-]*)*$`)
	headerName = regexp.MustCompile("^[\\w!#$%&'*+.^`|~-]+$")
)

// IsTagSet reports whether a text has the URL-encoded form of x-amz-tagging.
func IsTagSet(text string) bool { return tagSet.MatchString(text) }

// IsHeaderName reports whether a text is a valid header name. RFC 9110, 5.6.2.
func IsHeaderName(name string) bool { return headerName.MatchString(name) }

// Unsendable returns a character in value that net/http rejects in headers. RFC 9110,
// 5.5.
func Unsendable(value string) (c rune, found bool) {
	for _, c := range value {
		if c < ' ' && c != '\t' || c == 0x7f {
			return c, true
		}
	}
	return 0, false
}

// IsEndpoint reports whether a text has the form http(s)://host[:port][/path].
func IsEndpoint(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "" &&
		u.User == nil && u.RawQuery == "" && !u.ForceQuery && u.Fragment == ""
}

// IsProxy reports whether a text has the form http(s)://[user:password@]host[:port].
func IsProxy(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "" &&
		strings.Trim(u.Path, "/") == "" && u.RawQuery == "" && u.Fragment == ""
}

// IsBase64 reports whether a text is the base64 form of size bytes.
func IsBase64(text string, size int) bool {
	data, err := base64.StdEncoding.DecodeString(text)
	return err == nil && len(data) == size
}

// IsMD5Of reports whether sum is the MD5 digest of key, both in base64. key must be
// valid base64.
func IsMD5Of(sum, key string) bool {
	data, err := base64.StdEncoding.DecodeString(key)
	digest := md5.Sum(data)
	return err != nil || sum == base64.StdEncoding.EncodeToString(digest[:])
}

// Meant returns the choice that a misspelt text probably means: ONE-ZONE_IA is
// ONEZONE_IA. It is empty if there is none.
func Meant(text string, choices []string) string {
	plain := func(choice string) string {
		return strings.NewReplacer("-", "", "_", "").Replace(strings.ToLower(choice))
	}
	i := slices.IndexFunc(choices, func(choice string) bool { return plain(choice) == plain(text) })
	if i < 0 {
		return ""
	}
	return choices[i]
}
