// Package tagset holds the rules of S3 tags, and the only text form of tags and user
// metadata: in filters, in reports and in the log.
package tagset

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Bounds of tags. Lengths are in Unicode characters.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html
const (
	MaxTags  = 10
	MaxName  = 128
	MaxValue = 256
)

// characters matches valid names and values of tags.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_control_S3Tag.html
var characters = regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$`)

// Parse parses tags in the form of the header x-amz-tagging: name=value pairs in URL
// encoding, joined by ampersands. Tags that S3 would reject are an error.
func Parse(text string) (map[string]string, error) {
	tags := map[string]string{}
	for pair := range strings.SplitSeq(text, "&") {
		escapedName, escapedValue, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(escapedName)
		value, err2 := url.QueryUnescape(escapedValue)
		if err := errors.Join(err, err2); err != nil {
			return nil, fmt.Errorf("%q is not URL-encoded: %w", pair, err)
		}
		if _, ok := tags[name]; ok {
			return nil, fmt.Errorf("there are two tags %q", name)
		}
		tags[name] = value
	}
	return tags, Check(tags)
}

// Check returns an error for tags that S3 would reject.
func Check(tags map[string]string) error {
	if len(tags) > MaxTags {
		return fmt.Errorf("there are %d tags, and an object can have %d", len(tags), MaxTags)
	}
	for name, value := range tags {
		switch {
		case name == "":
			return errors.New("a tag has no name")
		case !utf8.ValidString(name), !utf8.ValidString(value), !characters.MatchString(name), !characters.MatchString(value):
			return fmt.Errorf("the tag %q=%q has other characters than letters, digits, blanks and + - = . _ : / @", name, value)
		case utf8.RuneCountInString(name) > MaxName:
			return fmt.Errorf("the name of the tag %q is longer than %d characters", name, MaxName)
		case utf8.RuneCountInString(value) > MaxValue:
			return fmt.Errorf("the value of the tag %q is longer than %d characters", name, MaxValue)
		case strings.HasPrefix(strings.ToLower(name), "aws:"):
			return fmt.Errorf("the tag %q has a name that belongs to AWS", name)
		}
	}
	return nil
}

// FlattenTags writes tags as one text: name=value pairs in order of the names,
// percent-encoded and joined by ampersands. It is empty if there are no tags.
func FlattenTags(tags map[string]string) string { return flatten(tags, "&", percentEncode) }

// FlattenMetadata writes user metadata as one text: name=value pairs in order of the
// names, joined by commas. Values are percent-encoded. Names are HTTP tokens and are
// not encoded. It is empty if there is no metadata.
func FlattenMetadata(metadata map[string]string) string {
	return flatten(metadata, ",", func(name string) string { return name })
}

func flatten(values map[string]string, separator string, encodeName func(string) string) string {
	var pairs []string
	for _, name := range slices.Sorted(maps.Keys(values)) {
		pairs = append(pairs, encodeName(name)+"="+percentEncode(values[name]))
	}
	return strings.Join(pairs, separator)
}

// percentEncode encodes everything except the unreserved characters of RFC 3986,
// section 2.3.
func percentEncode(text string) string {
	return strings.ReplaceAll(url.QueryEscape(text), "+", "%20")
}
