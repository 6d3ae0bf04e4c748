package report

import (
	"bytes"
	"fmt"
	"log/slog"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"s3sync/internal/plan"
	"s3sync/internal/setting"
	"s3sync/storage"
)

func TestStamp(t *testing.T) {
	for want, at := range map[string]time.Time{
		"2024-06-15T01:02:27+00:00":     time.Date(2024, 6, 15, 1, 2, 27, 0, time.UTC),
		"2024-06-15T01:02:27.690+00:00": time.Date(2024, 6, 15, 1, 2, 27, 690_000_000, time.UTC),
		"2024-06-15T01:02:27.700+00:00": time.Date(2024, 6, 15, 1, 2, 27, 700_000_000, time.UTC),
		"2024-06-15T01:02:27.006+00:00": time.Date(2024, 6, 15, 1, 2, 27, 6_999_999, time.UTC),
		"2024-06-15T01:02:27.000+00:00": time.Date(2024, 6, 15, 3, 2, 27, 1, time.FixedZone("", 2*3600)),
	} {
		if got := stamp(at); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// Nothing was transferred in a dry run, so that there are no rates.
func TestSummaryOfADryRun(t *testing.T) {
	st := Stats{TransferredBytes: 4096, Transferred: 8, Elapsed: 2 * time.Second}
	for dry, want := range map[bool][2]int64{false: {2048, 4}, true: {0, 0}} {
		values := map[string]slog.Value{}
		for _, a := range summary(&Event{Type: EventEnd, DryRun: dry, Stats: &st}) {
			values[a.Key] = a.Value
		}
		got := [2]int64{values["transferred_byte_per_sec"].Int64(), values["transferred_object_per_sec"].Int64()}
		if got != want || values["transferred_byte"].Int64() != 4096 {
			t.Errorf("dry run %v: got %v, want %v", dry, got, want)
		}
	}
}

// logged is what a run logs besides its end, as text without the time.
func logged(t *testing.T, opts Options, run func(r *Recorder)) string {
	t.Helper()
	var log bytes.Buffer
	opts.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{
		Level: LevelTrace,
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		},
	}))
	r := New(opts)
	run(r)
	before := log.String()
	_, _ = r.Finish(t.Context(), nil) // some of the events are failures
	return before
}

// errNaming names a setting.
var errNaming = setting.Errorf("%s is too little", setting.Name("Delete.Max=5"))

// Scripts read these records: docs/logging.md.
func TestRecords(t *testing.T) {
	source := storage.Object{Size: 4, ModTime: time.Unix(1e9, 0), ETag: "aa"}
	target := storage.Object{Size: 4, ModTime: time.Unix(1e9+1, 5e8), ETag: "bb"}
	of := func(ev Event) Event {
		ev.Key, ev.Source, ev.Target = "a/b", source, target
		return ev
	}
	versioned := func(ev Event) Event {
		ev = of(ev)
		ev.Source.VersionID, ev.Target.VersionID, ev.Source.DeleteMarker = "v1", "v2", true
		return ev
	}
	smaller := func(ev Event) Event {
		ev = of(ev)
		ev.Target.Size = 3
		return ev
	}
	sums := &Checksums{Algorithm: "SHA256", Source: "ss", Target: "tt"}
	const (
		times  = `source_last_modified=2001-09-09T01:46:40+00:00 target_last_modified=2001-09-09T01:46:41.500+00:00`
		states = times + ` source_size=4 target_size=4`
		etags  = `key=a/b source_e_tag="\"aa\"" target_e_tag="\"bb\""`
		plain  = `source_e_tag=aa target_e_tag=bb`
		noIDs  = `source_version_id="" target_version_id=""`
	)
	for _, tt := range []struct {
		ev   Event
		want string
	}{
		{Event{Type: EventStart}, ""},
		{Event{Type: EventListed, Objects: 3}, ""},
		{of(Event{Type: EventBegun}), ""},
		{of(Event{Type: EventWritten}), ""},
		{of(Event{Type: EventMismatch, Err: errTest}), ""},
		{Event{Type: EventProgress}, ""},
		{of(Event{Type: EventTransferred}), `level=INFO msg="sync completed." key=a/b source_version_id="" source_last_modified=2001-09-09T01:46:40+00:00 target_key=p/a/b size=4`},
		{of(Event{Type: EventVerified}), `level=DEBUG-4 msg="e_tag verified." ` + etags},
		{of(Event{Type: EventChecksumVerified, Checksums: sums}), `level=DEBUG-4 msg="additional checksum verified." key=a/b additional_checksum_algorithm=SHA256 target_checksum=tt source_checksum=ss`},
		{of(Event{Type: EventNoChecksum, Err: errTest}), `level=WARN msg="no additional checksum at the source." key=a/b`},
		{of(Event{Type: EventUnverified, Err: errTest}), `level=INFO msg="not verified." ` + etags + ` error="some error"`},
		{of(Event{Type: EventUnverified, Err: errTest, Cause: CauseVerificationOff}), `level=DEBUG msg="not verified." ` + etags + ` error="some error"`},
		{of(Event{Type: EventUnverified, Err: errTest, Cause: CauseUnknownParts}), `level=WARN msg="not verified." ` + etags + ` error="some error"`},
		{of(Event{Type: EventSkipped, Reason: plan.ReasonSame}), `level=DEBUG msg="object filtered." name=unchanged ` + states + ` key=a/b`},
		{smaller(Event{Type: EventSkipped, Reason: plan.ReasonSame}), `level=INFO msg="object filtered." name=unchanged ` + times + ` source_size=4 target_size=3 note="sizes differ; Check.Mode=mtime-and-size would transfer it" key=a/b settings="[Check.Mode=mtime-and-size]"`},
		{smaller(Event{Type: EventSkipped, Reason: plan.ReasonVersion}), `level=DEBUG msg="object filtered." name="version exists" ` + times + ` source_size=4 target_size=3 key=a/b`},
		{versioned(Event{Type: EventSkipped, Reason: plan.ReasonVersion}), `level=DEBUG msg="object filtered." name="version exists" ` + states + ` key=a/b version_id=v1 delete_marker=true`},
		{of(Event{Type: EventSkipped, Reason: plan.ReasonSameETag}), `level=DEBUG msg="object filtered. ETags are same." name=HeadObjectChecker ` + plain + ` ` + states + ` key=a/b`},
		{of(Event{Type: EventSkipped, Reason: plan.ReasonSameChecksum, Checksums: sums}), `level=DEBUG msg="object filtered. Checksums are same." name=HeadObjectChecker checksum_algorithm=SHA256 source_checksum=ss target_checksum=tt ` + states + ` key=a/b`},
		{Event{Type: EventSkipped, Key: "d/", Reason: plan.ReasonDirectory}, `level=WARN msg="object filtered." name="directory key with data" key=d/`},
		{Event{Type: EventSkipped, Key: "k", Reason: "filter-include-content-type-regex", Compared: "text/plain"}, `level=DEBUG msg="object filtered." name=filter-include-content-type-regex value=text/plain key=k`},
		{Event{Type: EventCancelled, Key: "k", Reason: plan.ReasonPreprocess}, `level=DEBUG msg="object filtered." name="preprocess callback" key=k`},
		{of(Event{Type: EventTagged, Tags: &Tags{Source: "a=b"}}), `level=INFO msg="sync(tagging only) completed." key=a/b target_version_id="" target_key=p/a/b`},
		{of(Event{Type: EventTagged, Tags: &Tags{Target: "a=b"}}), `level=INFO msg="sync(delete tagging only) completed." key=a/b target_version_id="" target_key=p/a/b`},
		{of(Event{Type: EventDeleted}), `level=INFO msg="delete completed." key=a/b target_version_id="" target_key=p/a/b`},
		{versioned(Event{Type: EventDeleted}), `level=INFO msg="delete completed." key=a/b target_version_id=v2 target_key=p/a/b source_version_id=v1`},
		{of(Event{Type: EventPerhapsDeleted, Err: errTest}), `level=WARN msg="may have been deleted." key=a/b target_version_id="" target_key=p/a/b error="some error"`},
		{Event{Type: EventPerhapsDeleted, Key: "k"}, `level=WARN msg="may have been deleted." key=k target_version_id="" target_key=p/k error=""`},
		{of(Event{Type: EventRetry, Err: errTest}), `level=WARN msg="attempt failed, trying again." key=a/b error="some error"`},
		{Event{Type: EventRetry, Err: errTest}, `level=WARN msg="attempt failed, trying again." error="some error"`},
		{of(Event{Type: EventWarning, Err: errTest}), `level=WARN msg=skipped. key=a/b error="some error"`},
		{of(Event{Type: EventWarning, Err: errTest, Cause: CauseUnlisted}), `level=WARN msg=skipped. key=a/b error="some error"`},
		{of(Event{Type: EventWarning, Err: errTest, Cause: CauseIncomparable}), `level=WARN msg=skipped. name=HeadObjectChecker ` + plain + ` ` + states + ` key=a/b error="some error"`},
		{of(Event{Type: EventWarning, Err: errTest, Cause: CauseIncomparable, Checksums: sums}), `level=WARN msg=skipped. name=HeadObjectChecker checksum_algorithm=SHA256 source_checksum=ss target_checksum=tt ` + states + ` key=a/b error="some error"`},
		{Event{Type: EventWarning, Err: errTest}, `level=WARN msg="some error"`},
		{of(Event{Type: EventFailed, Err: errTest}), `level=ERROR msg=failed. key=a/b error="some error"`},
		{of(Event{Type: EventFailed, Err: fmt.Errorf("put: %w", storage.ErrUnusable)}), `level=DEBUG msg=failed. key=a/b error="put: store unusable"`},
		{
			of(Event{Type: EventFailed, Err: fmt.Errorf("put: %w", &plan.LeftError{Parts: 3})}),
			`level=DEBUG msg=failed. key=a/b error="put: it is left with some of its 3 parts, for another run to finish it"`,
		},
		{Event{Type: EventFailed, Err: errTest}, ""},
		{Event{Type: EventNote, Note: "worth knowing"}, `level=INFO+2 msg="worth knowing"`},
		{Event{Type: EventNote, Note: "Check.ReadBoth helps", Settings: []string{"Check.ReadBoth"}}, `level=INFO+2 msg="Check.ReadBoth helps" settings=[Check.ReadBoth]`},
		{of(Event{Type: EventFailed, Err: fmt.Errorf("x: %w", errNaming)}), `level=ERROR msg=failed. key=a/b error="x: Delete.Max=5 is too little" settings="[Delete.Max=5]"`},
		{Event{Type: EventWarning, Err: errNaming}, `level=WARN msg="Delete.Max=5 is too little" settings="[Delete.Max=5]"`},
		{of(Event{Type: EventStatus, Err: errNaming, Line: &Line{Aspect: AspectETag, Status: StatusUnknown}}), `level=INFO msg="sync status" name=SYNC_STATUS type=ETAG status=UNKNOWN key=a/b ` + plain + ` ` + noIDs + ` ` + states + ` error="Delete.Max=5 is too little" settings="[Delete.Max=5]"`},
		{Event{Type: EventNote, Key: "k", Note: "worth knowing"}, `level=INFO+2 msg="worth knowing" key=k`},

		{Event{Type: EventStatus, Key: "a/b", Source: source, Line: &Line{Aspect: AspectExistence, Status: StatusNotFound}}, `level=INFO msg="sync status" name=SYNC_STATUS type=EXISTENCE status=NOT_FOUND key=a/b source_version_id="" source_e_tag=aa source_last_modified=2001-09-09T01:46:40+00:00 source_size=4`},
		{of(Event{Type: EventStatus, Line: &Line{Aspect: AspectETag, Status: StatusMatches}}), `level=INFO msg="sync status" name=SYNC_STATUS type=ETAG status=MATCHES key=a/b ` + plain + ` ` + noIDs + ` ` + states},
		{of(Event{Type: EventStatus, Checksums: sums, Line: &Line{Aspect: AspectETag, Status: StatusMatches}}), `level=INFO msg="sync status" name=SYNC_STATUS type=ETAG status=MATCHES key=a/b checksum_algorithm=SHA256 source_checksum=ss target_checksum=tt ` + plain + ` ` + noIDs + ` ` + states},
		{of(Event{Type: EventStatus, Err: errTest, Checksums: &Checksums{Algorithm: "SHA1"}, Line: &Line{Aspect: AspectChecksum, Status: StatusUnknown}}), `level=INFO msg="sync status" name=SYNC_STATUS type=CHECKSUM status=UNKNOWN key=a/b checksum_algorithm=SHA1 source_checksum="" target_checksum="" ` + noIDs + ` ` + states + ` error="some error"`},
		{of(Event{Type: EventStatus, Reason: plan.ReasonSameETag, Checksums: sums, Line: &Line{Aspect: AspectChecksum, Status: StatusMatches}}), `level=INFO msg="sync status" name=SYNC_STATUS type=CHECKSUM status=MATCHES key=a/b checksum_algorithm=SHA256 source_checksum=ss target_checksum=tt ` + plain + ` ` + noIDs + ` ` + states},
		{versioned(Event{Type: EventStatus, Tags: &Tags{"a=b", "c=d"}, Line: &Line{Aspect: AspectTagging, Status: StatusMismatch}}), `level=INFO msg="tagging sync status" name=TAGGING_SYNC_STATUS type=TAGGING status=MISMATCH key=a/b source_version_id=v1 target_version_id=v2 source_tagging="a=b" target_tagging="c=d"`},
		{of(Event{Type: EventStatus, Line: &Line{Aspect: AspectMetadata, Status: StatusMismatch, Fields: []FieldStatus{{"Expires", StatusMatches, "", ""}, {"x-amz-meta-", StatusMismatch, "s", "t"}}}}), `level=INFO msg="metadata sync status" name=METADATA_SYNC_STATUS type=METADATA status=MATCHES metadata_name=Expires key=a/b ` + noIDs + ` source_value="" target_value=""` + "\n" +
			`level=INFO msg="metadata sync status" name=METADATA_SYNC_STATUS type=METADATA status=MISMATCH metadata_name=x-amz-meta- key=a/b ` + noIDs + ` source_value=s target_value=t`},
	} {
		want := tt.want
		if want != "" {
			want += "\n"
		}
		if got := logged(t, Options{Target: Place{Root: "p/"}}, func(r *Recorder) { r.Emit(tt.ev) }); got != want {
			t.Errorf("%v:\ngot  %swant %s", tt.ev, got, want)
		}
	}
}

// What a dry run would do is marked, and what is in a directory has a path.
func TestRecordsOfDryRunsAndDirectories(t *testing.T) {
	local := Options{DryRun: true, Source: Place{Bucket: "b", Root: "p/"}, Target: Place{Local: true, Root: "dir"}}
	path := filepath.Join("dir", "a", "b")
	got := logged(t, local, func(r *Recorder) {
		r.Emit(Event{Type: EventTransferred, Key: "a/b", Reason: plan.ReasonNew, Source: storage.Object{Size: 5}})
		r.Emit(Event{Type: EventTagged, Key: "a/b", Reason: plan.ReasonTags, Tags: &Tags{Target: "k=v"}})
		r.Emit(Event{Type: EventDeleted, Key: "a/b", Reason: plan.ReasonExtraneous, Target: storage.Object{Size: 3}})
	})
	want := `level=INFO msg="would download" key=a/b real_path=` + path + ` size=5 action=download reason=new source=s3://b/p/a/b target=` + path + "\n" +
		`level=INFO msg="would untag" key=a/b real_path=` + path + ` action=untag reason="tags differ" source=s3://b/p/a/b target=` + path +
		` size=0 source_tagging="" target_tagging="k=v"` + "\n" +
		`level=INFO msg="would delete" key=a/b real_path=` + path + ` action=delete reason="only in the target" target=` + path + " size=3\n"
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// Some records are no events.
func TestOtherRecords(t *testing.T) {
	got := logged(t, Options{Target: Place{Root: "p/"}}, func(r *Recorder) {
		r.Log(slog.LevelWarn, "something", slog.Int("n", 5))
		r.Note(setting.Textf("%s helps", setting.Name("Check.ReadBoth")))
		r.Notice(storage.Notice{Text: "a store says it of Check.ReadBoth", Settings: []string{"Check.ReadBoth"}})
		r.Notice(storage.Notice{Warning: true, Text: "a store warns of Check.ReadBoth", Settings: []string{"Check.ReadBoth"}})
		r.SetPlaces(Place{}, Place{Only: "one.txt"})
		r.Emit(Event{Type: EventDeleted, Key: "k"})
	})
	want := "level=WARN msg=something n=5\n" +
		`level=INFO+2 msg="Check.ReadBoth helps" settings=[Check.ReadBoth]` + "\n" +
		`level=INFO+2 msg="a store says it of Check.ReadBoth" settings=[Check.ReadBoth]` + "\n" +
		`level=WARN msg="a store warns of Check.ReadBoth" settings=[Check.ReadBoth]` + "\n" +
		`level=INFO msg="delete completed." key=k target_version_id="" target_key=one.txt` + "\n"
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestSpanEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got := logged(t, Options{}, func(r *Recorder) {
			end := r.Span("compare")
			time.Sleep(1500 * time.Millisecond)
			end()
		})
		if want := "level=DEBUG msg=compare span_event=new\nlevel=DEBUG msg=compare span_event=close duration_ms=1500\n"; got != want {
			t.Errorf("got\n%swant\n%s", got, want)
		}
	})
}

// The last record has the counters of the run, or those of its report.
func TestSummary(t *testing.T) {
	for status, want := range map[bool]string{
		false: `level=INFO msg="sync summary" transferred_byte=0 transferred_byte_per_sec=0 transferred_object=0 transferred_object_per_sec=0 ` +
			`etag_verified=0 checksum_verified=0 unverified=0 deleted=0 skipped=0 error=0 warning=1 perhaps_deleted=1` + "\n",
		true: `level=INFO msg="report summary" name=REPORT_SUMMARY number_of_objects=2 etag_matches=0 checksum_matches=0 metadata_matches=0 tagging_matches=0 ` +
			`not_found=1 etag_mismatch=0 checksum_mismatch=1 metadata_mismatch=0 tagging_mismatch=0 etag_unknown=0 checksum_unknown=0` + "\n",
	} {
		var log bytes.Buffer
		logger := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey || a.Key == "duration_sec" {
				return slog.Attr{}
			}
			return a
		}}))
		r := New(Options{Logger: logger, Status: status})
		r.Emit(Event{Type: EventPerhapsDeleted, Key: "k"})
		r.Emit(Event{Type: EventStatus, Line: &Line{Aspect: AspectExistence, Status: StatusNotFound}})
		r.Emit(Event{Type: EventStatus, Checksums: &Checksums{}, Line: &Line{Aspect: AspectChecksum, Status: StatusMismatch}})
		log.Reset()
		if _, err := r.Finish(t.Context(), nil); err != nil {
			t.Error(err)
		}
		if log.String() != want {
			t.Errorf("report %v: got\n%swant\n%s", status, log.String(), want)
		}
	}
}
