package location

import (
	"runtime"
	"testing"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]Location{
		"s3://b":          {Bucket: "b"},
		"s3://b/":         {Bucket: "b"},
		"s3://b//":        {Bucket: "b", Prefix: "/"},
		"s3://b//k":       {Bucket: "b", Prefix: "/k"},
		"s3://b/a b/ü":    {Bucket: "b", Prefix: "a b/ü"},
		"s3://b/../x":     {Bucket: "b", Prefix: "../x"},
		"s3://b/a?b#c":    {Bucket: "b", Prefix: "a?b#c"},
		"s3://b/%41":      {Bucket: "b", Prefix: "%41"},
		"dir":             {Path: "dir"},
		"/":               {Path: "/"},
		"a:b":             {Path: "a:b"},
		"C:/x":            {Path: "C:/x"},
		`C:\x`:            {Path: `C:\x`},
		"./s3://b":        {Path: "./s3://b"},
		"s3":              {Path: "s3"},
		"a/b://c":         {Path: "a/b://c"},
		"1a://b":          {Path: "1a://b"},
		"s3x:b":           {Path: "s3x:b"},
		"://b":            {Path: "://b"},
		"s3://bucket--x3": {Bucket: "bucket--x3"},

		"s3://arn:aws:s3:eu-west-1:123456789012:accesspoint/ap//p/": {Bucket: "arn:aws:s3:eu-west-1:123456789012:accesspoint/ap", Prefix: "/p/"},
		"s3://arn:aws:s3::123456789012:accesspoint/xxx.mrap":        {Bucket: "arn:aws:s3::123456789012:accesspoint/xxx.mrap"},

		"s3://b--usw2-az1--x-s3/p": {Bucket: "b--usw2-az1--x-s3", Prefix: "p"},
	} {
		got, err := Parse(text)
		if err != nil || got != want {
			t.Errorf("Parse(%q) = %+v, %v, want %+v", text, got, err, want)
		}
		if got.Local() != (want.Bucket == "") {
			t.Errorf("Parse(%q).Local() = %v", text, got.Local())
		}
	}
	drive := "C://x"
	if _, err := Parse(drive); (err == nil) != (runtime.GOOS == "windows") {
		t.Errorf("Parse(%q): %v", drive, err)
	}
}

func TestParseRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"":                 `is missing`,
		"s3:":              `"s3:" is neither s3://bucket nor a path; write ./s3: for a path`,
		"s3:/b":            `"s3:/b" is neither s3://bucket nor a path; write ./s3:/b for a path`,
		"S3://b":           `"S3://b" is neither s3://bucket nor a path; write ./S3://b for a path`,
		"s3://":            `"s3://" does not name a bucket: the name is missing`,
		"s3:///k":          `"s3:///k" does not name a bucket: the name is missing`,
		"https://b/k":      `must be s3://bucket[/prefix] or a path, not a URL of scheme "https"`,
		"file:///k":        `must be s3://bucket[/prefix] or a path, not a URL of scheme "file"`,
		"s3n://b":          `must be s3://bucket[/prefix] or a path, not a URL of scheme "s3n"`,
		"s3://b/\xff":      `"s3://b/\xff" is not UTF-8, as keys of S3 are`,
		"s3://k:HU/SH@b/k": `"s3://…@b/k" does not name a bucket: the name holds ':'`,
		"s3://b%20/k":      `"s3://b%20/k" does not name a bucket: the name holds '%'`,
		"s3://bücher":      `"s3://bücher" does not name a bucket: the name holds 'ü'`,
		"s3://日本/k":        `"s3://日本/k" does not name a bucket: the name holds '日'`,
		"s3://b\xfcr":      `"s3://b\xfcr" does not name a bucket: the name is not UTF-8`,
		"s3://arn:aws:s3:::bucket/key": `"arn:aws:s3:::bucket/key" is not the ARN of an access point ` +
			`(arn:aws:s3:region:account:accesspoint/name): it is of another kind`,
	} {
		got, err := Parse(text)
		if err == nil || err.Error() != want {
			t.Errorf("Parse(%q) = %+v, %v, want error %q", text, got, err, want)
		}
	}
}

func TestWholeNames(t *testing.T) {
	for name, tt := range map[string]struct{ source, target, want string }{
		"up":                {"./photos", "s3://b/photos", "./photos s3://b/photos/"},
		"between buckets":   {"s3://a/photos", "s3://b/photos", "s3://a/photos/ s3://b/photos/"},
		"source of a whole": {"s3://a", "s3://b/a/photos", "s3://a s3://b/a/photos/"},
		"odd letters":       {"./it's", "s3://b/my photos", `'./it'\''s' 's3://b/my photos/'`},
	} {
		t.Run(name, func(t *testing.T) {
			if got := WholeNames(tt.source, tt.target); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}
