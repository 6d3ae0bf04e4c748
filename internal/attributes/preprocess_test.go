package attributes_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"s3sync/internal/attributes"
	"s3sync/storage"
	"s3sync/storage/mem"
)

// TestPreprocess: the callback sees what is known, and what it changes is written.
func TestPreprocess(t *testing.T) {
	everything := attributes.Upload{
		Key: "elsewhere", ACL: "private", Tags: map[string]string{"k": "w"},
		Attributes: storage.Attributes{
			CacheControl: "1", ContentDisposition: "2", ContentEncoding: "3", ContentLanguage: "4", ContentType: "5",
			Expires: "6", Metadata: map[string]string{"more": "x"}, WebsiteRedirect: "/8", StorageClass: "GLACIER_IR",
		},
	}
	for name, tt := range map[string]struct {
		change    func(u *attributes.Upload)
		want      attributes.Upload
		inherited storage.Inherited
	}{
		"nothing": {
			func(*attributes.Upload) {},
			attributes.Upload{ACL: "public-read", Attributes: full().Attributes, Tags: map[string]string{"t": ""}},
			storage.Inherited{Tags: true, StorageClass: true, WebsiteRedirect: true},
		},
		"everything": {func(u *attributes.Upload) { *u = everything }, everything, storage.Inherited{}},
		"cleared":    {func(u *attributes.Upload) { *u = attributes.Upload{} }, attributes.Upload{}, storage.Inherited{}},
	} {
		t.Run(name, func(t *testing.T) {
			info := full()
			info.TagCount = 1
			source := &tagger{Store: mem.New(), tags: map[string]string{"t": ""}}
			opts := attributes.Options{ACL: "public-read"}
			opts.Preprocess = func(_ context.Context, info *storage.Info, u *attributes.Upload) error {
				if u.Key != "target/a.png" || info.Key != "a.png" || u.ContentType != "text/plain" || len(u.Tags) != 1 {
					t.Errorf("asked about %+v, %+v", info, u)
				}
				tt.change(u)
				info.Metadata["name"] = "of no effect"
				return nil
			}
			got, err := builder(opts, source, mem.New()).WriteOptions(t.Context(), action(info), info)
			if err != nil {
				t.Fatal(err)
			}
			tt.want.Key = ""
			if diff := cmp.Diff(tt.want, attributes.Upload{Attributes: got.Attributes, Tags: got.Tags, ACL: got.ACL}); diff != "" {
				t.Errorf("written with (-want +got):\n%s", diff)
			}
			if got.Inherited != tt.inherited {
				t.Errorf("inherited %+v", got.Inherited)
			}
			if diff := cmp.Diff(full().Attributes, info.Attributes); diff != "" {
				t.Errorf("the source's changed (-want +got):\n%s", diff)
			}
		})
	}
}

// A located store knows the whole keys of its objects.
type located struct{ storage.Store }

func (located) Location() storage.Location { return storage.Location{Prefix: "prefix/"} }

func (located) FullKey(key string) string { return "prefix/" + key }

func (located) StatFull(context.Context, string) (storage.Object, error) {
	return storage.Object{}, errors.ErrUnsupported
}

// TestPreprocessSeesFullKeys: also through a decorator.
func TestPreprocessSeesFullKeys(t *testing.T) {
	for want, target := range map[string]storage.Store{
		"target/a.png": mem.New(), "prefix/target/a.png": located{mem.New()},
	} {
		var got string
		opts := attributes.Options{NoTags: true, Preprocess: func(_ context.Context, _ *storage.Info, u *attributes.Upload) error {
			got = u.Key
			return nil
		}}
		info := full()
		if _, err := builder(opts, mem.New(), decorator{target}).WriteOptions(t.Context(), action(info), info); err != nil || got != want {
			t.Errorf("%v, key %q, want %q", err, got, want)
		}
	}
}

type decorator struct{ storage.Store }

func (d decorator) Unwrap() storage.Store { return d.Store }

// TestPreprocessCanAdd: the maps of an object without metadata can be written to.
func TestPreprocessCanAdd(t *testing.T) {
	opts := attributes.Options{Preprocess: func(_ context.Context, _ *storage.Info, u *attributes.Upload) error {
		u.Metadata["new"] = "x"
		return nil
	}}
	info := &storage.Info{Object: storage.Object{Key: "a"}}
	got, err := builder(opts, files{}, mem.New()).WriteOptions(t.Context(), action(info), info)
	if err != nil || got.Metadata["new"] != "x" {
		t.Errorf("%v, %v", err, got.Metadata)
	}
}

// TestPreprocessFails: ErrSkip is returned as it is. Any other error is not taken
// for what it wraps. What no server would take is refused.
func TestPreprocessFails(t *testing.T) {
	for name, tt := range map[string]struct {
		callback func(u *attributes.Upload) error
		want     string
	}{
		"skipped":   {func(*attributes.Upload) error { return fmt.Errorf("not this one: %w", attributes.ErrSkip) }, ""},
		"error":     {func(*attributes.Upload) error { return errInjected }, `preprocess callback on "a.png": injected`},
		"transient": {func(*attributes.Upload) error { return fmt.Errorf("%w, %w", storage.ErrTransient, errInjected) }, "injected"},
		"acl":       {func(u *attributes.Upload) error { u.ACL = "publik"; return nil }, `unknown ACL "publik": it must be one of private, `},
		"class":     {func(u *attributes.Upload) error { u.StorageClass = "COLD"; return nil }, `unknown storage class "COLD": it must be one of STANDARD, `},
		"tags":      {func(u *attributes.Upload) error { u.Tags = map[string]string{"": "x"}; return nil }, "a tag has no name"},
	} {
		t.Run(name, func(t *testing.T) {
			info := full()
			opts := attributes.Options{NoTags: true, Preprocess: func(_ context.Context, _ *storage.Info, u *attributes.Upload) error {
				return tt.callback(u)
			}}
			_, err := builder(opts, mem.New(), mem.New()).WriteOptions(t.Context(), action(info), info)
			if tt.want == "" {
				if err != attributes.ErrSkip { //nolint:errorlint // exactly that
					t.Error(err)
				}
				return
			}
			has(t, err, tt.want)
			if _, ok := errors.AsType[*attributes.CallbackError](err); !ok || errors.Is(err, errInjected) || storage.Retryable(err) {
				t.Errorf("%T, retryable %t", err, storage.Retryable(err))
			}
		})
	}
}

// TestPreprocessKeepsUnknown: what the source has is not refused for being unknown.
func TestPreprocessKeepsUnknown(t *testing.T) {
	info := full()
	info.StorageClass = "OF_THE_FUTURE"
	opts := attributes.Options{NoTags: true, Preprocess: func(context.Context, *storage.Info, *attributes.Upload) error { return nil }}
	got, err := builder(opts, mem.New(), mem.New()).WriteOptions(t.Context(), action(info), info)
	if err != nil || got.StorageClass != "OF_THE_FUTURE" {
		t.Errorf("%v, %q", err, got.StorageClass)
	}
}

// TestPreprocessOneByOne: calls do not overlap.
func TestPreprocessOneByOne(t *testing.T) {
	var running, calls atomic.Int32
	b := builder(attributes.Options{NoTags: true, Preprocess: func(context.Context, *storage.Info, *attributes.Upload) error {
		if running.Add(1) != 1 {
			t.Error("two calls at once")
		}
		calls.Add(1)
		for range 100 {
			runtime.Gosched() // others would come now
		}
		running.Add(-1)
		return nil
	}}, mem.New(), mem.New())
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			info := full()
			if _, err := b.WriteOptions(t.Context(), action(info), info); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if calls.Load() != 20 {
		t.Errorf("%d calls", calls.Load())
	}
}
