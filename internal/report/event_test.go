package report

import (
	"errors"
	"strings"
	"testing"
	"time"

	"s3sync/internal/plan"
)

func TestEventTypeString(t *testing.T) {
	seen := map[string]bool{}
	for typ := EventStart; typ <= EventEnd; typ++ {
		name := typ.String()
		if name == "" || strings.Contains(name, "EventType") || seen[name] {
			t.Errorf("type %d is %q", int(typ), name)
		}
		seen[name] = true
	}
	for typ, want := range map[EventType]string{0: "EventType(0)", -1: "EventType(-1)", EventEnd + 1: "EventType(23)"} {
		if got := typ.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestEventString(t *testing.T) {
	for _, tt := range []struct {
		ev   Event
		want string
	}{
		{Event{Type: EventStart}, "start"},
		{Event{Type: EventListed, Objects: 5, Bytes: 12}, "listed: 5 objects, 12 bytes"},
		{Event{Type: EventTransferred, DryRun: true, Key: "a \n", Reason: plan.ReasonNew}, `[dry-run] transferred "a \n": new`},
		{Event{Type: EventWritten, Key: "k", Part: 2, Bytes: 7, Reason: plan.ReasonNew}, `written "k": part 2, 7 bytes, new`},
		{Event{Type: EventSkipped, Key: "k", Reason: "some-filter", Compared: "text/plain"}, `skipped "k": some-filter, "text/plain"`},
		{Event{Type: EventTagged, Key: "k", Tags: &Tags{"a=1", ""}}, `tagged "k": tags "a=1" and ""`},
		{Event{Type: EventStatus, Key: "k", Reason: plan.ReasonSameETag, Line: &Line{Aspect: AspectETag, Status: StatusMatches}}, `status "k": ETAG MATCHES, ETags are same`},
		{Event{Type: EventFailed, Key: "k", Err: errors.Join(errTest, errTest)}, `failed "k": some error; some error`},
		{Event{Type: EventNote, Note: "worth knowing"}, "note: worth knowing"},
		{
			Event{Type: EventEnd, Stats: &Stats{Transferred: 1, TransferredBytes: 2, ETagVerified: 3, ChecksumVerified: 4, Unverified: 5, Skipped: 6, Deleted: 7, Failed: 8, Warnings: 9, PerhapsDeleted: 10, Elapsed: time.Second}},
			"end: 1 transferred (2 bytes), 3 verified by ETag, 4 by checksum, 5 unverified, 6 skipped, 7 deleted, 8 failed, 9 warnings, 10 perhaps deleted, 1s",
		},
	} {
		if got := tt.ev.String(); got != tt.want {
			t.Errorf("got %s, want %s", got, tt.want)
		}
	}
}

func TestSetDigests(t *testing.T) {
	var ev Event
	ev.Source.ETag, ev.Target.ETag = "source", "target"
	ev.SetDigests(&plan.Digests{TargetETag: "computed"})
	if ev.Source.ETag != "source" || ev.Target.ETag != "computed" || ev.Checksums != nil {
		t.Errorf("ETags: %+v", ev)
	}
	ev.SetDigests(&plan.Digests{Algorithm: "SHA1", Source: "s", Target: "t", SourceETag: "computed, too"})
	if ev.Source.ETag != "computed, too" || *ev.Checksums != (Checksums{"SHA1", "s", "t"}) {
		t.Errorf("checksums: %+v", ev)
	}
}

func TestStatusCounts(t *testing.T) {
	var c StatusCounts
	if !c.InSync() {
		t.Error("nothing differs")
	}
	for _, aspect := range []Aspect{AspectETag, AspectChecksum, AspectMetadata, AspectTagging} {
		c.count(&Line{Aspect: aspect, Status: StatusMatches})
	}
	if want := (StatusCounts{Objects: 2, ETag: AspectCounts{Matches: 1}, Checksum: AspectCounts{Matches: 1}, Metadata: AspectCounts{Matches: 1}, Tagging: AspectCounts{Matches: 1}}); c != want || !c.InSync() {
		t.Errorf("got %+v", c)
	}
	for _, l := range []Line{
		{Aspect: AspectExistence, Status: StatusNotFound},
		{Aspect: AspectETag, Status: StatusMismatch},
		{Aspect: AspectETag, Status: StatusUnknown},
		{Aspect: AspectChecksum, Status: StatusMismatch},
		{Aspect: AspectChecksum, Status: StatusUnknown},
		{Aspect: AspectMetadata, Status: StatusMismatch},
		{Aspect: AspectTagging, Status: StatusMismatch},
	} {
		var c StatusCounts
		if c.count(&l); c.InSync() {
			t.Errorf("%+v is in sync", l)
		}
	}
}
