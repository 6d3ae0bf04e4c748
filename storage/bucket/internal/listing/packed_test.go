package listing

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"s3sync/storage"
)

// drawObject draws an object that some server may list, or none does.
func drawObject(t *rapid.T, key string) storage.Object {
	return storage.Object{
		Key:  key,
		Size: rapid.OneOf(rapid.Int64Range(0, 300), rapid.Int64(), rapid.SampledFrom([]int64{math.MaxInt64, math.MinInt64, -1})).Draw(t, "size"),
		ModTime: rapid.SampledFrom([]time.Time{
			{},
			time.Unix(rapid.Int64().Draw(t, "seconds"), rapid.Int64Range(0, 999_999_999).Draw(t, "nanos")).UTC(),
			time.Date(2024, 1, 1, 0, 0, 0, int(rapid.Int64Range(0, 999).Draw(t, "millis"))*1e6, time.UTC),
			time.Date(2024, 1, 1, 0, 0, 0, 0, time.FixedZone("", 3600)), time.Date(2024, 1, 1, 0, 0, 0, 0, time.FixedZone("UTC", 0)),
			time.Date(-5, 1, 1, 0, 0, 0, 0, time.UTC), time.Now(), time.Unix(1, 0),
		}).Draw(t, "time"),
		ETag: rapid.OneOf(
			rapid.StringMatching(`[0-9a-f]{32}(-[0-9]{1,11})?`), rapid.StringMatching(`[0-9a-fA-F]{30,34}-?[0-9+_ ]?`), rapid.String(), rapid.Just(""),
			rapid.Map(rapid.SampledFrom([]string{"-0", "-1", "-01", "-", "-+1", "--1", "-4294967295", "-4294967296", "-1x", "1"}), func(end string) string { return etag + end }),
		).Draw(t, "ETag"),
		VersionID: rapid.OneOf(rapid.Just(""), rapid.Just("null"), rapid.StringMatching(`[0-9A-Za-z._]{32}`), rapid.String()).Draw(t, "version"),
		Latest:    rapid.Bool().Draw(t, "latest"), DeleteMarker: rapid.Bool().Draw(t, "marker"),
		Archived: rapid.Bool().Draw(t, "archived"), MaybeArchived: rapid.Bool().Draw(t, "maybe archived"),
	}
}

// TestPacked: what comes out of a packed page is what went in, down to the form of times.
func TestPacked(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		keys := rapid.SliceOfN(rapid.OneOf(
			rapid.StringMatching(`[ab/]{0,12}`), rapid.String(), rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }),
			rapid.Map(rapid.StringMatching(`[01]{1,9}`), func(s string) string { return strings.Repeat("long/", 195) + s }),
		), 0, 20).Draw(t, "keys")
		if rapid.Bool().Draw(t, "sorted") {
			slices.Sort(keys)
		}
		var want []storage.Object
		for _, key := range keys {
			want = append(want, drawObject(t, key))
		}
		p := pack(slices.Clone(want))
		before := []storage.Object{{Key: "before"}}
		got := p.appendTo(slices.Clone(before))
		if !slices.Equal(got, append(before, want...)) {
			t.Fatalf("\n got %+v\nwant %+v", got[1:], want)
		}
		if !slices.Equal(p.appendTo(nil), want) {
			t.Fatal("the second time it is another page")
		}
	})
}

// typicalPage is a page as S3 answers it.
func typicalPage() []storage.Object {
	page := make([]storage.Object, limit)
	for i, key := range hashes(limit) {
		page[i] = storage.Object{
			Key: "photos/2024/" + key[:16] + ".jpg", Size: int64(i) * 4711, ETag: key[16:48],
			ModTime: time.Date(2024, 1, 1+i%28, i%24, i%60, 0, i%1000*1e6, time.UTC),
		}
	}
	return page
}

// TestPackedIsSmall: a page that waits needs little memory, and is read with one allocation.
func TestPackedIsSmall(t *testing.T) {
	page := typicalPage()
	p := pack(page)
	if size, before := p.size(), bytesOf(page); size*3 > before {
		t.Errorf("%d bytes, want a third of %d", size, before)
	}
	memory := make([]storage.Object, 0, len(page))
	if n := testing.AllocsPerRun(10, func() { p.appendTo(memory) }); n > 1 {
		t.Errorf("%v allocations for a page", n)
	}
}

// TestSizeOfWhole: what is not packed counts with its texts.
func TestSizeOfWhole(t *testing.T) {
	page := make([]storage.Object, 100)
	for i := range page {
		page[i] = storage.Object{Key: strings.Repeat("k", 900), ModTime: time.Date(2024, 1, 1, 0, 0, i, 0, time.FixedZone("", 3600))}
	}
	if p := pack(page); p.size() < 100*900 {
		t.Errorf("%d bytes", p.size())
	}
}

func BenchmarkPacked(b *testing.B) {
	page := typicalPage()
	b.Run("pack", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			pack(page)
		}
	})
	b.Run("read", func(b *testing.B) {
		p := pack(page)
		memory := make([]storage.Object, 0, len(page))
		b.ReportMetric(float64(p.size())/float64(len(page)), "bytes/object")
		b.ReportAllocs()
		for b.Loop() {
			p.appendTo(memory)
		}
	})
}
