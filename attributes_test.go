package s3sync_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"s3sync"
	"s3sync/storage"
	"s3sync/storage/mem"
)

// withMetadata returns the options of an object with all headers, metadata and tags.
func withMetadata() storage.WriteOptions {
	return storage.WriteOptions{
		Attributes: storage.Attributes{
			CacheControl: "no-cache", ContentDisposition: "inline", ContentEncoding: "gzip", ContentLanguage: "en",
			ContentType: "text/plain", Expires: "whenever you like", WebsiteRedirect: "/old", StorageClass: "STANDARD_IA",
			Metadata: map[string]string{"name": "value", "a-b": "a=b, c%41+ d"},
		},
		Tags: map[string]string{"k": "v", "a b": "=+&%41/@:"},
	}
}

// putWithMetadata writes an object and returns when it was written.
func putWithMetadata(t *testing.T, s *mem.Store, key string, size int, opts storage.WriteOptions) time.Time {
	t.Helper()
	opts.Size = int64(size)
	info, err := s.Put(t.Context(), key, storage.Block{Data: make([]byte, size)}, opts)
	if err != nil {
		t.Fatal(err)
	}
	return info.ModTime
}

// attributesOf returns the headers, metadata and tags of an object.
func attributesOf(t *testing.T, s *mem.Store, key string) storage.WriteOptions {
	t.Helper()
	info, err := s.Stat(t.Context(), key, storage.StatOptions{})
	if err != nil {
		t.Fatal(err)
	}
	tags, err := s.Tags(t.Context(), key, "")
	if err != nil {
		t.Fatal(err)
	}
	if len(tags) != info.TagCount {
		t.Errorf("%d tags are told, there are %v", info.TagCount, tags)
	}
	if len(info.Metadata) == 0 {
		info.Metadata = nil
	}
	if len(tags) == 0 {
		tags = nil
	}
	return storage.WriteOptions{Attributes: info.Attributes, Tags: tags}
}

// TestAttributes: an option wins, else the attribute is dropped if requested, else that
// of the source is kept. Objects in one piece and in parts behave the same.
func TestAttributes(t *testing.T) {
	written := time.Date(2024, 5, 6, 7, 8, 9, 10, time.UTC)
	origin := "2024-05-06T07:08:09+00:00"
	for name, tt := range map[string]struct {
		set    func(*s3sync.Config)
		change func(*storage.WriteOptions) // changes the attributes of the source to the wanted ones
	}{
		"nothing set": {},
		"every option": {
			set: func(c *s3sync.Config) {
				c.Metadata = s3sync.Metadata{
					CacheControl: "max-age=1", ContentDisposition: "attachment", ContentEncoding: "br", ContentLanguage: "de",
					ContentType: "text/html", Expires: time.Date(2031, 1, 2, 3, 4, 5, 6, time.FixedZone("x", 3600)),
					User: map[string]string{"Mine": "1"}, WebsiteRedirect: "/new", StorageClass: "ONEZONE_IA",
				}
				c.Tagging.Set = "x=%2B+%3D&empty="
			},
			change: func(o *storage.WriteOptions) {
				o.Attributes = storage.Attributes{
					CacheControl: "max-age=1", ContentDisposition: "attachment", ContentEncoding: "br", ContentLanguage: "de",
					ContentType: "text/html", Expires: "Thu, 02 Jan 2031 02:04:05 GMT",
					Metadata: map[string]string{"mine": "1"}, WebsiteRedirect: "/new", StorageClass: "ONEZONE_IA",
				}
				o.Tags = map[string]string{"x": "+ =", "empty": ""}
			},
		},
		"one option": {
			set:    func(c *s3sync.Config) { c.Metadata.CacheControl = "max-age=1" },
			change: func(o *storage.WriteOptions) { o.CacheControl = "max-age=1" },
		},
		"no system": {
			set: func(c *s3sync.Config) { c.Metadata.NoSystem = true },
			change: func(o *storage.WriteOptions) {
				o.Attributes = storage.Attributes{StorageClass: o.StorageClass, Metadata: o.Metadata}
			},
		},
		"no system, but an option": {
			set: func(c *s3sync.Config) { c.Metadata.NoSystem, c.Metadata.ContentType = true, "a/b" },
			change: func(o *storage.WriteOptions) {
				o.Attributes = storage.Attributes{StorageClass: o.StorageClass, Metadata: o.Metadata, ContentType: "a/b"}
			},
		},
		"no user": {
			set:    func(c *s3sync.Config) { c.Metadata.NoUser = true },
			change: func(o *storage.WriteOptions) { o.Metadata = nil },
		},
		"no user, but an option": {
			set:    func(c *s3sync.Config) { c.Metadata.NoUser, c.Metadata.User = true, map[string]string{"u": "x"} },
			change: func(o *storage.WriteOptions) { o.Metadata = map[string]string{"u": "x"} },
		},
		"last modified": {
			set:    func(c *s3sync.Config) { c.Metadata.PutLastModified = true },
			change: func(o *storage.WriteOptions) { o.Metadata["s3sync_origin_last_modified"] = origin },
		},
		"last modified beside an option": {
			set: func(c *s3sync.Config) {
				c.Metadata.PutLastModified, c.Metadata.User = true, map[string]string{"u": "x"}
			},
			change: func(o *storage.WriteOptions) {
				o.Metadata = map[string]string{"u": "x", "s3sync_origin_last_modified": origin}
			},
		},
		"last modified without user metadata": {
			set: func(c *s3sync.Config) { c.Metadata.PutLastModified, c.Metadata.NoUser = true, true },
			change: func(o *storage.WriteOptions) {
				o.Metadata = map[string]string{"s3sync_origin_last_modified": origin}
			},
		},
		"no tags": {
			set:    func(c *s3sync.Config) { c.Tagging.Disable = true },
			change: func(o *storage.WriteOptions) { o.Tags = nil },
		},
	} {
		t.Run(name, func(t *testing.T) {
			source, target := mem.New(), mem.New()
			source.SetClock(func() time.Time { return written })
			sizes := map[string]int{"empty": 0, "single": 10, "multipart": 6 * s3sync.MiB}
			for key, size := range sizes {
				putWithMetadata(t, source, key, size, withMetadata())
			}
			cfg := config(source, target)
			cfg.Transfer.Threshold, cfg.Transfer.ChunkSize = 5*s3sync.MiB, 5*s3sync.MiB
			if tt.set != nil {
				tt.set(cfg)
			}
			run(t, cfg)
			want := withMetadata()
			if tt.change != nil {
				tt.change(&want)
			}
			for key := range sizes {
				if diff := cmp.Diff(want, attributesOf(t, target, key)); diff != "" {
					t.Errorf("%s (-want +got):\n%s", key, diff)
				}
			}
			if diff := cmp.Diff(withMetadata(), attributesOf(t, source, "single")); diff != "" {
				t.Errorf("the source changed (-want +got):\n%s", diff)
			}
		})
	}
}

// TestStorageClass: the class of the source is kept, unless it exists only in one kind
// of bucket.
func TestStorageClass(t *testing.T) {
	for class, want := range map[string]string{
		"": "", "STANDARD_IA": "STANDARD_IA", "GLACIER": "GLACIER", "REDUCED_REDUNDANCY": "REDUCED_REDUNDANCY",
		"EXPRESS_ONEZONE": "", "OUTPOSTS": "", "SNOW": "", "FSX_OPENZFS": "", "FSX_ONTAP": "",
	} {
		for _, option := range []string{"", "INTELLIGENT_TIERING"} {
			source, target := mem.New(), mem.New()
			putWithMetadata(t, source, "a", 1, storage.WriteOptions{Attributes: storage.Attributes{StorageClass: class}})
			cfg := config(source, target)
			cfg.Metadata.StorageClass = option
			run(t, cfg)
			want := want
			if option != "" {
				want = option
			}
			if got := attributesOf(t, target, "a").StorageClass; got != want {
				t.Errorf("%q with option %q: %q, want %q", class, option, got, want)
			}
		}
	}
}

// TestGuessedType: the type of a file is guessed, unless a type is given or guessing is
// off.
func TestGuessedType(t *testing.T) {
	root := t.TempDir()
	writeFile(filepath.Join(root, "a.png"), "x")
	for name, tt := range map[string]struct {
		set  func(*s3sync.Metadata)
		want string
	}{
		"guessed":     {func(*s3sync.Metadata) {}, "image/png"},
		"not guessed": {func(m *s3sync.Metadata) { m.NoGuessType = true }, ""},
		"given":       {func(m *s3sync.Metadata) { m.ContentType = "a/b" }, "a/b"},
		"both":        {func(m *s3sync.Metadata) { m.ContentType, m.NoGuessType = "a/b", true }, "a/b"},
	} {
		t.Run(name, func(t *testing.T) {
			target := mem.New()
			cfg := config(nil, target)
			cfg.Source.URL = root
			tt.set(&cfg.Metadata)
			run(t, cfg)
			if got := attributesOf(t, target, "a.png").ContentType; got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}

// A recordingStore records what it is asked to write.
type recordingStore struct {
	*mem.Store
	opts map[string]storage.WriteOptions
}

func (a *recordingStore) Put(ctx context.Context, key string, b storage.Block, opts storage.WriteOptions) (storage.Info, error) {
	a.opts[key] = opts
	return a.Store.Put(ctx, key, b, opts)
}

// TestConditions: the conditions that the server is asked to check, and the ACL.
func TestConditions(t *testing.T) {
	for name, tt := range map[string]struct {
		set             func(*s3sync.Config)
		match, absent   bool // of the object that the target has
		newMatch, isNew bool // of the one that it has not
		acl             string
	}{
		"none":       {set: func(*s3sync.Config) {}},
		"acl":        {set: func(c *s3sync.Config) { c.Metadata.ACL = "public-read" }, acl: "public-read"},
		"if-match":   {set: func(c *s3sync.Config) { c.Condition.IfMatch = true }, match: true},
		"by content": {set: func(c *s3sync.Config) { c.Condition.IfMatch, c.Check.Mode = true, s3sync.CheckETag }, match: true},
		"asked for": {set: func(c *s3sync.Config) {
			c.Condition.IfMatch, c.Check.NoTargetListing, c.Check.HeadEachTarget = true, true, true
		}, match: true},
		"asked for, overwriting": {set: func(c *s3sync.Config) {
			c.Condition.IfMatch, c.Check.Mode, c.Check.HeadEachTarget = true, s3sync.CheckOverwrite, true
		}, match: true},
		"if-none-match": {set: func(c *s3sync.Config) {
			c.Condition.IfNoneMatch, c.Check.Mode = true, s3sync.CheckOverwrite
		}, absent: true, isNew: true},
	} {
		t.Run(name, func(t *testing.T) {
			source, target := mem.New(), &recordingStore{mem.New(), map[string]storage.WriteOptions{}}
			put(t, target.Store, map[string]string{"there": "old"})
			source.SetClock(func() time.Time { return time.Now().Add(time.Hour) })
			put(t, source, map[string]string{"there": "newer"})
			put(t, source, map[string]string{"new": "new"})
			old, err := target.Stat(t.Context(), "there", storage.StatOptions{})
			if err != nil {
				t.Fatal(err)
			}
			cfg := config(source, target)
			cfg.Transfer.Workers = 1
			tt.set(cfg)
			_, _ = try(t, cfg) // if-none-match warns
			match := map[bool]string{true: old.ETag}
			there, fresh := target.opts["there"], target.opts["new"]
			if there.IfMatch != match[tt.match] || there.IfAbsent != tt.absent || there.ACL != tt.acl {
				t.Errorf("there: %+v", there)
			}
			if fresh.IfMatch != "" || fresh.IfAbsent != tt.isNew || fresh.ACL != tt.acl {
				t.Errorf("new: %+v", fresh)
			}
		})
	}
}

// TestFailedPrecondition: a failed condition is one warning and the object stays
// unchanged. The other objects arrive, and nothing is deleted.
func TestFailedPrecondition(t *testing.T) {
	for _, asError := range []bool{false, true} {
		for name, set := range map[string]func(*s3sync.Condition){
			"if-match":      func(c *s3sync.Condition) { c.IfMatch = true },
			"if-none-match": func(c *s3sync.Condition) { c.IfNoneMatch = true },
		} {
			t.Run(fmt.Sprint(name, asError), func(t *testing.T) {
				source, inner := mem.New(), mem.New()
				put(t, inner, map[string]string{"there": "old"})
				put(t, inner, map[string]string{"only here": ""})
				source.SetClock(func() time.Time { return time.Now().Add(time.Hour) })
				put(t, source, map[string]string{"there": "newer"})
				put(t, source, map[string]string{"new": "new"})
				target := &faulty{Store: inner, put: func(key string) error {
					if key == "there" { // another client wrote it first
						put(t, inner, map[string]string{"there": "of somebody else"})
					}
					return nil
				}}
				cfg := config(source, target)
				set(&cfg.Condition)
				cfg.Delete.Enable, cfg.WarnAsError = true, asError
				r, err := try(t, cfg)
				var wantErr, wantWarn int64 = 0, 1
				if asError {
					wantErr, wantWarn = 1, 0
				}
				if (err != nil) != asError || r.Warnings != wantWarn || r.Failed != wantErr || r.Transferred != 1 || r.Deleted != 0 {
					t.Errorf("%v, %+v", err, r.Stats)
				}
				want := "of somebody else"
				if name == "if-none-match" {
					want = "old" // the request is not even sent
				}
				if got := contents(t, inner)["there"]; got != want {
					t.Errorf("the target has %q", got)
				}
			})
		}
	}
}

// TestDeletePrecondition: an object that changed since it was listed is not deleted,
// which is one warning. The other objects are deleted.
func TestDeletePrecondition(t *testing.T) {
	for _, asError := range []bool{false, true} {
		source, inner := mem.New(), mem.New()
		for i := range 5 {
			put(t, inner, map[string]string{fmt.Sprint(i): "old"})
		}
		target := &faulty{Store: inner}
		put(t, source, map[string]string{"new": ""})
		target.put = func(string) error { put(t, inner, map[string]string{"3": "other"}); return nil }
		cfg := config(source, target)
		cfg.Condition.IfMatch, cfg.Delete.Enable, cfg.WarnAsError = true, true, asError
		r, err := try(t, cfg)
		if (err != nil) != asError || r.Warnings+r.Failed != 1 || (r.Failed == 1) != asError || r.Deleted != 4 {
			t.Errorf("as error %t: %v, %+v", asError, err, r.Stats)
		}
		if got := contents(t, inner)["3"]; got != "other" {
			t.Errorf("3 is %q", got)
		}
	}
}

// TestArchived: an object is skipped, with a warning or silently, if its listing says
// that it is archived or if it cannot be opened for that reason. Its counterpart stays,
// and other objects are deleted. An archived object that is up to date is not opened. A
// dry run opens only objects that may be archived, and reports the same.
func TestArchived(t *testing.T) {
	for name, tt := range map[string]struct {
		silent, asError, listed, maybe, dry bool
	}{
		"listed": {listed: true}, "opened": {}, "listed, silent": {listed: true, silent: true}, "opened, silent": {silent: true},
		"as error": {listed: true, asError: true}, "as error, silent": {silent: true, asError: true},
		"dry": {listed: true, dry: true}, "maybe": {maybe: true}, "dry, maybe": {maybe: true, dry: true},
		"dry, maybe, silent": {maybe: true, dry: true, silent: true},
	} {
		t.Run(name, func(t *testing.T) {
			inner, target := mem.New(), mem.New()
			put(t, target, map[string]string{"cold": "old"})
			put(t, target, map[string]string{"only here": ""})
			inner.SetClock(func() time.Time { return time.Now().Add(time.Hour) })
			put(t, inner, map[string]string{"cold": "newer"})
			put(t, inner, map[string]string{"cold, new": "x"})
			put(t, inner, map[string]string{"warm": "x"})
			inner.SetClock(func() time.Time { return time.Now().Add(-time.Hour) })
			put(t, inner, map[string]string{"cold, the same": "x"})
			put(t, target, map[string]string{"cold, the same": "x"})
			cold := func(key string) bool { return strings.HasPrefix(key, "cold") }
			source := &faulty{Store: inner, open: func(key string) error {
				if cold(key) && !tt.listed {
					return &storage.Error{Op: "open", Key: key, Err: storage.ErrArchived}
				}
				return nil
			}}
			source.list = each(func(o *storage.Object) {
				o.Archived, o.MaybeArchived = tt.listed && cold(o.Key), tt.maybe && cold(o.Key)
			})
			cfg := config(source, target)
			cfg.Delete.Enable, cfg.IgnoreArchived, cfg.WarnAsError, cfg.DryRun = true, tt.silent, tt.asError, tt.dry
			var reasons []s3sync.Reason
			cfg.OnEvent = func(ev s3sync.Event) {
				if ev.Type == s3sync.EventSkipped && ev.Key != "cold, the same" {
					reasons = append(reasons, ev.Reason)
				}
				if ev.Type == s3sync.EventWarning && !strings.Contains(ev.Err.Error(), "restored") {
					t.Errorf("the warning does not say what to do: %v", ev.Err)
				}
			}
			r, err := try(t, cfg)
			failed := tt.asError && !tt.silent
			if (err != nil) != failed || r.Transferred != 1 || (r.Deleted == 1) == failed {
				t.Errorf("%v, %+v", err, r.Stats)
			}
			if tt.silent && (len(reasons) != 2 || reasons[0] != s3sync.ReasonArchived || r.Warnings+r.Failed != 0) ||
				!tt.silent && (len(reasons) != 0 || r.Warnings+r.Failed != 2) {
				t.Errorf("%q, %+v", reasons, r.Stats)
			}
			opened := 3 // two of them are archived
			switch {
			case tt.dry && tt.maybe:
				opened = 2
			case tt.dry:
				opened = 0
			case tt.listed:
				opened = 1
			}
			if source.called("open") != opened {
				t.Errorf("%d objects were opened, want %d", source.called("open"), opened)
			}
			if got := contents(t, target)["cold"]; got != "old" {
				t.Errorf("the counterpart is %q", got)
			}
		})
	}
}

// TestMaybeArchived: an object of an archive class that can be read is transferred, and
// a dry run says so: it was restored, or the class is only a label there.
func TestMaybeArchived(t *testing.T) {
	for name, dry := range map[string]bool{"run": false, "dry run": true} {
		t.Run(name, func(t *testing.T) {
			inner, target := mem.New(), mem.New()
			put(t, inner, map[string]string{"a": "x", "b": "y"})
			source := &faulty{Store: inner, list: each(func(o *storage.Object) { o.MaybeArchived = true })}
			cfg := config(source, target)
			cfg.DryRun = dry
			r, err := try(t, cfg)
			if err != nil || r.Transferred != 2 || r.Warnings != 0 || source.called("open") != 2 {
				t.Errorf("%v, %+v, %d opened", err, r.Stats, source.called("open"))
			}
			if got := len(contents(t, target)); (got == 0) != dry {
				t.Errorf("the target has %d objects", got)
			}
		})
	}
}

// TestMetadataNames: invalid header names are refused before any work.
func TestMetadataNames(t *testing.T) {
	for name, ok := range map[string]bool{"a": true, "A-b_c.1": true, "": false, "a b": false, "a:b": false, "ä": false, "a\nb": false} {
		cfg := config(mem.New(), mem.New())
		cfg.Metadata.User = map[string]string{name: "x"}
		if err := cfg.Validate(); (err == nil) != ok {
			t.Errorf("%q: %v", name, err)
		}
	}
	cfg := config(mem.New(), mem.New())
	cfg.Metadata.User = map[string]string{"a": "1", "A": "2"}
	if err := cfg.Validate(); err == nil || !strings.Contains(err.Error(), "twice") {
		t.Error(err)
	}
}
