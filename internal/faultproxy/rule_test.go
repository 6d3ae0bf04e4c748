package faultproxy

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestOperations(t *testing.T) {
	for line, want := range map[string]string{
		"GET /":                               "ListBuckets",
		"GET /b?list-type=2&prefix=x":         "ListObjectsV2",
		"GET /b/?list-type=2":                 "ListObjectsV2",
		"GET /b?prefix=x":                     "ListObjects",
		"GET /b?versions":                     "ListObjectVersions",
		"GET /b?uploads":                      "ListMultipartUploads",
		"HEAD /b":                             "HeadBucket",
		"PUT /b":                              "CreateBucket",
		"POST /b?delete":                      "DeleteObjects",
		"GET /b/k":                            "GetObject",
		"GET /b/k?partNumber=1":               "GetObject",
		"GET /b/k?attributes":                 "GetObjectAttributes",
		"GET /b/k?tagging":                    "GetObjectTagging",
		"GET /b/k?uploadId=u":                 "ListParts",
		"HEAD /b/k?partNumber=1":              "HeadObject",
		"PUT /b/k":                            "PutObject",
		"PUT /b//k":                           "PutObject",
		"PUT /b/k?partNumber=1&uploadId=u":    "UploadPart",
		"PUT /b/k?tagging":                    "PutObjectTagging",
		"POST /b/k?uploads":                   "CreateMultipartUpload",
		"POST /b/k?uploadId=u":                "CompleteMultipartUpload",
		"DELETE /b/k?uploadId=u":              "AbortMultipartUpload",
		"DELETE /b/k":                         "DeleteObject",
		"DELETE /b/k?versionId=v":             "DeleteObject",
		"PUT /b/k COPY":                       "CopyObject",
		"PUT /b/k?partNumber=1&uploadId=u CP": "UploadPartCopy",
	} {
		fields := strings.Fields(line)
		r := httptest.NewRequest(fields[0], fields[1], http.NoBody)
		if len(fields) == 3 {
			r.Header.Set("x-amz-copy-source", "/b/other")
		}
		if req := describe(r); req.Operation != want {
			t.Errorf("%s: got %s, want %s", line, req.Operation, want)
		}
	}
}

func TestGlobMatch(t *testing.T) {
	for _, tt := range []struct {
		glob, s string
		want    bool
	}{
		{"", "", true},
		{"a", "a", true},
		{"a", "ab", false},
		{"*", "", true},
		{"*", "a/b", true},
		{"*.bin", "a/b.bin", true},
		{"*.bin", ".bin", true},
		{"*.bin", "bin", false},
		{"a*a", "a", false}, // the two halves may not share a character
		{"a*b*c", "a/b/c", true},
		{"a*b*c", "acbc", true},
		{"a*b*c", "acb", false},
		{"*a*a*", "a", false},
	} {
		if got := globMatch(tt.glob, tt.s); got != tt.want {
			t.Errorf("globMatch(%q, %q) = %v", tt.glob, tt.s, got)
		}
	}
}

func TestPatterns(t *testing.T) {
	r := httptest.NewRequest(http.MethodPut, "/b/dir/a%20b.bin?partNumber=2&uploadId=u", http.NoBody)
	r.Header.Set("Content-Type", "text/plain")
	req := describe(r)
	for text, want := range map[string]bool{
		"*":                          true,
		"PUT":                        true,
		"UploadPart":                 true,
		"GET":                        false,
		"PutObject":                  false,
		"LIST":                       false,
		"PUT *":                      true,
		"PUT dir/*":                  true,
		"PUT other/*":                false,
		"PUT key=*/a%20b.bin":        true,
		"PUT bucket=b":               true,
		"PUT bucket=c":               false,
		"PUT partNumber=2":           true,
		"PUT partNumber=1":           false,
		"PUT header.content-type=*x": false,
		"PUT header.content-type=t*": true,
		"PUT *.bin partNumber=2":     true,
	} {
		p, err := parsePattern(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := p.matches(&req); got != want {
			t.Errorf("%s: got %v", text, got)
		}
	}
}

func TestParseRuleErrors(t *testing.T) {
	for text, want := range map[string]string{
		"":                          "empty",
		"GET":                       "no fault",
		"GET *.bin":                 "no fault",
		"GET * key":                 "neither a condition nor a fault",
		"GET close reset":           "one fault",
		"GET status=503 close":      "one fault",
		"GET nth=0 close":           "at least 1",
		"GET nth=x close":           "invalid syntax",
		"GET status=abc":            "invalid syntax",
		"GET delay=1":               "missing unit",
		"GET code=SlowDown close":   "without status",
		"GET * truncate after=many": "invalid syntax",
		"GET key=%zz close":         "invalid URL escape",
		"GET flip byte=1 bit=8":     "0 to 7",
	} {
		_, err := parseRule(text)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", text, err, want)
		}
	}
}

func TestDue(t *testing.T) {
	urls := []string{"/b?list-type=2", "/b?list-type=2", "/b?list-type=2&start-after=m", "/b/k", "/b?list-type=2&start-after=m"}
	for text, want := range map[string]string{
		"LIST close":                "yyy-y",
		"LIST nth=2 close":          "-y---",
		"LIST nth=2 times=2 close":  "-yy--",
		"LIST times=2 close":        "yy---",
		"LIST page=2 close":         "--y-y",
		"LIST page=2 times=1 close": "--y--",
		"LIST page=2 nth=2 close":   "----y",
		"GetObject close":           "---y-",
	} {
		r, err := parseRule(text)
		if err != nil {
			t.Fatal(err)
		}
		var got strings.Builder
		for _, u := range urls {
			req := describe(httptest.NewRequest(http.MethodGet, u, http.NoBody))
			if r.due(&req) {
				got.WriteByte('y')
			} else {
				got.WriteByte('-')
			}
		}
		if got.String() != want {
			t.Errorf("%s: got %s, want %s", text, got.String(), want)
		}
	}
}
