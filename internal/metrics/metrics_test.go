package metrics

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"s3sync/internal/pace"
	"s3sync/internal/report"
	"s3sync/storage"
)

//go:generate go test -run ^TestMetricsDocs$ . -update

var update = flag.Bool("update", false, "rewrite the table in docs/metrics.md")

// busy are the metrics of a run in which everything happened.
func busy(t *testing.T) *Run {
	t.Helper()
	now := time.Unix(1000, 0)
	r := New(Options{Version: "1.0", Source: "a\xff", Target: "s3://b", Start: now, Now: func() time.Time { return now }})
	for _, ev := range []report.Event{
		{Type: report.EventVerified, Key: "a"},
		{Type: report.EventTransferred, Key: "a", Source: storage.Object{Size: 5000}, Took: 20 * time.Millisecond},
		{Type: report.EventChecksumVerified, Key: "b"},
		{Type: report.EventTransferred, Key: "b", Source: storage.Object{Size: 7}},
		{Type: report.EventUnverified, Key: "c", Cause: report.CauseUnknownParts},
		{Type: report.EventTransferred, Key: "c"},
		{Type: report.EventTagged, Key: "d"},
		{Type: report.EventDeleted, Key: "e"},
		{Type: report.EventPerhapsDeleted, Key: "f"},
		{Type: report.EventRetry, Key: "g", Err: errors.New("temporary")},
		{Type: report.EventFailed, Key: "g", Err: errors.New("broken")},
		{Type: report.EventFailed, Err: errors.New("the run, and no object")},
		{Type: report.EventWarning, Key: "h"},
		{Type: report.EventNoChecksum, Key: "i"},
		{Type: report.EventNote, Note: "nothing to count"},
	} {
		r.Event(&ev)
	}
	for _, q := range []storage.Request{
		{Operation: "PutObject", Status: 200, FirstByte: 3 * time.Millisecond},
		{Operation: "PutObject", Status: 503, Throttled: true},
		{Operation: "PutObject", Again: true},
		{Operation: "ListObjectsV2", Kind: storage.ListRequest, Status: 200},
	} {
		r.Request("target", q)
	}
	now = now.Add(3 * time.Second)
	r.Progress(Progress{Found: 9, FoundBytes: 10_000, DoneBytes: 6000, Active: 2, Read: 7000, Skipped: 40})
	r.Limits(func() []pace.Report {
		return []pace.Report{{Name: "objects", Limit: 64, InFlight: 2}, {Name: "parts", Limit: 16}, {Name: "requests to delete", Limit: 1}}
	})
	return r
}

// text is what a scrape sees, without comments and buckets.
func text(t *testing.T, r *Run) []string {
	t.Helper()
	all, err := r.Text()
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for line := range strings.Lines(string(all)) {
		if !strings.HasPrefix(line, "#") && !strings.Contains(line, "_bucket{") {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return lines
}

func TestMetrics(t *testing.T) {
	r := busy(t)
	want := []string{
		`s3sync_concurrency_in_flight{of="deletions"} 0`, `s3sync_concurrency_in_flight{of="objects"} 2`, `s3sync_concurrency_in_flight{of="parts"} 0`,
		`s3sync_concurrency_limit{of="deletions"} 1`, `s3sync_concurrency_limit{of="objects"} 64`, `s3sync_concurrency_limit{of="parts"} 16`,
		`s3sync_done_bytes 6000`, `s3sync_found_bytes 10000`, `s3sync_found_objects 9`, `s3sync_listing_complete 0`, `s3sync_listing_lag_seconds{side="target"} 3`,
		`s3sync_object_duration_seconds_sum 0.02`, `s3sync_object_duration_seconds_count 3`, `s3sync_object_size_bytes_sum 5007`, `s3sync_object_size_bytes_count 3`,
		`s3sync_objects_in_flight 2`,
		`s3sync_objects_total{outcome="deleted"} 1`, `s3sync_objects_total{outcome="failed"} 1`, `s3sync_objects_total{outcome="perhaps_deleted"} 1`,
		`s3sync_objects_total{outcome="skipped"} 40`, `s3sync_objects_total{outcome="tagged"} 1`, `s3sync_objects_total{outcome="transferred"} 3`,
		`s3sync_read_bytes_total 7000`,
		`s3sync_request_duration_seconds_sum{operation="ListObjectsV2",side="target"} 0`, `s3sync_request_duration_seconds_count{operation="ListObjectsV2",side="target"} 1`,
		`s3sync_request_duration_seconds_sum{operation="PutObject",side="target"} 0.003`, `s3sync_request_duration_seconds_count{operation="PutObject",side="target"} 3`,
		`s3sync_request_retries_total{operation="ListObjectsV2",side="target"} 0`, `s3sync_request_retries_total{operation="PutObject",side="target"} 1`,
		`s3sync_requests_total{operation="ListObjectsV2",side="target",status="2xx"} 1`, `s3sync_requests_total{operation="PutObject",side="target",status="2xx"} 1`,
		`s3sync_requests_total{operation="PutObject",side="target",status="5xx"} 1`, `s3sync_requests_total{operation="PutObject",side="target",status="none"} 1`,
		`s3sync_retries_total 1`, `s3sync_run_info{source="a�",target="s3://b",version="1.0"} 1`, `s3sync_run_start_time_seconds 1000`,
		`s3sync_throttled_requests_total{operation="ListObjectsV2",side="target"} 0`, `s3sync_throttled_requests_total{operation="PutObject",side="target"} 1`,
		`s3sync_transferred_bytes_total 5007`,
		`s3sync_verified_objects_total{by="checksum"} 1`, `s3sync_verified_objects_total{by="etag"} 1`, `s3sync_verified_objects_total{by="nothing"} 1`,
		`s3sync_warnings_total 4`,
	}
	if diff := cmp.Diff(want, text(t, r)); diff != "" {
		t.Error(diff)
	}
	r.Progress(Progress{Listed: true})
	r.End(3)
	for _, line := range []string{`s3sync_run_exit_code 3`, `s3sync_run_end_time_seconds 1003`, `s3sync_listing_complete 1`, `s3sync_listing_lag_seconds{side="target"} 0`} {
		if got := text(t, r); !slices.Contains(got, line) {
			t.Errorf("%s is missing in %q", line, got)
		}
	}
}

// docs/metrics.md has exactly the metrics of the registry, with their types and labels.
func TestMetricsDocs(t *testing.T) {
	r := busy(t)
	r.End(0)
	families, err := r.Registry().Gather()
	if err != nil {
		t.Fatal(err)
	}
	var got []row
	for _, f := range families {
		var labels []string
		for _, l := range f.GetMetric()[0].GetLabel() {
			labels = append(labels, l.GetName())
		}
		got = append(got, row{f.GetName(), strings.ToLower(f.GetType().String()), strings.Join(labels, ", "), f.GetHelp()})
	}
	want := table()
	slices.SortFunc(want, func(a, b row) int { return strings.Compare(a.name, b.name) })
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(row{})); diff != "" {
		t.Errorf("the table is not the registry: %s", diff)
	}

	const begin, end = "<!-- table of metrics: written by `go generate ./...` -->\n", "<!-- end of the table -->\n"
	var b strings.Builder
	b.WriteString(begin + "| metric | type | labels | meaning |\n|---|---|---|---|\n")
	for _, m := range table() {
		labels := ""
		if m.labels != "" {
			labels = "`" + strings.ReplaceAll(m.labels, ", ", "`, `") + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", m.name, m.kind, labels, m.help)
	}
	name := filepath.Join("..", "..", "docs", "metrics.md")
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(string(data), "\r\n", "\n")
	before, rest, ok := strings.Cut(text, begin)
	_, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatal("docs/metrics.md has no place for the table")
	}
	fresh := before + b.String() + end + after
	if *update {
		if err := os.WriteFile(name, []byte(fresh), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(text, fresh); diff != "" {
		t.Errorf("docs/metrics.md is stale; run `go generate ./...`:\n%s", diff)
	}
}

// A scrape during the run is valid, and the address is free after it.
func TestListen(t *testing.T) {
	r := busy(t)
	s, err := r.Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	get := func(path string) (int, []byte) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+s.Addr()+path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := new(http.Client).Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, body
	}
	status, body := get("/metrics")
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(body))
	if err != nil || status != http.StatusOK || families[nameObjects] == nil {
		t.Errorf("status %d, %v, %d families", status, err, len(families))
	}
	if status, _ := get("/"); status != http.StatusNotFound {
		t.Errorf("another path: status %d", status)
	}
	if _, err := r.Listen(t.Context(), s.Addr()); err == nil {
		t.Error("an address was bound twice")
	}
	address := s.Addr()
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // the run was interrupted
	if err := s.Close(ctx); err != nil {
		t.Error(err)
	}
	again, err := r.Listen(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

// An object that is uploaded costs less than a microsecond.
func BenchmarkObject(b *testing.B) {
	r := New(Options{})
	verified := report.Event{Type: report.EventVerified, Key: "a"}
	done := report.Event{Type: report.EventTransferred, Key: "a", Source: storage.Object{Size: 10 << 10}, Took: time.Millisecond}
	for b.Loop() {
		r.Request("target", storage.Request{Operation: "PutObject", Status: 200, FirstByte: time.Millisecond})
		r.Event(&verified)
		r.Event(&done)
	}
}
