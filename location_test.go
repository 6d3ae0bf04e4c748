package s3sync

import (
	"runtime"
	"testing"
)

func TestParseLocation(t *testing.T) {
	for text, want := range map[string]location{
		"s3://b":          {bucket: "b"},
		"s3://b/":         {bucket: "b"},
		"s3://b//":        {bucket: "b", prefix: "/"},
		"s3://b//k":       {bucket: "b", prefix: "/k"},
		"s3://b/a b/ü":    {bucket: "b", prefix: "a b/ü"},
		"s3://b/../x":     {bucket: "b", prefix: "../x"},
		"s3://b/a?b#c":    {bucket: "b", prefix: "a?b#c"},
		"s3://b/%41":      {bucket: "b", prefix: "%41"},
		"dir":             {path: "dir"},
		"/":               {path: "/"},
		"a:b":             {path: "a:b"},
		"C:/x":            {path: "C:/x"},
		`C:\x`:            {path: `C:\x`},
		"./s3://b":        {path: "./s3://b"},
		"s3":              {path: "s3"},
		"a/b://c":         {path: "a/b://c"},
		"1a://b":          {path: "1a://b"},
		"s3x:b":           {path: "s3x:b"},
		"://b":            {path: "://b"},
		"s3://bucket--x3": {bucket: "bucket--x3"},

		"s3://arn:aws:s3:eu-west-1:123456789012:accesspoint/ap//p/": {bucket: "arn:aws:s3:eu-west-1:123456789012:accesspoint/ap", prefix: "/p/"},
		"s3://arn:aws:s3::123456789012:accesspoint/xxx.mrap":        {bucket: "arn:aws:s3::123456789012:accesspoint/xxx.mrap"},

		"s3://b--usw2-az1--x-s3/p": {bucket: "b--usw2-az1--x-s3", prefix: "p"},
	} {
		got, err := parseLocation(text)
		if err != nil || got != want {
			t.Errorf("parseLocation(%q) = %+v, %v, want %+v", text, got, err, want)
		}
		if got.local() != (want.bucket == "") {
			t.Errorf("parseLocation(%q).local() = %v", text, got.local())
		}
	}
	drive := "C://x"
	if _, err := parseLocation(drive); (err == nil) != (runtime.GOOS == "windows") {
		t.Errorf("parseLocation(%q): %v", drive, err)
	}
}

func TestParseLocationRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"":            `is missing`,
		"s3:":         `"s3:" is neither s3://bucket nor a path; write ./s3: for a path`,
		"s3:/b":       `"s3:/b" is neither s3://bucket nor a path; write ./s3:/b for a path`,
		"S3://b":      `"S3://b" is neither s3://bucket nor a path; write ./S3://b for a path`,
		"s3://":       `"s3://" does not name a bucket: the name is missing`,
		"s3:///k":     `"s3:///k" does not name a bucket: the name is missing`,
		"https://b/k": `must be s3://bucket[/prefix] or a path, not a URL of scheme "https"`,
		"file:///k":   `must be s3://bucket[/prefix] or a path, not a URL of scheme "file"`,
		"s3n://b":     `must be s3://bucket[/prefix] or a path, not a URL of scheme "s3n"`,
		"s3://b/\xff": `"s3://b/\xff" is not UTF-8, as keys of S3 are`,
		"s3://b%20/k": `"s3://b%20/k" does not name a bucket: the name holds '%'`,
		"s3://bücher": `"s3://bücher" does not name a bucket: the name holds 'ü'`,
		"s3://日本/k":   `"s3://日本/k" does not name a bucket: the name holds '日'`,
		"s3://b\xfcr": `"s3://b\xfcr" does not name a bucket: the name is not UTF-8`,
		"s3://arn:aws:s3:::bucket/key": `"arn:aws:s3:::bucket/key" is not the ARN of an access point ` +
			`(arn:aws:s3:region:account:accesspoint/name): it is of another kind`,
	} {
		got, err := parseLocation(text)
		if err == nil || err.Error() != want {
			t.Errorf("parseLocation(%q) = %+v, %v, want error %q", text, got, err, want)
		}
	}
}
