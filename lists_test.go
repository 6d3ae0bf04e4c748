package s3sync_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"s3sync"
	"s3sync/internal/inventorytest"
	"s3sync/internal/listserver"
	"s3sync/storage"
	"s3sync/storage/mem"
)

// withList returns a Config whose list is a text.
func withList(source, target storage.Store, list string) *s3sync.Config {
	cfg := config(source, target)
	cfg.Filter.FilesFrom, cfg.Stdin = "-", strings.NewReader(list)
	return cfg
}

// old returns a store whose objects are an hour old.
func old() *mem.Store {
	s := mem.New()
	s.SetClock(func() time.Time { return time.Now().Add(-time.Hour) })
	return s
}

func holds(t *testing.T, s storage.Store) []string {
	t.Helper()
	var keys []string
	for o, err := range s.List(t.Context(), storage.ListOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, o.Key)
	}
	return keys
}

func fill(t *testing.T, s storage.Store, keys ...string) {
	t.Helper()
	for _, key := range keys {
		data := []byte("content of " + key)
		if _, err := s.Put(t.Context(), key, storage.Block{Data: data, Size: int64(len(data))}, storage.WriteOptions{Size: int64(len(data))}); err != nil {
			t.Fatal(err)
		}
	}
}

// A list selects what is synced. What it names and is not there is a warning, and what the
// target has besides is not looked at.
func TestFilesFrom(t *testing.T) {
	source, target := mem.New(), old()
	fill(t, source, "a", "b", "c", "d/e")
	fill(t, target, "b", "x")
	target.SetClock(time.Now)
	fill(t, target, "c") // newer
	cfg := withList(source, target, "d/e\nb\nc\nnone\nb\n")
	report := run(t, cfg)
	if report.Transferred != 2 || report.Skipped != 1 || report.Warnings != 1 {
		t.Errorf("%+v", report.Stats)
	}
	if got, want := holds(t, target), []string{"b", "c", "d/e", "x"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	cfg = withList(source, target, "a\nd/e\n")
	cfg.Filter.Globs = rules("-*", "+a")
	if report := run(t, cfg); report.Transferred != 1 || report.Skipped != 1 || report.Warnings != 0 {
		t.Errorf("with filters: %+v", report.Stats)
	}
}

// A list of all keys does what a listing does.
func TestFilesFromAll(t *testing.T) {
	source, target, other := mem.New(), old(), old()
	var keys []string
	for i := range 700 {
		keys = append(keys, fmt.Sprintf("%03d", i*11%700))
	}
	fill(t, target, keys[100:300]...)
	fill(t, other, keys[100:300]...)
	fill(t, source, keys...)
	for _, s := range []*mem.Store{target, other} {
		s.SetClock(time.Now)
		fill(t, s, keys[:150]...)
	}
	listed, named := run(t, config(source, other)), run(t, withList(source, target, strings.Join(keys, "\n")))
	if listed.Transferred != named.Transferred || listed.Skipped != named.Skipped || named.Transferred == 0 {
		t.Errorf("with a list %+v\nwithout %+v", named.Stats, listed.Stats)
	}
	if !slices.Equal(holds(t, target), holds(t, other)) {
		t.Error("the targets differ")
	}
}

// With a list nothing is deleted unless it is said to be complete. Even then, nothing is
// deleted that the source has, or that the list names.
func TestFilesFromDelete(t *testing.T) {
	source, target := mem.New(), mem.New()
	fill(t, target, "a", "named", "named/below", "gone", "unnamed")
	fill(t, source, "a", "unnamed")
	cfg := withList(source, target, "a\nnamed\n")
	cfg.Delete.Enable = true
	if _, err := s3sync.Sync(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "Delete.ListIsComplete") {
		t.Errorf("got %v", err)
	}
	for _, dry := range []bool{true, false} {
		cfg := withList(source, target, "a\nnamed\n")
		cfg.Delete.Enable, cfg.Delete.ListIsComplete, cfg.DryRun = true, true, dry
		if report := run(t, cfg); report.Deleted != 1 || report.Warnings != 2 { // named, unnamed
			t.Errorf("%+v", report.Stats)
		}
	}
	if got, want := holds(t, target), []string{"a", "named", "named/below", "unnamed"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// A wrong list is refused before anything is done.
func TestFilesFromRefused(t *testing.T) {
	source, target := mem.New(), mem.New()
	fill(t, source, "a")
	for list, want := range map[string]string{"a\nb\x00": "line 2", "a\n\xff": "UTF-8", "s3://b/a\n": "URL"} {
		_, err := s3sync.Sync(t.Context(), withList(source, target, list))
		if c, ok := errors.AsType[*s3sync.ConfigError](err); !ok || c.Field != "Filter.FilesFrom" || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v", list, err)
		}
	}
	if got := holds(t, target); len(got) > 0 {
		t.Errorf("the target holds %q", got)
	}
}

// inventoryConfig returns a Config for a listserver whose bucket "inventories" has the
// files of an inventory.
func inventoryConfig(url string) *s3sync.Config {
	cfg := s3sync.DefaultConfig()
	for _, e := range []*s3sync.Endpoint{&cfg.Source, &cfg.Target} {
		e.AccessKey, e.SecretKey, e.Region, e.EndpointURL, e.PathStyle = "a", "s", "r", url, true
	}
	cfg.Source.URL, cfg.Target.URL = "s3://source", "s3://target"
	return cfg
}

// A decision is what a run said about a key.
func decisions(t *testing.T, cfg *s3sync.Config) map[string]string {
	t.Helper()
	all := map[string]string{}
	cfg.OnEvent = func(ev s3sync.Event) {
		if ev.Key != "" {
			all[ev.Key] += fmt.Sprint(ev.Type, " ", ev.Reason, " ")
		}
	}
	run(t, cfg)
	return all
}

// An inventory of either side leads to the decisions that a listing leads to.
func TestInventoryDecidesLikeAListing(t *testing.T) {
	objects := 3000
	if !testing.Short() {
		objects = 30_000
	}
	key := func(i int) string { return listserver.Odd(i) }
	entries := func(n int) func(func(storage.Object) bool) {
		return func(yield func(storage.Object) bool) {
			for i := range n {
				i = i * 7919 % n
				if !yield(storage.Object{Key: key(i), ModTime: time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC), ETag: "d41d8cd98f00b204e9800998ecf8427e", Latest: true}) {
					return
				}
			}
		}
	}
	files := map[string][]byte{}
	write := func(bucket string, n int, parquet bool) string {
		o := inventorytest.Options{Bucket: bucket, Folder: fmt.Sprint(bucket, parquet), Parquet: parquet, PerFile: n/3 + 1}
		some, err := inventorytest.Write(entries(n), o)
		if err != nil {
			t.Fatal(err)
		}
		maps.Copy(files, some)
		return "s3://inventories/" + o.Manifest()
	}
	source, target := write("source", objects, false), write("target", objects*2/3, true)
	server := listserver.New(t, map[string]listserver.Bucket{
		"source": {Objects: objects, Key: key}, "target": {Objects: objects * 2 / 3, Key: key}, "inventories": {Files: files},
	})
	cfg := inventoryConfig(server.URL)
	cfg.DryRun = true
	want := decisions(t, cfg)
	if len(want) != objects {
		t.Fatalf("%d decisions", len(want))
	}
	pages := server.List.Load()
	for name, set := range map[string]func(*s3sync.Config){
		"source": func(c *s3sync.Config) { c.Source.Inventory = source },
		"target": func(c *s3sync.Config) { c.Target.Inventory = target },
		"both":   func(c *s3sync.Config) { c.Source.Inventory, c.Target.Inventory = source, target },
	} {
		cfg := inventoryConfig(server.URL)
		cfg.DryRun = true
		set(cfg)
		if got := decisions(t, cfg); !maps.Equal(got, want) {
			t.Errorf("%s: other decisions", name)
		}
		if name == "both" && server.List.Load() > pages+2 {
			t.Errorf("%s: listed nevertheless", name)
		}
		pages = server.List.Load()
	}
}
