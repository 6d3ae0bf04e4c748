package filter_test

import (
	"testing"
	"time"

	"s3sync/internal/filter"
	"s3sync/internal/pattern"
	"s3sync/storage"
)

func TestReject(t *testing.T) {
	day := time.Date(2024, 5, 17, 12, 0, 0, 0, time.UTC)
	half := day.Add(500 * time.Microsecond)
	size := func(n int64) *int64 { return &n }
	re := func(text string) *pattern.Regexp { return expression(t, text) }
	tests := map[string]struct {
		c    filter.Config
		o    storage.Object
		want string
	}{
		"nothing set": {filter.Config{}, storage.Object{}, ""},

		"before: older":                {filter.Config{ModifiedBefore: day}, storage.Object{ModTime: day.Add(-time.Millisecond)}, ""},
		"before: equal":                {filter.Config{ModifiedBefore: day}, storage.Object{ModTime: day}, "mtime-before"},
		"before: newer":                {filter.Config{ModifiedBefore: day}, storage.Object{ModTime: day.Add(time.Hour)}, "mtime-before"},
		"before: same millisecond":     {filter.Config{ModifiedBefore: day}, storage.Object{ModTime: day.Add(999_999)}, "mtime-before"},
		"before: other zone":           {filter.Config{ModifiedBefore: day.In(time.FixedZone("", 3600))}, storage.Object{ModTime: day.Add(-time.Second)}, ""},
		"before: finer than listings":  {filter.Config{ModifiedBefore: half}, storage.Object{ModTime: half.Add(100)}, ""},
		"before 1970":                  {filter.Config{ModifiedBefore: time.Unix(0, 0)}, storage.Object{ModTime: time.Unix(-1, 999_999_999)}, ""},
		"after: newer":                 {filter.Config{ModifiedAfter: day}, storage.Object{ModTime: day.Add(time.Hour)}, ""},
		"after: equal":                 {filter.Config{ModifiedAfter: day}, storage.Object{ModTime: day}, ""},
		"after: same millisecond":      {filter.Config{ModifiedAfter: day}, storage.Object{ModTime: day.Add(999_999)}, ""},
		"after: just older":            {filter.Config{ModifiedAfter: day}, storage.Object{ModTime: day.Add(-1)}, "mtime-after"},
		"after: finer than listings":   {filter.Config{ModifiedAfter: half}, storage.Object{ModTime: half.Add(100)}, "mtime-after"},
		"smaller: smaller":             {filter.Config{SmallerThan: size(5)}, storage.Object{Size: 4}, ""},
		"smaller: equal":               {filter.Config{SmallerThan: size(5)}, storage.Object{Size: 5}, "smaller-size"},
		"smaller than nothing":         {filter.Config{SmallerThan: size(0)}, storage.Object{Size: 0}, "smaller-size"},
		"larger: smaller":              {filter.Config{LargerThan: size(5)}, storage.Object{Size: 4}, "larger-size"},
		"larger: equal":                {filter.Config{LargerThan: size(5)}, storage.Object{Size: 5}, ""},
		"larger: zero":                 {filter.Config{LargerThan: size(0)}, storage.Object{Size: 0}, ""},
		"include: found anywhere":      {filter.Config{Include: re(`\.jp`)}, storage.Object{Key: "a/b.jpeg"}, ""},
		"include: not found":           {filter.Config{Include: re(`^b`)}, storage.Object{Key: "a/b.jpeg"}, "include-regex"},
		"exclude: found":               {filter.Config{Exclude: re(`b\.`)}, storage.Object{Key: "a/b.jpeg"}, "exclude-regex"},
		"exclude: not found":           {filter.Config{Exclude: re(`^b`)}, storage.Object{Key: "a/b.jpeg"}, ""},
		"include and exclude":          {filter.Config{Include: re("a"), Exclude: re("b")}, storage.Object{Key: "ab"}, "exclude-regex"},
		"key that is no UTF-8":         {filter.Config{Include: re("b$")}, storage.Object{Key: "\xffb"}, ""},
		"an empty pattern fits always": {filter.Config{Exclude: re("")}, storage.Object{Key: ""}, "exclude-regex"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got, err := filter.New(tt.c).Reject(tt.o); got != tt.want || err != nil {
				t.Errorf("got %q, %v, want %q", got, err, tt.want)
			}
		})
	}
}

// The first filter in the documented order is the one that is named.
func TestRejectOrder(t *testing.T) {
	zero, many := int64(0), int64(1<<40)
	c := filter.Config{
		ModifiedBefore: time.Unix(0, 0), ModifiedAfter: time.Unix(1<<40, 0),
		SmallerThan: &zero, LargerThan: &many,
		Include: expression(t, "never"), Exclude: expression(t, "a"),
	}
	o := storage.Object{Key: "a", Size: 1, ModTime: time.Unix(1700000000, 0)}
	drop := map[string]func(){
		filter.MtimeBefore:  func() { c.ModifiedBefore = time.Time{} },
		filter.MtimeAfter:   func() { c.ModifiedAfter = time.Time{} },
		filter.SmallerSize:  func() { c.SmallerThan = nil },
		filter.LargerSize:   func() { c.LargerThan = nil },
		filter.IncludeRegex: func() { c.Include = nil },
		filter.ExcludeRegex: func() { c.Exclude = nil },
	}
	for _, want := range []string{
		filter.MtimeBefore, filter.MtimeAfter, filter.SmallerSize, filter.LargerSize, filter.IncludeRegex, filter.ExcludeRegex, "",
	} {
		if got, err := filter.New(c).Reject(o); got != want || err != nil {
			t.Fatalf("got %q, %v, want %q", got, err, want)
		}
		if want != "" {
			drop[want]()
		}
	}
}

func BenchmarkReject(b *testing.B) {
	size := int64(1 << 30)
	f := filter.New(filter.Config{
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
