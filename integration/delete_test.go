package integration_test

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"s3sync"
	"s3sync/internal/faultproxy"
	"s3sync/internal/listserver"
	"s3sync/internal/s3server"
)

// awkwardKeys are keys that are difficult in URLs and in the XML of listings and
// deletions.
func awkwardKeys() []string {
	return []string{
		"a b", "a+b", "a&b", "a?b", "a#b", "a%41b", "a=b;c", "a'b\"c", `a\b`, "a:b*c<d>e|f", "]]>", "&amp;", "$(a)`b`", "~", "-rf",
		".hidden", "é", "e\u0301", "日本語", "😀", "narrow\u202fblank", "nbsp\u00a0", "tab\tx", "new\nline", "a\rb", "trailing ",
		"deep/d/d/d/x", "order/a-1", "order/a.txt", "order/a/b", "order/a0", strings.Repeat("n", 255),
	}
}

// TestDelete: objects that the source no longer has are deleted from the target, and
// nothing else; a second run finds nothing to do. This holds for every key, in both
// directions and between buckets.
func TestDelete(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, srv *s3server.Server) {
		root, copied := t.TempDir(), filepath.Join(t.TempDir(), "copy")
		first, second := newBucket(t, srv), newBucket(t, srv)
		for _, name := range awkwardKeys() {
			write(t, root, name, []byte(name))
			write(t, root, "gone/"+name, []byte(name))
		}
		hops := []*s3sync.Config{
			config(local(root), first.at("")),
			config(first.at(""), second.at("")),
			config(second.at(""), local(copied)),
		}
		n := len(awkwardKeys())
		for _, cfg := range hops {
			cfg.Delete.Enable = true
			o := run(t, cfg)
			o.succeeded(t, 2*n)
			if again := sync(t, cfg); again.Transferred != 0 || again.Deleted != 0 || o.Deleted != 0 {
				t.Errorf("to %s: deleted %d, again %d, and transferred %d", cfg.Target.URL, o.Deleted, again.Deleted, again.Transferred)
			}
		}
		if err := os.RemoveAll(filepath.Join(root, "gone")); err != nil {
			t.Fatal(err)
		}
		for _, cfg := range hops {
			o := run(t, cfg)
			o.succeeded(t, 0)
			if again := sync(t, cfg); o.Deleted != int64(n) || again.Deleted != 0 || again.Transferred != 0 {
				t.Errorf("to %s: deleted %d, again %d, and transferred %d", cfg.Target.URL, o.Deleted, again.Deleted, again.Transferred)
			}
		}
		first.holds(t, awkwardKeys())
		second.holds(t, awkwardKeys())
		hasFiles(t, copied, awkwardKeys()...)
		sameTree(t, root, copied)
	})
}

// TestDeleteOptions: which objects of the target are deleted, and how many.
func TestDeleteOptions(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		adjust func(*s3sync.Config)
		gone   []string
		warns  int64
	}{
		"off":   {func(*s3sync.Config) {}, nil, 0},
		"on":    {func(c *s3sync.Config) { c.Delete.Enable = true }, []string{"gone-1", "gone-2", "gone-3", "gone-4", "keep-1", "keep-2"}, 0},
		"max 3": {func(c *s3sync.Config) { c.Delete.Enable, c.Delete.Max = true, 3 }, []string{"gone-1", "gone-2", "gone-3"}, 1},
		"max 6": {func(c *s3sync.Config) { c.Delete.Enable, c.Delete.Max = true, 6 }, []string{"gone-1", "gone-2", "gone-3", "gone-4", "keep-1", "keep-2"}, 0},
		"excluded": {func(c *s3sync.Config) {
			c.Delete.Enable, c.Filter.Exclude = true, expression("^(keep|source)-")
		}, []string{"gone-1", "gone-2", "gone-3", "gone-4"}, 0},
		"excluded, too": {func(c *s3sync.Config) {
			c.Delete.Enable, c.Delete.Excluded, c.Filter.Exclude = true, true, expression("^(keep|source)-")
		}, []string{"gone-1", "gone-2", "gone-3", "gone-4", "keep-1", "keep-2"}, 0},
		"max of the rest": {func(c *s3sync.Config) {
			c.Delete.Enable, c.Delete.Max, c.Filter.Exclude = true, 2, expression("^gone-[12]|^source-")
		}, []string{"gone-3", "gone-4"}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			eachServer(t, func(t *testing.T, srv *s3server.Server) {
				source, target, root := newBucket(t, srv), newBucket(t, srv), t.TempDir()
				keys := []string{"gone-1", "gone-2", "gone-3", "gone-4", "keep-1", "keep-2", "source-1", "twin"}
				for _, key := range keys {
					target.put(t, key, nil)
					write(t, root, key, nil)
				}
				source.put(t, "twin", nil)
				source.put(t, "source-1", nil)
				left := slices.DeleteFunc(slices.Clone(keys), func(key string) bool { return slices.Contains(tt.gone, key) })
				for _, side := range []s3sync.Endpoint{target.at(""), local(root)} {
					cfg := config(source.at(""), side)
					cfg.Check.Mode = s3sync.CheckSize
					tt.adjust(cfg)
					o := run(t, cfg)
					if o.err != nil || o.Deleted != int64(len(tt.gone)) || o.Warnings != tt.warns || o.Transferred != 0 {
						t.Errorf("%v, %+v", o.err, o.Stats)
					}
				}
				target.holds(t, left)
				hasFiles(t, root, left...)
			})
		})
	}
}

// TestDeletionThatIsDenied: the server refuses to delete some objects of one request.
// Each of those is named; the others are deleted.
func TestDeletionThatIsDenied(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, srv *s3server.Server) {
		source, target := newBucket(t, srv), newBucket(t, srv)
		creds := srv.Restricted(t, `{"Version":"2012-10-17","Statement":[
			{"Effect":"Allow","Action":["s3:*"],"Resource":["arn:aws:s3:::*"]},
			{"Effect":"Deny","Action":["s3:DeleteObject"],"Resource":["arn:aws:s3:::`+target.name+`/held/*"]}]}`)
		for _, key := range []string{"gone-1", "gone-2", "held/1", "held/2"} {
			target.put(t, key, nil)
		}
		cfg := config(source.at(""), target.at(""))
		cfg.Target.AccessKey, cfg.Target.SecretKey, cfg.Target.SessionToken = creds.AccessKeyID, creds.SecretAccessKey, creds.SessionToken
		cfg.Delete.Enable, cfg.Delete.AllowEmptySource = true, true
		o := run(t, cfg)
		o.failed(t, "held/1", "AccessDenied", "held/1")
		o.reports(t, "held/2", "AccessDenied", "held/2")
		if o.Deleted != 2 || o.Failed != 2 || len(o.FailedKeys()) != 2 {
			t.Errorf("%+v, failed %q", o.Stats, o.FailedKeys())
		}
		target.holds(t, []string{"held/1", "held/2"})
	})
}

// TestDeletionIsRepeated: a failed request to delete is retried. One that always fails
// names every key.
func TestDeletionIsRepeated(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, srv *s3server.Server) {
		for _, fault := range []string{"times=1 status=500", "times=1 close", "times=1 lost", "times=1 truncate-xml", "times=1 status=200 code=InternalError", "status=503"} {
			t.Run(fault, func(t *testing.T) {
				source, target := newBucket(t, srv), newBucket(t, srv)
				keys := []string{"gone-1", "gone-2", "gone-3"}
				for _, key := range keys {
					target.put(t, key, nil)
				}
				proxy := faultproxy.New(t, srv.Endpoint, "DeleteObjects "+fault)
				cfg := config(source.at(""), target.at(proxy.URL))
				cfg.Delete.Enable, cfg.Delete.AllowEmptySource = true, true
				cfg.Retry.MaxAttempts = 1
				o := run(t, cfg)
				if strings.HasPrefix(fault, "times") {
					o.succeeded(t, 0)
					if o.Deleted != 3 {
						t.Errorf("%+v\n%s", o.Stats, o.log)
					}
					target.holds(t, nil)
					return
				}
				for _, key := range keys {
					o.reports(t, key, "SlowDown")
				}
				if o.err == nil || o.Deleted != 0 || o.Failed != 3 || proxy.Count("DeleteObjects") != 3 {
					t.Errorf("%v, %+v, %d requests", o.err, o.Stats, proxy.Count("DeleteObjects"))
				}
				target.holds(t, keys)
			})
		}
	})
}

// TestManyDeletions: objects are deleted 1,000 at a time, as S3 allows, not one by one.
func TestManyDeletions(t *testing.T) {
	t.Parallel()
	server := listserver.New(t, map[string]listserver.Bucket{"target": {Objects: 2500, Key: listserver.Odd}})
	cfg := config(local(t.TempDir()), madeUpBucket(server, "target"))
	cfg.Delete.Enable, cfg.Delete.AllowEmptySource, cfg.Delete.MaxPercent = true, true, 100
	o := run(t, cfg)
	o.succeeded(t, 0)
	if requests := server.Delete.Load(); o.Deleted != 2500 || server.Deleted.Load() != 2500 || server.Unknown.Load() != 0 || requests != 3 {
		t.Errorf("deleted %d: in %d requests %d, of which %d do not exist",
			o.Deleted, requests, server.Deleted.Load(), server.Unknown.Load())
	}
}

// madeUpBucket is a bucket of a server that computes its objects.
func madeUpBucket(server *listserver.Server, bucket string) s3sync.Endpoint {
	return s3sync.Endpoint{
		URL: "s3://" + bucket, EndpointURL: server.URL, PathStyle: true,
		Region: "us-east-1", AccessKey: "access", SecretKey: "secret",
	}
}

// TestDryRunOnlyLooks: the requests of a dry run cannot change anything, and nothing is
// written in the file system, not even the target directory. A real run then does what
// the dry run reported.
func TestDryRunOnlyLooks(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, srv *s3server.Server) {
		source, target := newBucket(t, srv), newBucket(t, srv)
		source.put(t, "new", random(1, 6*s3sync.MiB))
		source.put(t, "dir/", nil)
		source.put(t, "dir2/other", nil)
		source.put(t, "same", []byte("same"))
		target.put(t, "same", []byte("same"))
		target.put(t, "stranger", nil)
		missing := filepath.Join(t.TempDir(), "missing")
		existing := t.TempDir()
		write(t, existing, "stranger", nil)
		root := t.TempDir()
		write(t, root, "file", random(1, 6*s3sync.MiB))
		for name, sides := range map[string][2]s3sync.Endpoint{
			"bucket to bucket":  {source.at(""), target.at("")},
			"bucket to nowhere": {source.at(""), local(missing)},
			"bucket to files":   {source.at(""), local(existing)},
			"files to bucket":   {local(root), target.at("")},
		} {
			t.Run(name, func(t *testing.T) {
				proxy := faultproxy.New(t, srv.Endpoint)
				for i := range sides {
					if sides[i].EndpointURL != "" {
						sides[i].EndpointURL = proxy.URL
					}
				}
				cfg := smallParts(config(sides[0], sides[1]))
				cfg.DryRun, cfg.Delete.Enable, cfg.Check.Mode = true, true, s3sync.CheckSize
				cfg.Check.HeadEachTarget = true
				o := run(t, cfg)
				if o.err != nil || o.Transferred == 0 {
					t.Errorf("%v, %+v", o.err, o.Stats)
				}
				for _, r := range proxy.Requests() {
					if r.Method != http.MethodGet && r.Method != http.MethodHead || r.Operation == "GetObject" {
						t.Errorf("it made the request %s %s", r.Operation, r.Key)
					}
				}
			})
		}
		target.holds(t, []string{"same", "stranger"}, "new")
		hasFiles(t, existing, "stranger")
		if _, err := os.Lstat(missing); err == nil {
			t.Error("the target directory was made")
		}

		cfg := smallParts(config(source.at(""), target.at("")))
		cfg.Delete.Enable, cfg.Check.Mode = true, s3sync.CheckSize
		cfg.DryRun = true
		told := sync(t, cfg)
		cfg.DryRun = false
		done := sync(t, cfg)
		if told.Transferred != done.Transferred || told.Deleted != done.Deleted || told.Skipped != done.Skipped || done.Deleted != 1 {
			t.Errorf("told %+v\ndone %+v", told.Stats, done.Stats)
		}
	})
}
