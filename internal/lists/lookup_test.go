package lists

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"

	"s3sync/storage"
	"s3sync/storage/dir"
	"s3sync/storage/mem"
)

// A counted store counts what it is asked for.
type counted struct {
	storage.Store

	listed, asked atomic.Int64
	fail          map[string]error
	files         bool
}

func (c *counted) Caps() storage.Caps {
	caps := c.Store.Caps()
	caps.Files = c.files
	return caps
}

func (c *counted) List(ctx context.Context, opts storage.ListOptions) iter.Seq2[storage.Object, error] {
	return func(yield func(storage.Object, error) bool) {
		for o, err := range c.Store.List(ctx, opts) {
			c.listed.Add(1)
			if !yield(o, err) {
				return
			}
		}
	}
}

func (c *counted) Stat(ctx context.Context, key string, opts storage.StatOptions) (storage.Info, error) {
	c.asked.Add(1)
	if err := c.fail[key]; err != nil {
		return storage.Info{}, err
	}
	return c.Store.Stat(ctx, key, opts)
}

func put(t testing.TB, s storage.Store, key string) {
	t.Helper()
	if _, err := s.Put(t.Context(), key, storage.Block{Data: []byte(key), Size: int64(len(key))}, storage.WriteOptions{Size: int64(len(key))}); err != nil {
		t.Fatal(err)
	}
}

func keysOf(t testing.TB, list []string) *Keys {
	t.Helper()
	k, err := ReadKeys(strings.NewReader(strings.Join(list, "\n")), KeysOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := k.Close(); err != nil {
			t.Error(err)
		}
	})
	return k
}

func list(ctx context.Context, s storage.Store, r storage.Range) (objects []storage.Object, missing []string, err error) {
	opts := storage.ListOptions{Range: r, Problem: func(p storage.Problem) { missing = append(missing, p.Key) }}
	for o, e := range s.List(ctx, opts) {
		if err = e; e == nil {
			objects = append(objects, o)
		}
	}
	return objects, missing, err
}

// A lookup lists what a listing has of the keys, and tells of the others, whatever part of
// the store they are.
func TestLookupIsAPartOfTheListing(t *testing.T) {
	const most = 6000
	inside := mem.New()
	for i := range most {
		if i%7 != 3 {
			put(t, inside, fmt.Sprintf("%05d", i))
		}
	}
	rapid.Check(t, func(rt *rapid.T) {
		var keys []string
		for range rapid.IntRange(0, 3).Draw(rt, "stretches") {
			from := rapid.IntRange(0, most).Draw(rt, "from")
			step := rapid.SampledFrom([]int{1, 2, 19, 21, 100}).Draw(rt, "step")
			for i := range rapid.IntRange(0, 800).Draw(rt, "keys") {
				keys = append(keys, fmt.Sprintf("%05d", from+i*step))
			}
		}
		r := rapid.SampledFrom([]storage.Range{{}, {From: "01000", To: "03000"}, {From: "02000\x00"}}).Draw(rt, "range")
		store := &counted{Store: inside, files: rapid.Bool().Draw(rt, "files")}
		source := rapid.Bool().Draw(rt, "source")
		got, missing, err := list(t.Context(), keysOf(t, keys).Lookup(store, source), r)
		if err != nil {
			rt.Fatal(err)
		}
		all, _, _ := list(t.Context(), inside, r)
		want := slices.DeleteFunc(all, func(o storage.Object) bool { return !slices.Contains(keys, o.Key) })
		if !slices.Equal(got, want) {
			rt.Fatalf("got %d objects, want %d", len(got), len(want))
		}
		var lacks []string
		for _, key := range slices.Compact(slices.Sorted(slices.Values(keys))) {
			if r.Contains(key) && source && !slices.ContainsFunc(want, func(o storage.Object) bool { return o.Key == key }) {
				lacks = append(lacks, key)
			}
		}
		if !slices.Equal(missing, lacks) {
			rt.Fatalf("told of %q, want %q", missing, lacks)
		}
	})
}

// A short list costs a request for each key, a dense one the pages of a listing.
func TestLookupCosts(t *testing.T) {
	inside := mem.New()
	var all []string
	for i := range 20_000 {
		all = append(all, fmt.Sprintf("%05d", i))
		put(t, inside, all[i])
	}
	every := func(n int) (some []string) {
		for i := 0; i < len(all); i += n {
			some = append(some, all[i])
		}
		return some
	}
	for name, tt := range map[string]struct {
		keys          []string
		listed, asked int64 // at most
	}{
		"ten":        {every(2000), 0, 10},
		"all":        {all, 20_000, 256},
		"each tenth": {every(10), 20_000, 256},
		"each 40th":  {every(40), 2 * window, 500},
	} {
		store := &counted{Store: inside}
		if got, _, err := list(t.Context(), keysOf(t, tt.keys).Lookup(store, true), storage.Range{}); err != nil || len(got) != len(tt.keys) {
			t.Errorf("%s: got %d objects, %v", name, len(got), err)
		}
		if listed, asked := store.listed.Load(), store.asked.Load(); listed > tt.listed || asked > tt.asked {
			t.Errorf("%s: listed %d and asked for %d, want at most %d and %d", name, listed, asked, tt.listed, tt.asked)
		}
	}
}

// What nobody answered is an error and not missing.
func TestLookupFails(t *testing.T) {
	inside := mem.New()
	put(t, inside, "a")
	put(t, inside, "c")
	failure := &storage.Error{Op: "stat", Key: "b", Err: storage.ErrTransient}
	store := &counted{Store: inside, fail: map[string]error{"b": failure}}
	if _, missing, err := list(t.Context(), keysOf(t, []string{"a", "b", "c"}).Lookup(store, true), storage.Range{}); !errors.Is(err, failure) || len(missing) > 0 {
		t.Errorf("got %v, missing %q", err, missing)
	}
}

func TestLookupInADirectory(t *testing.T) {
	path := t.TempDir()
	target, err := dir.Open(path, dir.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer target.Close()
	put(t, target, "a/b")
	put(t, target, "c")
	source, err := dir.Open(path, dir.Options{Source: true})
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	var problems []error
	opts := storage.ListOptions{Problem: func(p storage.Problem) { problems = append(problems, p.Err) }}
	n := 0
	for o, err := range keysOf(t, []string{"a", "a/", "a/b", "c", "c/d", "x"}).Lookup(source, true).List(t.Context(), opts) {
		if n++; err != nil || o.Key != "a/b" && o.Key != "c" || o.Size == 0 || o.ModTime.IsZero() {
			t.Errorf("got %v, %v", o, err)
		}
	}
	if n != 2 || len(problems) != 4 || !errors.Is(problems[0], errDirectory) || !errors.Is(problems[1], errDirectory) || !errors.Is(problems[2], errMissing) {
		t.Errorf("got %d objects and %v", n, problems)
	}
	m, err := keysOf(t, []string{"/c", "a//b", "../x"}).MappedTo(target)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if got, missing, err := list(t.Context(), m.Lookup(target, false), storage.Range{}); err != nil || len(missing) > 0 || len(got) != 2 {
		t.Errorf("got %v, %v", got, err)
	}
}
