package tagset_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"s3sync/internal/tagset"
)

// TestParse: what S3 would refuse is refused.
func TestParse(t *testing.T) {
	many := func(n int) string {
		var pairs []string
		for i := range n {
			pairs = append(pairs, fmt.Sprint("k", i, "=v"))
		}
		return strings.Join(pairs, "&")
	}
	for text, ok := range map[string]bool{
		"a=b": true, "a=": true, "a=b&c=d": true, many(10): true, "a%20b=%2B%2F%40": true, "a+b=c": true, "%C3%A4=%E6%97%A5": true,
		strings.Repeat("n", 128) + "=" + strings.Repeat("v", 256): true, "aws=x": true,
		strings.Repeat("%C3%A4", 128) + "=": true,
		many(11):                            false, "a=b&a=c": false, "a=b&%61=c": false, "=b": false, "a=%zz": false, "a=%ff": false,
		"a=%26": false, "a%3F=b": false, "a=%0A": false, "aws:x=y": false, "AWS%3Ax=y": false,
		strings.Repeat("n", 129) + "=v": false, "n=" + strings.Repeat("v", 257): false, "a=b&": false,
	} {
		if _, err := tagset.Parse(text); (err == nil) != ok {
			t.Errorf("%q: %v", text, err)
		}
	}
	got, err := tagset.Parse("a+b=%2B%2F&c=")
	if diff := cmp.Diff(map[string]string{"a b": "+/", "c": ""}, got); err != nil || diff != "" {
		t.Errorf("%v, tags (-want +got):\n%s", err, diff)
	}
}

// TestCheck: each refusal says which tag it is about, and why.
func TestCheck(t *testing.T) {
	many := map[string]string{}
	for i := range 11 {
		many[fmt.Sprint(i)] = ""
	}
	for want, tags := range map[string]map[string]string{
		"":                                 {"a": "b c", "d": ""},
		"there are 11 tags":                many,
		"a tag has no name":                {"": "x"},
		`the tag "a"="?" has other chara`:  {"a": "?"},
		`the tag "a"="\xff" has other`:     {"a": "\xff"},
		"longer than 128 characters":       {strings.Repeat("ä", 129): ""},
		"longer than 256 characters":       {"a": strings.Repeat("ä", 257)},
		`the tag "Aws:a" has a name that `: {"Aws:a": ""},
	} {
		err := tagset.Check(tags)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

func TestFlatten(t *testing.T) {
	for want, values := range map[string]map[string]string{
		"":                     nil,
		"a=1":                  {"a": "1"},
		"a=1%20%26&b%2Fc=~.-_": {"b/c": "~.-_", "a": "1 &"},
		"a%20b=%2B%C3%A4&c=":   {"c": "", "a b": "+ä"},
	} {
		if got := tagset.FlattenTags(values); got != want {
			t.Errorf("tags %q, want %q", got, want)
		}
	}
	for want, values := range map[string]map[string]string{
		"":                 nil,
		"a=1":              {"a": "1"},
		"a-b!=x%2Cy,c=%3D": {"c": "=", "a-b!": "x,y"},
	} {
		if got := tagset.FlattenMetadata(values); got != want {
			t.Errorf("metadata %q, want %q", got, want)
		}
	}
}
