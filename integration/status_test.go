package integration_test

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/go-cmp/cmp"

	"s3sync"
	"s3sync/internal/faultproxy"
	"s3sync/internal/s3server"
)

// reportStatuses makes a report with the built command. It returns its lines as "type
// status" by key, fields of the metadata that differ by key and name, and the exit
// code.
func reportStatuses(t *testing.T, source, target s3sync.Endpoint, args ...string) (map[string]string, int) {
	t.Helper()
	p := command(t, source, target, append(args, "--report-sync-status", "--json-tracing")...)
	_ = p.Run() // the exit code is returned
	if code := p.ProcessState.ExitCode(); p.stderr.Len() != 0 && code != 1 {
		t.Errorf("a report is to be read from standard output alone: %s", p.stderr.String())
	}
	got, objects := map[string]string{}, int64(-1)
	for record := range strings.Lines(p.stdout.String()) {
		var r struct {
			Level  string
			Fields struct {
				Name, Type, Status, Key string
				Field                   string `json:"metadata_name"`
				Objects                 int64  `json:"number_of_objects"`
			}
		}
		if err := json.Unmarshal([]byte(record), &r); err != nil {
			t.Fatalf("%v: %s", err, record)
		}
		switch f := r.Fields; {
		case f.Name == "SYNC_STATUS":
			got[f.Key] = f.Type + " " + f.Status
		case f.Name == "METADATA_SYNC_STATUS" && f.Status != "MATCHES":
			got[f.Key+" "+f.Field] = f.Status
		case f.Name == "REPORT_SUMMARY":
			objects = f.Objects
		case f.Name == "" && r.Level != "ERROR":
			t.Errorf("a record that is no report: %s", record)
		}
	}
	fields := 0
	for key := range got {
		if strings.Contains(key, " ") {
			fields++
		}
	}
	if objects != int64(len(got)-fields) {
		t.Errorf("%d objects in the summary, %d lines", objects, len(got)-fields)
	}
	return got, p.ProcessState.ExitCode()
}

func allWithStatus[V any](content map[string]V, status string) map[string]string {
	want := map[string]string{}
	for key := range content {
		want[key] = status
	}
	return want
}

func wantStatuses(t *testing.T, what string, got map[string]string, code int, want map[string]string, wantCode int) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" || code != wantCode {
		t.Errorf("%s: exit code %d, want %d; lines (-want +got):\n%s", what, code, wantCode, diff)
	}
}

// TestReport: uploads of any tool, in parts of any sizes, are reported correctly in all
// directions, and nothing is written.
func TestReport(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, srv *s3server.Server) {
		bucket, target := newBucket(t, srv), newBucket(t, srv)
		content := bucket.putLayouts(t)
		files := writeAll(t, content)

		got, code := reportStatuses(t, files, bucket.at(""))
		wantStatuses(t, "up", got, code, allWithStatus(content, "ETAG MATCHES"), 0)
		got, code = reportStatuses(t, bucket.at(""), files)
		wantStatuses(t, "down", got, code, allWithStatus(content, "ETAG MATCHES"), 0)
		got, code = reportStatuses(t, bucket.at(""), target.at(""))
		wantStatuses(t, "nothing there", got, code, allWithStatus(content, "EXISTENCE NOT_FOUND"), 3)
		target.holds(t, nil)

		across := config(bucket.at(""), target.at(""))
		across.Transfer.AutoChunkSize = true
		sync(t, across)
		got, code = reportStatuses(t, bucket.at(""), target.at(""))
		wantStatuses(t, "across", got, code, allWithStatus(content, "ETAG MATCHES"), 0)

		want := allWithStatus(content, "ETAG MATCHES")
		maps.Copy(want, map[string]string{"plain": "ETAG MISMATCH", "two-of-5": "ETAG MISMATCH", "one-part": "EXISTENCE NOT_FOUND"})
		other := changed(content)
		bucket.put(t, "plain", other["plain"])
		bucket.put(t, "two-of-5", other["two-of-5"])
		if _, err := srv.Client().DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &bucket.name, Key: new("one-part")}); err != nil {
			t.Fatal(err)
		}
		got, code = reportStatuses(t, files, bucket.at(""))
		wantStatuses(t, "changed, up", got, code, want, 3)
		if err := os.Remove(filepath.Join(files.URL, "one-part")); err != nil {
			t.Fatal(err)
		}
		delete(want, "one-part")
		got, code = reportStatuses(t, bucket.at(""), files)
		wantStatuses(t, "changed, down", got, code, want, 3)
		got, code = reportStatuses(t, bucket.at(""), target.at(""), "--check-additional-checksum", "SHA1")
		want = allWithStatus(want, "CHECKSUM UNKNOWN")
		want["empty"] = "CHECKSUM MATCHES"
		wantStatuses(t, "without a checksum", got, code, want, 3)

		proxy := faultproxy.New(t, srv.Endpoint, "HeadObject plain status=500")
		got, code = reportStatuses(t, bucket.at(proxy.URL), target.at(""), "--aws-max-attempts=1", "--force-retry-count=0")
		if code != 1 || got["plain"] != "" {
			t.Errorf("a report that failed: exit code %d, %v", code, got)
		}
	})
}

// TestReportEncrypted: an object that cannot be compared is unknown.
func TestReportEncrypted(t *testing.T) {
	t.Parallel()
	srv := s3server.Shared(t, s3server.MinIO)
	encrypted := newBucket(t, srv)
	encrypted.encrypt(t)
	content := map[string][]byte{"a": random(1, 100), "b": random(2, 9*s3sync.MiB)}
	files := writeAll(t, content)
	sync(t, config(files, encrypted.at("")))
	got, code := reportStatuses(t, files, encrypted.at(""))
	wantStatuses(t, "up", got, code, allWithStatus(content, "ETAG UNKNOWN"), 3)
	got, code = reportStatuses(t, encrypted.at(""), files)
	wantStatuses(t, "down", got, code, allWithStatus(content, "ETAG UNKNOWN"), 3)
}

// TestReportMetadata: field by field, between buckets.
func TestReportMetadata(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, srv *s3server.Server) {
		source, target := newBucket(t, srv), newBucket(t, srv)
		putMeta := func(b bucket, key, contentType string, metadata map[string]string) {
			t.Helper()
			_, err := srv.Client().PutObject(t.Context(), &s3.PutObjectInput{
				Bucket: &b.name, Key: &key, Body: strings.NewReader("data"), ContentType: &contentType, Metadata: metadata,
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		meta := map[string]string{"name": "value", "other": "a b"}
		putMeta(source, "same", "text/plain", meta)
		putMeta(target, "same", "text/plain", map[string]string{"name": "value", "other": "a b", "s3sync_origin_version_id": "1"})
		putMeta(source, "type", "text/plain", meta)
		putMeta(target, "type", "text/html", meta)
		putMeta(source, "user", "text/plain", meta)
		putMeta(target, "user", "text/plain", nil)
		got, code := reportStatuses(t, source.at(""), target.at(""), "--report-metadata-sync-status")
		wantStatuses(t, "metadata", got, code, map[string]string{
			"same": "ETAG MATCHES", "type": "ETAG MATCHES", "user": "ETAG MATCHES",
			"type Content-Type": "MISMATCH", "user x-amz-meta-": "MISMATCH",
		}, 3)
		got, code = reportStatuses(t, source.at(""), target.at(""))
		wantStatuses(t, "without metadata", got, code, map[string]string{
			"same": "ETAG MATCHES", "type": "ETAG MATCHES", "user": "ETAG MATCHES",
		}, 0)
	})
}

// An object that is whole in the source and in parts in the target was verified when it
// was written. Its ETags do not show that later: a report says so, and decides if it
// may read both sides.
func TestReportOfOtherParts(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, srv *s3server.Server) {
		from, to := newBucket(t, srv), newBucket(t, srv)
		from.put(t, "same", random(1, 12*s3sync.MiB))
		from.put(t, "other", random(2, 12*s3sync.MiB))
		sync(t, smallParts(config(from.at(""), to.at(""))))
		to.putParts(t, "other", random(3, 5*s3sync.MiB), random(4, 7*s3sync.MiB))
		unknown := map[string]string{"same": "ETAG UNKNOWN", "other": "ETAG UNKNOWN"}
		known := map[string]string{"same": "ETAG MATCHES", "other": "ETAG MISMATCH"}
		if srv.Kind == s3server.VersityGW { // it always keeps a checksum of all bytes
			unknown = known
		}
		got, code := reportStatuses(t, from.at(""), to.at(""))
		wantStatuses(t, "without reading", got, code, unknown, 3)
		got, code = reportStatuses(t, from.at(""), to.at(""), "--read-both")
		wantStatuses(t, "reading", got, code, known, 3)

		p := command(t, from.at(""), to.at(""), "--check-etag", "--read-both")
		if code := p.run(t); code != 0 || !strings.Contains(p.stdout.String()+p.stderr.String(), "transferred   1 objects") {
			t.Errorf("exit code %d\n%s", code, &p.stdout)
		}
		got, code = reportStatuses(t, from.at(""), to.at(""), "--read-both")
		wantStatuses(t, "after that", got, code, allWithStatus(known, "ETAG MATCHES"), 0)
		if srv.Kind == s3server.VersityGW {
			return
		}
		p = command(t, from.at(""), to.at(""), "--check-etag")
		code = p.run(t)
		out := p.stdout.String() + p.stderr.String()
		if code != 0 || !strings.Contains(out, "2 objects of the same size were taken for different") || !strings.Contains(out, "transferred   2 objects") {
			t.Errorf("exit code %d\n%s", code, out)
		}
	})
}
