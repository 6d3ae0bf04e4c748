// Package location parses the SOURCE and TARGET of a user: a bucket with a prefix, or a
// path of the file system.
package location

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"strings"

	"s3sync/storage/bucket"
)

// A Location is a bucket, or an access point, and the prefix of its keys, or a path
// of the file system.
type Location struct {
	Bucket, Prefix string
	Path           string
}

// Local reports whether the location is a path.
func (l Location) Local() bool { return l.Bucket == "" }

// MayBeObject reports whether a location in a bucket may be one object.
func (l Location) MayBeObject() bool {
	return !l.Local() && l.Prefix != "" && !strings.HasSuffix(l.Prefix, "/")
}

var errMissing = errors.New("is missing")

// Parse parses a URL or a path. The text after the bucket is the prefix, unchanged:
// '?', '#', '%' and dot segments have no special meaning in a key, so every key can be
// named. A text without a scheme is a path, even with a colon in it (a:b, C:/x).
// Schemes other than s3 are an error, so that a mistyped URL does not become a
// directory.
func Parse(text string) (Location, error) {
	if text == "" {
		return Location{}, errMissing
	}
	if strings.HasPrefix(text, "s3://") {
		name, prefix, err := bucket.ParseURL(text)
		return Location{Bucket: name, Prefix: prefix}, err
	}
	scheme, rest, found := strings.Cut(text, ":")
	switch {
	case found && strings.EqualFold(scheme, "s3"):
		return Location{}, fmt.Errorf("%q is neither s3://bucket nor a path; write ./%s for a path", text, text)
	case found && strings.HasPrefix(rest, "//") && isScheme(scheme):
		return Location{}, fmt.Errorf("must be s3://bucket[/prefix] or a path, not a URL of scheme %q", scheme)
	}
	return Location{Path: text}, nil
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

// SourceFault returns why a path cannot be a source, or an empty text: the path must
// exist and be a directory or a regular file. file reports that it is a file.
func SourceFault(path string) (fault string, file bool) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Sprintf("%q does not exist", path), false
	case err != nil:
		return fmt.Sprintf("%q cannot be looked at: %v", path, cause(err)), false
	case !info.IsDir() && !info.Mode().IsRegular():
		return fmt.Sprintf("%q is neither a directory nor a regular file", path), false
	}
	return "", !info.IsDir()
}

// TargetFault returns why a path cannot be a target, or an empty text. An existing path
// must be a directory, or a file if the source is one object.
func TargetFault(path string, one bool) string {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist), err == nil && (info.IsDir() || one && info.Mode().IsRegular()):
		return ""
	case err == nil:
		return fmt.Sprintf("%q is not a directory", path)
	}
	return fmt.Sprintf("%q cannot be looked at: %v", path, cause(err))
}

// cause returns the text of an error of package os without the path.
func cause(err error) error {
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		return path.Err
	}
	return err
}
