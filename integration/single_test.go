package integration_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/go-cmp/cmp"

	"s3sync"
	"s3sync/internal/faultproxy"
	"s3sync/internal/s3server"
)

// sourceContents are the contents of the source of these tests.
func sourceContents() map[string]string {
	return map[string]string{
		"top": "top", "dir/photo.jpg": "photo", "dir/a b+c": "blank", "dir/both": "both", "dir/both2": "more",
		"dir/name1": "name1", "dir/name2": "name2", "dir/sub/x": "sub",
	}
}

// One object as the source is written to TARGET, or into it under its own name if
// TARGET is a directory or ends in a slash.
func TestSingleDown(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, srv *s3server.Server) {
		b := newBucket(t, srv)
		for key, data := range sourceContents() {
			b.put(t, key, []byte(data))
		}
		for name, tt := range map[string]struct {
			source string
			before []string // existing files with the content "old"
			target string
			args   []string
			code   int
			want   map[string]string
			says   string
		}{
			"to a new name":         {source: "dir/photo.jpg", target: "d", want: map[string]string{"d": "photo"}},
			"below a new directory": {source: "dir/photo.jpg", target: "x/y/d", want: map[string]string{"x/y/d": "photo"}},
			"into a directory":      {source: "dir/photo.jpg", before: []string{"d/x"}, target: "d", want: map[string]string{"d/x": "old", "d/photo.jpg": "photo"}},
			"into a new directory":  {source: "dir/photo.jpg", target: "d/", want: map[string]string{"d/photo.jpg": "photo"}},
			"onto a file": {
				source: "dir/photo.jpg", before: []string{"d", "photo.jpg", "other"}, target: "d",
				want: map[string]string{"d": "photo", "photo.jpg": "old", "other": "old"},
			},
			"onto its file": {
				source: "dir/photo.jpg", before: []string{"d/photo.jpg", "d/x"}, target: "d",
				want: map[string]string{"d/photo.jpg": "photo", "d/x": "old"},
			},
			"at the top":              {source: "top", target: "d", want: map[string]string{"d": "top"}},
			"awkward":                 {source: "dir/a b+c", target: "d/", want: map[string]string{"d/a b+c": "blank"}},
			"nothing":                 {source: "dir/none", target: "d", want: map[string]string{}},
			"dry run":                 {source: "dir/photo.jpg", target: "d", args: []string{"--dry-run"}, want: map[string]string{}, says: "download (new)               photo.jpg → d  5 B\n"},
			"a prefix as well":        {source: "dir/both", target: "d", want: map[string]string{"d/2": "more"}, says: `the object "dir/both" is skipped`},
			"a prefix of names":       {source: "dir/name", target: "d", want: map[string]string{"d/1": "name1", "d/2": "name2"}},
			"a prefix with a slash":   {source: "dir/sub/", target: "d", want: map[string]string{"d/x": "sub"}},
			"filtered":                {source: "dir/photo.jpg", target: "d", args: []string{"--filter-include-regex", `\.png$`}, want: map[string]string{}},
			"not filtered":            {source: "dir/photo.jpg", target: "d", args: []string{"--filter-include-regex", `^photo\.jpg$`}, want: map[string]string{"d": "photo"}},
			"status, it is not there": {source: "dir/photo.jpg", target: "d", args: []string{"--report-sync-status"}, code: 3, want: map[string]string{}, says: "NOT_FOUND"},
			"status, it is another": {
				source: "dir/photo.jpg", before: []string{"d"}, target: "d", args: []string{"--report-sync-status"}, code: 3,
				want: map[string]string{"d": "old"}, says: "MISMATCH",
			},
			"by ETag": {source: "dir/photo.jpg", before: []string{"d"}, target: "d", args: []string{"--check-etag"}, want: map[string]string{"d": "photo"}},
			"with --delete": {
				source: "dir/photo.jpg", before: []string{"d/x"}, target: "d", args: []string{"--delete"}, code: 2,
				want: map[string]string{"d/x": "old"}, says: "s3sync: SOURCE is one object, which cannot be combined with --delete",
			},
			"a prefix onto a file": {source: "dir/name", before: []string{"d"}, target: "d", code: 2, want: map[string]string{"d": "old"}, says: "is not a directory"},
			"a slash onto a file":  {source: "dir/sub/", before: []string{"d"}, target: "d", code: 2, want: map[string]string{"d": "old"}, says: "is not a directory"},
		} {
			t.Run(name, func(t *testing.T) {
				root := t.TempDir()
				for _, name := range tt.before {
					write(t, root, name, []byte("old"))
					touch(t, filepath.Join(root, name), time.Now().Add(-24*time.Hour))
				}
				source := b.at("")
				source.URL += "/" + tt.source
				p := command(t, source, local(tt.target), tt.args...)
				p.Dir = root
				if code := p.run(t); code != tt.code {
					t.Errorf("exit code %d, want %d", code, tt.code)
				}
				if out := p.stdout.String() + p.stderr.String(); !strings.Contains(out, tt.says) {
					t.Errorf("%q is not in\n%s", tt.says, out)
				}
				got := map[string]string{}
				for name, path := range tree(t, root) {
					data, err := os.ReadFile(path)
					if err != nil {
						t.Fatal(err)
					}
					got[name] = string(data)
				}
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Errorf("files (-want +got):\n%s", diff)
				}
			})
		}
	})
}

// The same for uploads to a bucket.
func TestSingleUp(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, srv *s3server.Server) {
		from, root := newBucket(t, srv), t.TempDir()
		for key, data := range sourceContents() {
			from.put(t, key, []byte(data))
			write(t, root, key, []byte(data))
		}
		for name, tt := range map[string]struct {
			target string
			args   []string
			want   string
		}{
			"the bucket":        {"", nil, "photo.jpg"},
			"a prefix":          {"/in/", nil, "in/photo.jpg"},
			"a key":             {"/in/other.png", nil, "in/other.png"},
			"a key beside more": {"/there", nil, "there"},
		} {
			for way, source := range map[string]s3sync.Endpoint{
				"from a file":     local(filepath.Join(root, "dir", "photo.jpg")),
				"from a bucket":   at(srv, "", "s3://"+from.name+"/dir/photo.jpg"),
				"by a copy there": at(srv, "", "s3://"+from.name+"/dir/photo.jpg"),
			} {
				t.Run(name+" "+way, func(t *testing.T) {
					to := newBucket(t, srv)
					to.put(t, "there2", []byte("theirs"))
					target := to.at("")
					target.URL += tt.target
					args := append(tt.args, "-v")
					if way == "by a copy there" {
						args = append(args, "--server-side-copy")
					}
					for range 2 { // the second run has nothing to do
						p := command(t, source, target, args...)
						if code := p.run(t); code != 0 {
							t.Errorf("exit code %d\n%s", code, &p.stderr)
						}
						if out := p.stdout.String(); strings.Contains(out, "sync completed.") &&
							(!strings.Contains(out, ` key="photo.jpg"`) || !strings.Contains(out, `target_key="`+tt.want+`"`)) {
							t.Errorf("logged\n%s", out)
						}
					}
					to.holds(t, []string{tt.want, "there2"})
					if got := string(to.get(t, tt.want)); got != "photo" {
						t.Errorf("it holds %q", got)
					}
				})
			}
		}
		t.Run("with --delete", func(t *testing.T) {
			to := newBucket(t, srv)
			to.put(t, "dir/x", []byte("theirs"))
			target := to.at("")
			target.URL += "/dir/"
			p := command(t, at(srv, "", "s3://"+from.name+"/dir/photo.jpg"), target, "--delete")
			if code := p.run(t); code != 2 || !strings.Contains(p.stderr.String(), "SOURCE is one object") {
				t.Errorf("exit code %d\n%s", code, &p.stderr)
			}
			to.holds(t, []string{"dir/x"})
		})
	})
}

// One object costs one request more than its transfer, as does a prefix that could be
// an object. A prefix that ends in a slash costs none.
func TestSingleRequests(t *testing.T) {
	t.Parallel()
	srv := s3server.Shared(t, s3server.VersityGW)
	b := newBucket(t, srv)
	for key, data := range sourceContents() {
		b.put(t, key, []byte(data))
	}
	for source, want := range map[string]int{"dir/photo.jpg": 2, "dir/name": 2, "dir/sub/": 1, "": 1} {
		t.Run(source, func(t *testing.T) {
			proxy := faultproxy.New(t, srv.Endpoint)
			from := b.at(proxy.URL)
			from.URL += "/" + source
			sync(t, config(from, local(filepath.Join(t.TempDir(), "d"))))
			if n := proxy.Count("ListObjectsV2"); n != want {
				t.Errorf("%d listings, want %d\n%s", n, want, proxy.Report(20))
			}
		})
	}
}

// A deleted object is restored as it was, and a whole history is copied.
func TestSingleVersions(t *testing.T) {
	t.Parallel()
	srv := s3server.Shared(t, s3server.MinIO)
	from, to := bucket{srv, srv.VersionedBucket(t)}, bucket{srv, srv.VersionedBucket(t)}
	from.put(t, "dir/photo.jpg", []byte("one"))
	from.put(t, "dir/photo.jpg", []byte("two"))
	source := from.at("")
	source.URL += "/dir/photo.jpg"
	target := to.at("")
	target.URL += "/copy.jpg"
	cfg := config(source, target)
	cfg.Versioning.Enable = true
	for _, want := range []int64{2, 0} {
		if report := sync(t, cfg); report.Transferred != want {
			t.Errorf("%d versions transferred, want %d", report.Transferred, want)
		}
	}
	to.holds(t, []string{"copy.jpg"})

	was := newest(t, from)
	if _, err := from.Client().DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &from.name, Key: aws.String("dir/photo.jpg")}); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "d")
	cfg = config(source, local(path))
	cfg.Versioning.PointInTime = was
	sync(t, cfg)
	if data, err := os.ReadFile(path); err != nil || string(data) != "two" {
		t.Errorf("%q, %v", data, err)
	}
}
