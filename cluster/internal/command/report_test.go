package command

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"s3sync"
	"s3sync/cluster/internal/job"
)

func someReport() *job.Report {
	whole := &s3sync.Report{Stats: s3sync.Stats{Transferred: 10, TransferredBytes: 1 << 20, Verified: 10, ETagVerified: 10, Failed: 2, Warnings: 1, Elapsed: time.Hour}, Incomplete: true}
	whole.Failures = []s3sync.Failure{{Key: "a\x1b[2J", Err: errors.New("target: access denied")}}
	began := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	return &job.Report{Job: "photos", Began: began, Ended: began.Add(time.Hour), Report: whole, Ranges: 64, Leases: 1, Warnings: []string{"the target has no tags"}}
}

func TestReportLines(t *testing.T) {
	got := reportLines(someReport())
	if !strings.HasPrefix(got[0], "1.00 MiB | 291 B/sec,  transferred  10 objects") || !strings.HasSuffix(got[0], "error 2 objects, warning 1 objects,  duration 60 minutes") {
		t.Errorf("summary %q", got[0])
	}
	want := []string{
		"job photos: 2026-01-31 12:00:00 to 2026-01-31 13:00:00 UTC, 64 ranges, 1 lease",
		`failed: a\x1b[2J: target: access denied`,
		"failed: 1 more; --failed-keys writes them to a file",
		"warning: the target has no tags",
		"not everything was looked at",
	}
	if diff := cmp.Diff(want, got[1:]); diff != "" {
		t.Error(diff)
	}
}

func TestPage(t *testing.T) {
	var b bytes.Buffer
	spec := &job.Spec{Source: job.Place{URL: "s3://old/"}, Target: job.Place{URL: "s3://new/"}, Settings: s3sync.DefaultConfig()}
	if err := page(spec, someReport()).Write(&b, pageEnd(someReport())); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"s3://old/", "s3://new/", "target: access denied", "2 objects failed", "s3sync-cluster"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the page does not have %q", want)
		}
	}
}

func TestWriteFailed(t *testing.T) {
	var b bytes.Buffer
	for _, key := range []string{"a<b>", "a\xff"} {
		if err := writeFailed(&b, key, "access denied"); err != nil {
			t.Fatal(err)
		}
	}
	want := `{"key":"a<b>","message":"access denied"}` + "\n" + `{"key":"a\ufffd","key_base64":"Yf8=","message":"access denied"}` + "\n"
	if b.String() != want {
		t.Errorf("got %s, want %s", b.String(), want)
	}
}
