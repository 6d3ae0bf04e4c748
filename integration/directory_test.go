package integration_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"s3sync"
	"s3sync/internal/directoryserver"
	"s3sync/internal/faultproxy"
	"s3sync/internal/s3server"
)

// Directory buckets (S3 Express One Zone) of a fake server, because no other test
// server has them.

const (
	directoryA = "a--usw2-az1--x-s3"
	directoryB = "b--usw2-az1--x-s3"
)

// newDirectories starts a server with two empty directory buckets behind a proxy.
func newDirectories(t *testing.T, rules ...string) (*directoryserver.Server, *faultproxy.Proxy) {
	t.Helper()
	srv := directoryserver.New(t, directoryA, directoryB)
	return srv, faultproxy.New(t, srv.URL, rules...)
}

// inDirectory returns a side in a directory bucket.
func inDirectory(proxy *faultproxy.Proxy, url string) s3sync.Endpoint {
	return s3sync.Endpoint{
		URL: "s3://" + url, EndpointURL: proxy.URL, Region: "us-west-2",
		AccessKey: directoryserver.AccessKey, SecretKey: directoryserver.SecretKey,
	}
}

// directoryTree returns a directory with many small files and some that are sent in
// parts.
func directoryTree(t *testing.T) (root string, objects int) {
	t.Helper()
	root, objects = secretTree(t)
	for i := range 50 {
		write(t, root, fmt.Sprintf("many/%d/a b+%d", i%7, i), random(byte(i), i))
	}
	return root, objects + 50
}

// Up, to another directory bucket, to a general purpose bucket and back, and down
// again: everything is verified by checksums, and a second run has nothing to do.
func TestDirectoryBuckets(t *testing.T) {
	t.Parallel()
	_, proxy := newDirectories(t)
	root, n := directoryTree(t)
	copied := filepath.Join(t.TempDir(), "copy")
	usual := newBucket(t, s3server.Shared(t, s3server.MinIO))
	for _, hop := range []struct {
		name     string
		from, to s3sync.Endpoint
	}{
		{"up", local(root), inDirectory(proxy, directoryA+"/up/x-")},
		{"across", inDirectory(proxy, directoryA+"/up/x-"), inDirectory(proxy, directoryB)},
		{"to a usual bucket", inDirectory(proxy, directoryB), usual.at("")},
		{"from a usual bucket", usual.at(""), inDirectory(proxy, directoryA+"/back/")},
		{"down", inDirectory(proxy, directoryA+"/back/"), local(copied)},
	} {
		t.Run(hop.name, func(t *testing.T) {
			cfg := config(hop.from, hop.to)
			cfg.AWS.MaxKeys = 10
			run(t, cfg).verified(t, n, 0, n, 0)
			if again := sync(t, cfg); again.Transferred != 0 || again.Skipped != int64(n) {
				t.Errorf("again: transferred %d, skipped %d", again.Transferred, again.Skipped)
			}
		})
	}
	if got := sameTree(t, root, copied); got != n {
		t.Errorf("%d files, want %d", got, n)
	}
	for _, r := range proxy.Requests() {
		if r.Header.Get("Content-Md5") != "" {
			t.Errorf("%s has Content-MD5", r.Operation)
		}
		sums := r.Header.Get("X-Amz-Checksum-Crc64nvme")
		if wants := r.Operation == "PutObject" || r.Operation == "UploadPart"; wants && sums == "" {
			t.Errorf("%s %s has no checksum", r.Operation, r.Key)
		}
	}
	if sessions := proxy.Count("CreateSession"); sessions == 0 || sessions > 2*5*2 {
		t.Errorf("%d sessions", sessions)
	}
}

// Without the default checksum nothing verifies an object, which is reported but not a
// warning. Another checksum verifies it as well.
func TestDirectoryBucketsWithoutDefaultChecksum(t *testing.T) {
	t.Parallel()
	_, proxy := newDirectories(t)
	root, n := secretTree(t)
	up := config(local(root), inDirectory(proxy, directoryA))
	across := config(inDirectory(proxy, directoryA), inDirectory(proxy, directoryB))
	down := config(inDirectory(proxy, directoryB), local(t.TempDir()))
	for _, cfg := range []*s3sync.Config{up, across, down} {
		cfg.Verify.NoExpressChecksum = true
		o := run(t, cfg)
		o.verified(t, n, 0, 0, n)
		for _, ev := range o.eventsOf(s3sync.EventUnverified) {
			if !strings.Contains(ev.Err.Error(), "directory bucket") {
				t.Errorf("%s is unverified because %v", ev.Key, ev.Err)
			}
		}
	}
	for _, r := range proxy.Requests() {
		for name := range r.Header {
			sent := strings.HasPrefix(name, "X-Amz-Checksum-") || strings.HasPrefix(name, "X-Amz-Sdk-Checksum")
			if sent && r.Operation != "DeleteObjects" {
				t.Errorf("%s has %s", r.Operation, name)
			}
		}
	}

	for _, algorithm := range []string{"SHA256", "CRC32C"} {
		up, across := *up, *across
		up.Check.Mode, across.Check.Mode = s3sync.CheckOverwrite, s3sync.CheckOverwrite
		up.Verify.Algorithm, across.Verify.Algorithm = algorithm, algorithm
		across.Verify.ReadChecksum = true
		run(t, &up).verified(t, n, 0, n, 0)
		run(t, &across).verified(t, n, 0, n, 0)
	}
}

// Target-only objects are deleted, whatever the order of the listings.
func TestDirectoryBucketsDelete(t *testing.T) {
	t.Parallel()
	_, proxy := newDirectories(t)
	root := t.TempDir()
	for i := range 60 {
		write(t, root, fmt.Sprintf("d/%d", i), []byte{byte(i)})
	}
	sync(t, config(local(root), inDirectory(proxy, directoryA+"/")))
	for i := range 40 {
		write(t, root, fmt.Sprintf("d/only-in-the-target-%d", i), []byte{byte(i)})
	}
	sync(t, config(local(root), inDirectory(proxy, directoryB+"/x/y")))

	cfg := config(inDirectory(proxy, directoryA+"/"), inDirectory(proxy, directoryB+"/x/y"))
	cfg.AWS.MaxKeys = 7
	cfg.Delete.Enable = true
	// Only complete listings show that the prefix ends in the middle of "yd".
	if report, err := s3sync.Sync(t.Context(), cfg); !errors.Is(err, s3sync.ErrDeleteRefused) || report.Skipped != 60 || report.Deleted != 0 {
		t.Errorf("%v, %+v", err, report.Stats)
	}
	cfg.Delete.AllowPartialPrefix = true
	if report := sync(t, cfg); report.Deleted != 40 || report.Transferred != 0 {
		t.Errorf("deleted %d, transferred %d", report.Deleted, report.Transferred)
	}
	if report := sync(t, cfg); report.Deleted+report.Transferred != 0 || report.Skipped != 60 {
		t.Errorf("again: %+v", report.Stats)
	}
	down := t.TempDir()
	sync(t, config(inDirectory(proxy, directoryB+"/x/yd/"), local(down)))
	if got := len(names(t, down)); got != 60 {
		t.Errorf("%d are left, want 60", got)
	}
}

// A listing that breaks starts again; if it always breaks, nothing is deleted.
func TestDirectoryBucketListingFails(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		rule    string
		retries int
		fails   bool
	}{
		// A request is made twice before the listing starts again. There are at most
		// three listings.
		"once":   {"LIST bucket=" + directoryB + " page=3 times=3 status=500", 1, false},
		"always": {"LIST bucket=" + directoryB + " page=3 status=500", 2, true},
		"cut":    {"LIST bucket=" + directoryB + " page=3 times=3 truncate-xml", 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			srv, proxy := newDirectories(t)
			root := t.TempDir()
			for i := range 30 {
				write(t, root, fmt.Sprint(i), nil)
			}
			direct := faultproxy.New(t, srv.URL)
			sync(t, config(local(root), inDirectory(direct, directoryB)))
			write(t, root, "new", nil)
			sync(t, config(local(root), inDirectory(direct, directoryA+"/")))

			cfg := config(inDirectory(proxy, directoryA), inDirectory(proxy, directoryB))
			cfg.AWS.MaxKeys = 5
			cfg.Delete.Enable = true
			cfg.Check.Mode = s3sync.CheckSize
			addRule(t, proxy, tt.rule)
			o := run(t, cfg)
			if (o.err != nil) != tt.fails || o.Incomplete != tt.fails || len(o.eventsOf(s3sync.EventRetry)) != tt.retries {
				t.Errorf("error %v, %d repetitions, want %d; %+v", o.err, len(o.eventsOf(s3sync.EventRetry)), tt.retries, o.Report)
			}
			if tt.fails && (o.Transferred != 0 || proxy.Count("DeleteObjects")+proxy.Count("DeleteObject") != 0) {
				t.Errorf("the target was changed: %+v", o.Stats)
			}
			if !tt.fails {
				o.verified(t, 1, 0, 1, 0)
			}
		})
	}
}

// Bytes that are damaged on the wire are refused or detected, and sent once more.
func TestDirectoryBucketDamage(t *testing.T) {
	t.Parallel()
	_, proxy := newDirectories(t)
	root := t.TempDir()
	for _, name := range []string{"one-put", "one-get", "parts-put", "parts-get"} {
		size := 1000
		if strings.HasPrefix(name, "parts") {
			size = 9 * s3sync.MiB
		}
		write(t, root, name, random(name[0], size))
	}
	for _, text := range []string{
		"PutObject one-put times=1 flip byte=500",
		"UploadPart parts-put partNumber=2 times=1 flip byte=0",
		"GetObject one-get times=1 flip byte=-1",
		"GetObject parts-get header.Range=bytes=8388608-* times=1 flip byte=17",
	} {
		addRule(t, proxy, text)
	}
	copied := t.TempDir()
	run(t, config(local(root), inDirectory(proxy, directoryA))).verified(t, 4, 0, 4, 0)
	o := run(t, config(inDirectory(proxy, directoryA), local(copied)))
	o.verified(t, 4, 0, 4, 0)
	if n := len(o.eventsOf(s3sync.EventRetry)); n != 2 {
		t.Errorf("%d repetitions of downloads, want 2", n)
	}
	sameTree(t, root, copied)

	t.Run("for ever", func(t *testing.T) {
		copied := t.TempDir()
		addRule(t, proxy, "GetObject one-get flip byte=3")
		o := run(t, config(inDirectory(proxy, directoryA), local(copied)))
		o.failed(t, "one-get", "CRC64NVME")
		if got := names(t, copied); len(got) != 3 {
			t.Errorf("published %q", got)
		}
	})
}

// If sessions end in the middle of a run, new ones replace them.
func TestDirectoryBucketSessionsEnd(t *testing.T) {
	t.Parallel()
	srv, proxy := newDirectories(t)
	root, n := directoryTree(t)
	copied := t.TempDir()
	for _, cfg := range []*s3sync.Config{
		config(local(root), inDirectory(proxy, directoryA)),
		config(inDirectory(proxy, directoryA), inDirectory(proxy, directoryB)),
		config(inDirectory(proxy, directoryB), local(copied)),
	} {
		cfg.Retry.ForceCount = 10 // a slow request can meet the end of every session
		ended, transferred := 0, 0
		cfg.OnEvent = func(ev s3sync.Event) {
			if ev.Type != s3sync.EventTransferred {
				return
			}
			if transferred++; transferred%20 == 10 {
				srv.Expire()
				ended++
			}
		}
		run(t, cfg).verified(t, n, 0, n, 0)
		if ended < 2 {
			t.Errorf("sessions ended %d times", ended)
		}
	}
	sameTree(t, root, copied)
	if srv.Uploads(directoryA)+srv.Uploads(directoryB) != 0 {
		t.Error("there are open uploads")
	}
}

// The command works as the README says.
func TestDirectoryBucketCommand(t *testing.T) {
	t.Parallel()
	_, proxy := newDirectories(t)
	root, n := secretTree(t)
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{}, fmt.Sprintf("checksum verified %d objects", n)},
		{[]string{"--remove-modified-filter", "--disable-express-one-zone-additional-checksum"}, "checksum verified 0 objects"},
	} {
		p := command(t, local(root), inDirectory(proxy, directoryA+"/p/"), tt.args...)
		if code := p.run(t); code != 0 || !strings.Contains(p.stdout.String()+p.stderr.String(), tt.want) {
			t.Errorf("%q: exit code %d, want 0 and %q in\n%s%s", tt.args, code, tt.want, p.stdout.String(), p.stderr.String())
		}
	}
}

// An upload is complete although its response is lost. Its ETag does not show which
// upload it is from.
func TestDirectoryBucketLostAnswer(t *testing.T) {
	t.Parallel()
	srv, proxy := newDirectories(t, "CompleteMultipartUpload times=1 lost")
	root, copied := t.TempDir(), t.TempDir()
	write(t, root, "parts", random(1, 9*s3sync.MiB))
	run(t, config(local(root), inDirectory(proxy, directoryA))).verified(t, 1, 0, 1, 0)
	run(t, config(inDirectory(proxy, directoryA), local(copied))).verified(t, 1, 0, 1, 0)
	sameTree(t, root, copied)
	if n := srv.Count("CompleteMultipartUpload"); n != 2 || srv.Uploads(directoryA) != 0 {
		t.Errorf("completed %d times, %d uploads are open", n, srv.Uploads(directoryA))
	}
}

// Contents are compared by the default checksums.
func TestDirectoryBucketCompare(t *testing.T) {
	t.Parallel()
	_, proxy := newDirectories(t)
	root, n := secretTree(t)
	sync(t, config(local(root), inDirectory(proxy, directoryA)))
	sync(t, config(local(root), inDirectory(proxy, directoryB)))
	write(t, root, "small", random(8, 1000))
	for name, tt := range map[string]struct {
		from, to s3sync.Endpoint
		differ   int
	}{
		"up":     {local(root), inDirectory(proxy, directoryA), 1},
		"down":   {inDirectory(proxy, directoryA), local(root), 1},
		"across": {inDirectory(proxy, directoryA), inDirectory(proxy, directoryB), 0},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := config(tt.from, tt.to)
			cfg.Report.Status, cfg.Check.Mode, cfg.Check.Algorithm = true, s3sync.CheckChecksum, "CRC64NVME"
			o := run(t, cfg)
			counts := map[s3sync.Status]int{}
			for _, ev := range o.eventsOf(s3sync.EventStatus) {
				counts[ev.Line.Status]++
			}
			if o.err != nil || counts[s3sync.StatusMatches] != n-tt.differ || counts[s3sync.StatusMismatch] != tt.differ {
				t.Errorf("error %v, %v\n%s", o.err, counts, o.log)
			}

			cfg = config(tt.from, tt.to)
			cfg.Check.Mode, cfg.Check.Algorithm, cfg.DryRun = s3sync.CheckChecksum, "CRC64NVME", true
			if report := sync(t, cfg); report.Transferred != int64(tt.differ) {
				t.Errorf("transferred %d", report.Transferred)
			}
		})
	}
}
