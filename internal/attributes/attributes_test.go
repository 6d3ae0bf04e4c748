package attributes_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"s3sync/internal/attributes"
	"s3sync/internal/plan"
	"s3sync/internal/side"
	"s3sync/storage"
	"s3sync/storage/mem"
)

// builder builds what objects of source are written to target with.
func builder(opts attributes.Options, source, target storage.Store) *attributes.Builder {
	return attributes.New(opts, side.New("source", source, side.Options{}), side.New("target", target, side.Options{}))
}

// files is a store of files.
type files struct{ storage.Store }

func (f files) Caps() storage.Caps { return storage.Caps{Files: true} }

// full is an object with everything that one can have, except for tags.
func full() *storage.Info {
	return &storage.Info{
		Object: storage.Object{Key: "a.png", Size: 3, ModTime: time.Unix(1_700_000_000, 5), ETag: "etag", VersionID: "v1"},
		Attributes: storage.Attributes{
			CacheControl: "no-cache", ContentDisposition: "inline", ContentEncoding: "gzip", ContentLanguage: "en",
			ContentType: "text/plain", Expires: "whenever you like", WebsiteRedirect: "/old", StorageClass: "STANDARD_IA",
			Metadata: map[string]string{"name": "value", "s3sync-origin-version-id": "other"},
		},
	}
}

func action(info *storage.Info) *plan.Action {
	return &plan.Action{Pair: plan.Pair{Source: info.Object, TargetKey: "target/" + info.Key}}
}

// TestWriteOptions: an option, else nothing if that is asked for, else what the
// source has.
func TestWriteOptions(t *testing.T) {
	all := storage.Attributes{
		CacheControl: "1", ContentDisposition: "2", ContentEncoding: "3", ContentLanguage: "4", ContentType: "5",
		Expires: "6", Metadata: map[string]string{"Mine": "x"}, WebsiteRedirect: "/8", StorageClass: "ONEZONE_IA",
	}
	inherits := storage.Inherited{Tags: true, StorageClass: true, WebsiteRedirect: true}
	for name, tt := range map[string]struct {
		opts   attributes.Options
		change func(*storage.WriteOptions) // of what is written without options
	}{
		"nothing set": {},
		"everything replaced": {
			attributes.Options{Replace: all, ACL: "private", Tags: map[string]string{"k": "v"}},
			func(o *storage.WriteOptions) {
				o.Attributes, o.ACL, o.Tags = all, "private", map[string]string{"k": "v"}
				o.Metadata = map[string]string{"mine": "x"}
				o.Inherited = storage.Inherited{}
			},
		},
		"one replaced": {
			attributes.Options{Replace: storage.Attributes{CacheControl: "1"}},
			func(o *storage.WriteOptions) { o.CacheControl = "1" },
		},
		"no system": {
			attributes.Options{NoSystem: true, Replace: storage.Attributes{ContentType: "a/b"}},
			func(o *storage.WriteOptions) {
				o.Attributes = storage.Attributes{StorageClass: o.StorageClass, Metadata: o.Metadata, ContentType: "a/b"}
			},
		},
		"no user": {attributes.Options{NoUser: true}, func(o *storage.WriteOptions) { o.Metadata = nil }},
		"no user, but replaced": {
			attributes.Options{NoUser: true, Replace: storage.Attributes{Metadata: map[string]string{"u": "x"}}},
			func(o *storage.WriteOptions) { o.Metadata = map[string]string{"u": "x"} },
		},
		"time": {
			attributes.Options{OriginTime: true, NoUser: true},
			func(o *storage.WriteOptions) {
				o.Metadata = map[string]string{"s3sync_origin_last_modified": "2023-11-14T22:13:20+00:00"}
			},
		},
		"version": {
			attributes.Options{Versions: true},
			func(o *storage.WriteOptions) {
				o.Once = true
				o.Metadata = map[string]string{
					"name": "value", "s3sync_origin_version_id": "v1", "s3sync_origin_last_modified": "2023-11-14T22:13:20+00:00",
				}
			},
		},
		"no tags":     {attributes.Options{NoTags: true}, nil},
		"synced tags": {attributes.Options{SyncTags: true}, func(o *storage.WriteOptions) { o.Inherited.Tags = false }},
	} {
		t.Run(name, func(t *testing.T) {
			info := full()
			source := mem.New()
			want := storage.WriteOptions{Attributes: full().Attributes, Size: 3, ModTime: info.ModTime, Inherited: inherits}
			if tt.change != nil {
				tt.change(&want)
			}
			if _, err := source.Put(t.Context(), "a.png", storage.Block{}, storage.WriteOptions{}); err != nil {
				t.Fatal(err)
			}
			info.VersionID = ""
			a := action(info)
			a.Source.VersionID = "v1"
			got, err := builder(tt.opts, source, mem.New()).WriteOptions(t.Context(), a, info)
			if err != nil {
				t.Fatal(err)
			}
			if len(got.Tags) == 0 {
				got.Tags = nil
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("written with (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(full().Attributes, info.Attributes); diff != "" {
				t.Errorf("the source's changed (-want +got):\n%s", diff)
			}
		})
	}
}

// TestWriteFiles: files get what the source has, and nothing that only a server
// knows. Files as source have a guessed type.
func TestWriteFiles(t *testing.T) {
	info := full()
	a := action(info)
	a.Guard = plan.Guard{TargetETag: "x", TargetAbsent: true}
	opts := attributes.Options{ACL: "private", Tags: map[string]string{"k": "v"}, Versions: true}
	got, err := builder(opts, mem.New(), files{}).WriteOptions(t.Context(), a, info)
	want := storage.WriteOptions{Attributes: full().Attributes, Size: 3, ModTime: info.ModTime}
	want.StorageClass = ""
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v, written with (-want +got):\n%s", err, diff)
	}
	for name, tt := range map[string]struct {
		opts      attributes.Options
		want      string
		wantGuess string
	}{
		"guessed":     {attributes.Options{}, "image/png", "image/png"},
		"not guessed": {attributes.Options{NoGuessType: true}, "", ""},
		"given":       {attributes.Options{Replace: storage.Attributes{ContentType: "a/b"}}, "a/b", "image/png"},
	} {
		b := builder(tt.opts, files{}, mem.New())
		got, err := b.WriteOptions(t.Context(), a, &storage.Info{Object: info.Object})
		if err != nil || got.ContentType != tt.want || b.ContentType("a.png") != tt.wantGuess || got.Tags != nil {
			t.Errorf("%s: %v, %q, guessed %q, tags %v", name, err, got.ContentType, b.ContentType("a.png"), got.Tags)
		}
	}
	if got := builder(attributes.Options{}, mem.New(), mem.New()).ContentType("a.png"); got != "" {
		t.Errorf("%q is guessed of an object", got)
	}
}

// TestGuard: the conditions of an action reach the request.
func TestGuard(t *testing.T) {
	for name, tt := range map[string]struct {
		guard         plan.Guard
		listed        string
		etagNotDigest bool
		want          storage.WriteOptions // as far as it is compared
	}{
		"none":               {listed: "listed"},
		"target":             {guard: plan.Guard{TargetETag: "old"}, want: storage.WriteOptions{IfMatch: "old"}},
		"absent":             {guard: plan.Guard{TargetAbsent: true}, want: storage.WriteOptions{IfAbsent: true}},
		"source, listed":     {guard: plan.Guard{SourceUnchanged: true}, listed: "listed", want: storage.WriteOptions{CopyIfMatch: "listed"}},
		"source, not listed": {guard: plan.Guard{SourceUnchanged: true}, want: storage.WriteOptions{CopyIfMatch: "etag"}},
		"source, encrypted":  {guard: plan.Guard{SourceUnchanged: true}, listed: "listed", etagNotDigest: true, want: storage.WriteOptions{CopyIfMatch: "etag"}},
	} {
		info := full()
		a := action(info)
		a.Guard, a.Source.ETag, info.ETagNotDigest = tt.guard, tt.listed, tt.etagNotDigest
		got, err := builder(attributes.Options{NoTags: true}, mem.New(), mem.New()).WriteOptions(t.Context(), a, info)
		compared := storage.WriteOptions{IfMatch: got.IfMatch, IfAbsent: got.IfAbsent, CopyIfMatch: got.CopyIfMatch}
		if diff := cmp.Diff(tt.want, compared); err != nil || diff != "" {
			t.Errorf("%s: %v, conditions (-want +got):\n%s", name, err, diff)
		}
	}
}

// TestStorageClass: the class of the source goes along, unless only a kind of
// bucket has it or the target has none.
func TestStorageClass(t *testing.T) {
	for class, want := range map[string]string{
		"": "", "STANDARD_IA": "STANDARD_IA", "GLACIER": "GLACIER", "REDUCED_REDUNDANCY": "REDUCED_REDUNDANCY",
		"EXPRESS_ONEZONE": "", "OUTPOSTS": "", "SNOW": "", "FSX_OPENZFS": "", "FSX_ONTAP": "",
	} {
		for _, option := range []string{"", "INTELLIGENT_TIERING"} {
			for _, special := range []bool{false, true} {
				var target storage.Store = mem.New()
				want := want
				if special {
					target, want = directoryBucket{mem.New()}, ""
				}
				if option != "" {
					want = option
				}
				info := full()
				info.StorageClass = class
				opts := attributes.Options{NoTags: true, Replace: storage.Attributes{StorageClass: option}}
				got, err := builder(opts, mem.New(), target).WriteOptions(t.Context(), action(info), info)
				if err != nil || got.StorageClass != want {
					t.Errorf("%q with option %q: %v, %q, want %q", class, option, err, got.StorageClass, want)
				}
			}
		}
	}
}

func TestHTTPDate(t *testing.T) {
	for want, at := range map[string]time.Time{
		"":                              {},
		"Thu, 02 Jan 2031 02:04:05 GMT": time.Date(2031, 1, 2, 3, 4, 5, 6, time.FixedZone("x", 3600)),
	} {
		if got := attributes.HTTPDate(at); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// TestWriteOptionsAllocations: a plain object costs nothing but its metadata.
func TestWriteOptionsAllocations(t *testing.T) {
	b := builder(attributes.Options{}, files{}, mem.New())
	info := &storage.Info{Object: full().Object}
	a := action(info)
	ctx := t.Context()
	n := testing.AllocsPerRun(100, func() {
		if opts, err := b.WriteOptions(ctx, a, info); err != nil || opts.Size != 3 {
			t.Error(err)
		}
	})
	if n > 0 {
		t.Errorf("%v allocations of a file", n)
	}
}

func has(t *testing.T, err error, text string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), text) {
		t.Errorf("%v does not contain %q", err, text)
	}
}
