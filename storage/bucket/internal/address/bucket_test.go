package address_test

import (
	"strings"
	"testing"

	"s3sync/storage/bucket/internal/address"
)

func TestParseURL(t *testing.T) {
	const mrap = "arn:aws:s3::123456789012:accesspoint/xxx.mrap"
	for url, want := range map[string][2]string{
		"s3://b":                    {"b", ""},
		"s3://b/":                   {"b", ""},
		"s3://b/p":                  {"b", "p"},
		"s3://b/p/":                 {"b", "p/"},
		"s3://b//":                  {"b", "/"},
		"s3://b//k":                 {"b", "/k"},
		"s3://b/../x":               {"b", "../x"},
		"s3://b/./x//y/":            {"b", "./x//y/"},
		"s3://b/a?b#c":              {"b", "a?b#c"},
		"s3://b/%41%zz+ ":           {"b", "%41%zz+ "},
		"s3://b/\x7f\n":             {"b", "\x7f\n"},
		"s3://b/s3://c/d":           {"b", "s3://c/d"},
		"s3://b/日本":                 {"b", "日本"},
		"s3://Old_Bucket.1":         {"Old_Bucket.1", ""},
		"s3://x--use1-az4--x-s3/p/": {"x--use1-az4--x-s3", "p/"},
		"s3://" + mrap:              {mrap, ""},
		"s3://" + mrap + "/":        {mrap, ""},
		"s3://" + mrap + "/p/q":     {mrap, "p/q"},
		"s3://" + mrap + "//p/":     {mrap, "/p/"},
		"s3://" + mrap + "/%41?x":   {mrap, "%41?x"},
		"s3://arnold/x":             {"arnold", "x"},
		"s3://arn:aws-cn:s3:cn-north-1:1:accesspoint/ap/x":         {"arn:aws-cn:s3:cn-north-1:1:accesspoint/ap", "x"},
		"s3://arn:aws-us-gov:s3:us-gov-west-1:12:accesspoint/ap/x": {"arn:aws-us-gov:s3:us-gov-west-1:12:accesspoint/ap", "x"},
	} {
		b, p, err := address.ParseURL(url)
		if b != want[0] || p != want[1] || err != nil {
			t.Errorf("ParseURL(%q) = %q, %q, %v; want %q, %q", url, b, p, err, want[0], want[1])
		}
	}
}

func TestParseURLRefuses(t *testing.T) {
	for _, url := range []string{
		"", "s3", "s3:", "s3:/", "s3://", "s3:///", "s3:///k", "S3//b", "https://b/k", "file:///x", "b/k", " s3://b",
		"s3://b?x", "s3://b#x/k", "s3://b ucket", "s3://user@b/", "s3://b:80/", "s3://.", "s3://../b",
		"s3://" + strings.Repeat("b", 256),
		"s3://arn:aws", "s3://arn:aws:s3", "s3://arn:aws:s3:r:1:accesspoint", "s3://arn:aws:s3:r:1:accesspoint/",
		"s3://arn:aws:s3:r:1:accesspoint//x", "s3://arn:aws:s3:::bucket/key", "s3://b/\xff",
		"s3://arn:aws-x:s3:r:1:accesspoint/a", "s3://arn:aws:s3:r::accesspoint/a", "s3://arn:aws:s3:r:a:accesspoint/a",
		"s3://arn:aws:s3:R:1:accesspoint/a", "s3://arn:aws:s3::1:accesspoint/a", "s3://arn:aws:s3:r:1:accesspoint/a.mrap",
		"s3://arn:aws:s3:r:1:accesspoint:a", "s3://arn:aws:s3:r:1:accesspoint/a b",
		"s3://arn:aws:s3-outposts:r:1:outpost/o/accesspoint/a", "s3://arn:aws:s3-object-lambda:r:1:accesspoint/a",
	} {
		if b, p, err := address.ParseURL(url); err == nil {
			t.Errorf("ParseURL(%q) = %q, %q; want an error", url, b, p)
		}
	}
}

func FuzzParseURL(f *testing.F) {
	for _, url := range []string{
		"s3://b/p", "s3://b", "s3://b//", "s3://arn:aws:s3:r:1:accesspoint/a/p", "s3://arn:aws:s3::1:accesspoint/a.mrap", "s3:///", "x",
	} {
		f.Add(url)
	}
	f.Fuzz(func(t *testing.T, url string) {
		b, p, err := address.ParseURL(url)
		if err != nil {
			return
		}
		// Nothing of the text is lost or changed.
		if url != "s3://"+b+"/"+p && (p != "" || url != "s3://"+b) {
			t.Errorf("ParseURL(%q) = %q, %q", url, b, p)
		}
		if b == "" || strings.Contains(strings.Replace(b, "accesspoint/", "", 1), "/") {
			t.Errorf("ParseURL(%q) gives bucket %q", url, b)
		}
	})
}
