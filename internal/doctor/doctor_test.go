package doctor_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"s3sync"
	"s3sync/internal/doctor"
	"s3sync/internal/faultproxy"
	"s3sync/internal/s3server"
	"s3sync/internal/setting"
	"s3sync/storage"
)

func TestMain(m *testing.M) { os.Exit(s3server.Main(m)) }

// endpoint returns a side in a bucket of a server.
func endpoint(s *s3server.Server, url string) s3sync.Endpoint {
	return s3sync.Endpoint{
		URL: url, EndpointURL: s.Endpoint, Region: s.Region, AccessKey: s.AccessKey, SecretKey: s.SecretKey, PathStyle: true,
	}
}

// between returns the Config of a run between two sides.
func between(source, target s3sync.Endpoint) *s3sync.Config {
	cfg := s3sync.DefaultConfig()
	cfg.Source, cfg.Target = source, target
	return cfg
}

// files returns a directory with files of the given sizes.
func files(t *testing.T, sizes map[string]int) s3sync.Endpoint {
	t.Helper()
	dir := t.TempDir()
	for name, size := range sizes {
		if err := os.WriteFile(filepath.Join(dir, name), make([]byte, size), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return s3sync.Endpoint{URL: dir}
}

// fill uploads files.
func fill(t *testing.T, target s3sync.Endpoint, sizes map[string]int) {
	t.Helper()
	if _, err := s3sync.Sync(t.Context(), between(files(t, sizes), target)); err != nil {
		t.Fatal(err)
	}
}

// verdicts returns the verdict of each check by its side and name.
func verdicts(checks []doctor.Check) map[string]string {
	all := map[string]string{}
	for _, c := range checks {
		all[c.Side+" "+c.Name] = c.Verdict.String()
	}
	return all
}

// examine runs the doctor, and logs what it found.
func examine(t *testing.T, cfg *s3sync.Config, o doctor.Options) []doctor.Check {
	t.Helper()
	checks, err := doctor.Run(t.Context(), cfg, o)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range checks {
		t.Logf("%s %s: %s: %s (%s) %s", c.Side, c.Name, c.Verdict, c.Found, c.Hint, c.Permission)
	}
	return checks
}

// keysIn returns the keys of a bucket.
func keysIn(t *testing.T, e s3sync.Endpoint) []string {
	t.Helper()
	e.URL = strings.Join(strings.Split(e.URL, "/")[:3], "/")
	store, err := between(e, e).OpenSource(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	var keys []string
	for o, err := range store.List(t.Context(), storage.ListOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, o.Key)
	}
	return keys
}

// want fails unless the checks have these verdicts.
func want(t *testing.T, checks []doctor.Check, wanted map[string]string) {
	t.Helper()
	if diff := cmp.Diff(wanted, verdicts(checks)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestBuckets(t *testing.T) {
	t.Parallel()
	for _, kind := range s3server.Kinds() {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			s := s3server.Shared(t, kind)
			source, target := endpoint(s, "s3://"+s.Bucket(t)+"/a/"), endpoint(s, "s3://"+s.Bucket(t)+"/b/")
			fill(t, source, map[string]int{"big": 9 << 20, "small": 1})
			fill(t, target, map[string]int{"kept": 1})
			wanted := map[string]string{"machine open files": "ok"}
			for _, name := range []string{"listing", "credentials", "region", "round trip", "clock", "versions", "reading", "tags"} {
				wanted["source "+name], wanted["target "+name] = "ok", "ok"
			}
			for _, name := range []string{"source order", "source parts", "target object lock", "target copying"} {
				wanted[name] = "ok"
			}
			// versitygw gives every object a checksum.
			sums := map[s3server.Kind]string{s3server.VersityGW: "ok", s3server.MinIO: "not checked"}[kind]
			wanted["source checksums"], wanted["target checksums"] = sums, sums
			wanted["target writing"] = "not checked"
			want(t, examine(t, between(source, target), doctor.Options{}), wanted)

			for _, name := range []string{"writing", "checksums written", "tags written", "conditions", "uploads in parts", "deleting"} {
				wanted["target "+name] = "ok"
			}
			// versitygw keeps objects as files, so that "//" is "/". MinIO refuses such keys.
			wanted["target unusual keys"] = map[s3server.Kind]string{s3server.VersityGW: "failure", s3server.MinIO: "warning"}[kind]
			cfg := between(source, target)
			cfg.Delete.Enable, cfg.ServerSideCopy = true, true
			want(t, examine(t, cfg, doctor.Options{Probe: true}), wanted)
			if keys := keysIn(t, target); !slices.Equal(keys, []string{"b/kept"}) {
				t.Errorf("the probe leaves %q", keys)
			}
			if keys := keysIn(t, source); !slices.Equal(keys, []string{"a/big", "a/small"}) {
				t.Errorf("the source has %q", keys)
			}
		})
	}
}

// Before the first write there is a warning if the probe leaves versions.
func TestVersionedTarget(t *testing.T) {
	t.Parallel()
	s := s3server.Shared(t, s3server.MinIO)
	target := endpoint(s, "s3://"+s.VersionedBucket(t))
	var order []string
	checks := examine(t, between(files(t, map[string]int{"a": 1}), target), doctor.Options{
		Probe:  true,
		Warn:   func(text setting.Text) { order = append(order, text.String()) },
		Report: func(c doctor.Check) { order = append(order, c.Name) },
	})
	i := slices.IndexFunc(order, func(text string) bool { return strings.Contains(text, "keeps versions") })
	if i < 0 || i > slices.Index(order, "writing") {
		t.Errorf("no warning before the first write: %q", order)
	}
	if doctor.Worst(checks) != doctor.OK {
		t.Errorf("got %v", doctor.Worst(checks))
	}
	if keys := keysIn(t, target); len(keys) > 0 {
		t.Errorf("the probe leaves %q", keys)
	}
}

// restricted returns an endpoint whose credentials may do what a policy says.
func restricted(t *testing.T, s *s3server.Server, url, policy string) s3sync.Endpoint {
	t.Helper()
	creds := s.Restricted(t, policy)
	e := endpoint(s, url)
	e.AccessKey, e.SecretKey, e.SessionToken = creds.AccessKeyID, creds.SecretAccessKey, creds.SessionToken
	return e
}

// What the policy allows suffices for the run and for the doctor.
func TestPolicySuffices(t *testing.T) {
	t.Parallel()
	s := s3server.Shared(t, s3server.MinIO)
	for name, change := range map[string]func(*s3sync.Config){
		"plain":  func(*s3sync.Config) {},
		"delete": func(c *s3sync.Config) { c.Delete.Enable = true },
		"copy":   func(c *s3sync.Config) { c.ServerSideCopy = true },
		"tags":   func(c *s3sync.Config) { c.Tagging.SyncLatest = true },
		"etag":   func(c *s3sync.Config) { c.Check.Mode = s3sync.CheckETag },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			source, target := endpoint(s, "s3://"+s.Bucket(t)+"/a/"), endpoint(s, "s3://"+s.Bucket(t)+"/b/")
			fill(t, source, map[string]int{"big": 9 << 20, "small": 1})
			fill(t, target, map[string]int{"old": 1, "small": 2})
			cfg := between(source, target)
			change(cfg)
			cfg.Source = restricted(t, s, source.URL, policyText(t, cfg))
			cfg.Target = cfg.Source
			cfg.Target.URL = target.URL
			if checks := examine(t, cfg, doctor.Options{}); doctor.Worst(checks) != doctor.OK {
				t.Errorf("got %v", doctor.Worst(checks))
			}
			report, err := s3sync.Sync(t.Context(), cfg)
			if err != nil || report.Warnings > 0 || report.Transferred < 1 {
				t.Errorf("got %+v, %v", report, err)
			}
		})
	}
}

// What is missing is told by name, and is a failure only if the run needs it.
func TestPermissions(t *testing.T) {
	t.Parallel()
	s := s3server.Shared(t, s3server.MinIO)
	source, target := endpoint(s, "s3://"+s.Bucket(t)+"/a/"), endpoint(s, "s3://"+s.Bucket(t)+"/b/")
	fill(t, source, map[string]int{"a": 1})
	fill(t, target, map[string]int{"a": 1})
	for action, tt := range map[string]struct {
		check, verdict string
		needed         func(*s3sync.Config)
		neededVerdict  string
	}{
		"ListBucket":          {check: "target listing", verdict: "failure"},
		"GetObject":           {check: "target reading", verdict: "warning", needed: func(c *s3sync.Config) { c.Check.Mode = s3sync.CheckETag }, neededVerdict: "failure"},
		"PutObject":           {check: "target writing", verdict: "failure", needed: func(c *s3sync.Config) { c.DryRun = true }, neededVerdict: "not checked"},
		"DeleteObject":        {check: "target deleting", verdict: "warning", needed: func(c *s3sync.Config) { c.Delete.Enable = true }, neededVerdict: "failure"},
		"GetObjectTagging":    {check: "source tags", verdict: "warning", needed: func(c *s3sync.Config) { c.Tagging.SyncLatest = true }, neededVerdict: "failure"},
		"GetBucketVersioning": {check: "source versions", verdict: "not checked", needed: func(c *s3sync.Config) { c.Versioning.Enable = true }, neededVerdict: "failure"},
	} {
		t.Run(action, func(t *testing.T) {
			t.Parallel()
			all := fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:*"],"Resource":["arn:aws:s3:::*"]},`+
				`{"Effect":"Deny","Action":["s3:%s"],"Resource":["arn:aws:s3:::*"]}]}`, action)
			cfg := between(restricted(t, s, source.URL, all), restricted(t, s, target.URL, all))
			for _, want := range []string{tt.verdict, tt.neededVerdict} {
				if want == "" {
					break
				}
				checks := examine(t, cfg, doctor.Options{Probe: true})
				i := slices.IndexFunc(checks, func(c doctor.Check) bool { return c.Side+" "+c.Name == tt.check })
				if i < 0 || checks[i].Verdict.String() != want || checks[i].Permission != "s3:"+action {
					t.Errorf("got %v, want %s to be %q for s3:%s", verdicts(checks), tt.check, want, action)
				}
				if tt.needed != nil {
					tt.needed(cfg)
				}
			}
		})
	}
}

// A side that does not answer is one row, and the other side is examined.
func TestLostSides(t *testing.T) {
	t.Parallel()
	s := s3server.Shared(t, s3server.VersityGW)
	source := endpoint(s, "s3://"+s.Bucket(t))
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte("<html>welcome to the hotel</html>"))
	}))
	defer page.Close()
	for name, tt := range map[string]struct {
		change func(*s3sync.Endpoint)
		says   string
		hint   string
	}{
		"refuses connections": {func(e *s3sync.Endpoint) { e.EndpointURL = closed.URL }, "does not answer", ""},
		"no S3":               {func(e *s3sync.Endpoint) { e.EndpointURL = page.URL }, "not that of an S3 server", ""},
		"no bucket":           {func(e *s3sync.Endpoint) { e.URL = "s3://no-such-bucket-at-all" }, "NoSuchBucket", ""},
		"wrong keys":          {func(e *s3sync.Endpoint) { e.SecretKey = "wrong" + e.SecretKey }, "SignatureDoesNotMatch", " of the options"},
	} {
		t.Run(name, func(t *testing.T) {
			target := source
			tt.change(&target)
			checks := examine(t, between(source, target), doctor.Options{Probe: true})
			checks = slices.DeleteFunc(checks, func(c doctor.Check) bool { return c.Side != doctor.Target })
			if len(checks) != 1 || checks[0].Verdict != doctor.Failure || !strings.Contains(checks[0].Found.String(), tt.says) || !strings.HasSuffix(checks[0].Hint.String(), tt.hint) {
				t.Errorf("got %+v, want one failure that says %q and hints %q", checks, tt.says, tt.hint)
			}
		})
	}
}

// What a server lacks or does in its own way is found out.
func TestServersThatLackCalls(t *testing.T) {
	t.Parallel()
	s := s3server.Shared(t, s3server.VersityGW)
	source, target := endpoint(s, "s3://"+s.Bucket(t)), endpoint(s, "s3://"+s.Bucket(t))
	fill(t, source, map[string]int{"a": 1, "b": 1, "c": 9 << 20})
	for name, tt := range map[string]struct {
		rules   []string
		change  func(*s3sync.Config)
		check   string
		verdict string
	}{
		"no tags":               {rules: []string{"GetObjectTagging status=501 code=NotImplemented"}, check: "source tags", verdict: "warning"},
		"no tags, none needed":  {rules: []string{"GetObjectTagging status=501 code=NotImplemented"}, check: "source tags", verdict: "not checked", change: func(c *s3sync.Config) { c.Tagging.Disable = true }},
		"no versions":           {rules: []string{"GetBucketVersioning status=501 code=NotImplemented"}, check: "source versions", verdict: "not checked"},
		"no HEAD of a bucket":   {rules: []string{"HeadBucket status=501 code=NotImplemented"}, check: "source round trip", verdict: "ok"},
		"no part sizes":         {rules: []string{"HeadObject partNumber=1 status=501 code=NotImplemented"}, check: "source parts", verdict: "warning"},
		"a clock that is wrong": {rules: []string{"* set.Date=Sat,%2001%20Jan%202000%2000:00:00%20GMT"}, check: "source clock", verdict: "warning"},
		"no clock":              {rules: []string{"HeadBucket set.Date=none"}, check: "source clock", verdict: "not checked"},
		"another region":        {rules: []string{"HeadBucket set.X-Amz-Bucket-Region=mars-north-1"}, check: "source region", verdict: "warning"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			proxy := faultproxy.New(t, s.Endpoint, tt.rules...)
			cfg := between(source, target)
			cfg.Source.EndpointURL = proxy.URL
			if tt.change != nil {
				tt.change(cfg)
			}
			checks := examine(t, cfg, doctor.Options{})
			if got := verdicts(checks)[tt.check]; got != tt.verdict {
				t.Errorf("%s is %q, want %q", tt.check, got, tt.verdict)
			}
		})
	}
}

// The probe is removed also if the user stops the command, and if a write fails.
func TestProbeIsRemoved(t *testing.T) {
	t.Parallel()
	s := s3server.Shared(t, s3server.VersityGW)
	source := files(t, map[string]int{"a": 1})
	t.Run("stopped", func(t *testing.T) {
		for _, last := range []string{"writing", "conditions", "unusual keys"} {
			target := endpoint(s, "s3://"+s.Bucket(t)+"/p/")
			ctx, cancel := context.WithCancelCause(t.Context())
			stop := errors.New("stop")
			checks, err := doctor.Run(ctx, between(source, target), doctor.Options{Probe: true, Report: func(c doctor.Check) {
				if c.Name == last {
					cancel(stop)
				}
			}})
			if !errors.Is(err, context.Canceled) || checks[len(checks)-1].Name != "deleting" {
				t.Errorf("got %v, %+v", err, checks)
			}
			if keys := keysIn(t, target); len(keys) > 0 {
				t.Errorf("stopped behind %q, the probe leaves %q", last, keys)
			}
		}
	})
	t.Run("answers lost", func(t *testing.T) {
		target := endpoint(s, "s3://"+s.Bucket(t)+"/p/")
		proxied := target
		proxied.EndpointURL = faultproxy.New(t, s.Endpoint, "PutObject key=*/tagged lost").URL
		checks := examine(t, between(source, proxied), doctor.Options{Probe: true})
		if verdicts(checks)["target deleting"] != "ok" {
			t.Errorf("got %v", verdicts(checks))
		}
		if keys := keysIn(t, target); len(keys) > 0 {
			t.Errorf("the probe leaves %q", keys)
		}
	})
	t.Run("says so if it cannot", func(t *testing.T) {
		target := endpoint(s, "s3://"+s.Bucket(t)+"/p/")
		target.EndpointURL = faultproxy.New(t, s.Endpoint, "DeleteObjects status=403 code=AccessDenied").URL
		checks := examine(t, between(source, target), doctor.Options{Probe: true})
		i := slices.IndexFunc(checks, func(c doctor.Check) bool { return c.Name == "deleting" })
		if c := checks[i]; c.Verdict != doctor.Warning || !strings.Contains(c.Hint.String(), "/p/.s3sync-doctor-") {
			t.Errorf("got %+v", c)
		}
	})
}

// Nothing is written and nothing is removed unless it is asked for.
func TestReadOnly(t *testing.T) {
	t.Parallel()
	s := s3server.Shared(t, s3server.VersityGW)
	source, target := endpoint(s, "s3://"+s.Bucket(t)), endpoint(s, "s3://"+s.Bucket(t))
	fill(t, source, map[string]int{"a": 1})
	fill(t, target, map[string]int{"a": 1})
	proxy := faultproxy.New(t, s.Endpoint)
	source.EndpointURL, target.EndpointURL = proxy.URL, proxy.URL
	cfg := between(source, target)
	cfg.Delete.Enable, cfg.ServerSideCopy = true, true
	examine(t, cfg, doctor.Options{})
	for _, r := range proxy.Requests() {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			t.Errorf("there is a %s of %q", r.Method, r.Key)
		}
	}
}

func TestDirectories(t *testing.T) {
	t.Parallel()
	s := s3server.Shared(t, s3server.VersityGW)
	source := endpoint(s, "s3://"+s.Bucket(t))
	fill(t, source, map[string]int{"a": 1})
	target := files(t, map[string]int{"Name": 1})
	checks := examine(t, between(source, target), doctor.Options{Probe: true})
	got := verdicts(checks)
	for _, name := range []string{"target directory", "target writing", "target deleting"} {
		if got[name] != "ok" {
			t.Errorf("%s is %q", name, got[name])
		}
	}
	if _, known := got["target letter case"]; !known {
		t.Error("nothing is said of the case of names")
	}
	left, err := os.ReadDir(target.URL)
	if err != nil || len(left) != 1 {
		t.Errorf("the probe leaves %v, %v", left, err)
	}
	missing := s3sync.Endpoint{URL: filepath.Join(target.URL, "missing")}
	examine(t, between(source, missing), doctor.Options{Probe: true})
	if _, err := os.Stat(missing.URL); err == nil {
		t.Error("the probe made the target")
	}
}

// Whose the credentials are is asked where an endpoint for it is known. Only AWS must know.
func TestCaller(t *testing.T) {
	s := s3server.Shared(t, s3server.VersityGW)
	source := endpoint(s, "s3://"+s.Bucket(t))
	for name, tt := range map[string]struct {
		status int
		body   string
		says   string
	}{
		"answers": {http.StatusOK, `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>` +
			`<Arn>arn:aws:iam::123456789012:user/backup</Arn></GetCallerIdentityResult></GetCallerIdentityResponse>`, "arn:aws:iam::123456789012:user/backup"},
		"refuses":  {http.StatusForbidden, `<ErrorResponse><Error><Code>InvalidClientTokenId</Code><Message>no</Message></Error></ErrorResponse>`, "of the options"},
		"nonsense": {http.StatusOK, `<html>`, "of the options"},
	} {
		t.Run(name, func(t *testing.T) {
			sts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(tt.status)
				_, _ = w.Write([]byte(tt.body))
			}))
			defer sts.Close()
			t.Setenv("AWS_ENDPOINT_URL_STS", sts.URL)
			checks := examine(t, between(source, files(t, nil)), doctor.Options{})
			i := slices.IndexFunc(checks, func(c doctor.Check) bool { return c.Name == "credentials" })
			if c := checks[i]; c.Verdict != doctor.OK || !strings.Contains(c.Found.String(), tt.says) || strings.Contains(c.Found.String(), source.SecretKey) {
				t.Errorf("got %+v, want it to say %q", c, tt.says)
			}
		})
	}
}

// A server that is silent behind the first answer costs one time limit, not one for each
// check.
func TestSilence(t *testing.T) {
	t.Parallel()
	s := s3server.Shared(t, s3server.VersityGW)
	source := endpoint(s, "s3://"+s.Bucket(t))
	source.EndpointURL = faultproxy.New(t, s.Endpoint, "HeadBucket silent").URL
	began := time.Now()
	checks := examine(t, between(source, files(t, nil)), doctor.Options{})
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("it took %v", took)
	}
	if got := verdicts(checks); got["source listing"] != "ok" || got["source reading"] != "" {
		t.Errorf("got %v", got)
	}
}

func policyText(t *testing.T, cfg *s3sync.Config) string {
	t.Helper()
	policies, err := doctor.PoliciesOf(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return *text(t, policies.Document())
}

// A server that lists keys of others in place of those of the probe makes it delete none
// of them.
func TestOnlyTheProbeIsRemoved(t *testing.T) {
	t.Parallel()
	s := s3server.Shared(t, s3server.VersityGW)
	target := endpoint(s, "s3://"+s.Bucket(t)+"/p/")
	fill(t, target, map[string]int{"a": 1, "b": 1})
	real, err := url.Parse(s.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	forward := httputil.NewSingleHostReverseProxy(real)
	var deleted atomic.Int64
	liar := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		switch {
		case q.Get("list-type") == "2" && q.Get("start-after") != "":
			w.Header().Set("Content-Type", "application/xml")
			const entry = `<Contents><Key>p/%s</Key><LastModified>2026-01-02T03:04:05Z</LastModified><ETag>"0"</ETag><Size>1</Size></Contents>`
			_, _ = fmt.Fprintf(w, `<ListBucketResult><IsTruncated>false</IsTruncated>`+entry+entry+`</ListBucketResult>`, "a", "b")
			return
		case q.Has("delete"):
			body, _ := io.ReadAll(r.Body)
			if strings.Contains(string(body), "<Key>p/a<") || strings.Contains(string(body), "<Key>p/b<") {
				deleted.Add(1)
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
		}
		forward.ServeHTTP(w, r)
	}))
	defer liar.Close()
	proxied := target
	proxied.EndpointURL = liar.URL
	checks := examine(t, between(files(t, map[string]int{"a": 1}), proxied), doctor.Options{Probe: true})
	if deleted.Load() > 0 || !slices.Contains(keysIn(t, target), "p/a") || !slices.Contains(keysIn(t, target), "p/b") {
		t.Errorf("an object of the user is deleted; %v", verdicts(checks))
	}
	if i := slices.IndexFunc(keysIn(t, target), func(key string) bool { return strings.Contains(key, ".s3sync-doctor-") }); i >= 0 {
		t.Errorf("the probe leaves %q", keysIn(t, target)[i])
	}
}
