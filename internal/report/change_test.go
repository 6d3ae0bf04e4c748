package report

import (
	"errors"
	"log/slog"
	"strings"
	"testing"

	"s3sync/internal/plan"
	"s3sync/storage"
)

// What is written is named by where it goes.
func TestWriting(t *testing.T) {
	file, bucket, unknown := Place{Local: true, Root: "d"}, Place{Bucket: "b"}, Place{}
	for name, tt := range map[string]struct {
		source, target Place
		want           plan.Change
	}{
		"up":                  {file, bucket, plan.ChangeUpload},
		"down":                {bucket, file, plan.ChangeDownload},
		"between":             {bucket, bucket, plan.ChangeCopy},
		"between directories": {file, file, plan.ChangeCopy},
		"unknown":             {unknown, unknown, plan.ChangeCopy},
	} {
		t.Run(name, func(t *testing.T) {
			var l logger
			l.source.Store(&tt.source)
			l.target.Store(&tt.target)
			if got := l.changeOf(&Event{Type: EventTransferred}); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
			if got := l.changeOf(&Event{Type: EventTransferred, Exists: true}); got != plan.ChangeOverwrite {
				t.Errorf("onto an object: %s", got)
			}
		})
	}
}

// The records of a dry run have the change, its reason, where the object is, and its
// size. Nothing in them is completed.
func TestRecordsOfADryRun(t *testing.T) {
	source := storage.Object{Size: 4, VersionID: "v1"}
	target := storage.Object{Size: 3}
	marker := storage.Object{DeleteMarker: true, VersionID: "v2"}
	const sides = ` source=s3://from/a target=s3://to/p/a`
	for name, tt := range map[string]struct {
		ev   Event
		want string
	}{
		"new": {
			Event{Type: EventTransferred, Reason: plan.ReasonNew, Source: source},
			`level=INFO msg="would copy" key=a source_version_id=v1 source_last_modified=0001-01-01T00:00:00+00:00 target_key=p/a size=4 action=copy reason=new` + sides,
		},
		"newer": {
			Event{Type: EventTransferred, Exists: true, Reason: plan.ReasonNewer, Source: source, Target: target},
			`level=INFO msg="would overwrite" key=a source_version_id=v1 source_last_modified=0001-01-01T00:00:00+00:00 target_key=p/a size=4 action=overwrite reason=newer` +
				sides + ` target_size=3`,
		},
		"tags": {
			Event{Type: EventTagged, Reason: plan.ReasonTags, Source: storage.Object{Size: 4}, Tags: &Tags{Source: "a=b", Target: "a=c"}},
			`level=INFO msg="would tag" key=a target_version_id="" target_key=p/a action=tag reason="tags differ"` + sides + ` size=4 source_tagging="a=b" target_tagging="a=c"`,
		},
		"delete marker": {
			Event{Type: EventDeleted, Reason: plan.ReasonDeleted, Source: marker},
			`level=INFO msg="would mark" key=a target_version_id="" target_key=p/a source_version_id=v2 action=mark reason="deleted in the source"` + sides + ` size=0`,
		},
		"delete": {
			Event{Type: EventDeleted, Reason: plan.ReasonExtraneous, Target: target},
			`level=INFO msg="would delete" key=a target_version_id="" target_key=p/a action=delete reason="only in the target" target=s3://to/p/a size=3`,
		},
		"filtered": {
			Event{Type: EventSkipped, Reason: "exclude-regex", Source: storage.Object{Size: 4}},
			`level=DEBUG msg="object filtered." name=exclude-regex key=a action=skip reason="filter exclude-regex"` + sides + ` size=4`,
		},
		"a key that cannot be": {
			Event{Type: EventSkipped, Reason: plan.ReasonDirectory, Source: storage.Object{Size: 4}},
			`level=WARN msg="object filtered." name="directory key with data" key=a action=skip reason="directory key with data"` + sides + ` size=4`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			opts := Options{DryRun: true, Source: Place{Bucket: "from"}, Target: Place{Bucket: "to", Root: "p/"}}
			tt.ev.Key = "a"
			if got := strings.TrimSpace(logged(t, opts, func(r *Recorder) { r.Emit(tt.ev) })); got != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}

// What is done has its reason behind what scripts know.
func TestReasonsOfChanges(t *testing.T) {
	got := logged(t, Options{Source: Place{Local: true}, Target: Place{Bucket: "b"}}, func(r *Recorder) {
		r.Emit(Event{Type: EventTransferred, Key: "a", Exists: true, Reason: plan.ReasonSize})
		r.Emit(Event{Type: EventDeleted, Key: "b", Reason: plan.ReasonExtraneous})
	})
	want := `level=INFO msg="sync completed." key=a source_version_id="" source_last_modified=0001-01-01T00:00:00+00:00 target_key=a size=0 action=overwrite reason="size differs"` + "\n" +
		`level=INFO msg="delete completed." key=b target_version_id="" target_key=b action=delete reason="only in the target"` + "\n"
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// What only the target has and is kept is told with its reason. A dry run counts it.
func TestKeep(t *testing.T) {
	keep := func(r *Recorder) { r.Keep(storage.Object{Key: "a/", Size: 1}, plan.ReasonFolder) }
	const record = `level=DEBUG msg="object of the target kept." name="folder marker" key=a/ target_key=p/a/`
	target := Place{Bucket: "b", Root: "p/"}
	if got, want := logged(t, Options{Target: target}, keep), record+"\n"; got != want {
		t.Errorf("got %swant %s", got, want)
	}
	want := record + ` action=keep reason="folder marker" target=s3://b/p/a/ size=1` + "\n"
	if got := logged(t, Options{DryRun: true, Target: target}, keep); got != want {
		t.Errorf("dry run: got %swant %s", got, want)
	}
}

// The record at the end of a dry run has the totals of each change, and takes the place
// of the summary of a run.
func TestTotalsOfADryRun(t *testing.T) {
	for name, tt := range map[string]struct {
		opts Options
		err  error
		want string
	}{
		"up": {
			Options{Source: Place{Local: true}},
			nil,
			"upload_object=2 upload_byte=5 overwrite_object=1 overwrite_byte=4 tag_object=1 untag_object=1 mark_object=1 " +
				"delete_object=1 delete_byte=7 keep_object=1 skip_object=2 error=0 warning=1 incomplete=false",
		},
		"down, with a failure": {
			Options{Target: Place{Local: true}},
			errors.New("test failure"),
			"download_object=2 download_byte=5 overwrite_object=1 overwrite_byte=4 tag_object=1 untag_object=1 mark_object=1 " +
				"delete_object=1 delete_byte=7 keep_object=1 skip_object=2 error=1 warning=1 incomplete=true",
		},
	} {
		t.Run(name, func(t *testing.T) {
			var log strings.Builder
			tt.opts.DryRun, tt.opts.Logger = true, slog.New(slog.NewTextHandler(&log, nil))
			r := New(tt.opts)
			u := r.Unit()
			for _, ev := range []Event{
				{Type: EventTransferred, Source: storage.Object{Size: 2}},
				{Type: EventTransferred, Source: storage.Object{Size: 3}},
				{Type: EventTransferred, Exists: true, Source: storage.Object{Size: 4}, Target: storage.Object{Size: 100}},
				{Type: EventTagged, Source: storage.Object{Size: 5}, Tags: &Tags{Source: "a=b"}},
				{Type: EventTagged, Source: storage.Object{Size: 5}},
				{Type: EventDeleted, Reason: plan.ReasonDeleted},
				{Type: EventDeleted, Reason: plan.ReasonExtraneous, Target: storage.Object{Size: 7}},
				{Type: EventWarning, Err: errTest},
				{Type: EventSkipped, Reason: plan.ReasonSame},
			} {
				u.Emit(ev)
			}
			u.Skip(&plan.Pair{}, plan.ReasonSame) // nobody sees it
			r.Keep(storage.Object{Size: 9}, plan.ReasonFolder)
			if _, err := r.Finish(t.Context(), tt.err); !errors.Is(err, tt.err) {
				t.Errorf("error %v", err)
			}
			if !strings.Contains(log.String(), `level=INFO msg="dry run summary" `+tt.want+" duration_sec=") || strings.Contains(log.String(), "sync summary") {
				t.Errorf("%s is not in\n%s", tt.want, log.String())
			}
		})
	}
}

// A report is a dry run that changes nothing in any case, so it has no changes.
func TestReportHasNoChanges(t *testing.T) {
	got := logged(t, Options{DryRun: true, Status: true}, func(r *Recorder) {
		r.Emit(Event{Type: EventSkipped, Key: "a", Reason: "exclude-regex"})
	})
	if want := `level=DEBUG msg="object filtered." name=exclude-regex key=a` + "\n"; got != want {
		t.Errorf("got %swant %s", got, want)
	}
}
