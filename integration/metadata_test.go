package integration_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"s3sync"
	"s3sync/internal/s3server"
)

// The attributes of objects, in all directions, with a complete comparison.

// setEveryHeader gives an object all attributes that both servers keep, with difficult
// characters.
func setEveryHeader(in *s3.PutObjectInput) {
	in.CacheControl, in.ContentDisposition = aws.String("no-cache, max-age=1"), aws.String(`attachment; filename="a b;c.txt"`)
	in.ContentEncoding, in.ContentLanguage = aws.String("x-none"), aws.String("de, en")
	in.ContentType, in.Expires = aws.String(`text/plain; charset="utf-8"`), aws.Time(time.Unix(2_000_000_000, 0))
	in.WebsiteRedirectLocation = aws.String("/elsewhere")
	in.Metadata = map[string]string{
		"plain": "value", "a-b.c_d": "=?&;,:\"'/\\@", "percent": "%41%2B%%", "plus": "a+b", "blanks": "a  b",
		"long": strings.Repeat("x", 1000),
	}
}

const awkwardTags = "plain=value&a%20b=c%20d&%2B-%3D._%3A%2F%40=%2B-%3D._%3A%2F%40&empty="

// putEveryKind fills a bucket with objects of all kinds.
func (b bucket) putEveryKind(t *testing.T) {
	t.Helper()
	for key, u := range map[string]upload{
		"bare":         {data: random(1, 10)},
		"empty":        {meta: setEveryHeader, tags: awkwardTags},
		"single":       {data: random(2, 1000), meta: setEveryHeader, tags: awkwardTags},
		"dir/in parts": {data: random(3, 6*s3sync.MiB), parts: 2, meta: setEveryHeader, tags: awkwardTags},
		"one part":     {data: random(4, 5*s3sync.MiB+1), parts: 1, meta: setEveryHeader, tags: awkwardTags},
		"large":        {data: random(5, 6*s3sync.MiB), meta: setEveryHeader, tags: awkwardTags},
		"only tags":    {data: random(6, 10), tags: "a=b"},
		"only a class": {data: random(7, 10), meta: func(in *s3.PutObjectInput) { in.StorageClass = types.StorageClassReducedRedundancy }},
	} {
		b.putUpload(t, key, u)
	}
}

// TestEverythingTravels: between buckets, in every direction, also from one server to
// the other. A second run finds nothing to do.
func TestEverythingTravels(t *testing.T) {
	t.Parallel()
	for _, from := range s3server.Kinds() {
		t.Run("from "+string(from), func(t *testing.T) {
			source := newBucket(t, s3server.Shared(t, from))
			source.putEveryKind(t)
			eachServer(t, func(t *testing.T, srv *s3server.Server) {
				for name, set := range map[string]func(*s3sync.Config){
					"whole": func(*s3sync.Config) {}, "in parts": func(c *s3sync.Config) { smallParts(c) }, "same parts": keepsParts,
					"by the server":           func(c *s3sync.Config) { c.ServerSideCopy = true },
					"by the server, in parts": func(c *s3sync.Config) { smallParts(c).ServerSideCopy = true },
				} {
					t.Run(name, func(t *testing.T) {
						if strings.HasPrefix(name, "by") && from != srv.Kind {
							t.Skip("servers do not copy from each other")
						}
						target := newBucket(t, srv)
						cfg := config(source.at(""), target.at(""))
						cfg.Target.URL += "/copy/"
						set(cfg)
						cfg.Transfer.MaxMemory = 0
						if r := sync(t, cfg); r.Transferred != 8 || r.ETagVerified != 8 {
							t.Errorf("%+v", r.Stats)
						}
						compareBuckets(t, source, target, compareOptions{gotPrefix: "copy/", adjust: withoutUnsupported(srv)})
						cfg.Tagging.SyncLatest = true
						if r := sync(t, cfg); r.Transferred != 0 || r.Skipped != 8 {
							t.Errorf("again: %+v", r.Stats)
						}
					})
				}
			})
		})
	}
}

// withoutUnsupported adjusts the expected attributes to a server: versitygw has no
// storage classes, MinIO no redirects.
func withoutUnsupported(srv *s3server.Server) func(*objectDetails) {
	return func(e *objectDetails) {
		if srv.Kind == s3server.VersityGW {
			e.StorageClass = "STANDARD"
		} else {
			e.WebsiteRedirect = ""
		}
	}
}

// TestOptionsOfMetadata: what the options replace and drop, for files and for objects,
// in one piece and in parts.
func TestOptionsOfMetadata(t *testing.T) {
	t.Parallel()
	everyOption := func(c *s3sync.Config) {
		c.Metadata = s3sync.Metadata{
			CacheControl: "max-age=7", ContentDisposition: "inline", ContentEncoding: "x-other", ContentLanguage: "fr",
			ContentType: "application/x-thing", Expires: time.Unix(2_000_000_001, 5).In(time.FixedZone("", 3600)),
			User:            map[string]string{"Mine": "a=b, +%20", "umlaut": "käse 日本語 " + strings.Repeat("é", 100)},
			WebsiteRedirect: "https://example.com/", StorageClass: "REDUCED_REDUNDANCY", ACL: "private", PutLastModified: true,
		}
		c.Tagging.Set = awkwardTags
	}
	withEveryOption := func(e *objectDetails) {
		*e = objectDetails{
			Key: e.Key, Size: e.Size, SHA256: e.SHA256,
			CacheControl: "max-age=7", ContentDisposition: "inline", ContentEncoding: "x-other", ContentLanguage: "fr",
			ContentType: "application/x-thing", Expires: "Wed, 18 May 2033 03:33:21 GMT",
			WebsiteRedirect: "https://example.com/", StorageClass: "REDUCED_REDUNDANCY",
			Metadata: map[string]string{"mine": "a=b, +%20", "umlaut": "käse 日本語 " + strings.Repeat("é", 100)},
			Tags: map[string]string{
				"plain": "value", "a b": "c d", "+-=._:/@": "+-=._:/@", "empty": "",
			},
		}
	}
	rows := map[string]struct {
		set func(*s3sync.Config)
		but func(*objectDetails)
	}{
		"every option": {everyOption, withEveryOption},
		"every option, nothing else": {func(c *s3sync.Config) {
			everyOption(c)
			c.Metadata.NoSystem, c.Metadata.NoUser = true, true
		}, withEveryOption},
		"no system": {func(c *s3sync.Config) { c.Metadata.NoSystem = true }, func(e *objectDetails) {
			*e = objectDetails{Key: e.Key, Size: e.Size, SHA256: e.SHA256, Metadata: e.Metadata, Tags: e.Tags, StorageClass: e.StorageClass}
		}},
		"no user": {func(c *s3sync.Config) { c.Metadata.NoUser = true }, func(e *objectDetails) { e.Metadata = nil }},
		"no tags": {func(c *s3sync.Config) { c.Tagging.Disable = true }, func(e *objectDetails) { e.Tags = nil }},
		"no tags, from another time": {func(c *s3sync.Config) {
			c.Tagging.Disable, c.Metadata.PutLastModified = true, true
		}, func(e *objectDetails) { e.Tags = nil }},
	}
	eachServer(t, func(t *testing.T, srv *s3server.Server) {
		source := newBucket(t, srv)
		source.putEveryKind(t)
		for name, tt := range rows {
			for _, copies := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s, by the server %t", name, copies), func(t *testing.T) {
					target := newBucket(t, srv)
					cfg := smallParts(config(source.at(""), target.at("")))
					cfg.ServerSideCopy = copies
					tt.set(cfg)
					sync(t, cfg)
					compareBuckets(t, source, target, compareOptions{adjust: func(e *objectDetails) {
						tt.but(e)
						withoutUnsupported(srv)(e)
						if e.ContentType == "" {
							e.ContentType = noType(e, copies)
						}
					}})
					if cfg.Metadata.PutLastModified {
						target.hasOrigins(t, source)
					}
				})
			}
		}
	})
	t.Run("of files", func(t *testing.T) {
		eachServer(t, func(t *testing.T, srv *s3server.Server) {
			root, up := t.TempDir(), newBucket(t, srv)
			write(t, root, "single.png", random(1, 100))
			write(t, root, "in parts.png", random(2, 6*s3sync.MiB))
			plain, dressed := newBucket(t, srv), smallParts(config(local(root), up.at("")))
			cfg := smallParts(config(local(root), plain.at("")))
			sync(t, cfg)
			everyOption(dressed)
			sync(t, dressed)
			compareBuckets(t, plain, up, compareOptions{adjust: func(e *objectDetails) {
				if e.ContentType != "image/png" || len(e.Tags)+len(e.Metadata) > 0 {
					t.Errorf("%s without options: %+v", e.Key, e)
				}
				withEveryOption(e)
				withoutUnsupported(srv)(e)
			}})
			cfg.Metadata.NoGuessType, cfg.Check.Mode = true, s3sync.CheckOverwrite
			sync(t, cfg)
			compareBuckets(t, up, plain, compareOptions{adjust: func(e *objectDetails) {
				*e = objectDetails{Key: e.Key, Size: e.Size, SHA256: e.SHA256, StorageClass: "STANDARD", ContentType: noType(e, false)}
			}})
		})
	})
}

// noType returns the Content-Type of an object that was written without one: the SDK
// sets it for objects in one request, and the servers for others.
func noType(e *objectDetails, copied bool) string {
	if e.Size >= 5*s3sync.MiB || copied {
		return "binary/octet-stream"
	}
	return "application/octet-stream"
}

// hasOrigins checks that the metadata say when the source objects were written.
func (b bucket) hasOrigins(t *testing.T, source bucket) {
	t.Helper()
	for _, key := range source.keys(t) {
		from, to := side{bucket: source}.head(t, key), side{bucket: b}.head(t, key)
		want := from.LastModified.UTC().Format("2006-01-02T15:04:05+00:00")
		if got := to.Metadata["s3sync_origin_last_modified"]; got != want {
			t.Errorf("%s: %q, want %q", key, got, want)
		}
	}
}

// TestExpiresAsItIs: S3 keeps any text as Expires. MinIO drops a text that is not a
// date.
func TestExpiresAsItIs(t *testing.T) {
	t.Parallel()
	srv := s3server.Shared(t, s3server.VersityGW)
	source, target := newBucket(t, srv), newBucket(t, srv)
	for key, text := range map[string]string{"text": "tomorrow", "number": "0", "other form": "Wednesday, 18-May-33 03:33:20 GMT"} {
		in := &s3.PutObjectInput{Bucket: &source.name, Key: &key, Body: strings.NewReader("x")}
		_, err := srv.Client().PutObject(t.Context(), in, s3.WithAPIOptions(smithyhttp.SetHeaderValue("Expires", text)))
		if err != nil {
			t.Fatal(err)
		}
	}
	sync(t, config(source.at(""), target.at("")))
	compareBuckets(t, source, target, compareOptions{})
	for _, e := range target.details(t, "", false) {
		if e.Expires == "" {
			t.Errorf("%s has none", e.Key)
		}
	}
}

// TestOtherCharactersInTags: MinIO accepts only ASCII, so a tag with other characters
// is not written.
func TestOtherCharactersInTags(t *testing.T) {
	t.Parallel()
	source := newBucket(t, s3server.Shared(t, s3server.VersityGW))
	source.putUpload(t, "key", upload{data: []byte("x"), tags: "%C3%A4%E6%97%A5=%C3%A9%F0%9D%94%98"})
	target := newBucket(t, source.Server)
	sync(t, config(source.at(""), target.at("")))
	compareBuckets(t, source, target, compareOptions{})
	if tags := target.tags(t, "key", nil); tags["ä日"] != "é𝔘" {
		t.Errorf("tags %q", tags)
	}
	refuses := newBucket(t, s3server.Shared(t, s3server.MinIO))
	run(t, config(source.at(""), refuses.at(""))).failed(t, "key", "InvalidTag")
	refuses.holds(t, nil, "key")
}

// TestOtherCharactersInMetadata: text that is not ASCII stays the same, although one
// server returns it unchanged and another one in RFC 2047 encoding. Nothing is encoded
// twice.
func TestOtherCharactersInMetadata(t *testing.T) {
	t.Parallel()
	for _, from := range s3server.Kinds() {
		source := newBucket(t, s3server.Shared(t, from))
		metadata := map[string]string{
			"raw": "käse 日本語", "encoded": "=?UTF-8?B?5pel5pys?=", "long": strings.Repeat("日本", 30),
		}
		source.putUpload(t, "key", upload{data: []byte("x"), meta: func(in *s3.PutObjectInput) { in.Metadata = maps.Clone(metadata) }})
		eachServer(t, func(t *testing.T, srv *s3server.Server) {
			first, second := newBucket(t, srv), newBucket(t, srv)
			sync(t, config(source.at(""), first.at("")))
			sync(t, config(first.at(""), second.at("")))
			compareBuckets(t, source, first, compareOptions{})
			compareBuckets(t, source, second, compareOptions{})
			if got := second.details(t, "", false)[0].Metadata; got["raw"] != metadata["raw"] || got["long"] != metadata["long"] || got["encoded"] != "日本" {
				t.Errorf("%q", got)
			}
			cfg := config(source.at(""), second.at(""))
			cfg.Report.Status, cfg.Report.Metadata = true, true
			if o := run(t, cfg); !o.Status.InSync() {
				t.Errorf("%+v\n%s", o.Status, o.log)
			}
		})
	}
}
