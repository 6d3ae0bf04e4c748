package lists

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"s3sync/internal/inventorytest"
	"s3sync/internal/retry"
	"s3sync/storage"
	"s3sync/storage/mem"
)

// A located store is in a bucket.
type located struct {
	storage.Store

	place storage.Location
}

func (l located) Unwrap() storage.Store      { return l.Store }
func (l located) Location() storage.Location { return l.place }
func (l located) FullKey(key string) string  { return l.place.Prefix + key }
func (l located) StatFull(context.Context, string) (storage.Object, error) {
	return storage.Object{}, errors.ErrUnsupported
}

// holding returns a bucket that holds files.
func holding(t testing.TB, files map[string][]byte) storage.Store {
	t.Helper()
	s := mem.New()
	for key, data := range files {
		if _, err := s.Put(t.Context(), key, storage.Block{Data: data, Size: int64(len(data))}, storage.WriteOptions{Size: int64(len(data))}); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// open opens the inventory in a store, of bucket b below photos/.
func open(t testing.TB, files storage.Store, key string) (storage.Store, error) {
	t.Helper()
	i, err := OpenInventory(t.Context(), InventoryOptions{
		Side: "source", Name: "s3://inventories/" + key, Files: files, Manifest: key,
		Of:      located{mem.New(), storage.Location{Container: "b", Prefix: "photos/"}},
		Archive: func(class string) bool { return class == "GLACIER" },
		Policy:  retry.Policy{Count: 2},
	})
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() {
		if err := i.Close(); err != nil {
			t.Error(err)
		}
	})
	return i.Store(), nil
}

// objects draws current objects in order, and the entries of an inventory of all versions
// in any order, also of keys elsewhere.
func objects(t *rapid.T) (current, entries []storage.Object) {
	key := rapid.OneOf(rapid.StringOfN(rapid.RuneFrom([]rune("ab/é +%&\x01\n\"")), 1, 6, -1), rapid.Just(""), rapid.StringMatching(`[a-z]{1,3}`))
	byKey := map[string]storage.Object{}
	for i, k := range rapid.SliceOfNDistinct(key, 0, 60, rapid.ID[string]).Draw(t, "keys") {
		o := storage.Object{Key: k, Size: int64(i) << (i % 40), ModTime: time.UnixMilli(1700000000000 + int64(i)).UTC(), ETag: fmt.Sprintf("%032x", i), Latest: true}
		byKey[k] = o
		entries = append(entries, o)
	}
	entries = rapid.Permutation(entries).Draw(t, "order")
	for _, k := range slices.Sorted(maps.Keys(byKey)) {
		o := byKey[k]
		o.Latest = false
		current = append(current, o)
	}
	return current, entries
}

// An inventory lists what its bucket holds below the prefix, in every form.
func TestInventoryIsTheListing(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		want, entries := objects(rt)
		o := inventorytest.Options{
			Bucket: "b", Folder: "inv/b/all", Parquet: rapid.Bool().Draw(rt, "Parquet"), Versions: rapid.Bool().Draw(rt, "versions"),
			PerFile: rapid.IntRange(0, 7).Draw(rt, "per file"),
		}
		for i := range want {
			if i%5 == 1 {
				want[i].MaybeArchived = true
			}
		}
		archived := map[string]bool{}
		for _, w := range want {
			archived["photos/"+w.Key] = w.MaybeArchived
		}
		o.Class = func(o storage.Object) string {
			if archived[o.Key] {
				return "GLACIER"
			}
			return "STANDARD"
		}
		for i := range entries {
			entries[i].Key = "photos/" + entries[i].Key
		}
		entries = append(entries, storage.Object{Key: "other", ModTime: time.Unix(1, 0), Latest: true}, storage.Object{Key: "photos", ModTime: time.Unix(1, 0), Latest: true})
		if o.Versions {
			entries = append(
				entries, storage.Object{Key: "photos/old", Size: 7, ModTime: time.Unix(1, 0), VersionID: "1"},
				storage.Object{Key: "photos/old", ModTime: time.Unix(2, 0), VersionID: "2", Latest: true, DeleteMarker: true})
		}
		files, err := inventorytest.Write(slices.Values(entries), o)
		if err != nil {
			rt.Fatal(err)
		}
		s, err := open(t, holding(t, files), o.Manifest())
		if err != nil {
			rt.Fatal(err)
		}
		for range 2 { // the second time without reading
			got, _, err := list(t.Context(), s, storage.Range{})
			if err != nil || !slices.Equal(got, want) {
				rt.Fatalf("got %v, %v\nwant %v", got, err, want)
			}
		}
		r := storage.Range{From: "a\x00", To: "b"}
		part := slices.DeleteFunc(want, func(o storage.Object) bool { return !r.Contains(o.Key) })
		if got, _, err := list(t.Context(), s, r); err != nil || !slices.Equal(got, part) {
			rt.Fatalf("of a range: got %v, %v\nwant %v", got, err, part)
		}
	})
}

func sampleInventory(t testing.TB, o inventorytest.Options) map[string][]byte {
	t.Helper()
	var all []storage.Object
	for i := range 100 {
		all = append(all, storage.Object{Key: fmt.Sprintf("photos/%03d", i), Size: 1, ModTime: time.Unix(int64(i), 0), ETag: "e", Latest: true})
	}
	files, err := inventorytest.Write(slices.Values(all), o)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// An inventory of which a byte is wrong, a file is missing or longer lists nothing.
func TestDamagedInventory(t *testing.T) {
	for _, parquet := range []bool{false, true} {
		o := inventorytest.Options{Bucket: "b", Folder: "inv/b/all", Parquet: parquet, PerFile: 30}
		files := sampleInventory(t, o)
		for key, data := range files {
			for name, damage := range map[string]func() []byte{
				"missing": func() []byte { return nil },
				"longer":  func() []byte { return append(bytes.Clone(data), 'x') },
				"shorter": func() []byte { return data[:len(data)-1] },
				"a byte":  func() []byte { d := bytes.Clone(data); d[len(d)/2] ^= 1; return d },
			} {
				damaged := maps.Clone(files)
				damaged[key] = damage()
				if damaged[key] == nil {
					delete(damaged, key)
				}
				var got []storage.Object
				s, err := open(t, holding(t, damaged), o.Manifest())
				if err == nil {
					got, _, err = list(t.Context(), s, storage.Range{})
				}
				checksum := strings.HasSuffix(key, "manifest.checksum")
				if checksum && name == "missing" {
					if err != nil || len(got) != 100 {
						t.Errorf("without a checksum: got %d objects, %v", len(got), err)
					}
					continue
				}
				if err == nil || len(got) > 0 {
					t.Errorf("%s %s: got %d objects, %v", key, name, len(got), err)
				}
			}
		}
	}
}

func TestParseManifest(t *testing.T) {
	const schema = `"fileSchema":"Bucket, Key, Size, LastModifiedDate"`
	for name, tt := range map[string]struct{ text, want string }{
		"no JSON":         {"<html>", "is not JSON"},
		"another object":  {`{"a":1}`, "is not that of an inventory"},
		"ORC":             {`{"sourceBucket":"b","fileFormat":"ORC","files":[]}`, "CSV and Parquet can be read"},
		"unknown format":  {`{"sourceBucket":"b","fileFormat":"X","files":[]}`, "CSV and Parquet can be read"},
		"other bucket":    {`{"sourceBucket":"c","fileFormat":"CSV",` + schema + `,"files":[]}`, `of the bucket "c", not of "b"`},
		"no files":        {`{"sourceBucket":"b","fileFormat":"CSV",` + schema + `}`, "is not that of an inventory"},
		"no digest":       {`{"sourceBucket":"b","fileFormat":"CSV",` + schema + `,"files":[{"key":"k","size":1}]}`, "MD5checksum"},
		"missing fields":  {`{"sourceBucket":"b","fileFormat":"CSV","fileSchema":"Bucket, Key","files":[]}`, "lacks the fields Size and LastModifiedDate"},
		"missing columns": {`{"sourceBucket":"b","fileFormat":"Parquet","fileSchema":"message s3.inventory { required binary key (UTF8); optional int64 size; }","files":[]}`, "lacks the fields LastModifiedDate"},
		"versions": {
			`{"sourceBucket":"b","fileFormat":"CSV","fileSchema":"Bucket, Key, VersionId, Size, LastModifiedDate","files":[]}`,
			"IsLatest and IsDeleteMarker",
		},
	} {
		if _, err := parseManifest([]byte(tt.text), "b"); !errors.Is(err, ErrInventory) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", name, err, tt.want)
		}
	}
	if m, err := parseManifest([]byte(`{"sourceBucket":"b","fileFormat":"CSV",`+schema+`,"files":[],"creationTimestamp":"1500000000000"}`), ""); err != nil || m.created().Unix() != 1500000000 {
		t.Errorf("got %v, %v", m, err)
	}
}

// Rows that are not what they should be are errors that name the line.
func TestBadRows(t *testing.T) {
	o := inventorytest.Options{Bucket: "b", Folder: "inv/b/all"}
	for want, row := range map[string]string{
		"is not encoded": `"b","photos/%zz","1","2026-01-31T00:00:00.000Z","e","STANDARD"`,
		"size":           `"b","photos/a","x","2026-01-31T00:00:00.000Z","e","STANDARD"`,
		"no size":        `"b","photos/a","","2026-01-31T00:00:00.000Z","e","STANDARD"`,
		"time":           `"b","photos/a","1","yesterday","e","STANDARD"`,
		"fields":         `"b","photos/a","1"`,
		"quote":          `"b","photos/a`,
	} {
		files := sampleInventory(t, o)
		gz := compressed(t, row)
		sum := md5.Sum(gz)
		files["inv/b/all/data/0000.csv.gz"] = gz
		files[o.Manifest()] = fmt.Appendf(nil, `{"sourceBucket":"b","fileFormat":"CSV","fileSchema":%q,"files":[{"key":"inv/b/all/data/0000.csv.gz","size":%d,"MD5checksum":%q}]}`,
			"Bucket, Key, Size, LastModifiedDate, ETag, StorageClass", len(gz), hex.EncodeToString(sum[:]))
		delete(files, strings.TrimSuffix(o.Manifest(), "manifest.json")+"manifest.checksum")
		s, err := open(t, holding(t, files), o.Manifest())
		if err != nil {
			t.Fatal(err)
		}
		if got, _, err := list(t.Context(), s, storage.Range{}); err == nil || len(got) > 0 || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "line 1") {
			t.Errorf("%s: got %v, %v", want, got, err)
		}
	}
}

// A shaky store fails each second call for a temporary reason.
type shaky struct {
	storage.Store

	calls atomic.Int64
}

func (s *shaky) Open(ctx context.Context, key string, opts storage.OpenOptions) (storage.Reader, error) {
	if s.calls.Add(1)%2 == 1 {
		return nil, &storage.Error{Op: "get", Key: key, Err: storage.ErrTransient}
	}
	r, err := s.Store.Open(ctx, key, opts)
	return &shakyReader{r, s}, err
}

type shakyReader struct {
	storage.Reader

	of *shaky
}

func (r *shakyReader) ReadAt(ctx context.Context, p []byte, off int64) error {
	if r.of.calls.Add(1)%2 == 1 {
		return storage.ErrTransient
	}
	return r.Reader.ReadAt(ctx, p, off)
}

func TestInventoryIsRetried(t *testing.T) {
	o := inventorytest.Options{Bucket: "b", Folder: "inv/b/all", PerFile: 10}
	s, err := open(t, &shaky{Store: holding(t, sampleInventory(t, o))}, o.Manifest())
	if err != nil {
		t.Fatal(err)
	}
	if got, _, err := list(t.Context(), s, storage.Range{}); err != nil || len(got) != 100 {
		t.Errorf("got %d objects, %v", len(got), err)
	}
}

// Whatever the rows are, reading them ends, and every entry is whole.
func FuzzReadCSV(f *testing.F) {
	f.Add(`"b","photos/a+b%2B","1","2026-01-31T00:00:00.000Z","e","STANDARD"`)
	f.Add("\"b\",\"x\n")
	c, err := columnsOf(formatCSV, "Bucket, Key, Size, LastModifiedDate, ETag, StorageClass")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, rows string) {
		_ = readCSV(bytes.NewReader(compressed(t, rows)), c, func(e *entry) error {
			if e.size < -1 || !e.latest || e.marker {
				t.Errorf("got %+v", e)
			}
			return nil
		})
		_ = readCSV(strings.NewReader(rows), c, func(*entry) error { return nil })
	})
}

func FuzzParseManifest(f *testing.F) {
	f.Add(`{"sourceBucket":"b","fileFormat":"CSV","fileSchema":"Bucket, Key, Size, LastModifiedDate","files":[]}`)
	f.Fuzz(func(t *testing.T, text string) {
		m, err := parseManifest([]byte(text), "b")
		if err == nil && (m.Files == nil || m.SourceBucket != "b" || m.columns.at[fieldKey] < 0) {
			t.Errorf("got %+v", m)
		}
	})
}

func compressed(t testing.TB, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
