package trash

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"s3sync/storage"
	"s3sync/storage/mem"
)

var when = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

// An id tells its time, and nothing else is one.
func TestIDTime(t *testing.T) {
	id := NewID(when.Add(300 * time.Millisecond))
	if got, ok := IDTime(id); !ok || !got.Equal(when) {
		t.Errorf("%s: %v, %v", id, got, ok)
	}
	if other := NewID(when); other == id {
		t.Errorf("two runs of the same second are both %s", id)
	}
	for _, bad := range []string{
		"", "..", "20260131T120000Z", "20260131T120000Z-abc23", "20260131T120000Z-abc2345", "20260131T120000Z_abc234",
		"20260131T120000Z-ABC234", "20260131T120000Z-abc21/", "20261331T120000Z-abc234", "2026-131T120000Z-abc234", "20260131T120000z-abc234",
	} {
		if _, ok := IDTime(bad); ok {
			t.Errorf("%q is taken for an id", bad)
		}
	}
}

func TestFolder(t *testing.T) {
	for url, want := range map[string]string{
		"s3://b": "s3://b", "s3://b/": "s3://b/", "s3://b/trash": "s3://b/trash/", "s3://b/a/trash/": "s3://b/a/trash/",
		"./trash": "./trash", "/a/trash": "/a/trash",
	} {
		if got := Folder(url); got != want {
			t.Errorf("%s: %s, want %s", url, got, want)
		}
	}
}

// Every key has a place of its own in the folder of a run, which S3 allows.
func FuzzObjectKey(f *testing.F) {
	long := strings.Repeat("k", maxKey)
	for _, key := range []string{"a", "//a", "/", "../x", "a\\b", "a/../b", "\x00", "\xff", long, long + "k", "long/x", "objects/a"} {
		f.Add(key, "objects/"+key)
		f.Add(key, long+key)
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		x, y := ObjectKey(a), ObjectKey(b)
		if (x == y) != (a == b) {
			t.Errorf("%q and %q have the places %q and %q", a, b, x, y)
		}
		folder, rest, _ := strings.Cut(x, "/")
		if folder != "objects" && folder != "long" || folder == "objects" && rest != a || len(x) > maxKey+len("objects/") {
			t.Errorf("%q has the place %q", a, x)
		}
	})
}

// What is read of a line is what was written, and no text breaks the reader.
func FuzzLine(f *testing.F) {
	for _, l := range []Line{
		{Run: &Header{Format: format, ID: NewID(when), Began: when, Target: "s3://b/p/", Program: "s3sync"}},
		{N: 1, Do: Create, Key: "a\n\"\x01\u2028"},
		{N: 2, Do: Overwrite, Key: "//a", Old: &Object{Size: 3, ETag: "e", ModTime: when}, Trash: "objects///a"},
		{N: 3, Do: Delete, Key: "b", Old: &Object{Size: 3, Version: "v"}},
		{N: 4, Do: Tag, Key: "b", Old: &Object{}, Tags: map[string]string{"a": ""}, NewTags: map[string]string{"b": "c"}},
		{N: 3, Gone: true},
		{N: 2, Did: &Object{Size: 4}},
		{N: 1, Failed: true},
		{End: &End{Time: when, Failed: true, Counts: Counts{Deleted: 2}}},
	} {
		text, err := encode([]Line{l})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	for _, text := range []string{
		``, `{}`, `null`, `{"n":1}`, `{"n":1,"do":"burn","key":"a"}`, `{"n":1,"do":"create","key":""}`, `{"n":-1,"do":"create","key":"a"}`,
		`{"n":1,"do":"delete","key":"a","old":{"size":1},"trash":"objects/b"}`, `{"n":1,"do":"delete","key":"a","old":{"size":1},"trash":"../a"}`,
		`{"n":1,"do":"delete","key":"a","old":{"size":1}}`, `{"n":1,"gone":true,"failed":true}`, `{"n":1,"gone":true}{"n":2,"gone":true}`,
		`{"run":{"format":2,"more":1}}`, `{"n":1,"do":"create","key":"a","n":2}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		l, err := decode(text)
		if err != nil {
			return
		}
		if l.Do != "" && l.Trash != "" && l.Trash != ObjectKey(l.Key) {
			t.Errorf("%s names the place %q of another object", text, l.Trash)
		}
		again, err := encode([]Line{l})
		if err != nil {
			t.Fatal(err) // JSON makes text of what is none
		}
		if strings.Count(string(again), "\n") != 1 {
			t.Errorf("%q is not one line", again)
		}
		same, err := decode(again)
		if diff := cmp.Diff(l, same); err != nil || diff != "" {
			t.Errorf("%v, %s", err, diff)
		}
	})
}

// A line that names what a reader must not rely on is refused.
func TestFault(t *testing.T) {
	old := &Object{Size: 1}
	for want, l := range map[string]Line{
		"":                                      {N: 1, Do: Overwrite, Key: "a", Old: old, Trash: "objects/a"},
		"it has not one of the forms of a line": {N: 1, Do: Create, Key: "a", Failed: true},
		"it has no number":                      {Do: Create, Key: "a"},
		"it names no key":                       {N: 1, Do: Create},
		"it does not say where the old object is": {N: 1, Do: Overwrite, Key: "a", Old: old, Trash: "objects/b"},
		"it does not name the object":             {N: 1, Do: Tag, Key: "a"},
		"it names an unknown action":              {N: 1, Do: "burn", Key: "a"},
	} {
		if got := l.fault(); got != want {
			t.Errorf("%+v: %q, want %q", l, got, want)
		}
	}
}

func TestIs(t *testing.T) {
	file := Object{Size: 1, ModTime: when}
	etag := Object{Size: 1, ETag: "e"}
	version := Object{Size: 1, ETag: "e", Version: "v"}
	for name, tt := range map[string]struct {
		o    *Object
		now  storage.Object
		want bool
	}{
		"nothing known":           {nil, storage.Object{}, false},
		"same file":               {&file, storage.Object{Size: 1, ModTime: when.In(time.FixedZone("", 3600))}, true},
		"file of another time":    {&file, storage.Object{Size: 1, ModTime: when.Add(1)}, false},
		"other size":              {&file, storage.Object{Size: 2, ModTime: when}, false},
		"same ETag":               {&etag, storage.Object{Size: 1, ETag: "e", ModTime: when}, true},
		"other ETag":              {&etag, storage.Object{Size: 1, ETag: "f"}, false},
		"same version":            {&version, storage.Object{Size: 1, ETag: "changed", VersionID: "v"}, true},
		"another version":         {&version, storage.Object{Size: 1, ETag: "e", VersionID: "w"}, false},
		"no version any more":     {&version, storage.Object{Size: 1, ETag: "e"}, true},
		"an ETag where none was":  {&file, storage.Object{Size: 1, ETag: "e", ModTime: when}, false},
		"no ETag where there was": {&etag, storage.Object{Size: 1}, false},
	} {
		if got := tt.o.Is(tt.now); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// sinkOf writes the pieces of a run to a store.
func sinkOf(s storage.Store, id string) Sink {
	return NewSink(s, id, func(ctx context.Context, key string, data []byte) error {
		_, err := s.Put(ctx, key, storage.Block{Data: data}, storage.WriteOptions{Size: int64(len(data))})
		return err
	})
}

func headerOf(id string) Header { return Header{ID: id, Began: when, Target: "s3://b/p/"} }

func readAll(t *testing.T, s storage.Store, id string) (lines []Line, damaged []string) {
	t.Helper()
	for l, err := range Read(t.Context(), s, id) {
		if piece, ok := errors.AsType[*PieceError](err); ok {
			damaged = append(damaged, piece.Error())
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, l)
	}
	return lines, damaged
}

// What Intend returned success for is in the journal, before its result, whoever writes at
// once and whatever writes fail. What it failed for is not begun, so it may be missing.
func TestJournal(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		store, id := mem.New(), NewID(when)
		fails := map[int]bool{}
		for range rapid.IntRange(0, 4).Draw(r, "failures") {
			fails[rapid.IntRange(1, 8).Draw(r, "fails")] = true
		}
		calls := 0
		put := sinkOf(store, id)
		j := New(headerOf(id), func(ctx context.Context, text []byte) error {
			if calls++; fails[calls] {
				return errors.New("injected")
			}
			return put(ctx, text)
		})
		var mu sync.Mutex
		done := map[string]bool{}
		var group sync.WaitGroup
		for i := range rapid.IntRange(1, 12).Draw(r, "actions") {
			group.Go(func() {
				l := []Line{{Do: Create, Key: fmt.Sprint("k", i)}}
				if j.Intend(t.Context(), l) != nil {
					return
				}
				mu.Lock()
				done[l[0].Key] = true
				mu.Unlock()
				j.Result(t.Context(), l[0].N, Result{Did: &Object{Size: int64(i)}})
			})
		}
		group.Wait()
		err := j.Close(t.Context(), false)
		for err != nil {
			err = j.Close(t.Context(), false)
		}
		if len(done) == 0 {
			return
		}
		numbers, results := map[int64]string{}, map[int64]bool{}
		lines, damaged := readAll(t, store, id)
		for _, l := range lines {
			switch {
			case l.Do != "" && numbers[l.N] == "":
				numbers[l.N] = l.Key
			case l.Do != "":
				r.Errorf("number %d twice", l.N)
			case l.N > 0 && (numbers[l.N] == "" || results[l.N]):
				r.Errorf("the result of action %d comes before it, or twice", l.N)
			case l.N > 0:
				results[l.N] = true
			}
		}
		told := slices.Collect(maps.Values(numbers))
		for key := range done {
			if !slices.Contains(told, key) {
				r.Errorf("%s is not in the journal", key)
			}
		}
		run, err := Find(t.Context(), store, id)
		if err != nil || run.State != Complete || run.Created != int64(len(done)) || len(damaged) > 0 || len(results) != len(done) {
			r.Errorf("%+v, %v, %v, %d results of %d", run, err, damaged, len(results), len(done))
		}
	})
}

func keysOf(t *testing.T, s storage.Store) (keys []string) {
	t.Helper()
	for o, err := range s.List(t.Context(), storage.ListOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, o.Key)
	}
	return keys
}

// A run that does nothing leaves nothing.
func TestEmptyJournal(t *testing.T) {
	store, id := mem.New(), NewID(when)
	j := New(headerOf(id), sinkOf(store, id))
	if err := errors.Join(j.Intend(t.Context(), nil), j.Close(t.Context(), true)); err != nil {
		t.Fatal(err)
	}
	for _, key := range keysOf(t, store) {
		t.Errorf("%s was written", key)
	}
	if _, err := Find(t.Context(), store, id); !storage.Gone(err) {
		t.Errorf("%v", err)
	}
}

// writeText puts texts into a store.
func writeText(t *testing.T, s storage.Store, texts map[string]string) {
	t.Helper()
	for key, text := range texts {
		if _, err := s.Put(t.Context(), key, storage.Block{Data: []byte(text)}, storage.WriteOptions{Size: int64(len(text))}); err != nil {
			t.Fatal(err)
		}
	}
}

// A damaged journal is read as far as it can be, and what cannot be read is told.
func TestDamagedJournal(t *testing.T) {
	id := NewID(when)
	head := fmt.Sprintf(`{"run":{"format":1,"id":%q,"began":"2026-01-31T12:00:00Z","target":"t","program":"p"}}`+"\n", id)
	const a, b, end = `{"n":1,"do":"create","key":"a"}` + "\n", `{"n":2,"do":"create","key":"b"}` + "\n", `{"end":{"time":"2026-01-31T12:00:00Z","created":2,"overwritten":0,"deleted":0,"tagged":0,"bytes":0}}` + "\n"
	for name, tt := range map[string]struct {
		pieces  []string // empty: it is missing
		keys    string   // of actions
		damaged string   // what is told
		fails   string
		state   State
	}{
		"whole":                 {[]string{head + a, b + end}, "ab", "", "", Complete},
		"no end":                {[]string{head + a, b}, "ab", "", "", Interrupted},
		"torn":                  {[]string{head + a, b + `{"n":3,"do":"cre`}, "ab", "00000002.jsonl, line 2: the line is damaged: it has no end", "", Interrupted},
		"torn end":              {[]string{head + a + b + strings.TrimSuffix(end, "}\n")}, "ab", "it has no end", "", Interrupted},
		"a segment is missing":  {[]string{head, "", b + end}, "b", "00000002.jsonl: it is missing, and so is what it tells", "", Complete},
		"a line is damaged":     {[]string{head + a + "x\n\n" + b + end}, "ab", "line 3: the line is damaged", "", Complete},
		"the first is missing":  {[]string{"", a + end}, "", "", "no journal of this run", ""},
		"of another run":        {[]string{strings.ReplaceAll(head, id, NewID(when)) + a}, "", "", "does not begin with it", ""},
		"of a later version":    {[]string{strings.Replace(head, `"format":1`, `"format":2,"more":{}`, 1) + `{"new":1}`}, "", "", "has format 2, and this version of s3sync reads format 1", ""},
		"a header that is torn": {[]string{head[:20]}, "", "", "it has no end", ""},
		"a header twice":        {[]string{head[:20] + "\n" + head + a + b + end}, "ab", "line 1: the line is damaged", "", Complete},
		"empty":                 {[]string{"\n"}, "", "", "no journal of this run", ""},
	} {
		t.Run(name, func(t *testing.T) {
			store := mem.New()
			for i, text := range tt.pieces {
				if text != "" {
					writeText(t, store, map[string]string{segmentKey(id, i+1): text})
				}
			}
			writeText(t, store, map[string]string{id + "/journal/readme": "x", id + "/journal/0.jsonl": "x", id + "/journals": "x"})
			run, err := Find(t.Context(), store, id)
			if tt.fails != "" {
				if err == nil || !strings.Contains(err.Error(), tt.fails) {
					t.Errorf("%v, want %s", err, tt.fails)
				}
				if n, err := Expire(t.Context(), store, Expiry{Now: when.AddDate(9, 0, 0), Keep: time.Hour}); n > 0 || err != nil {
					t.Errorf("it was removed: %d, %v", n, err)
				}
				return
			}
			if err != nil || run.State != tt.state {
				t.Fatalf("%+v, %v", run, err)
			}
			lines, damaged := readAll(t, store, id)
			keys := ""
			for _, l := range lines {
				keys += l.Key
			}
			if keys != tt.keys || (tt.damaged == "") != (len(damaged) == 0) || tt.damaged != "" && !strings.Contains(damaged[0], tt.damaged) {
				t.Errorf("keys %s, damaged %q", keys, damaged)
			}
		})
	}
}

// Only what is old by its name and by its journal goes, and nothing that is not of a run.
func TestExpire(t *testing.T) {
	const day = 24 * time.Hour
	for name, tt := range map[string]struct {
		age, written time.Duration // ago: the time of the id, and of the journal
		ended        bool
		keep         time.Duration
		own          bool
		want         bool
	}{
		"old":     {age: 31 * day, written: 31 * day, ended: true, keep: 30 * day, want: true},
		"young":   {age: 29 * day, written: 29 * day, ended: true, keep: 30 * day},
		"exactly": {age: 30 * day, written: 30 * day, ended: true, keep: 30 * day},
		"a clock that was set back made the name":  {age: 400 * day, written: day, ended: true, keep: 30 * day},
		"a clock that was ahead made the name":     {age: -400 * day, written: 31 * day, ended: true, keep: 30 * day},
		"interrupted long ago":                     {age: 31 * day, written: 31 * day, keep: 30 * day, want: true},
		"running, and it began long ago":           {age: 2 * time.Hour, written: time.Minute, keep: time.Hour},
		"running, and quiet for longer than keep":  {age: 3 * time.Hour, written: 2 * time.Hour, keep: time.Hour},
		"interrupted, and quiet for a week":        {age: 8 * day, written: 8 * day, keep: time.Hour, want: true},
		"ended, and it began long ago":             {age: 2 * time.Hour, written: 90 * time.Minute, ended: true, keep: time.Hour, want: true},
		"the run itself, which keeps for a moment": {age: time.Second, written: time.Second, ended: true, keep: time.Millisecond, own: true},
	} {
		t.Run(name, func(t *testing.T) {
			store, now := mem.New(), when
			store.SetClock(func() time.Time { return now.Add(-tt.written) })
			id := NewID(now.Add(-tt.age))
			j := New(headerOf(id), sinkOf(store, id))
			if err := j.Intend(t.Context(), []Line{{Do: Create, Key: "k"}}); err != nil {
				t.Fatal(err)
			}
			if tt.ended {
				if err := j.Close(t.Context(), false); err != nil {
					t.Fatal(err)
				}
			}
			key, data := Mark(id, now)
			foreign := map[string]string{"readme": "x", "20200101T000000Z-abc234/objects/a": "of no run", id + ".old/objects/a": "x", id + "/other": "x"}
			writeText(t, store, foreign)
			writeText(t, store, map[string]string{id + "/objects/a": "old", id + "/long/x": "old", key: string(data)})
			e := Expiry{Now: now, Keep: tt.keep}
			if tt.own {
				e.Own = id
			}
			n, err := Expire(t.Context(), store, e)
			if err != nil || n == 1 != tt.want {
				t.Errorf("%d, %v", n, err)
			}
			left := map[string]bool{}
			for _, key := range keysOf(t, store) {
				left[key] = true
			}
			for key := range foreign {
				if !left[key] {
					t.Errorf("%s is gone", key)
				}
				delete(left, key)
			}
			if (len(left) == 0) != tt.want {
				t.Errorf("left: %v", left)
			}
		})
	}
}

// A stubborn store does not delete some objects.
type stubborn struct {
	*mem.Store

	part string
}

func (s stubborn) Delete(ctx context.Context, objects []storage.Object, opts storage.DeleteOptions) []error {
	errs := make([]error, len(objects))
	for i, o := range objects {
		if strings.Contains(o.Key, s.part) {
			errs[i] = &storage.Error{Op: "delete", Key: o.Key, Err: errors.New("locked")}
			continue
		}
		errs[i] = s.Store.Delete(ctx, []storage.Object{o}, opts)[0]
	}
	return errs
}

// A run that cannot be removed is named, keeps its header, and keeps no other from going.
func TestExpireGoesOn(t *testing.T) {
	inner := mem.New()
	inner.SetClock(func() time.Time { return when })
	var ids []string
	for i := range 3 {
		id := NewID(when.Add(time.Duration(i) * time.Minute))
		ids = append(ids, id)
		j := New(headerOf(id), sinkOf(inner, id))
		if err := errors.Join(j.Intend(t.Context(), []Line{{Do: Create, Key: "k"}}), j.Close(t.Context(), false)); err != nil {
			t.Fatal(err)
		}
		writeText(t, inner, map[string]string{id + "/objects/a": "old"})
	}
	for _, c := range []struct {
		part    string // what cannot be removed
		expired int    // the others go with the first attempt
	}{{"/objects/a", 2}, {"/journal/00000002", 0}, {"/", 0}} {
		part := ids[1] + c.part
		n, err := Expire(t.Context(), stubborn{inner, part}, Expiry{Now: when.AddDate(1, 0, 0), Keep: time.Hour})
		if n != c.expired || err == nil || !strings.Contains(err.Error(), ids[1]) {
			t.Errorf("%s: %d, %v", part, n, err)
		}
		if _, err := Find(t.Context(), inner, ids[1]); err != nil {
			t.Errorf("%s: %v", part, err)
		}
	}
	if n, err := Expire(t.Context(), inner, Expiry{Now: when.AddDate(1, 0, 0), Keep: time.Hour}); n != 1 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	for _, key := range keysOf(t, inner) {
		t.Errorf("%s is left", key)
	}
}

// The mark that a run was undone is JSON, and is the state of the run.
func TestMark(t *testing.T) {
	key, data := Mark("x", when)
	var v map[string]time.Time
	if err := json.Unmarshal(data, &v); err != nil || key != "x/undone.json" || !v["undone"].Equal(when) {
		t.Errorf("%s: %s, %v", key, data, err)
	}
}
