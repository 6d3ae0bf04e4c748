package integration_test

import (
	"errors"
	"io/fs"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/go-cmp/cmp"

	"s3sync"
	"s3sync/internal/faultproxy"
	"s3sync/internal/s3server"
)

// Writes that must not happen, tags that cannot be read, and reports of tags.

// TestSomebodyElseIsFaster: another client changes the target after it was listed. Its
// objects stay, each of them is one warning, and nothing is deleted or left unfinished.
func TestSomebodyElseIsFaster(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, srv *s3server.Server) {
		for name, tt := range map[string]struct {
			set      func(*s3sync.Condition)
			before   []string // what the target has
			want     map[string]string
			warnings int64
		}{
			"if it matches": {
				func(c *s3sync.Condition) { c.IfMatch = true },
				[]string{"there", "large", "doomed"},
				map[string]string{"there": "theirs", "large": "theirs", "new": "ours", "doomed": "old"},
				2,
			},
			"if none is there": {
				func(c *s3sync.Condition) { c.IfNoneMatch = true },
				[]string{"there", "doomed"},
				map[string]string{"there": "old", "large": "theirs", "new": "theirs", "doomed": "old"},
				3,
			},
		} {
			t.Run(name, func(t *testing.T) {
				root, target := t.TempDir(), newBucket(t, srv)
				for _, key := range tt.before {
					target.put(t, key, []byte("old"))
				}
				write(t, root, "there", []byte("ours"))
				write(t, root, "new", []byte("ours"))
				write(t, root, "large", random(1, 6*s3sync.MiB))
				front := newFront(t, srv.Endpoint)
				front.onRequest(func(_ http.ResponseWriter, r *http.Request) bool {
					key := r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]
					begins := r.Method == http.MethodPut && !r.URL.Query().Has("partNumber") || r.URL.Query().Has("uploads")
					if begins && tt.want[key] == "theirs" {
						target.put(t, key, []byte("theirs"))
					}
					return false
				})
				cfg := smallParts(config(local(root), target.at(front.URL)))
				cfg.Check.Mode, cfg.Delete.Enable = s3sync.CheckSize, true
				tt.set(&cfg.Condition)
				o := run(t, cfg)
				if o.err != nil || o.Warnings != tt.warnings || o.Failed+o.Deleted != 0 {
					t.Errorf("%v, %+v\n%s", o.err, o.Stats, o.log)
				}
				got := map[string]string{}
				for _, key := range target.keys(t) {
					got[key] = string(target.get(t, key))
				}
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Errorf("the target (-want +got):\n%s", diff)
				}
				target.holds(t, []string{"there", "large", "new", "doomed"})
			})
		}
	})
}

// TestReportTags: lines, counters and exit codes, also for redirects.
func TestReportTags(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, srv *s3server.Server) {
		a, b := newBucket(t, srv), newBucket(t, srv)
		a.putUpload(t, "same", upload{tags: "k=v&a%20b=c"})
		b.putUpload(t, "same", upload{tags: "a%20b=c&k=v"})
		a.putUpload(t, "none", upload{})
		b.putUpload(t, "none", upload{})
		args := []string{"--report-tagging-sync-status", "--report-metadata-sync-status"}
		want := map[string]string{"same": "ETAG MATCHES", "none": "ETAG MATCHES"}
		got, code := reportStatuses(t, a.at(""), b.at(""), args...)
		wantStatuses(t, "the same", got, code, want, 0)
		if srv.Kind == s3server.VersityGW { // MinIO does not keep them
			a.putUpload(t, "redirect", upload{meta: func(in *s3.PutObjectInput) { in.WebsiteRedirectLocation = aws.String("/x") }})
			b.putUpload(t, "redirect", upload{})
			want["redirect"], want["redirect x-amz-website-redirect-location"] = "ETAG MATCHES", "MISMATCH"
			got, code = reportStatuses(t, a.at(""), b.at(""), args...)
			wantStatuses(t, "redirect", got, code, want, 3)
		}
		a.putUpload(t, "lost", upload{tags: "k=v"})
		b.putUpload(t, "lost", upload{})
		p := command(t, a.at(""), b.at(""), "--report-sync-status", "--report-tagging-sync-status",
			"--filter-include-regex", "^lost$", "--json-tracing")
		_ = p.Run() // the test checks the exit code
		for _, text := range []string{
			`"name":"TAGGING_SYNC_STATUS","type":"TAGGING","status":"MISMATCH","key":"lost","source_version_id":"","target_version_id":"",` +
				`"source_tagging":"k=v","target_tagging":""`,
			`"tagging_matches":0`, `"tagging_mismatch":1`,
		} {
			if !strings.Contains(p.stdout.String(), text) {
				t.Errorf("no %s in\n%s", text, p.stdout.String())
			}
		}
		if code := p.ProcessState.ExitCode(); code != 3 {
			t.Errorf("exit code %d", code)
		}
	})
}

// TestTagsWithoutPermission: a user who may not read tags loses none without a report.
// MinIO reports the number of tags to everybody; a proxy hides it, as S3 does.
func TestTagsWithoutPermission(t *testing.T) {
	t.Parallel()
	srv := s3server.Shared(t, s3server.MinIO) // versitygw has no policies
	from := newBucket(t, srv)
	for key := range fiveFiles() {
		from.putUpload(t, key, upload{data: []byte(key), tags: "k=v"})
	}
	creds := srv.Restricted(t, `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":["s3:*"],"Resource":["arn:aws:s3:::*"]},
		{"Effect":"Deny","Action":["s3:GetObjectTagging"],"Resource":["arn:aws:s3:::`+from.name+`/*"]}]}`)
	hides := []string{"GetObject set.x-amz-tagging-count="}
	for name, tt := range map[string]struct {
		denied bool
		rules  []string
		set    func(*s3sync.Config)
		want   counts
		tags   bool
	}{
		"counted":           {denied: true, want: counts{failed: 5}}, // nothing arrives
		"hidden":            {denied: true, rules: hides, want: counts{transferred: 5, etag: 5, warnings: 1}},
		"disabled":          {denied: true, rules: hides, set: func(c *s3sync.Config) { c.Tagging.Disable = true }, want: counts{transferred: 5, etag: 5}},
		"not counted":       {rules: hides, want: counts{transferred: 5, etag: 5}, tags: true},
		"nothing is denied": {want: counts{transferred: 5, etag: 5}, tags: true},
	} {
		t.Run(name, func(t *testing.T) {
			to := newBucket(t, srv)
			cfg := config(from.at(faultproxy.New(t, srv.Endpoint, tt.rules...).URL), to.at(""))
			if tt.denied {
				cfg.Source.AccessKey, cfg.Source.SecretKey, cfg.Source.SessionToken = creds.AccessKeyID, creds.SecretAccessKey, creds.SessionToken
			}
			if tt.set != nil {
				tt.set(cfg)
			}
			o := run(t, cfg)
			if got := countsOf(o.Stats); errors.Is(o.err, fs.ErrPermission) != (tt.want.failed > 0) || got != tt.want {
				t.Errorf("%v, %+v, want %+v\n%s", o.err, got, tt.want, o.log)
			}
			if tt.want.warnings+tt.want.failed > 0 && !strings.Contains(o.log, "s3:GetObjectTagging") {
				t.Errorf("the log does not name the permission:\n%s", o.log)
			}
			if tt.want.transferred > 0 {
				compareBuckets(t, from, to, compareOptions{adjust: func(e *objectDetails) {
					if !tt.tags {
						e.Tags = nil
					}
				}})
			}
		})
	}
}
