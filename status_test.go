package s3sync_test

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"log/slog"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"s3sync"
	"s3sync/storage"
	"s3sync/storage/mem"
	"s3sync/storage/storagetest"
)

// A line is an event of a report without the objects.
type line struct {
	Key    string
	Aspect s3sync.Aspect
	Status s3sync.Status
	Reason s3sync.Reason
}

// report makes a report and returns its lines by key. It changes nothing.
func report(t *testing.T, cfg *s3sync.Config) (*s3sync.Report, map[string]line) {
	t.Helper()
	cfg.Report.Status = true
	lines := map[string]line{}
	cfg.OnEvent = func(ev s3sync.Event) {
		switch ev.Type {
		case s3sync.EventStatus:
			lines[ev.Key+" "+string(ev.Line.Aspect)] = line{ev.Key, ev.Line.Aspect, ev.Line.Status, ev.Reason}
			if (ev.Err != nil) != (ev.Line.Status == s3sync.StatusUnknown) && ev.Line.Status != s3sync.StatusNotFound {
				t.Errorf("%s: status %s with error %v", ev.Key, ev.Line.Status, ev.Err)
			}
		case s3sync.EventStart, s3sync.EventListed, s3sync.EventEnd, s3sync.EventProgress, s3sync.EventSkipped, s3sync.EventRetry:
		default:
			t.Errorf("event %v of %q: %v", ev.Type, ev.Key, ev.Err)
		}
	}
	return run(t, cfg), lines
}

func byAspect(aspect s3sync.Aspect, lines ...line) map[string]line {
	want := map[string]line{}
	for _, l := range lines {
		if l.Aspect == "" {
			l.Aspect = aspect
		}
		want[l.Key+" "+string(l.Aspect)] = l
	}
	return want
}

// Objects written by any tool, in every direction.
func TestReport(t *testing.T) {
	one, other := object{Data: storagetest.Text('a', kib10)}, object{Data: storagetest.Text('b', kib10)}
	const (
		matches, mismatch = s3sync.StatusMatches, s3sync.StatusMismatch
		unknown, notFound = s3sync.StatusUnknown, s3sync.StatusNotFound
		existence         = s3sync.AspectExistence
	)
	source := map[string]object{
		"equal": one, "parts": one.In(6000, 4000), "odd": one.In(4000, 1000, 5000), "one part": one.In(kib10),
		"sum": one.With("SHA256", false), "full": one.In(6000, 4000).With("SHA256", false), "other": one, "size": one, "missing": one, "empty": {},
	}
	target := map[string]object{
		"equal": one, "parts": one.In(6000, 4000), "odd": one.In(4000, 1000, 5000), "one part": one,
		"sum": one.With("SHA256", false), "full": one.In(6000, 4000).With("SHA256", false), "other": other, "size": {Data: "x"}, "empty": {}, "extra": one,
	}
	files := map[string]object{}
	for key, o := range source {
		files[key] = object{Data: o.Data}
	}
	for name, tt := range map[string]struct {
		source, target map[string]object
		up, down       bool
		checksum       string
		told           statChange
		want           map[string]line
		counts         s3sync.AspectCounts
	}{
		"ETags": {
			source: source, target: target, counts: s3sync.AspectCounts{Matches: 7, Mismatch: 2},
			want: byAspect(s3sync.AspectETag,
				line{"equal", "", matches, s3sync.ReasonSameETag}, line{"parts", "", matches, s3sync.ReasonSameETag},
				line{"odd", "", matches, s3sync.ReasonSameETag}, line{"one part", "", matches, s3sync.ReasonSameETag},
				line{"sum", "", matches, s3sync.ReasonSameETag}, line{"full", "", matches, s3sync.ReasonSameETag},
				line{"empty", "", matches, s3sync.ReasonSameETag}, line{"other", "", mismatch, s3sync.ReasonETag},
				line{"size", "", mismatch, s3sync.ReasonSize}, line{"missing", existence, notFound, s3sync.ReasonNew}),
		},
		"ETags of files": {
			source: files, target: target, up: true, counts: s3sync.AspectCounts{Matches: 7, Mismatch: 2},
			want: byAspect(s3sync.AspectETag,
				line{"equal", "", matches, s3sync.ReasonSameETag}, line{"parts", "", matches, s3sync.ReasonSameETag},
				line{"odd", "", matches, s3sync.ReasonSameETag}, line{"one part", "", matches, s3sync.ReasonSameETag},
				line{"sum", "", matches, s3sync.ReasonSameETag}, line{"full", "", matches, s3sync.ReasonSameETag},
				line{"empty", "", matches, s3sync.ReasonEmpty}, line{"other", "", mismatch, s3sync.ReasonETag},
				line{"size", "", mismatch, s3sync.ReasonSize}, line{"missing", existence, notFound, s3sync.ReasonNew}),
		},
		"downloads": {
			source: map[string]object{"equal": one, "odd": one.In(4000, 1000, 5000), "other": other, "../outside": one, "dir/": {}, "data/": one, "a//b": one},
			target: map[string]object{"equal": one, "odd": one, "other": one, "a/b": one}, down: true,
			counts: s3sync.AspectCounts{Matches: 3, Mismatch: 1},
			want: byAspect(s3sync.AspectETag,
				line{"equal", "", matches, s3sync.ReasonSameETag}, line{"odd", "", matches, s3sync.ReasonSameETag},
				line{"a//b", "", matches, s3sync.ReasonSameETag}, line{"other", "", mismatch, s3sync.ReasonETag},
				line{"../outside", existence, notFound, s3sync.ReasonNew}, line{"dir/", existence, notFound, s3sync.ReasonNew},
				line{"data/", existence, notFound, s3sync.ReasonNew}),
		},
		"checksums": {
			source: source, target: target, checksum: "SHA256", counts: s3sync.AspectCounts{Matches: 3, Mismatch: 1, Unknown: 5},
			want: byAspect(s3sync.AspectChecksum,
				line{"sum", "", matches, s3sync.ReasonSameChecksum}, line{"full", "", matches, s3sync.ReasonSameChecksum},
				line{"empty", "", matches, s3sync.ReasonEmpty}, line{"size", "", mismatch, s3sync.ReasonSize},
				line{"equal", "", unknown, ""}, line{"parts", "", unknown, ""}, line{"odd", "", unknown, ""},
				line{"one part", "", unknown, ""}, line{"other", "", unknown, ""},
				line{"missing", existence, notFound, s3sync.ReasonNew}),
		},
		"encrypted": {
			source: source, target: target, told: etagNotDigest, counts: s3sync.AspectCounts{Matches: 3, Mismatch: 1, Unknown: 5},
			want: byAspect(s3sync.AspectETag,
				line{"sum", "", matches, s3sync.ReasonSameChecksum}, line{"full", "", matches, s3sync.ReasonSameChecksum},
				line{"empty", "", matches, s3sync.ReasonEmpty}, line{"size", "", mismatch, s3sync.ReasonSize},
				line{"equal", "", unknown, ""}, line{"parts", "", unknown, ""}, line{"odd", "", unknown, ""},
				line{"one part", "", unknown, ""}, line{"other", "", unknown, ""},
				line{"missing", existence, notFound, s3sync.ReasonNew}),
		},
	} {
		t.Run(name, func(t *testing.T) {
			from, to := &faulty{Store: mem.New()}, &faulty{Store: mem.New()}
			if tt.up {
				from.Store = directory(t, "", false)
				delete(tt.want, "a")
			}
			for key, o := range tt.source {
				if tt.up {
					o = object{Data: o.Data}
				}
				o.Write(t, from.Store, key)
			}
			cfg := config(from, to.withStatChange(tt.told))
			if tt.down {
				root := t.TempDir()
				for key, o := range tt.target {
					writeFile(filepath.Join(root, filepath.FromSlash(key)), o.Data)
				}
				cfg.Target.Store, cfg.Target.URL = nil, root
			} else {
				for key, o := range tt.target {
					o.Write(t, to.Store, key)
				}
			}
			if tt.up {
				tt.want["a EXISTENCE"] = line{"a", existence, notFound, s3sync.ReasonNew}
			}
			cfg.Check = contentCheck(tt.checksum)
			got, lines := report(t, cfg)
			if diff := cmp.Diff(tt.want, lines); diff != "" {
				t.Errorf("lines (-want +got):\n%s", diff)
			}
			counts := got.Status.ETag
			if tt.checksum != "" {
				counts = got.Status.Checksum
			}
			if counts != tt.counts || got.Status.Objects != int64(len(tt.want)) || got.Status.InSync() {
				t.Errorf("counted %+v", got.Status)
			}
			if got.Stats.Warnings+got.Failed+got.Transferred+got.Skipped != 0 {
				t.Errorf("%+v", got.Stats)
			}
			for _, op := range []string{"put", "create", "delete"} {
				wantCalls(t, "target", to, op, 0)
			}
		})
	}
}

// Metadata are compared for existing objects, field by field.
func TestReportMetadata(t *testing.T) {
	source, target := &faulty{Store: mem.New()}, &faulty{Store: mem.New()}
	with := func(s storage.Store, key string, a storage.Attributes) {
		t.Helper()
		if _, err := s.Put(t.Context(), key, storage.Block{Data: []byte("x")}, storage.WriteOptions{Size: 1, Attributes: a}); err != nil {
			t.Fatal(err)
		}
	}
	same := storage.Attributes{ContentType: "text/plain", Metadata: map[string]string{"b": "2 %", "a": "é", "s3sync_origin_last_modified": "x"}}
	with(source, "same", same)
	with(target, "same", storage.Attributes{ContentType: "text/plain", Metadata: map[string]string{"a": "é", "b": "2 %"}})
	with(source, "header", same)
	with(target, "header", storage.Attributes{ContentType: "text/html", Metadata: same.Metadata})
	with(source, "user", same)
	with(target, "user", storage.Attributes{ContentType: "text/plain"})
	with(source, "missing", same)
	cfg := config(source, target)
	cfg.Report.Metadata = true
	var log bytes.Buffer
	cfg.Logger = slog.New(slog.NewTextHandler(&log, nil))
	got, lines := report(t, cfg)
	want := byAspect(s3sync.AspectMetadata,
		line{"same", "", s3sync.StatusMatches, s3sync.ReasonSameETag},
		line{"header", "", s3sync.StatusMismatch, s3sync.ReasonSameETag},
		line{"user", "", s3sync.StatusMismatch, s3sync.ReasonSameETag},
		line{"missing", s3sync.AspectExistence, s3sync.StatusNotFound, s3sync.ReasonNew})
	for _, key := range []string{"same", "header", "user"} {
		want[key+" ETAG"] = line{key, s3sync.AspectETag, s3sync.StatusMatches, s3sync.ReasonSameETag}
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
	if got.Status.Metadata != (s3sync.AspectCounts{Matches: 1, Mismatch: 2}) {
		t.Errorf("counted %+v", got.Status)
	}
	wantCalls(t, "source", source, "stat", 3)
	wantCalls(t, "target", target, "stat", 3)
	if n := strings.Count(log.String(), "name=METADATA_SYNC_STATUS type=METADATA status=MISMATCH"); n != 2 {
		t.Errorf("%d fields are logged as different, want 2:\n%s", n, log.String())
	}
	user := `status=MISMATCH metadata_name=x-amz-meta- key=user source_version_id="" target_version_id="" ` +
		`source_value="a=%C3%A9,b=2%20%25" target_value=""`
	if !strings.Contains(log.String(), user) {
		t.Errorf("no %s in\n%s", user, log.String())
	}
}

// A report that could not look at everything fails; it is not merely out of sync.
func TestReportThatFails(t *testing.T) {
	for name, change := range map[string]func(source, target *faulty){
		"listing": func(source, _ *faulty) { source.list = failAfter(1) },
		"directory": func(source, _ *faulty) {
			source.problem.Err = &storage.Error{Op: "list", Key: "x", Err: fs.ErrPermission}
		},
		"link to nothing": func(source, _ *faulty) {
			source.problem = storage.Problem{Key: "x", Err: &storage.Error{Op: "list", Key: "x", Err: errInjected}}
		},
		"object": func(_, target *faulty) {
			target.stat = func(string, storage.StatOptions, *storage.Info) error { return errInjected }
		},
		"source gone": func(source, _ *faulty) {
			source.stat = func(string, storage.StatOptions, *storage.Info) error { return fs.ErrNotExist }
		},
	} {
		t.Run(name, func(t *testing.T) {
			source, target := &faulty{Store: mem.New()}, &faulty{Store: mem.New()}
			put(t, source, map[string]string{"a": "1", "b": "2"})
			put(t, target, map[string]string{"a": "1", "b": "3"})
			change(source, target)
			cfg := config(source, target)
			cfg.Report.Status = true
			report, err := try(t, cfg)
			if err == nil || report.Failed != 1 {
				t.Errorf("error %v, %+v", err, report.Stats)
			}
		})
	}
}

// Equal sides need only their listings, and are in sync.
func TestReportInSync(t *testing.T) {
	source, target := &faulty{Store: mem.New()}, &faulty{Store: mem.New()}
	for _, s := range []storage.Store{source, target} {
		put(t, s, map[string]string{"a": "1", "b": "", "c": "3"})
	}
	cfg := config(source, target)
	got, _ := report(t, cfg)
	if !got.Status.InSync() || got.Status.Objects != 3 {
		t.Errorf("%+v", got.Status)
	}
	wantCalls(t, "source", source, "stat", 0)
	wantCalls(t, "target", target, "stat", 0)
	if cfg.DryRun || cfg.WarnAsError || cfg.Check.Mode != s3sync.CheckNewer {
		t.Error("the caller's settings were changed")
	}
}

// Scripts read these log records.
func TestReportLog(t *testing.T) {
	source, target := mem.New(), mem.New()
	put(t, source, map[string]string{"a": "data", "b": "data", "c": "data", "skipped": "x"})
	put(t, target, map[string]string{"a": "data", "b": "atad"})
	const when = `\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?\+00:00`
	const states = `source_version_id="" target_version_id="" source_last_modified=` + when +
		` target_last_modified=` + when + ` source_size=4 target_size=4`
	var log bytes.Buffer
	cfg := config(source, target)
	cfg.Report.Status = true
	cfg.Filter.Exclude = expression(t, "skipped")
	cfg.Logger = slog.New(slog.NewTextHandler(&log, nil))
	run(t, cfg)
	for _, want := range []string{
		`level=INFO msg="sync status" name=SYNC_STATUS type=ETAG status=MATCHES key=a ` +
			`source_e_tag=8d777f385d3dfec8815d20f7496026dc target_e_tag=8d777f385d3dfec8815d20f7496026dc ` + states,
		`level=INFO msg="sync status" name=SYNC_STATUS type=ETAG status=MISMATCH key=b ` +
			`source_e_tag=8d777f385d3dfec8815d20f7496026dc target_e_tag=[0-9a-f]{32} ` + states,
		`level=INFO msg="sync status" name=SYNC_STATUS type=EXISTENCE status=NOT_FOUND key=c source_version_id="" ` +
			`source_e_tag=8d777f385d3dfec8815d20f7496026dc source_last_modified=` + when + ` source_size=4`,
		`level=INFO msg="report summary" name=REPORT_SUMMARY number_of_objects=3 etag_matches=1 checksum_matches=0 metadata_matches=0 ` +
			`tagging_matches=0 not_found=1 etag_mismatch=1 checksum_mismatch=0 metadata_mismatch=0 tagging_mismatch=0 etag_unknown=0 checksum_unknown=0`,
	} {
		if !regexp.MustCompile(want + "\n").Match(log.Bytes()) {
			t.Errorf("no %s in\n%s", want, log.String())
		}
	}
	if strings.Contains(log.String(), "sync summary") {
		t.Error("there is a summary of a sync")
	}

	log.Reset()
	cfg.Check.Mode, cfg.Check.Algorithm = s3sync.CheckChecksum, "SHA256"
	cfg.Logger = slog.New(slog.NewJSONHandler(&log, nil))
	run(t, cfg)
	// The records of different objects come in any order.
	record := regexp.MustCompile(`(?m)^.*"key":"a".*$`).Find(log.Bytes())
	var got map[string]any
	if err := json.Unmarshal(record, &got); err != nil {
		t.Fatalf("%v in\n%s", err, log.String())
	}
	for name, want := range map[string]any{
		"name": "SYNC_STATUS", "type": "CHECKSUM", "status": "UNKNOWN", "checksum_algorithm": "SHA256",
		"source_checksum": "", "target_checksum": "", "source_size": 4.0,
		"error": "cannot be compared: the target has no SHA256 checksum",
	} {
		if got[name] != want {
			t.Errorf("%s is %v, want %v", name, got[name], want)
		}
	}
}
