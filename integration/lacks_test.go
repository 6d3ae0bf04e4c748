package integration_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"s3sync"
	"s3sync/internal/faultproxy"
	"s3sync/internal/s3server"
)

// Servers that lack a call: a real server behind a front that rejects calls or changes
// values as other servers do.

// putTagged writes an object with a tag.
func (b bucket) putTagged(t *testing.T, key string, data []byte) {
	t.Helper()
	b.put(t, key, data)
	tag, value := "k", "v"
	_, err := b.Client().PutObjectTagging(t.Context(), &s3.PutObjectTaggingInput{
		Bucket: &b.name, Key: &key, Tagging: &types.Tagging{TagSet: []types.Tag{{Key: &tag, Value: &value}}},
	})
	if err != nil {
		t.Fatal(err)
	}
}

// tagged returns how many of the objects have a tag.
func (b bucket) tagged(t *testing.T) int {
	t.Helper()
	n := 0
	for _, key := range b.keys(t) {
		out, err := b.Client().GetObjectTagging(t.Context(), &s3.GetObjectTaggingInput{Bucket: &b.name, Key: &key})
		if err != nil {
			t.Fatal(err)
		}
		n += len(out.TagSet)
	}
	return n
}

// hasHeader reports whether a request carries a header.
func hasHeader(r *http.Request, name string) bool { return r.Header.Get(name) != "" }

func refuse(w http.ResponseWriter, status int, code string) bool {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	fmt.Fprintf(w, "<Error><Code>%s</Code><Message>no</Message></Error>", code)
	return true
}

// TestServersThatLackCalls: everything arrives, with at most one warning for each lost
// property, and extraneous objects are deleted.
func TestServersThatLackCalls(t *testing.T) {
	t.Parallel()
	srv := s3server.Shared(t, s3server.VersityGW)
	const n = 20
	for name, tt := range map[string]struct {
		refuse           func(w http.ResponseWriter, r *http.Request) bool
		warnings, tagged int
		says             string
	}{
		"nothing lacks": {func(http.ResponseWriter, *http.Request) bool { return false }, 0, n, ""},
		"tags, as s3proxy": {func(w http.ResponseWriter, r *http.Request) bool {
			return (r.URL.Query().Has("tagging") || hasHeader(r, "X-Amz-Tagging")) && refuse(w, 501, "NotImplemented")
		}, 1, 0, "Tagging.Disable"},
		"tags of the target": {func(w http.ResponseWriter, r *http.Request) bool {
			return hasHeader(r, "X-Amz-Tagging") && refuse(w, 501, "NotImplemented")
		}, 1, 0, "Tagging.Disable"},
		// It treats a request for tags as one for the object.
		"tags, as gofakes3": {func(w http.ResponseWriter, r *http.Request) bool {
			if !r.URL.Query().Has("tagging") {
				return false
			}
			w.Header().Set("ETag", `"00000000000000000000000000000000"`)
			w.Header().Set("Last-Modified", "Mon, 02 Jan 2006 15:04:05 GMT")
			_, _ = w.Write([]byte("what the object holds"))
			return true
		}, 1, 0, "Tagging.Disable"},
		"restore status": {func(w http.ResponseWriter, r *http.Request) bool {
			return hasHeader(r, "X-Amz-Optional-Object-Attributes") && refuse(w, 501, "NotImplemented")
		}, 0, n, ""},
		"DeleteObjects": {func(w http.ResponseWriter, r *http.Request) bool {
			return r.URL.Query().Has("delete") && refuse(w, 405, "MethodNotAllowed")
		}, 0, n, "each takes a request"},
	} {
		t.Run(name, func(t *testing.T) {
			source, target := newBucket(t, srv), newBucket(t, srv)
			for _, key := range numberedKeys(n) {
				source.putTagged(t, key, []byte(key))
			}
			target.put(t, "extraneous", nil)
			target.put(t, "extraneous too", nil)
			front := newFront(t, srv.Endpoint)
			front.onRequest(tt.refuse)
			cfg := config(source.at(front.URL), target.at(front.URL))
			cfg.Delete.Enable = true
			cfg.Delete.Max = 100
			o := run(t, cfg)
			if o.err != nil || o.Transferred != n || o.Warnings != int64(tt.warnings) || o.Deleted != 2 || !strings.Contains(o.log, tt.says) {
				t.Errorf("%v, %+v\n%s", o.err, o.Stats, o.log)
			}
			target.holds(t, numberedKeys(n))
			if got := target.tagged(t); got != tt.tagged {
				t.Errorf("%d objects have their tags, want %d", got, tt.tagged)
			}
			if got := len(o.eventsOf(s3sync.EventRetry)); got != 0 {
				t.Errorf("%d retries", got)
			}
		})
	}
}

// TestCommandWithoutTags: the message for a user if the server does not support tags.
func TestCommandWithoutTags(t *testing.T) {
	t.Parallel()
	srv := s3server.Shared(t, s3server.VersityGW)
	source, target := newBucket(t, srv), newBucket(t, srv)
	for _, key := range numberedKeys(20) {
		source.putTagged(t, key, []byte(key))
	}
	proxy := faultproxy.New(t, srv.Endpoint, "GetObjectTagging status=501 code=NotImplemented", "PUT header.X-Amz-Tagging=a* status=501 code=NotImplemented")
	for name, tt := range map[string]struct {
		args []string
		exit int
		says string // one line of standard error contains it
	}{
		"as it is":   {nil, 3, "--disable-tagging goes without tags"},
		"once":       {nil, 3, "WARN objects are written without the tags"},
		"silenced":   {[]string{"--disable-tagging"}, 0, ""},
		"asked for":  {[]string{"--tagging", "a=b", "--worker-size", "1"}, 1, "what --tagging asks for"},
		"to be kept": {[]string{"--sync-latest-tagging", "--worker-size", "1"}, 1, "--sync-latest-tagging needs tags"},
	} {
		t.Run(name, func(t *testing.T) {
			p := command(t, source.at(proxy.URL), target.at(proxy.URL), append(tt.args, "--remove-modified-filter")...)
			exit := p.run(t)
			complaints := 0
			for line := range strings.Lines(p.stderr.String() + p.stdout.String()) {
				if strings.Contains(line, " WARN ") || strings.Contains(line, " ERROR ") || strings.Contains(line, "sync failed") {
					complaints++
				}
			}
			if exit != tt.exit || !strings.Contains(p.stderr.String()+p.stdout.String(), tt.says) || complaints != min(tt.exit, 1) {
				t.Errorf("exit code %d, want %d; %d complaints\n%s\n%s", exit, tt.exit, complaints, p.stdout.String(), p.stderr.String())
			}
		})
	}
}

// TestStorageClassUnknown: an unsupported class of the source is dropped. A requested
// one ends the run.
func TestStorageClassUnknown(t *testing.T) {
	t.Parallel()
	srv := s3server.Shared(t, s3server.VersityGW)
	source, target := newBucket(t, srv), newBucket(t, srv)
	for _, key := range numberedKeys(5) {
		source.put(t, key, []byte(key))
	}
	front := newFront(t, srv.Endpoint)
	front.onRequest(func(w http.ResponseWriter, r *http.Request) bool {
		return hasHeader(r, "X-Amz-Storage-Class") && refuse(w, 400, "InvalidArgument")
	})
	cfg := config(source.at(front.URL), target.at(front.URL))
	cfg.Metadata.StorageClass = "GLACIER_IR"
	cfg.Transfer.Workers = 1
	o := run(t, cfg)
	if o.err == nil || !strings.Contains(o.err.Error(), "Metadata.StorageClass") || o.Transferred != 0 || o.Failed != 1 {
		t.Errorf("%v, %+v", o.err, o.Stats)
	}
	inherits := newFront(t, srv.Endpoint, "GET key=* set.X-Amz-Storage-Class=GLACIER_IR")
	cfg = config(source.at(inherits.URL), target.at(front.URL))
	o = run(t, cfg)
	if o.err != nil || o.Transferred != 5 || o.Warnings != 1 || !strings.Contains(o.log, "the storage class GLACIER_IR") {
		t.Errorf("%v, %+v\n%s", o.err, o.Stats, o.log)
	}
}

// newCeph returns a front that behaves like Ceph RGW 16: "_" in the names of metadata
// becomes "-", tags of uploads in parts are lost, and the response to a request for
// tags is empty if there are none.
func newCeph(t *testing.T, b bucket) *front {
	t.Helper()
	f := newFront(t, b.Endpoint)
	f.onRequest(func(w http.ResponseWriter, r *http.Request) bool {
		q := r.URL.Query()
		answer := httptest.NewRecorder()
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return true // the client disconnected
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		f.Proxy.ServeHTTP(answer, r)
		if r.Method == http.MethodPost && q.Has("uploadId") && answer.Code == http.StatusOK {
			key, _ := url.PathUnescape(strings.TrimPrefix(r.URL.EscapedPath(), "/"+b.name+"/"))
			_, err := b.Client().DeleteObjectTagging(context.WithoutCancel(r.Context()), &s3.DeleteObjectTaggingInput{Bucket: &b.name, Key: &key})
			if err != nil {
				t.Errorf("tags of %q: %v", key, err)
			}
		}
		for name, values := range answer.Header() {
			if strings.HasPrefix(name, "X-Amz-Meta-") {
				name = strings.ReplaceAll(name, "_", "-")
			}
			w.Header()[http.CanonicalHeaderKey(name)] = values
		}
		text := answer.Body.Bytes()
		if r.Method == http.MethodGet && q.Has("tagging") && !bytes.Contains(text, []byte("<Tag>")) {
			text = nil
			w.Header().Del("Content-Length")
		}
		w.WriteHeader(answer.Code)
		_, _ = w.Write(text)
		return true
	})
	return f
}

// TestTagsOnCeph: tags arrive with objects in parts, too, and are compared.
func TestTagsOnCeph(t *testing.T) {
	t.Parallel()
	srv := s3server.Shared(t, s3server.VersityGW)
	source, target := newBucket(t, srv), newBucket(t, srv)
	source.putTagged(t, "whole", random(1, 100))
	source.putTagged(t, "parts", random(2, 9*s3sync.MiB))
	source.putTagged(t, "parts too", random(3, 9*s3sync.MiB))
	source.put(t, "none", random(4, 100))
	front := newCeph(t, target)
	cfg := config(source.at(""), target.at(front.URL))
	run(t, cfg).succeeded(t, 4)
	if got := target.tagged(t); got != 3 {
		t.Errorf("%d objects have their tags, want 3", got)
	}
	cfg.Tagging.SyncLatest = true
	run(t, cfg).succeeded(t, 0)
	report := config(source.at(""), target.at(front.URL))
	report.Report.Status, report.Report.Tagging = true, true
	if o := run(t, report); o.err != nil || o.Status.Tagging.Matches != 4 {
		t.Errorf("%v, %+v", o.err, o.Status)
	}
}

// TestVersionsOnCeph: a run with nothing to do writes nothing, although the listings do
// not show which versions are the same.
func TestVersionsOnCeph(t *testing.T) {
	t.Parallel()
	srv := s3server.Shared(t, s3server.VersityGW)
	source, target := bucket{srv, srv.VersionedBucket(t)}, bucket{srv, srv.VersionedBucket(t)}
	for i := range byte(2) {
		source.putParts(t, "parts", random(i, 5*s3sync.MiB), random(i, 100))
	}
	front := newCeph(t, target)
	for i, want := range []int64{2, 0, 0} {
		cfg := config(source.at(""), target.at(front.URL))
		cfg.Versioning.Enable = true
		cfg.Transfer.AutoChunkSize = false
		cfg.Transfer.ChunkSize = 6 * s3sync.MiB
		cfg.Transfer.Threshold = 6 * s3sync.MiB
		if o := run(t, cfg); o.err != nil || o.Transferred != want || o.Warnings != 0 {
			t.Errorf("run %d: %v, %+v\n%s", i+1, o.err, o.Stats, o.log)
		}
	}
	report := config(source.at(""), target.at(front.URL))
	report.Report.Status, report.Report.Metadata = true, true
	if o := run(t, report); o.Status.Metadata.Matches != 1 {
		t.Errorf("%v, %+v\n%s", o.err, o.Status, o.log)
	}
}

// TestArchiveClasses: the class in a listing is not enough to skip an object. An object
// that the server refuses to read is a warning, also in a dry run.
func TestArchiveClasses(t *testing.T) {
	t.Parallel()
	srv := s3server.Shared(t, s3server.VersityGW)
	source := newBucket(t, srv)
	for _, key := range []string{"archived", "label", "restored", "standard"} {
		source.put(t, key, []byte(key))
	}
	front := newFront(t, srv.Endpoint)
	front.onRequest(func(w http.ResponseWriter, r *http.Request) bool {
		switch {
		case r.URL.Query().Has("list-type"):
			answer := httptest.NewRecorder()
			front.Proxy.ServeHTTP(answer, r)
			text := strings.ReplaceAll(answer.Body.String(), "<StorageClass>STANDARD<", "<StorageClass>GLACIER<")
			w.Header().Set("Content-Type", "application/xml")
			_, _ = w.Write([]byte(text))
			return true
		case r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/archived"):
			return refuse(w, 403, "InvalidObjectState")
		}
		return false
	})
	for name, dry := range map[string]bool{"run": false, "dry run": true} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			cfg := config(source.at(front.URL), local(root))
			cfg.DryRun = dry
			o := run(t, cfg)
			if o.err != nil || o.Transferred != 3 || o.Warnings != 1 || !strings.Contains(o.log, "IgnoreArchived") {
				t.Errorf("%v, %+v\n%s", o.err, o.Stats, o.log)
			}
			want := []string{"label", "restored", "standard"}
			if dry {
				want = nil
			}
			hasFiles(t, root, want...)
		})
	}
}
