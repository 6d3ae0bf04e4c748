package wire

import (
	"errors"
	"net/url"
	"strings"
	"testing"
)

func TestCopySource(t *testing.T) {
	for want, in := range map[string][3]string{
		"b/k":                           {"b", "k", ""},
		"b/a/b//c":                      {"b", "a/b//c", ""},
		"b//k":                          {"b", "/k", ""},
		"b/a%20b%2Bc":                   {"b", "a b+c", ""},
		"b/%25%3F%23%26%3D%3A%40%24%2C": {"b", "%?#&=:@$,", ""},
		"b/%252F":                       {"b", "%2F", ""},
		"b/-._~%21%2A%27%28%29":         {"b", "-._~!*'()", ""},
		"b/%C3%BC%E6%97%A5":             {"b", "ü日", ""},
		"b/%00%0A%7F":                   {"b", "\x00\n\x7f", ""},
		"b/k?versionId=v.1":             {"b", "k", "v.1"},
		"b/k%3FversionId%3Dx?versionId=a%2Fb%2B%3D":                                              {"b", "k?versionId=x", "a/b+="},
		"arn%3Aaws%3As3%3Aus-west-2%3A123456789012%3Aaccesspoint/name/object/a%20b?versionId=v1": {"arn:aws:s3:us-west-2:123456789012:accesspoint/name", "a b", "v1"},
		"arn-is-no-arn/k": {"arn-is-no-arn", "k", ""},
	} {
		if got := copySource(in[0], in[1], in[2]); got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
}

func FuzzCopySource(f *testing.F) {
	f.Add("k", "")
	f.Add("a?versionId=b", "c&d")
	f.Fuzz(func(t *testing.T, key, version string) {
		got := copySource("b", key, version)
		if strings.Trim(got, "\t !\"#$&'()*+,:;<=>@[\\]^`{|}") != got || strings.ContainsFunc(got, func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Errorf("%q is no value of a header", got)
		}
		path, query, _ := strings.Cut(got, "?")
		decoded, err := url.PathUnescape(path)
		values, err2 := url.ParseQuery(query)
		if err = errors.Join(err, err2); err != nil || decoded != "b/"+key || values.Get("versionId") != version {
			t.Errorf("%q and %q become %q: %v", key, version, got, err)
		}
	})
}
