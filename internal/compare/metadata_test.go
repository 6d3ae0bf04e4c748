package compare

import (
	"slices"
	"testing"

	"s3sync/internal/side"
	"s3sync/storage"
	"s3sync/storage/mem"
)

// withAttributes is a bucket with one object.
func withAttributes(t *testing.T, a storage.Attributes) *fake {
	t.Helper()
	f := &fake{Store: mem.New()}
	if _, err := f.Store.Put(t.Context(), "a", storage.Block{Data: []byte("x")}, storage.WriteOptions{Size: 1, Attributes: a}); err != nil {
		t.Fatal(err)
	}
	return f
}

// Each header is compared on its own.
func TestMetadata(t *testing.T) {
	source := withAttributes(t, storage.Attributes{
		ContentDisposition: "inline", ContentEncoding: "gzip", ContentLanguage: "en", ContentType: "text/plain",
		CacheControl: "no-cache", Expires: "never", WebsiteRedirect: "/x", Metadata: map[string]string{"b": "2 %", "a": "é"},
	})
	target := withAttributes(t, storage.Attributes{
		ContentDisposition: "inline", ContentEncoding: "br", ContentLanguage: "en", ContentType: "text/html",
		CacheControl: "", Expires: "never", WebsiteRedirect: "/y", Metadata: map[string]string{"a": "é"},
	})
	c := comparer(t, Options{Mode: ETag}, source, target)
	d, err := c.Compare(t.Context(), pairOf(t, source, target))
	if err != nil {
		t.Fatal(err)
	}
	d, got, err := c.Metadata(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	want := []Field{
		{"Content-Disposition", true, "inline", "inline"},
		{"Content-Encoding", false, "gzip", "br"},
		{"Content-Language", true, "en", "en"},
		{"Content-Type", false, "text/plain", "text/html"},
		{"Cache-Control", false, "no-cache", ""},
		{"Expires", true, "never", "never"},
		{"x-amz-website-redirect-location", false, "/x", "/y"},
		{"x-amz-meta-", false, "a=%C3%A9,b=2%20%25", "a=%C3%A9"},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	calls(t, "source", source, 1, 0)
	calls(t, "target", target, 1, 0)

	if _, _, err := c.Metadata(t.Context(), d); err != nil {
		t.Error(err)
	}
	calls(t, "source, known", source, 1, 0)
	calls(t, "target, known", target, 1, 0)
}

// What is gone meanwhile, or does not answer, is an error that says which side it is.
func TestMetadataFails(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(source, target *fake)
		want   string
		gone   bool
	}{
		"source gone": {func(source, _ *fake) { source.stat = gone }, side.ErrGone.Error() + ": get \"a\": file does not exist", true},
		"target gone": {func(_, target *fake) { target.stat = gone }, "target: get \"a\": file does not exist", true},
		"source":      {func(source, _ *fake) { source.stat = func() error { return errInjected } }, "source: injected", false},
		"target":      {func(_, target *fake) { target.stat = func() error { return errInjected } }, "target: injected", false},
	} {
		t.Run(name, func(t *testing.T) {
			source, target := withAttributes(t, storage.Attributes{}), withAttributes(t, storage.Attributes{})
			d := Decision{Pair: pairOf(t, source, target)}
			tt.change(source, target)
			_, fields, err := comparer(t, Options{}, source, target).Metadata(t.Context(), d)
			if err == nil || err.Error() != tt.want || storage.Gone(err) != tt.gone || fields != nil {
				t.Errorf("%v, %+v", err, fields)
			}
		})
	}
}

// It is no difference that a server spells names or values in another way, or that a
// sync left a mark. Everything else is one.
func TestUserMetadata(t *testing.T) {
	for name, tt := range map[string]struct {
		source, target map[string]string
		equal          bool
		text, text2    string
	}{
		"none":               {nil, nil, true, "", ""},
		"the same":           {map[string]string{"a_b": "1", "c-d": "2"}, map[string]string{"a_b": "1", "c-d": "2"}, true, "a_b=1,c-d=2", "a_b=1,c-d=2"},
		"hyphens":            {map[string]string{"a_b": "1", "c-d": "2"}, map[string]string{"a-b": "1", "c-d": "2"}, true, "a_b=1,c-d=2", "a-b=1,c-d=2"},
		"another value":      {map[string]string{"a_b": "1"}, map[string]string{"a-b": "2"}, false, "a_b=1", "a-b=2"},
		"another name":       {map[string]string{"a_b": "1"}, map[string]string{"ab": "1"}, false, "a_b=1", "ab=1"},
		"two names in one":   {map[string]string{"a_b": "1", "a-b": "1"}, map[string]string{"a-b": "1"}, false, "a-b=1,a_b=1", "a-b=1"},
		"two names, swapped": {map[string]string{"a_b": "1", "a-b": "2"}, map[string]string{"a_b": "2", "a-b": "1"}, false, "a-b=2,a_b=1", "a-b=1,a_b=2"},
		"a mark":             {nil, map[string]string{"s3sync-origin-version-id": "1", "s3sync_origin_last_modified": "2"}, true, "", ""},
		"RFC 2047":           {map[string]string{"a": "é"}, map[string]string{"a": "=?UTF-8?Q?=C3=A9?="}, true, "a=%C3%A9", "a=%C3%A9"},
		"not RFC 2047":       {map[string]string{"a": "=?x"}, map[string]string{"a": "=?x"}, true, "a=%3D%3Fx", "a=%3D%3Fx"},
	} {
		t.Run(name, func(t *testing.T) {
			want := Field{"x-amz-meta-", tt.equal, tt.text, tt.text2}
			if got := compareUserMetadata(tt.source, tt.target); got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
		})
	}
}
