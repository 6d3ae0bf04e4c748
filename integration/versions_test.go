package integration_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"s3sync"
	"s3sync/internal/faultproxy"
	"s3sync/internal/s3server"
)

// newVersionedBucket is a new bucket with versioning.
func newVersionedBucket(t *testing.T, srv *s3server.Server) bucket {
	t.Helper()
	return bucket{srv, srv.VersionedBucket(t)}
}

// syncsVersions syncs versions; syncsAllMarkers also syncs the markers between them.
func syncsVersions(c *s3sync.Config) { c.Versioning.Enable = true }

func syncsAllMarkers(c *s3sync.Config) { c.Versioning.Enable, c.Versioning.AllMarkers = true, true }

func (b bucket) delete(t *testing.T, keys ...string) {
	t.Helper()
	for _, key := range keys {
		if _, err := b.Client().DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &b.name, Key: &key}); err != nil {
			t.Fatal(err)
		}
	}
}

// writeHistory writes the history of a key: one letter for each version, "-" deletes.
func (b bucket) writeHistory(t *testing.T, key, steps string) {
	t.Helper()
	for i, step := range steps {
		if step == '-' {
			b.delete(t, key)
			continue
		}
		b.putUpload(t, key, upload{
			data: []byte(key + string(step)),
			meta: func(in *s3.PutObjectInput) { in.Metadata = map[string]string{"step": fmt.Sprint(i)} },
			tags: "step=" + string(step),
		})
	}
}

// randomSteps returns a history of up to n versions. It neither begins with a marker
// nor has two in a row: the test servers keep no such markers.
func randomSteps(r *rand.Rand, n int) string {
	var b strings.Builder
	for range 1 + r.IntN(n) {
		b.WriteByte("abcdefghij"[r.IntN(10)])
		if r.IntN(4) == 0 {
			b.WriteByte('-')
		}
	}
	return b.String()
}

// countVersions counts the versions and markers of a bucket.
func (b bucket) countVersions(t *testing.T) (versions, markers int) {
	t.Helper()
	for _, v := range b.versions(t, "") {
		if v.XMLName.Local == "DeleteMarker" {
			markers++
		} else {
			versions++
		}
	}
	return versions, markers
}

// TestSyncVersions: whole histories between the servers, most of them written within a
// few seconds, are equal after one run. A second run makes no requests except the
// listings.
func TestSyncVersions(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, srv *s3server.Server) {
		r := rand.New(rand.NewPCG(7, 7))
		many, few := newVersionedBucket(t, srv), newVersionedBucket(t, srv)
		for i := range 60 {
			many.writeHistory(t, fmt.Sprintf("in/%c +é/%02d", 'a'+i%5, i), randomSteps(r, 6))
		}
		for i := range 5 {
			few.writeHistory(t, fmt.Sprintf("in/%02d", i), randomSteps(r, 6))
		}
		data := random(3, 11<<20)
		few.putUpload(t, "in/parts", upload{data: data, parts: 3})
		few.putUpload(t, "in/parts", upload{data: data[1:], parts: 2})
		few.delete(t, "in/parts")
		few.putUpload(t, "in/parts", upload{data: data[:10<<20]}) // larger than the threshold
		few.writeHistory(t, "out", "12")

		for name, tt := range map[string]struct {
			source  bucket
			options func(*s3sync.Config)
			same    compareOptions
		}{
			"default":         {many, syncsVersions, compareOptions{currentMarkers: true}},
			"all markers":     {many, syncsAllMarkers, compareOptions{}},
			"pages of two":    {few, with(syncsAllMarkers, func(c *s3sync.Config) { c.AWS.MaxKeys = 2 }), compareOptions{}},
			"metadata":        {few, with(syncsAllMarkers, setsMetadata), compareOptions{adjust: replaceMetadata}},
			"server copies":   {few, with(syncsAllMarkers, func(c *s3sync.Config) { c.ServerSideCopy = true }), compareOptions{}},
			"other part size": {few, with(syncsAllMarkers, partsOf5MiB), compareOptions{}},
			"limited":         {few, with(syncsVersions, func(c *s3sync.Config) { c.Transfer.ObjectsPerSecond = 1000 }), compareOptions{currentMarkers: true}},
		} {
			t.Run(name, func(t *testing.T) {
				source, target := tt.source, newVersionedBucket(t, srv)
				proxy := faultproxy.New(t, srv.Endpoint)
				cfg := config(at(srv, proxy.URL, "s3://"+source.name+"/in/"), at(srv, proxy.URL, "s3://"+target.name+"/to/"))
				tt.options(cfg)
				o := run(t, cfg)
				tt.same.versions, tt.same.wantPrefix, tt.same.gotPrefix = true, "in/", "to/"
				n := compareBuckets(t, source, target, tt.same)
				o.succeeded(t, n-int(o.Deleted))

				singles := func() int {
					return proxy.Count("*") - proxy.Count("ListObjectVersions") - proxy.Count("GetBucketVersioning")
				}
				before := singles()
				o = run(t, cfg)
				o.succeeded(t, 0)
				if asked := singles() - before; asked != 0 && name != "other part size" || o.Deleted != 0 || o.Skipped != int64(n) {
					t.Errorf("second run: %d requests for single objects, %+v", asked, o.Stats)
				}
				if versions, markers := target.countVersions(t); versions+markers != n {
					t.Errorf("second run: %d versions, %d markers", versions, markers)
				}
			})
		}
	})
}

func setsMetadata(c *s3sync.Config) { c.Metadata.User = map[string]string{"other": "value"} }

func replaceMetadata(e *objectDetails) {
	if !e.Marker {
		e.Metadata = map[string]string{"other": "value"}
	}
}

// TestVersionsInPagesOfOne: MinIO only. With such pages versitygw never gets beyond the
// current version of a key.
func TestVersionsInPagesOfOne(t *testing.T) {
	t.Parallel()
	srv := s3server.Shared(t, s3server.MinIO)
	source, target := newVersionedBucket(t, srv), newVersionedBucket(t, srv)
	source.writeHistory(t, "a", "12-3-")
	source.writeHistory(t, "b", "1-2")
	cfg := config(source.at(""), target.at(""))
	syncsAllMarkers(cfg)
	cfg.AWS.MaxKeys = 1
	run(t, cfg).succeeded(t, 5)
	compareBuckets(t, source, target, compareOptions{versions: true})
}

// TestVersionScenarios: steps of users, each with the counters of the run and the
// expected result.
func TestVersionScenarios(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, srv *s3server.Server) {
		source, target := newVersionedBucket(t, srv), newVersionedBucket(t, srv)
		keys := []string{"data1", "dir1/data1", "dir1/data2", "dir2/data1", "données + 日本"}
		putAll := func(keys ...string) {
			for _, key := range keys {
				source.put(t, key, []byte(key+" again and again"))
			}
		}
		for _, step := range []struct {
			name                       string
			before                     func()
			options                    func(*s3sync.Config)
			want                       counts
			versions, markers, visible int
		}{
			{"dry run", func() { putAll(keys...) }, dryRun, counts{transferred: 5}, 0, 0, 0},
			{"five objects", func() {}, nil, counts{transferred: 5, etag: 5}, 5, 0, 5},
			{"again", func() {}, nil, counts{skipped: 5}, 5, 0, 5},
			{"dry run of deletions", func() { source.delete(t, keys...) }, dryRun, counts{skipped: 5, deleted: 5}, 5, 0, 5},
			{"all are deleted", func() {}, nil, counts{skipped: 5, deleted: 5}, 5, 5, 0},
			{"again, deleted", func() {}, nil, counts{skipped: 10}, 5, 5, 0},
			{"four come back", func() { putAll(keys[1:]...) }, nil, counts{transferred: 4, etag: 4, skipped: 6}, 9, 5, 4},
			{"again, with four", func() {}, nil, counts{skipped: 10}, 9, 5, 4},
		} {
			step.before()
			cfg := config(source.at(""), target.at(""))
			syncsVersions(cfg)
			if step.options != nil {
				step.options(cfg)
			}
			o := run(t, cfg)
			if got := countsOf(o.Stats); o.err != nil || got != step.want {
				t.Errorf("%s: %v, %+v, want %+v", step.name, o.err, got, step.want)
			}
			versions, markers := target.countVersions(t)
			if visible := len(target.keys(t)); versions != step.versions || markers != step.markers || visible != step.visible {
				t.Errorf("%s: %d versions, %d markers, %d visible; want %+v", step.name, versions, markers, visible, step)
			}
		}

		t.Run("key equal to the prefix", func(t *testing.T) {
			source.writeHistory(t, "p/x", "123")
			cfg := config(at(srv, "", "s3://"+source.name+"/p/x"), at(srv, "", "s3://"+target.name+"/q/"))
			syncsVersions(cfg)
			if o := run(t, cfg); countsOf(o.Stats) != (counts{transferred: 3, etag: 3}) {
				t.Errorf("one object: %+v", o.Stats)
			}
			source.writeHistory(t, "p/xy", "4")
			if o := run(t, cfg); countsOf(o.Stats) != (counts{transferred: 1, etag: 1, skipped: 3}) {
				t.Errorf("others begin so: %+v", o.Stats)
			}
		})
	})
}

// TestVersionsNeedVersioning: nothing is listed or written if a side has no versioning,
// or does not report it.
func TestVersionsNeedVersioning(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, srv *s3server.Server) {
		with, without := newVersionedBucket(t, srv), newBucket(t, srv)
		with.put(t, "key", []byte("data"))
		without.put(t, "key", []byte("data"))
		suspended := newVersionedBucket(t, srv)
		_, err := srv.Client().PutBucketVersioning(t.Context(), &s3.PutBucketVersioningInput{
			Bucket:                  &suspended.name,
			VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusSuspended},
		})
		if err != nil {
			t.Fatal(err)
		}
		proxy := faultproxy.New(t, srv.Endpoint)
		for name, tt := range map[string]struct {
			source, target bucket
			cause          string
		}{
			"source":    {without, with, "source: versioning is not enabled in the bucket"},
			"target":    {with, without, "target: versioning is not enabled in the bucket"},
			"both":      {without, without, "source: versioning is not enabled in the bucket"},
			"suspended": {suspended, with, "source: versioning is not enabled in the bucket"},
		} {
			t.Run(name, func(t *testing.T) {
				cfg := config(tt.source.at(proxy.URL), tt.target.at(proxy.URL))
				syncsVersions(cfg)
				o := run(t, cfg)
				o.failed(t, "", tt.cause)
			})
		}
		t.Run("denied", func(t *testing.T) {
			denying := faultproxy.New(t, srv.Endpoint, "GetBucketVersioning status=403 code=AccessDenied")
			cfg := config(with.at(denying.URL), suspended.at(""))
			syncsVersions(cfg)
			run(t, cfg).failed(t, "", "cannot be found out", "AccessDenied")
			if n := denying.Count("ListObjectVersions"); n != 0 {
				t.Errorf("%d listings", n)
			}
		})
		if n := proxy.Count("ListObjectVersions") + proxy.Count("PUT"); n != 0 {
			t.Errorf("%d listings and writes", n)
		}
	})
}

// TestInterruptedVersions: however often a run is interrupted, the final history is
// that of the source, without duplicates.
func TestInterruptedVersions(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, srv *s3server.Server) {
		r := rand.New(rand.NewPCG(3, 9))
		source, target := newVersionedBucket(t, srv), newVersionedBucket(t, srv)
		for i := range 20 {
			source.writeHistory(t, fmt.Sprintf("%02d", i), randomSteps(r, 6))
		}
		data := random(4, 11<<20)
		source.putUpload(t, "parts", upload{data: data, parts: 3})
		source.putUpload(t, "parts", upload{data: data[1:], parts: 3})
		proxy := faultproxy.New(t, srv.Endpoint)
		cfg := config(source.at(""), target.at(proxy.URL))
		syncsAllMarkers(cfg)
		times := 0
		for ; times < 100; times++ {
			ctx, cancel := context.WithCancel(t.Context())
			left := r.IntN(20)
			cfg.OnEvent = func(ev s3sync.Event) {
				if ev.Type == s3sync.EventTransferred || ev.Type == s3sync.EventDeleted {
					if left--; left < 0 {
						cancel()
					}
				}
			}
			o := runIn(ctx, t, cfg)
			cancel()
			if o.err == nil {
				break
			}
			if !errors.Is(o.err, context.Canceled) || o.Failed+o.Warnings != 0 {
				t.Fatalf("%v, %+v\n%s", o.err, o.Stats, o.log)
			}
		}
		if times < 3 || times == 100 {
			t.Errorf("interrupted %d times", times)
		}
		compareBuckets(t, source, target, compareOptions{versions: true})
		cfg.OnEvent = nil
		before := proxy.Count("*") - proxy.Count("ListObjectVersions")
		o := run(t, cfg)
		o.succeeded(t, 0)
		if n := proxy.Count("*") - proxy.Count("ListObjectVersions") - before; n > 1 { // the request whether versioning is enabled
			t.Errorf("%d requests in a run that has nothing to do", n)
		}
		if open := srv.OpenUploads(t, target.name, ""); len(open) != 0 {
			t.Errorf("uploads are open: %q", open)
		}
	})
}

// TestVersionsWithCustomerKeys: ETags of objects encrypted with customer keys are not
// digests. The run asks for the origin of each version of the target.
func TestVersionsWithCustomerKeys(t *testing.T) {
	srv := s3server.Start(t, s3server.MinIO, s3server.Options{TLS: true})
	t.Setenv("AWS_CA_BUNDLE", srv.CAFile)
	source, middle, plain := newVersionedBucket(t, srv), newVersionedBucket(t, srv), newVersionedBucket(t, srv)
	for i := range 10 {
		source.writeHistory(t, "key", fmt.Sprint(i))
	}
	source.writeHistory(t, "deleted", "1-2-")
	data := random(5, 11<<20)
	for i := range 2 {
		source.putUpload(t, "parts", upload{data: data[i:], parts: 2})
	}
	for _, step := range []struct {
		from, to      bucket
		reads, writes s3sync.CustomerKey
	}{
		{source, middle, s3sync.CustomerKey{}, customerKey(1)},
		{middle, plain, customerKey(1), s3sync.CustomerKey{}},
	} {
		for n := range int64(2) {
			cfg := config(step.from.at(""), step.to.at(""))
			syncsAllMarkers(cfg)
			cfg.Encryption.SourceCustomer, cfg.Encryption.TargetCustomer = step.reads, step.writes
			cfg.Verify.Algorithm, cfg.Verify.ReadChecksum = "CRC64NVME", step.from.name == middle.name
			o := run(t, cfg)
			o.withoutKeys(t)
			if o.err != nil || o.Transferred != 14*(1-n) || o.Deleted != 2*(1-n) || o.Skipped != 16*n || o.ChecksumVerified != o.Transferred {
				t.Errorf("run %d: %v, %+v\n%s", n, o.err, o.Stats, o.log)
			}
		}
	}
	compareBuckets(t, source, plain, compareOptions{versions: true})
}

// TestFailedVersion: a version that cannot be written holds back later ones, and a
// later run continues there.
func TestFailedVersion(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, srv *s3server.Server) {
		source, target := newVersionedBucket(t, srv), newVersionedBucket(t, srv)
		source.writeHistory(t, "a", "12-3")
		source.writeHistory(t, "b", "12-3-")
		proxy := faultproxy.New(t, srv.Endpoint, "PutObject b nth=2 status=400 code=InvalidRequest")
		cfg := config(source.at(""), target.at(proxy.URL))
		syncsAllMarkers(cfg)
		o := run(t, cfg)
		o.failed(t, "b", "InvalidRequest", "later versions of the key wait")
		if versions, markers := target.countVersions(t); versions != 4 || markers != 1 || o.Failed != 1 || o.Transferred != 4 {
			t.Errorf("%d versions, %d markers, %+v", versions, markers, o.Stats)
		}
		run(t, cfg).succeeded(t, 2)
		compareBuckets(t, source, target, compareOptions{versions: true})
	})
}

// TestUnheardVersions: requests that were carried out without a response are not
// repeated.
func TestUnheardVersions(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, srv *s3server.Server) {
		source, target := newVersionedBucket(t, srv), newVersionedBucket(t, srv)
		source.writeHistory(t, "a", "12-3")
		source.writeHistory(t, "b", "1-")
		proxy := faultproxy.New(t, srv.Endpoint, "PutObject a nth=2 lost", "DeleteObject a lost times=1", "DeleteObject b lost times=1")
		cfg := config(source.at(""), target.at(proxy.URL))
		syncsAllMarkers(cfg)
		run(t, cfg).succeeded(t, 4)
		compareBuckets(t, source, target, compareOptions{versions: true})
	})
}

// TestBrokenListingOfVersions: a page that fails is requested again, and no version of
// a key is listed twice.
func TestBrokenListingOfVersions(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, srv *s3server.Server) {
		source, target := newVersionedBucket(t, srv), newVersionedBucket(t, srv)
		source.writeHistory(t, "a", "123456789")
		source.writeHistory(t, "b", "12-3")
		proxy := faultproxy.New(t, srv.Endpoint,
			"ListObjectVersions page=3 times=2 truncate-xml", "ListObjectVersions page=5 nth=1 reset after=10 maybe")
		cfg := config(source.at(proxy.URL), target.at(""))
		syncsAllMarkers(cfg)
		cfg.AWS.MaxKeys = 3
		o := run(t, cfg)
		o.succeeded(t, 12)
		compareBuckets(t, source, target, compareOptions{versions: true})
	})
}
