package bucket_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"strings"
	"testing"

	"s3sync/storage"
)

// TestListedParts: what a server says of the parts of an upload is read page by page, and
// what cannot be true is refused.
func TestListedParts(t *testing.T) {
	part := func(n, size string) string {
		return fmt.Sprintf("<Part><PartNumber>%s</PartNumber><Size>%s</Size><ETag>&quot;%s&quot;</ETag></Part>", n, size, strings.Trim(etag, `"`))
	}
	page := func(truncated bool, parts ...string) string {
		return fmt.Sprintf("<ListPartsResult><UploadId>u</UploadId><IsTruncated>%v</IsTruncated>%s</ListPartsResult>", truncated, strings.Join(parts, ""))
	}
	for name, tt := range map[string]struct {
		status int
		pages  []string
		parts  int
		kind   error
	}{
		"none":               {pages: []string{page(false)}},
		"one page":           {pages: []string{page(false, part("1", "5"), part("3", "7"))}, parts: 2},
		"pages":              {pages: []string{page(true, part("1", "5"), part("2", "5")), page(false, part("9", "5"))}, parts: 3},
		"gone":               {status: 404, pages: []string{"<Error><Code>NoSuchUpload</Code></Error>"}, kind: fs.ErrNotExist},
		"the call is lacked": {status: 501, pages: []string{"<Error><Code>NotImplemented</Code></Error>"}, kind: errors.ErrUnsupported},
		"unknown method":     {status: 405, pages: []string{"<Error><Code>MethodNotAllowed</Code></Error>"}, kind: errors.ErrUnsupported},
		"refused":            {status: 403, pages: []string{"<Error><Code>AccessDenied</Code></Error>"}, kind: fs.ErrPermission},
		"an empty page":      {pages: []string{page(true)}, kind: storage.ErrTransient},
		"the same again":     {pages: []string{page(true, part("1", "5")), page(true, part("1", "5"))}, kind: storage.ErrTransient},
		"disorder":           {pages: []string{page(false, part("2", "5"), part("1", "5"))}, kind: storage.ErrTransient},
		"a part 0":           {pages: []string{page(false, part("0", "5"))}, kind: storage.ErrTransient},
		"too large a number": {pages: []string{page(false, part("10001", "5"))}, kind: storage.ErrTransient},
		"a negative size":    {pages: []string{page(false, part("1", "-5"))}, kind: storage.ErrTransient},
		"another upload":     {pages: []string{"<ListPartsResult><UploadId>x</UploadId></ListPartsResult>"}, kind: storage.ErrTransient},
	} {
		t.Run(name, func(t *testing.T) {
			asked := 0
			f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
				if tt.status != 0 {
					w.WriteHeader(tt.status)
				}
				_, _ = io.WriteString(w, tt.pages[asked%len(tt.pages)])
				asked++
			})
			opts := f.options()
			opts.MaxAttempts = 1
			w, parts, err := open(t, opts).Resume(t.Context(), "k", `{"id":"u"}`, storage.WriteOptions{Size: 10})
			if !errors.Is(err, tt.kind) || (err == nil) != (tt.kind == nil) {
				t.Fatalf("Resume: %v; want %v", err, tt.kind)
			}
			if len(parts) != tt.parts {
				t.Errorf("the parts are %+v; want %d", parts, tt.parts)
			}
			if err == nil && asked != len(tt.pages) {
				t.Errorf("%d requests, want %d", asked, len(tt.pages))
			}
			if u, ok := w.(storage.Unfinished); ok && err == nil {
				if err := u.Leave(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// TestEncryptionThatNobodyConfirmed: an upload whose encryption was never confirmed is not
// continued, because its parts need not be encrypted.
func TestEncryptionThatNobodyConfirmed(t *testing.T) {
	f := newFake(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "<ListPartsResult><IsTruncated>false</IsTruncated></ListPartsResult>")
	})
	_, _, err := open(t, f.options()).Resume(t.Context(), "k", `{"id":"u","unconfirmed":true}`, storage.WriteOptions{Size: 10})
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Resume: %v; want fs.ErrNotExist", err)
	}
}
