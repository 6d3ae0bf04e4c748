package integration_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/go-cmp/cmp"

	"s3sync"
	"s3sync/internal/faultproxy"
	"s3sync/internal/s3server"
	"s3sync/storage"
	s3bucket "s3sync/storage/bucket"
)

// withServerSideCopy lets the server copy.
func withServerSideCopy(cfg *s3sync.Config) *s3sync.Config {
	cfg.ServerSideCopy = true
	return cfg
}

// setHeaders puts all headers and user metadata on an object.
func setHeaders(in *s3.PutObjectInput) {
	in.ContentType, in.CacheControl = aws.String("text/plain; charset=utf-8"), aws.String("max-age=60")
	in.ContentDisposition, in.ContentEncoding = aws.String(`attachment; filename="a b"`), aws.String("gzip")
	in.ContentLanguage = aws.String("de")
	in.Metadata = map[string]string{"one": "1", "two-words": "a b"}
}

// putVariety writes objects with all kinds of keys, sizes, parts, headers and tags
// below a prefix, and returns their number and bytes.
func (b bucket) putVariety(t *testing.T, prefix string) (n int, size int64) {
	t.Helper()
	const MiB = s3sync.MiB
	const tags = "color=dark%20red&empty=&a%2Bb=%2B%3D"
	objects := map[string]upload{
		"empty":           {},
		"described":       {data: random(1, 100), meta: setHeaders, tags: tags},
		"parts-described": {data: random(2, 11*MiB), parts: 3, meta: setHeaders, tags: tags},
		"threshold":       {data: random(3, 8*MiB)},
	}
	for _, key := range []string{
		"blank and+plus", "100%", "%41", "what?x=y", "#hash", "ü/日本", "a&b=c;d", `quote'"`, "at@colon:", "~tilde*!()",
	} {
		objects[key] = upload{data: []byte(key)}
	}
	for key, u := range objects {
		b.putUpload(t, prefix+key, u)
		n, size = n+1, size+int64(len(u.data))
	}
	for key, parts := range map[string][]int{
		"one-part": {100}, "foreign-5": {5 * MiB, 5 * MiB, 1}, "foreign-7": {7 * MiB, 3 * MiB},
		"uneven": {5 * MiB, 6 * MiB, 100}, "looks-uniform": {5 * MiB, 6 * MiB, 7 * MiB, MiB},
	} {
		var data [][]byte
		for i, n := range parts {
			data = append(data, random(byte(i+1), n))
			size += int64(n)
		}
		b.putParts(t, prefix+key, data...)
		n++
	}
	return n, size
}

// etags returns the ETags of all objects below a prefix.
func (b bucket) etags(t *testing.T, prefix string) map[string]string {
	t.Helper()
	etags := map[string]string{}
	pages := s3.NewListObjectsV2Paginator(b.Client(), &s3.ListObjectsV2Input{Bucket: &b.name, Prefix: &prefix})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range page.Contents {
			etags[strings.TrimPrefix(aws.ToString(o.Key), prefix)] = aws.ToString(o.ETag)
		}
	}
	return etags
}

// below returns a part of the bucket as a side, behind the proxy at endpoint.
func (b bucket) below(endpoint, prefix string) s3sync.Endpoint {
	return at(b.Server, endpoint, "s3://"+b.name+"/"+prefix)
}

// TestServerSideCopy: the server copies the objects instead of this program. Everything
// arrives as in other runs, and with the ETags of the source, which verify it. No data
// is requested.
func TestServerSideCopy(t *testing.T) {
	t.Parallel()
	const from, to = "from here/", "to+"
	eachServer(t, func(t *testing.T, srv *s3server.Server) {
		source := newBucket(t, srv)
		n, size := source.putVariety(t, from)
		for name, copies := range map[string]bool{"through this program": false, "by the server": true} {
			t.Run(name, func(t *testing.T) {
				target, proxy := newBucket(t, srv), faultproxy.New(t, srv.Endpoint)
				cfg := config(source.below(proxy.URL, from), target.below(proxy.URL, to))
				cfg.ServerSideCopy, cfg.Transfer.AutoChunkSize = copies, !copies
				o := run(t, cfg)
				o.succeeded(t, n)
				if got := compareBuckets(t, source, target, compareOptions{wantPrefix: from, gotPrefix: to}); got != n {
					t.Errorf("%d objects, want %d", got, n)
				}
				if diff := cmp.Diff(source.etags(t, from), target.etags(t, to)); diff != "" {
					t.Errorf("ETags (-want +got):\n%s", diff)
				}
				if !copies {
					return
				}
				// Two objects are copied again: their parts only look as if they had
				// one size.
				if want := size + (11+19)*s3sync.MiB + 100; o.TransferredBytes != want {
					t.Errorf("%d bytes, want %d", o.TransferredBytes, want)
				}
				for _, moves := range []string{"GetObject", "PutObject", "UploadPart"} {
					if got := proxy.Count(moves); got != 0 {
						t.Errorf("%d times %s", got, moves)
					}
				}
				if again := run(t, cfg); again.err != nil || again.Transferred != 0 || again.Skipped != int64(n) {
					t.Errorf("again: %v, %+v", again.err, again.Stats)
				}
			})
		}
	})
}

// withMaxCopy is a store whose maximum size of one copy is lower than that of S3, so
// that tests can reach it.
type withMaxCopy struct {
	*s3bucket.Store

	max int64
}

func (l withMaxCopy) Caps() storage.Caps {
	caps := l.Store.Caps()
	caps.MaxCopy = l.max
	return caps
}

// store opens the bucket as a store of the caller.
func (b bucket) store(t *testing.T, endpoint string) *s3bucket.Store {
	t.Helper()
	s, err := s3bucket.Open(t.Context(), s3bucket.Options{
		Bucket: b.name, AccessKey: b.AccessKey, SecretKey: b.SecretKey, Region: b.Region,
		EndpointURL: endpoint, PathStyle: true, MaxAttempts: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// TestServerSideCopyOfLargeObjects: objects that are too large for one copy are copied
// in parts that are as large as possible. ETags then verify nothing, but a checksum
// does.
func TestServerSideCopyOfLargeObjects(t *testing.T) {
	t.Parallel()
	const most = 6 * s3sync.MiB
	eachServer(t, func(t *testing.T, srv *s3server.Server) {
		source := newBucket(t, srv)
		content := map[string][]byte{"most": random(1, most), "more": random(2, most+1), "parts": random(3, 3*most+7)}
		for key, data := range content {
			source.putSum(t, key, "CRC64NVME", true, data)
		}
		target, proxy := newBucket(t, srv), faultproxy.New(t, srv.Endpoint)
		cfg := withServerSideCopy(config(s3sync.Endpoint{}, s3sync.Endpoint{}))
		cfg.Source.Store = source.store(t, proxy.URL)
		cfg.Target.Store = withMaxCopy{target.store(t, proxy.URL), most}
		o := run(t, cfg)
		sums := int64(1)
		if srv.Kind == s3server.VersityGW { // it keeps a CRC64NVME of everything
			sums = 3
		}
		if o.err != nil || o.Transferred != 3 || o.ETagVerified != 1 || o.ChecksumVerified != sums ||
			o.Unverified != 3-sums || o.Warnings != 3-sums {
			t.Errorf("%v, %+v\n%s", o.err, o.Stats, o.log)
		}
		if whole, parts := proxy.Count("CopyObject"), proxy.Count("UploadPartCopy"); whole != 1 || parts != 2+4 {
			t.Errorf("%d objects and %d parts were copied, want 1 and 6", whole, parts)
		}
		for _, ev := range o.eventsOf(s3sync.EventUnverified) {
			if !strings.Contains(ev.Err.Error(), "Verify.Algorithm=CRC64NVME") {
				t.Errorf("%s: %v", ev.Key, ev.Err)
			}
		}
		target.contains(t, content, slices.Collect(maps.Keys(content)))
	})
}

// TestServerSideCopyIsRefused: a copy between two different servers does not start.
func TestServerSideCopyIsRefused(t *testing.T) {
	t.Parallel()
	srv := s3server.Shared(t, s3server.VersityGW)
	source, target := newBucket(t, srv), newBucket(t, srv)
	source.put(t, "a", []byte("a"))
	proxy := faultproxy.New(t, srv.Endpoint)
	o := run(t, withServerSideCopy(config(source.at(""), target.at(proxy.URL))))
	if o.err == nil || !strings.Contains(o.err.Error(), "server-side copy: the target cannot copy from the source") || o.Transferred != 0 {
		t.Errorf("%v, %+v", o.err, o.Stats)
	}
	target.holds(t, nil)
}

// TestServerSideCopyDry: a dry run, and a real run with a deletion.
func TestServerSideCopyDry(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, srv *s3server.Server) {
		source, target := newBucket(t, srv), newBucket(t, srv)
		source.put(t, "a", []byte("a"))
		source.putParts(t, "b", random(1, 5*s3sync.MiB), random(2, 100))
		target.put(t, "foreign", []byte("x"))
		proxy := faultproxy.New(t, srv.Endpoint)
		cfg := withServerSideCopy(config(source.at(proxy.URL), target.at(proxy.URL)))
		cfg.Delete.Enable, cfg.DryRun = true, true
		if o := run(t, cfg); o.err != nil || o.Transferred != 2 || o.Deleted != 1 || o.TransferredBytes != 5*s3sync.MiB+101 {
			t.Errorf("%v, %+v", o.err, o.Stats)
		}
		for _, changes := range []string{"PUT", "POST", "DELETE", "HEAD"} {
			if got := proxy.Count(changes); got != 0 {
				t.Errorf("%d times %s in a dry run", got, changes)
			}
		}
		target.holds(t, []string{"foreign"})
		cfg.DryRun = false
		if o := run(t, cfg); o.err != nil || o.Transferred != 2 || o.Deleted != 1 {
			t.Errorf("%v, %+v", o.err, o.Stats)
		}
		target.holds(t, []string{"a", "b"})
	})
}

// TestServerSideCopyReplaces: options for the attributes of written objects apply to
// copies, too.
func TestServerSideCopyReplaces(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, srv *s3server.Server) {
		source, target := newBucket(t, srv), newBucket(t, srv)
		source.putUpload(t, "whole", upload{data: []byte("a"), meta: setHeaders, tags: "old=1"})
		source.putUpload(t, "parts", upload{data: random(1, 6*s3sync.MiB), parts: 2, meta: setHeaders, tags: "old=1"})
		cfg := withServerSideCopy(config(source.at(""), target.at("")))
		cfg.Metadata.ContentType, cfg.Metadata.CacheControl = "text/new", "no-store"
		cfg.Metadata.User = map[string]string{"new": "yes"}
		cfg.Tagging.Set = "new=2"
		run(t, cfg).succeeded(t, 2)
		compareBuckets(t, source, target, compareOptions{adjust: func(e *objectDetails) {
			e.ContentType, e.CacheControl, e.Metadata = "text/new", "no-store", map[string]string{"new": "yes"}
			e.Tags = map[string]string{"new": "2"}
		}})
	})
}

// TestServerSideCopyOfVersions: each version is copied, whatever the current version
// is.
func TestServerSideCopyOfVersions(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, srv *s3server.Server) {
		source, target := bucket{srv, srv.VersionedBucket(t)}, bucket{srv, srv.VersionedBucket(t)}
		for i := range byte(3) {
			source.putUpload(t, "a b", upload{data: random(i, 100), meta: setHeaders, tags: "n=" + string('0'+i)})
			source.putUpload(t, "parts", upload{data: random(i, 6*s3sync.MiB), parts: 2})
		}
		proxy := faultproxy.New(t, srv.Endpoint)
		cfg := withServerSideCopy(config(source.at(proxy.URL), target.at(proxy.URL)))
		cfg.Versioning.Enable = true
		run(t, cfg).succeeded(t, 6)
		if got := proxy.Count("GetObject") + proxy.Count("PutObject") + proxy.Count("UploadPart"); got != 0 {
			t.Errorf("%d requests for data", got)
		}
		if got := compareBuckets(t, source, target, compareOptions{versions: true}); got != 6 {
			t.Errorf("%d versions", got)
		}
	})
}
