package answer_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"s3sync/storage"
	"s3sync/storage/bucket/internal/answer"
	"s3sync/storage/bucket/internal/failure"
)

func response(body string, headers ...string) *http.Response {
	resp := &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body))}
	for i := 0; i < len(headers); i += 2 {
		resp.Header.Set(headers[i], headers[i+1])
	}
	return resp
}

// TestCheck: what is a success of which operation. An error inside a success gets the
// status of one, and the body stays as it was.
func TestCheck(t *testing.T) {
	const etag = `"0123456789abcdef0123456789abcdef"`
	for name, tt := range map[string]struct {
		operation, body string
		headers         []string
		status          int // 0 is that Check fails
		noETag          bool
	}{
		"object":                     {"GetObject", "data", []string{"ETag", etag}, 200, false},
		"object without an ETag":     {"GetObject", "data", nil, 0, true},
		"error for an object":        {"GetObject", "<Error><Code>SlowDown</Code></Error>", nil, 500, false},
		"too long an ETag":           {"PutObject", "", []string{"ETag", strings.Repeat("x", answer.MaxETag+1)}, 0, false},
		"listing":                    {"ListObjectsV2", "<?xml version=\"1.0\"?>\n<ListBucketResult/>", nil, 200, false},
		"error instead of a listing": {"ListObjectsV2", "<Error/>", nil, 500, false},
		"page of a proxy":            {"ListObjectsV2", "<html/>", []string{"Content-Type", "text/html"}, 0, false},
		"nothing for a listing":      {"ListObjectsV2", "", nil, 0, false},
		"no XML":                     {"ListObjectsV2", "ok", nil, 0, false},
		"deletion":                   {"DeleteObject", "", nil, 200, false},
		"page for a deletion":        {"DeleteObject", "<html/>", nil, 0, false},
		"no tags":                    {"GetObjectTagging", "", nil, 200, false},
		"unknown operation":          {"Whatever", "", nil, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			var c answer.Checker
			resp := response(tt.body, tt.headers...)
			defer func() { resp.Body.Close() }() // it is another one then
			err := c.Check(tt.operation, resp)
			f, ok := errors.AsType[*failure.Error](err)
			if (err == nil) != (tt.status != 0) || err == nil && resp.StatusCode != tt.status || ok && f.NoETag != tt.noETag {
				t.Errorf("%v, status %d", err, resp.StatusCode)
			}
			if ok && (!f.Foreign || !errors.Is(f, storage.ErrTransient)) {
				t.Errorf("%+v", f)
			}
			if left, err := io.ReadAll(resp.Body); err != nil || string(left) != tt.body {
				t.Errorf("the body is left as %q, %v", left, err)
			}
		})
	}
}

// check is Check of an answer that nobody looks at afterwards.
func check(c *answer.Checker, operation, body string, headers ...string) error {
	resp := response(body, headers...)
	defer resp.Body.Close()
	return c.Check(operation, resp)
}

// TestServerThatNamesRequests: once a server was seen to name requests, an answer that
// does not is none of it; and only one that does may go without an ETag.
func TestServerThatNamesRequests(t *testing.T) {
	var c answer.Checker
	if err := check(&c, "DeleteObject", ""); err != nil {
		t.Error(err)
	}
	if err := check(&c, "ListObjectsV2", "<ListBucketResult/>", "X-Amz-Request-Id", "1"); err != nil || !c.NamesRequests() {
		t.Errorf("%v, names requests %t", err, c.NamesRequests())
	}
	if err := check(&c, "DeleteObject", ""); err == nil {
		t.Error("an answer without a request ID passes")
	}
	named := []string{"X-Amz-Request-Id", "2"}
	if err := check(&c, "PutObject", "", named...); err == nil {
		t.Error("an answer without an ETag passes")
	}
	c.ExpectNoETags()
	if err := check(&c, "PutObject", "", named...); err != nil || !c.WithoutETags() {
		t.Error(err)
	}
	if err := check(&c, "PutObject", ""); err == nil {
		t.Error("an answer without an ETag and without a request ID passes")
	}
}
