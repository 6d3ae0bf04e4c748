package sigv4_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"s3sync/storage/bucket/internal/sigv4"
)

// The credentials and the time of the published examples.
// https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html (examples)
var (
	example = sigv4.Credentials{AccessKey: "AKIAIOSFODNN7EXAMPLE", SecretKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}
	may24   = time.Date(2013, 5, 24, 0, 0, 0, 0, time.UTC)
	scope   = sigv4.Scope{Service: "s3", Region: "us-east-1"}
)

const emptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

func TestPublishedExamples(t *testing.T) {
	for name, tt := range map[string]struct {
		method, path, rawPath, query string
		headers                      map[string]string
		hash                         string
		signedHeaders, signature     string
	}{
		"get object": {
			method: "GET", path: "/test.txt", headers: map[string]string{"Range": "bytes=0-9"}, hash: emptyHash,
			signedHeaders: "host;range;x-amz-content-sha256;x-amz-date",
			signature:     "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
		},
		"put object": {
			method: "PUT", path: "/test$file.text", rawPath: "/test%24file.text",
			headers:       map[string]string{"Date": "Fri, 24 May 2013 00:00:00 GMT", "X-Amz-Storage-Class": "REDUCED_REDUNDANCY"},
			hash:          "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
			signedHeaders: "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
			signature:     "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
		},
		"bucket lifecycle": {
			method: "GET", path: "/", query: "lifecycle=", hash: emptyHash,
			signedHeaders: "host;x-amz-content-sha256;x-amz-date",
			signature:     "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
		},
		"list objects": {
			method: "GET", path: "/", query: "max-keys=2&prefix=J", hash: emptyHash,
			signedHeaders: "host;x-amz-content-sha256;x-amz-date",
			signature:     "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
		},
	} {
		t.Run(name, func(t *testing.T) {
			req := &http.Request{
				Method: tt.method, Header: http.Header{},
				URL: &url.URL{Scheme: "https", Host: "examplebucket.s3.amazonaws.com", Path: tt.path, RawPath: tt.rawPath, RawQuery: tt.query},
			}
			for name, value := range tt.headers {
				req.Header.Set(name, value)
			}
			req.Header.Set("X-Amz-Content-Sha256", tt.hash)
			new(sigv4.Signer).Sign(req, example, scope, tt.hash, may24)
			want := "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, SignedHeaders=" +
				tt.signedHeaders + ", Signature=" + tt.signature
			if got := req.Header.Get("Authorization"); got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
			if got := req.Header.Get("X-Amz-Date"); got != "20130524T000000Z" {
				t.Errorf("date %s", got)
			}
		})
	}
}

func TestEscape(t *testing.T) {
	for text, want := range map[string][2]string{ // with the slash escaped, and kept
		"":       {"", ""},
		"a/b":    {"a%2Fb", "a/b"},
		"-._~":   {"-._~", "-._~"},
		"+ %":    {"%2B%20%25", "%2B%20%25"},
		"ü":      {"%C3%BC", "%C3%BC"},
		"a=b&c":  {"a%3Db%26c", "a%3Db%26c"},
		"\x00//": {"%00%2F%2F", "%00//"},
	} {
		all, kept := string(sigv4.AppendEscaped(nil, text, false)), string(sigv4.AppendEscaped(nil, text, true))
		if all != want[0] || kept != want[1] {
			t.Errorf("%q gives %q and %q, want %q", text, all, kept, want)
		}
		if needs := sigv4.NeedsEscape(text); needs != (kept != text) {
			t.Errorf("%q needs an escape: %v", text, needs)
		}
	}
	b := sigv4.AppendParameter(nil, "a b", "c&d")
	if got := string(sigv4.AppendParameter(b, "x", "")); got != "a%20b=c%26d&x=" {
		t.Errorf("query %q", got)
	}
}

func TestSignerAllocates(t *testing.T) {
	req := &http.Request{
		Method: "PUT", Header: http.Header{}, ContentLength: 10_000,
		URL: &url.URL{Scheme: "https", Host: "b.s3.us-east-1.amazonaws.com", Path: "/some/key", RawQuery: "x-id=PutObject"},
	}
	for _, name := range []string{"Content-Md5", "Content-Type", "X-Amz-Meta-Mtime", "X-Amz-Content-Sha256", "X-Amz-Checksum-Sha256"} {
		req.Header.Set(name, strings.Repeat("x", 44))
	}
	c := example
	c.SessionToken = "token"
	var s sigv4.Signer
	least := testing.AllocsPerRun(1, func() { s.Sign(req, c, scope, emptyHash, may24) })
	for range 100 { // the race detector empties pools at random
		least = min(least, testing.AllocsPerRun(1, func() { s.Sign(req, c, scope, emptyHash, may24) }))
	}
	if least != 2 {
		t.Errorf("%v allocations, want 2", least)
	}
}
