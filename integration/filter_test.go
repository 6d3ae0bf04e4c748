package integration_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"s3sync"
	"s3sync/internal/directoryserver"
	"s3sync/internal/faultproxy"
	"s3sync/internal/s3server"
	"s3sync/storage"
	s3bucket "s3sync/storage/bucket"
)

// The tables of scenarios test what filters select. The tests here are about the
// requests of filters, and about failed requests.

// putAnimals puts ten objects with a type, metadata and a tag, and ten without.
func (b bucket) putAnimals(t *testing.T) {
	t.Helper()
	for i := range 10 {
		b.put(t, fmt.Sprintf("bare-%d", i), []byte("bare"))
		b.putUpload(t, fmt.Sprintf("cat-%d", i), upload{
			data: []byte("cat"), tags: fmt.Sprintf("number=%d", i),
			meta: func(in *s3.PutObjectInput) {
				in.ContentType, in.Metadata = aws.String("image/png"), map[string]string{"number": fmt.Sprint(i)}
			},
		})
	}
}

// One HEAD for each object that is to be transferred, and its tags if it has some; no
// requests for objects that are up to date.
func TestFilterRequests(t *testing.T) {
	eachServer(t, func(t *testing.T, srv *s3server.Server) {
		source := newBucket(t, srv)
		source.putAnimals(t)
		for name, tt := range map[string]struct {
			set                 func(*s3sync.Filter)
			transferred, tagged int
		}{
			"type":     {func(f *s3sync.Filter) { f.IncludeContentType = expression("png") }, 10, 0},
			"metadata": {func(f *s3sync.Filter) { f.ExcludeMetadata = expression("number=[0-4]") }, 15, 0},
			"tags":     {func(f *s3sync.Filter) { f.IncludeTags = expression("^number=[0-2]$") }, 3, 10},
			"type and tags": {func(f *s3sync.Filter) {
				f.IncludeContentType, f.ExcludeTags = expression("octet-stream"), expression("number")
			}, 10, 0},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				target, there := t.TempDir(), 0
				for _, heads := range []int{20, 20 - tt.transferred} {
					proxy := faultproxy.New(t, srv.Endpoint)
					cfg := config(source.at(proxy.URL), local(target))
					tt.set(&cfg.Filter)
					report := sync(t, cfg)
					if report.Transferred != int64(tt.transferred-there) || report.Skipped != int64(20-tt.transferred+there) {
						t.Errorf("%+v", report.Stats)
					}
					there = tt.transferred
					if n := proxy.Count("HeadObject *"); n != heads {
						t.Errorf("%d HEADs, want %d", n, heads)
					}
					tags, tagged := proxy.Count("GetObjectTagging *"), tt.tagged
					if heads < 20 {
						tagged = max(tagged-3, 0) // those that are up to date
					}
					samples := 0 // for objects that seem to have no tags
					if cfg.Filter.IncludeTags != nil || cfg.Filter.ExcludeTags != nil {
						samples = 4
					}
					if tags < tagged || tags > tagged+samples {
						t.Errorf("%d times tags, want %d", tags, tagged)
					}
				}
			})
		}
	})
}

// A failed request of a filter is like an unreadable object: a warning, a retry or an
// error, and nothing is deleted.
func TestFilterFaults(t *testing.T) {
	eachServer(t, func(t *testing.T, srv *s3server.Server) {
		source := newBucket(t, srv)
		source.putAnimals(t)
		for name, tt := range map[string]struct {
			rule             string
			warnings, failed int64
			deletes          bool
		}{
			"nothing":       {"HeadObject nothing maybe status=500", 0, 0, true},
			"gone":          {"HeadObject cat-1 status=404 code=NoSuchKey", 1, 0, true},
			"one fault":     {"HeadObject cat-1 nth=1 status=503 code=SlowDown", 0, 0, true},
			"faults":        {"HeadObject cat-1 status=500 code=InternalError", 0, 1, false},
			"not allowed":   {"HeadObject cat-1 status=403 code=AccessDenied", 1, 0, false},
			"connection":    {"HeadObject cat-1 nth=1 close", 0, 0, true},
			"tags, gone":    {"GetObjectTagging cat-1 status=404 code=NoSuchKey", 1, 0, true},
			"tags, faults":  {"GetObjectTagging cat-1 status=500 code=InternalError", 0, 1, false},
			"tags, secret":  {"GetObjectTagging cat-1 status=403 code=AccessDenied", 1, 0, false},
			"tags, cut off": {"GetObjectTagging cat-1 nth=1 truncate-xml", 0, 0, true},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				proxy := faultproxy.New(t, srv.Endpoint, tt.rule)
				target := t.TempDir()
				write(t, target, "orphan", []byte("x"))
				cfg := config(source.at(proxy.URL), local(target))
				cfg.Filter.IncludeTags = expression("number=[01]")
				cfg.Delete.Enable = true
				o := run(t, cfg)
				want := []string{"cat-0"}
				transferred := int64(1)
				if tt.warnings+tt.failed == 0 {
					want, transferred = append(want, "cat-1"), 2
				}
				if !tt.deletes {
					want = append(want, "orphan")
				}
				if got := names(t, target); !slices.Equal(got, want) {
					t.Errorf("the target holds %q, want %q", got, want)
				}
				if (o.err != nil) != (tt.failed > 0) || o.Warnings != tt.warnings || o.Failed != tt.failed || o.Transferred != transferred || o.Skipped != 18 {
					t.Errorf("%v, %+v\n%s", o.err, o.Stats, o.log)
				}
			})
		}
	})
}

// Each version is selected by itself, and another run has nothing to do.
func TestFilterVersions(t *testing.T) {
	eachServer(t, func(t *testing.T, srv *s3server.Server) {
		for name, tt := range map[string]struct {
			set  func(*s3sync.Filter)
			want int // versions
		}{
			"metadata": {func(f *s3sync.Filter) { f.IncludeMetadata = expression("step=[02]") }, 4},
			"tags":     {func(f *s3sync.Filter) { f.ExcludeTags = expression("step=b") }, 3},
			"key":      {func(f *s3sync.Filter) { f.Include = expression("^a") }, 3},
			"callback": {func(f *s3sync.Filter) {
				f.Func = func(o storage.Object) (bool, error) { return o.Latest, nil }
			}, 2},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				source, target := newVersionedBucket(t, srv), newVersionedBucket(t, srv)
				source.writeHistory(t, "a", "abc")
				source.writeHistory(t, "b", "abb")
				cfg := config(source.at(""), target.at(""))
				cfg.Versioning.Enable = true
				tt.set(&cfg.Filter)
				for i, transferred := range []int{tt.want, 0} {
					report := sync(t, cfg)
					if n, _ := target.countVersions(t); n != tt.want || report.Transferred != int64(transferred) {
						t.Errorf("run %d: %d versions, want %d; %+v", i, n, tt.want, report.Stats)
					}
				}
			})
		}
	})
}

// A report is about the objects that the filters select.
func TestFilterReport(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, srv *s3server.Server) {
		source, target := newBucket(t, srv), newBucket(t, srv)
		source.putAnimals(t)
		first := config(source.at(""), target.at(""))
		first.Filter.IncludeContentType = expression("png")
		sync(t, first)
		cfg := config(source.at(""), target.at(""))
		cfg.Report.Status, cfg.Report.Metadata, cfg.Report.Tagging = true, true, true
		cfg.Filter.IncludeTags = expression("number")
		o := run(t, cfg)
		if s := o.Status; o.err != nil || !s.InSync() || s.Objects != 10 || s.Metadata.Matches != 10 || s.Tagging.Matches != 10 || o.Skipped != 10 {
			t.Errorf("%v, %+v, %+v", o.err, o.Status, o.Stats)
		}
	})
}

// An expression with a known prefix lists only that prefix, on both sides.
func TestIncludeLimitsRequests(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, srv *s3server.Server) {
		source, target, down := newBucket(t, srv), newBucket(t, srv), t.TempDir()
		for _, dir := range []string{"a", "b", "b.c", "c"} {
			for i := range 10 {
				source.put(t, fmt.Sprintf("%s/%d", dir, i), []byte("x"))
			}
		}
		for _, to := range []func(proxy string) s3sync.Endpoint{target.at, func(string) s3sync.Endpoint { return local(down) }} {
			for i := range 2 {
				proxy := faultproxy.New(t, srv.Endpoint)
				cfg := config(source.at(proxy.URL), to(proxy.URL))
				cfg.AWS.MaxKeys = 4
				cfg.Filter.Include = expression(`^b/[0-8]`)
				report := sync(t, cfg)
				if report.Transferred+report.Skipped != 10 || report.Transferred != int64(9-9*i) {
					t.Errorf("run %d: %+v", i, report.Stats)
				}
				if n := proxy.Count("ListObjectsV2"); n > 8 {
					t.Errorf("run %d: %d pages", i, n)
				}
			}
		}
		if got := names(t, filepath.Join(down, "b")); len(got) != 9 {
			t.Errorf("downloaded %q", got)
		}
	})
}

// The way in which directory buckets are listed does not change the outcome: all
// objects arrive, the next run does nothing, extraneous objects are deleted, and
// unfinished uploads are neither read nor disturbed. If one listing fails, nothing is
// deleted.
func TestParallelDirectoryListing(t *testing.T) {
	t.Parallel()
	server, proxy := newDirectories(t)
	root, n := directoryTree(t)
	parallel := func(from, to s3sync.Endpoint) *s3sync.Config {
		cfg := config(from, to)
		cfg.AWS.ParallelDirectoryListing, cfg.AWS.MaxKeys = true, 3
		return cfg
	}
	a, err := s3bucket.Open(t.Context(), s3bucket.Options{
		Bucket: directoryA, AccessKey: directoryserver.AccessKey, SecretKey: directoryserver.SecretKey, Region: "us-west-2", EndpointURL: server.URL,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if _, err := a.Create(t.Context(), "un/finished/upload", storage.WriteOptions{Size: 1}); err != nil {
		t.Fatal(err)
	}
	down := t.TempDir()
	for _, cfg := range []*s3sync.Config{
		parallel(local(root), inDirectory(proxy, directoryA)),
		parallel(inDirectory(proxy, directoryA), inDirectory(proxy, directoryB)),
		parallel(inDirectory(proxy, directoryB), local(down)),
	} {
		run(t, cfg).verified(t, n, 0, n, 0)
		if again := sync(t, cfg); again.Transferred != 0 || again.Skipped != int64(n) {
			t.Errorf("again: %+v", again.Stats)
		}
	}
	sameTree(t, root, down)
	if server.Uploads(directoryA) != 1 || proxy.Count("ListObjectsV2 prefix=un/finished/") == 0 {
		t.Error("the unfinished upload was disturbed, or not seen")
	}
	t.Run("delete", func(t *testing.T) {
		cfg := parallel(local(filepath.Join(root, "many")), inDirectory(proxy, directoryB))
		cfg.Delete.Enable = true
		report := sync(t, cfg)
		if report.Deleted != int64(n) || report.Transferred != 50 {
			t.Errorf("%+v", report.Stats)
		}
	})
	t.Run("failing listing", func(t *testing.T) {
		broken := faultproxy.New(t, server.URL, "ListObjectsV2 prefix=3/ status=403 code=AccessDenied")
		cfg := parallel(inDirectory(broken, directoryB), local(down))
		cfg.Delete.Enable = true
		o := run(t, cfg)
		if o.err == nil || !o.Incomplete || o.Deleted != 0 || !strings.Contains(o.err.Error(), "list") {
			t.Errorf("%v, %+v", o.err, o.Stats)
		}
	})
}
