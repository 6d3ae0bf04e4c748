package s3sync_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"s3sync"
	"s3sync/storage"
	"s3sync/storage/mem"
)

// logTo returns a logger of all levels.
func logTo(b *strings.Builder) *slog.Logger {
	return slog.New(slog.NewTextHandler(b, &slog.HandlerOptions{Level: s3sync.LevelTrace}))
}

// TestPreprocess: the callback receives what is known. Its changes are written, in one
// piece and in parts.
func TestPreprocess(t *testing.T) {
	want := storage.WriteOptions{
		Attributes: storage.Attributes{
			CacheControl: "1", ContentDisposition: "2", ContentEncoding: "3", ContentLanguage: "4", ContentType: "5",
			Expires: "6", Metadata: map[string]string{"name": "value", "more": "x"}, WebsiteRedirect: "/8", StorageClass: "GLACIER_IR",
		},
		Tags: map[string]string{"k": "w"},
	}
	for name, tt := range map[string]struct {
		change func(u *s3sync.Upload)
		acl    string
		want   storage.WriteOptions
	}{
		"nothing": {func(*s3sync.Upload) {}, "public-read", func() storage.WriteOptions {
			o := withMetadata()
			o.CacheControl = "of the option"
			return o
		}()},
		"everything": {func(u *s3sync.Upload) {
			u.Metadata["more"] = "x"
			delete(u.Metadata, "a-b")
			u.Attributes = storage.Attributes{
				CacheControl: "1", ContentDisposition: "2", ContentEncoding: "3", ContentLanguage: "4", ContentType: "5",
				Expires: "6", Metadata: u.Metadata, WebsiteRedirect: "/8", StorageClass: "GLACIER_IR",
			}
			u.Tags = map[string]string{"k": "w"}
			u.ACL, u.Key = "private", "elsewhere"
		}, "private", want},
		"cleared": {func(u *s3sync.Upload) { *u = s3sync.Upload{} }, "", storage.WriteOptions{}},
	} {
		t.Run(name, func(t *testing.T) {
			source, target := mem.New(), mem.New()
			sent := &recordingStore{target, map[string]storage.WriteOptions{}}
			sizes := map[string]int{"single": 10, "multipart": 6 * s3sync.MiB}
			for key, size := range sizes {
				putWithMetadata(t, source, key, size, withMetadata())
			}
			cfg := config(source, sent)
			cfg.Transfer.Threshold, cfg.Transfer.ChunkSize = 5*s3sync.MiB, 5*s3sync.MiB
			cfg.Metadata.CacheControl, cfg.Metadata.ACL = "of the option", "public-read"
			cfg.Preprocess = func(_ context.Context, info *storage.Info, u *s3sync.Upload) error {
				if info.Size != int64(sizes[u.Key]) || info.CacheControl != "no-cache" || u.CacheControl != "of the option" || len(u.Tags) != 2 {
					t.Errorf("asked about %+v, %+v", info, u)
				}
				tt.change(u)
				info.Metadata["name"] = "of no effect"
				return nil
			}
			if r := run(t, cfg); r.Transferred != 2 {
				t.Errorf("%+v", r.Stats)
			}
			if acl := sent.opts["single"].ACL; acl != tt.acl {
				t.Errorf("ACL %q, want %q", acl, tt.acl)
			}
			for key := range sizes {
				if diff := cmp.Diff(tt.want, attributesOf(t, target, key)); diff != "" {
					t.Errorf("%s (-want +got):\n%s", key, diff)
				}
			}
			if diff := cmp.Diff(withMetadata(), attributesOf(t, source, "single")); diff != "" {
				t.Errorf("the source changed (-want +got):\n%s", diff)
			}
		})
	}
}

// TestPreprocessSkips: ErrSkip skips an object with its own reason. Others are
// transferred, and deletions continue.
func TestPreprocessSkips(t *testing.T) {
	source, target := mem.New(), mem.New()
	put(t, source, map[string]string{"a": "", "b": "", "c": ""})
	put(t, target, map[string]string{"only here": ""})
	cfg := config(source, target)
	cfg.Delete.Enable = true
	cfg.Preprocess = func(_ context.Context, info *storage.Info, _ *s3sync.Upload) error {
		if info.Key == "b" {
			return fmt.Errorf("not this one: %w", s3sync.ErrSkip)
		}
		return nil
	}
	cancelled := ""
	cfg.OnEvent = func(ev s3sync.Event) {
		if ev.Type == s3sync.EventCancelled {
			cancelled += ev.Key + " " + string(ev.Reason)
		}
	}
	var log strings.Builder
	cfg.Logger = logTo(&log)
	r := run(t, cfg)
	if r.Transferred != 2 || r.Skipped != 1 || r.Warnings+r.Failed != 0 || r.Deleted != 1 {
		t.Errorf("%+v", r.Stats)
	}
	if want := "b " + string(s3sync.ReasonPreprocess); cancelled != want {
		t.Errorf("cancelled %q, want %q", cancelled, want)
	}
	if !strings.Contains(log.String(), `msg="object filtered." name="preprocess callback"`) {
		t.Errorf("the log is\n%s", log.String())
	}
}

// TestPreprocessFails: any other error ends the run as the error of the object. It is
// not retried, whatever it wraps. The same holds for changes that every server would
// reject.
func TestPreprocessFails(t *testing.T) {
	for name, tt := range map[string]struct {
		callback func(u *s3sync.Upload) error
		want     string
	}{
		"error":      {func(*s3sync.Upload) error { return errInjected }, "injected"},
		"transient":  {func(*s3sync.Upload) error { return fmt.Errorf("%w, %w", storage.ErrTransient, errInjected) }, "injected"},
		"permission": {func(*s3sync.Upload) error { return fmt.Errorf("%w, %w", storage.ErrArchived, errInjected) }, "injected"},
		"acl":        {func(u *s3sync.Upload) error { u.ACL = "publik"; return nil }, `unknown ACL "publik"`},
		"class":      {func(u *s3sync.Upload) error { u.StorageClass = "COLD"; return nil }, `unknown storage class "COLD"`},
		"tags":       {func(u *s3sync.Upload) error { u.Tags = map[string]string{"": "x"}; return nil }, "a tag has no name"},
	} {
		t.Run(name, func(t *testing.T) {
			source, target := mem.New(), mem.New()
			for i := range 20 {
				put(t, source, map[string]string{fmt.Sprintf("key-%02d", i): ""})
			}
			put(t, target, map[string]string{"only here": ""})
			cfg := config(source, target)
			cfg.Transfer.Workers, cfg.Delete.Enable = 1, true
			calls := 0
			cfg.Preprocess = func(_ context.Context, _ *storage.Info, u *s3sync.Upload) error {
				if calls++; calls == 3 {
					return tt.callback(u)
				}
				return nil
			}
			r, err := try(t, cfg)
			if err == nil || !strings.Contains(err.Error(), `preprocess callback on "key-02"`) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v", err)
			}
			if tt.want == "injected" && !errors.Is(err, errInjected) {
				t.Errorf("the error hides its cause: %v", err)
			}
			if calls != 3 || r.Failed != 1 || r.Transferred != 2 || r.Deleted != 0 || len(r.FailedKeys()) != 1 {
				t.Errorf("%d calls, %+v", calls, r)
			}
		})
	}
}

// TestPreprocessIsSerial: calls do not overlap. There are none in a dry run and none
// for a directory.
func TestPreprocessIsSerial(t *testing.T) {
	source := mem.New()
	for i := range 50 {
		put(t, source, map[string]string{fmt.Sprint(i): "x"})
	}
	var running, calls atomic.Int32
	callback := func(context.Context, *storage.Info, *s3sync.Upload) error {
		if running.Add(1) != 1 {
			t.Error("two calls at once")
		}
		calls.Add(1)
		for range 100 {
			runtime.Gosched() // lets other calls start
		}
		running.Add(-1)
		return nil
	}
	for name, tt := range map[string]struct {
		cfg  *s3sync.Config
		want int32
	}{
		"store": {config(source, mem.New()), 50}, "dry": {config(source, mem.New()), 0}, "directory": {download(source, t.TempDir()), 0},
	} {
		calls.Store(0)
		tt.cfg.Preprocess, tt.cfg.DryRun = callback, name == "dry"
		if r := run(t, tt.cfg); calls.Load() != tt.want || r.Transferred != 50 || r.Skipped != 0 {
			t.Errorf("%s: %d calls, %+v", name, calls.Load(), r.Stats)
		}
	}
}

// TestEventsOfOneObject: the events of one object during its transfer.
func TestEventsOfOneObject(t *testing.T) {
	source, inner := mem.New(), mem.New()
	put(t, source, map[string]string{"key": strings.Repeat("x", 11*s3sync.MiB)})
	damaged := false
	target := &faulty{Store: inner, written: func(_ string, info *storage.Info) {
		if !damaged {
			damaged, info.ETag = true, "00000000000000000000000000000000-3"
		}
	}}
	cfg := config(source, target)
	cfg.Transfer.Threshold, cfg.Transfer.ChunkSize, cfg.Transfer.ParallelParts = 5*s3sync.MiB, 5*s3sync.MiB, 1
	var got []string
	cfg.OnEvent = func(ev s3sync.Event) {
		switch ev.Type {
		case s3sync.EventBegun:
			got = append(got, "begun "+ev.Key)
		case s3sync.EventWritten:
			got = append(got, fmt.Sprintf("part %d, %d bytes", ev.Part, ev.Bytes))
		case s3sync.EventMismatch:
			algorithm := ""
			if ev.Checksums != nil {
				algorithm = ev.Checksums.Algorithm
			}
			got = append(got, "mismatch "+algorithm)
			if !errors.Is(ev.Err, storage.ErrMismatch) {
				t.Error(ev.Err)
			}
		case s3sync.EventTransferred:
			got = append(got, "arrived")
		}
	}
	run(t, cfg)
	once := []string{"begun key", "part 1, 5242880 bytes", "part 2, 5242880 bytes", "part 3, 1048576 bytes"}
	want := append(append(append([]string{}, once...), "mismatch "), append(once, "arrived")...)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}
