package integration_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"s3sync/internal/s3server"
)

// TestCompareBuckets: the comparison that other tests use finds every kind of
// difference, and no false one.
func TestCompareBuckets(t *testing.T) {
	t.Parallel()
	full := func(in *s3.PutObjectInput) {
		in.CacheControl, in.ContentDisposition = aws.String("no-cache"), aws.String("inline")
		in.ContentEncoding, in.ContentLanguage = aws.String("x-none"), aws.String("en")
		in.ContentType, in.Metadata = aws.String("text/plain"), map[string]string{"name": "value"}
		in.Expires = aws.Time(time.Unix(2_000_000_000, 0))
	}
	for name, tt := range map[string]struct {
		change func(u *upload)
		meta   func(*s3.PutObjectInput)
		want   string // in the difference; empty wants none
		only   s3server.Kind
	}{
		"same":          {},
		"origin":        {meta: func(in *s3.PutObjectInput) { in.Metadata["s3sync_origin_version_id"] = "x" }},
		"in parts":      {change: func(u *upload) { u.parts = 2 }},
		"content":       {change: func(u *upload) { u.data = random(9, len(u.data)) }, want: "SHA256"},
		"size":          {change: func(u *upload) { u.data = u.data[1:] }, want: "Size"},
		"tag":           {change: func(u *upload) { u.tags = "a=c" }, want: "Tags"},
		"no tag":        {change: func(u *upload) { u.tags = "" }, want: "Tags"},
		"metadata":      {meta: func(in *s3.PutObjectInput) { in.Metadata["name"] = "other" }, want: "Metadata"},
		"no metadata":   {meta: func(in *s3.PutObjectInput) { in.Metadata = nil }, want: "Metadata"},
		"cache control": {meta: func(in *s3.PutObjectInput) { in.CacheControl = nil }, want: "CacheControl"},
		"disposition":   {meta: func(in *s3.PutObjectInput) { in.ContentDisposition = nil }, want: "ContentDisposition"},
		"encoding":      {meta: func(in *s3.PutObjectInput) { in.ContentEncoding = nil }, want: "ContentEncoding"},
		"language":      {meta: func(in *s3.PutObjectInput) { in.ContentLanguage = nil }, want: "ContentLanguage"},
		"type":          {meta: func(in *s3.PutObjectInput) { in.ContentType = aws.String("text/html") }, want: "ContentType"},
		"expires":       {meta: func(in *s3.PutObjectInput) { in.Expires = nil }, want: "Expires"},
		"storage class": {
			meta: func(in *s3.PutObjectInput) { in.StorageClass = types.StorageClassReducedRedundancy },
			want: "StorageClass", only: s3server.MinIO,
		},
	} {
		t.Run(name, func(t *testing.T) {
			eachServer(t, func(t *testing.T, srv *s3server.Server) {
				if tt.only != "" && srv.Kind != tt.only {
					t.Skip("only " + tt.only + " keeps that")
				}
				a, b := newBucket(t, srv), newBucket(t, srv)
				original := upload{data: random(1, 6<<20), meta: full, tags: "a=b"}
				a.putUpload(t, "there/key", original)
				copied := original
				if tt.change != nil {
					tt.change(&copied)
				}
				copied.meta = func(in *s3.PutObjectInput) {
					full(in)
					if tt.meta != nil {
						tt.meta(in)
					}
				}
				b.putUpload(t, "key", copied)
				diff, n := differences(t, a, b, compareOptions{wantPrefix: "there/"})
				if n != 1 || tt.want == "" && diff != "" || !strings.Contains(diff, tt.want) {
					t.Errorf("%d objects, want %q in the difference: %s", n, tt.want, diff)
				}
			})
		})
	}
}

// TestCompareVersions: the comparison finds versions and markers that are missing or in
// another order.
func TestCompareVersions(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, srv *s3server.Server) {
		history := func(steps string) bucket {
			b := bucket{srv, srv.VersionedBucket(t)}
			for _, step := range steps {
				if step == '-' {
					if _, err := b.Client().DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &b.name, Key: aws.String("key")}); err != nil {
						t.Fatal(err)
					}
					continue
				}
				b.put(t, "key", []byte{byte(step)})
			}
			return b
		}
		want := history("ab-c")
		for steps, same := range map[string]bool{"ab-c": true, "ba-c": false, "abc-": false, "abc": false, "b-c": false, "ab-d": false} {
			diff, n := differences(t, want, history(steps), compareOptions{versions: true})
			if n != len(steps) || (diff == "") != same {
				t.Errorf("%s: %d versions, same %t: %s", steps, n, diff == "", diff)
			}
		}
		if n := compareBuckets(t, want, history("c"), compareOptions{}); n != 1 {
			t.Errorf("%d objects", n)
		}
	})
}
