package selection_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"s3sync/internal/glob"
	"s3sync/internal/pattern"
	"s3sync/internal/plan"
	"s3sync/internal/selection"
	"s3sync/storage"
)

func TestReject(t *testing.T) {
	day := time.Date(2024, 5, 17, 12, 0, 0, 0, time.UTC)
	half := day.Add(500 * time.Microsecond)
	size := func(n int64) *int64 { return &n }
	re := func(text string) *pattern.Regexp { return expression(t, text) }
	isB := func(o storage.Object) (bool, error) { return o.Key == "b", nil }
	tests := map[string]struct {
		c    selection.Options
		o    storage.Object
		want plan.Reason
	}{
		"nothing set": {selection.Options{}, storage.Object{}, ""},

		"before: older":                {selection.Options{ModifiedBefore: day}, storage.Object{ModTime: day.Add(-time.Millisecond)}, ""},
		"before: equal":                {selection.Options{ModifiedBefore: day}, storage.Object{ModTime: day}, "mtime-before"},
		"before: newer":                {selection.Options{ModifiedBefore: day}, storage.Object{ModTime: day.Add(time.Hour)}, "mtime-before"},
		"before: same millisecond":     {selection.Options{ModifiedBefore: day}, storage.Object{ModTime: day.Add(999_999)}, "mtime-before"},
		"before: other zone":           {selection.Options{ModifiedBefore: day.In(time.FixedZone("", 3600))}, storage.Object{ModTime: day.Add(-time.Second)}, ""},
		"before: finer than listings":  {selection.Options{ModifiedBefore: half}, storage.Object{ModTime: half.Add(100)}, ""},
		"before 1970":                  {selection.Options{ModifiedBefore: time.Unix(0, 0)}, storage.Object{ModTime: time.Unix(-1, 999_999_999)}, ""},
		"after: newer":                 {selection.Options{ModifiedAfter: day}, storage.Object{ModTime: day.Add(time.Hour)}, ""},
		"after: equal":                 {selection.Options{ModifiedAfter: day}, storage.Object{ModTime: day}, ""},
		"after: same millisecond":      {selection.Options{ModifiedAfter: day}, storage.Object{ModTime: day.Add(999_999)}, ""},
		"after: just older":            {selection.Options{ModifiedAfter: day}, storage.Object{ModTime: day.Add(-1)}, "mtime-after"},
		"after: finer than listings":   {selection.Options{ModifiedAfter: half}, storage.Object{ModTime: half.Add(100)}, "mtime-after"},
		"smaller: smaller":             {selection.Options{SmallerThan: size(5)}, storage.Object{Size: 4}, ""},
		"smaller: equal":               {selection.Options{SmallerThan: size(5)}, storage.Object{Size: 5}, "smaller-size"},
		"smaller than nothing":         {selection.Options{SmallerThan: size(0)}, storage.Object{Size: 0}, "smaller-size"},
		"larger: smaller":              {selection.Options{LargerThan: size(5)}, storage.Object{Size: 4}, "larger-size"},
		"larger: equal":                {selection.Options{LargerThan: size(5)}, storage.Object{Size: 5}, ""},
		"larger: zero":                 {selection.Options{LargerThan: size(0)}, storage.Object{Size: 0}, ""},
		"include: found anywhere":      {selection.Options{Include: re(`\.jp`)}, storage.Object{Key: "a/b.jpeg"}, ""},
		"include: not found":           {selection.Options{Include: re(`^b`)}, storage.Object{Key: "a/b.jpeg"}, "include-regex"},
		"exclude: found":               {selection.Options{Exclude: re(`b\.`)}, storage.Object{Key: "a/b.jpeg"}, "exclude-regex"},
		"exclude: not found":           {selection.Options{Exclude: re(`^b`)}, storage.Object{Key: "a/b.jpeg"}, ""},
		"glob: excluded":               {selection.Options{Globs: globs(t, "-*.tmp")}, storage.Object{Key: "a/b.tmp"}, "exclude-glob"},
		"glob: kept":                   {selection.Options{Globs: globs(t, "-*.tmp", "+b.*")}, storage.Object{Key: "a/b.tmp"}, ""},
		"glob: delete marker":          {selection.Options{Globs: globs(t, "-*.tmp")}, storage.Object{Key: "a.tmp", DeleteMarker: true}, "exclude-glob"},
		"ignore file: excluded":        {selection.Options{Ignore: ignore("a/\n")}, storage.Object{Key: "a/b"}, "ignore-file"},
		"ignore file: kept":            {selection.Options{Ignore: ignore("a/\n")}, storage.Object{Key: "a"}, ""},
		"include and exclude":          {selection.Options{Include: re("a"), Exclude: re("b")}, storage.Object{Key: "ab"}, "exclude-regex"},
		"key that is no UTF-8":         {selection.Options{Include: re("b$")}, storage.Object{Key: "\xffb"}, ""},
		"an empty pattern fits always": {selection.Options{Exclude: re("")}, storage.Object{Key: ""}, "exclude-regex"},
		"delete marker without a size": {selection.Options{LargerThan: size(5)}, storage.Object{DeleteMarker: true}, ""},
		"callback: kept":               {selection.Options{Func: isB}, storage.Object{Key: "b"}, ""},
		"callback: left out":           {selection.Options{Func: isB}, storage.Object{Key: "a"}, "filter callback"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got, err := selection.NewListed(tt.c).Reject(tt.o); got != tt.want || err != nil {
				t.Errorf("got %q, %v, want %q", got, err, tt.want)
			}
		})
	}
}

// The first filter in the documented order is the one that is named.
func TestRejectOrder(t *testing.T) {
	zero, many := int64(0), int64(1<<40)
	c := selection.Options{
		ModifiedBefore: time.Unix(0, 0), ModifiedAfter: time.Unix(1<<40, 0),
		SmallerThan: &zero, LargerThan: &many,
		Include: expression(t, "never"), Exclude: expression(t, "a"),
		Globs: globs(t, "-a"), Ignore: ignore("a\n"),
		Func: func(storage.Object) (bool, error) { return false, nil },
	}
	o := storage.Object{Key: "a", Size: 1, ModTime: time.Unix(1700000000, 0)}
	drop := map[plan.Reason]func(){
		selection.MtimeBefore:  func() { c.ModifiedBefore = time.Time{} },
		selection.MtimeAfter:   func() { c.ModifiedAfter = time.Time{} },
		selection.SmallerSize:  func() { c.SmallerThan = nil },
		selection.LargerSize:   func() { c.LargerThan = nil },
		selection.IncludeRegex: func() { c.Include = nil },
		selection.ExcludeRegex: func() { c.Exclude = nil },
		selection.ExcludeGlob:  func() { c.Globs = nil },
		selection.IgnoreFile:   func() { c.Ignore = nil },
		selection.Callback:     func() { c.Func = nil },
	}
	for _, want := range []plan.Reason{
		selection.MtimeBefore, selection.MtimeAfter, selection.SmallerSize, selection.LargerSize, selection.IncludeRegex, selection.ExcludeRegex,
		selection.ExcludeGlob, selection.IgnoreFile, selection.Callback, "",
	} {
		if got, err := selection.NewListed(c).Reject(o); got != want || err != nil {
			t.Fatalf("got %q, %v, want %q", got, err, want)
		}
		if want != "" {
			drop[want]()
		}
	}
}

func TestCallbackThatFails(t *testing.T) {
	failure := errors.New("test failure")
	l := selection.NewListed(selection.Options{Func: func(storage.Object) (bool, error) { return true, failure }})
	_, err := l.Reject(storage.Object{Key: "a"})
	callback, ok := errors.AsType[*selection.CallbackError](err)
	if !ok || callback.Key != "a" || !errors.Is(err, failure) || err.Error() != `filter callback on "a": test failure` {
		t.Errorf("error %v", err)
	}
}

// The callback needs no lock of its own.
func TestCallbackIsAskedOneByOne(t *testing.T) {
	asked := 0
	l := selection.NewListed(selection.Options{Func: func(storage.Object) (bool, error) { asked++; return true, nil }})
	var all sync.WaitGroup
	for range 100 {
		all.Go(func() { _, _ = l.Reject(storage.Object{}) })
	}
	all.Wait()
	if asked != 100 {
		t.Errorf("asked %d times", asked)
	}
}

// An expression that takes too long to be matched is a failure, and keeps or leaves
// out nothing.
func TestExpressionThatCannotBeMatched(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for expressions that take too long")
	}
	hard, endless := strings.Repeat("a", 64)+"!", expression(t, `^(?=a)(a|aa)+$`)
	for _, opts := range []selection.Options{{Include: endless}, {Exclude: endless}} {
		if _, err := selection.NewListed(opts).Reject(storage.Object{Key: hard}); err == nil || !strings.Contains(err.Error(), endless.String()) {
			t.Errorf("error %v", err)
		}
	}
}

func TestExcludedAndPrefixes(t *testing.T) {
	l := selection.NewListed(selection.Options{})
	if why, err := l.Excluded("a"); why != "" || err != nil || l.IncludePrefix() != "" || l.GlobPrefix() != "" || l.Prunes("a/") {
		t.Errorf("without filters: %q, %v, prefixes %q and %q", why, err, l.IncludePrefix(), l.GlobPrefix())
	}
	l = selection.NewListed(selection.Options{
		Include: expression(t, "^a/b"), Exclude: expression(t, "c"), Globs: globs(t, "-*", "+/a/", "-/a/x/"), Ignore: ignore("*.tmp\nold/\n"),
	})
	for key, want := range map[string]plan.Reason{
		"a/a": "", "a/c": selection.ExcludeRegex, "b": selection.ExcludeGlob, "a/x/y": selection.ExcludeGlob, "a/b.tmp": selection.IgnoreFile,
		"a/old/z": selection.IgnoreFile, "b/c": selection.ExcludeRegex,
	} {
		if got, err := l.Excluded(key); got != want || err != nil {
			t.Errorf("%q excluded: %q, %v; want %q", key, got, err, want)
		}
	}
	if l.IncludePrefix() != "a/b" || l.GlobPrefix() != "a/" {
		t.Errorf("prefixes %q and %q", l.IncludePrefix(), l.GlobPrefix())
	}
	for prefix, want := range map[string]bool{"a/": false, "a/x/": true, "a/old/": true, "a/new/": false, "b/": true, "c/": true, "a/c/": false} {
		if got := l.Prunes(prefix); got != want {
			t.Errorf("%q pruned: %v", prefix, got)
		}
	}
}

// Without its ignore file it is not known what is excluded.
func TestIgnoreFileThatCannotBeRead(t *testing.T) {
	failure := errors.New("test failure")
	l := selection.NewListed(selection.Options{
		Ignore: glob.NewIgnore(".ignore", func(string) ([]byte, bool, error) { return nil, false, failure }),
	})
	for range 2 {
		why, err := l.Reject(storage.Object{Key: "a"})
		if _, ok := errors.AsType[*selection.IgnoreError](err); !ok || !errors.Is(err, failure) || why != selection.IgnoreFile {
			t.Errorf("%q, %v", why, err)
		}
		if l.Prunes("a/") {
			t.Error("pruned")
		}
	}
}

// globs compiles rules such as "-*" and "+a".
func globs(tb testing.TB, rules ...string) *glob.List {
	tb.Helper()
	var all []glob.Rule
	for _, r := range rules {
		all = append(all, glob.Rule{Pattern: r[1:], Include: r[0] == '+'})
	}
	l, err := glob.New(all, "")
	if err != nil {
		tb.Fatal(err)
	}
	return l
}

// ignore returns the filter of an ignore file in the root.
func ignore(text string) *glob.Ignore {
	return glob.NewIgnore(".ignore", func(key string) ([]byte, bool, error) { return []byte(text), key == ".ignore", nil })
}

func BenchmarkReject(b *testing.B) {
	size := int64(1 << 30)
	f := selection.NewListed(selection.Options{
		ModifiedBefore: time.Unix(1<<40, 0), ModifiedAfter: time.Unix(1, 0), SmallerThan: &size,
		Exclude: expression(b, `\.tmp$`),
	})
	o := storage.Object{Key: "photos/2024/05/IMG_000001.jpeg", Size: 1, ModTime: time.Unix(1700000000, 0)}
	b.ReportAllocs()
	for b.Loop() {
		if why, err := f.Reject(o); why != "" || err != nil {
			b.Fatal("rejected")
		}
	}
}

func expression(tb testing.TB, text string) *pattern.Regexp {
	tb.Helper()
	re, err := pattern.Compile(text)
	if err != nil {
		tb.Fatal(err)
	}
	return re
}
