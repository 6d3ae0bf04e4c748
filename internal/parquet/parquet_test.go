package parquet_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	writer "github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress"
	"pgregory.net/rapid"

	"s3sync/internal/parquet"
)

// A plainRow has columns without a dictionary, a dictRow those with one.
type plainRow struct {
	Key      string     `parquet:"key,plain"`
	Size     *int64     `parquet:"size,plain,optional"`
	Modified *time.Time `parquet:"last_modified_date,plain,optional,timestamp(millisecond)"`
	Latest   *bool      `parquet:"is_latest,optional"`
	Marker   bool       `parquet:"is_delete_marker"`
	Class    *string    `parquet:"storage_class,plain,optional"`
	Small    int32      `parquet:"small,plain"`
	Owners   []string   `parquet:"owners,list"`
}

type dictRow struct {
	Key      string     `parquet:"key,dict"`
	Size     *int64     `parquet:"size,dict,optional"`
	Modified *time.Time `parquet:"last_modified_date,optional,dict,timestamp(microsecond)"`
	Latest   *bool      `parquet:"is_latest,optional"`
	Marker   bool       `parquet:"is_delete_marker"`
	Class    *string    `parquet:"storage_class,dict,optional"`
	Small    int32      `parquet:"small,dict"`
	Owners   []string   `parquet:"owners,list"`
}

var columns = []string{"storage_class", "key", "size", "last_modified_date", "is_latest", "is_delete_marker", "small"}

// text is a row as a text.
func text(values ...any) string {
	var b strings.Builder
	for _, v := range values {
		switch v := v.(type) {
		case *string:
			if v == nil {
				b.WriteString("null ")
				continue
			}
			fmt.Fprintf(&b, "%q ", *v)
		case *int64:
			if v == nil {
				b.WriteString("null ")
				continue
			}
			fmt.Fprintf(&b, "%d ", *v)
		case *bool:
			if v == nil {
				b.WriteString("null ")
				continue
			}
			fmt.Fprintf(&b, "%t ", *v)
		case *time.Time:
			if v == nil {
				b.WriteString("null ")
				continue
			}
			fmt.Fprintf(&b, "%s ", v.UTC().Format(time.RFC3339Nano))
		case string:
			fmt.Fprintf(&b, "%q ", v)
		default:
			fmt.Fprintf(&b, "%v ", v)
		}
	}
	return b.String()
}

func readAll(file []byte) (rows []string, err error) {
	f, err := parquet.Open(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		return nil, err
	}
	err = f.Rows(columns, func(row []parquet.Value) error {
		str := func(i int) *string {
			if row[i].Null {
				return nil
			}
			s := string(row[i].Text)
			return &s
		}
		num := func(i int) *int64 {
			if row[i].Null {
				return nil
			}
			return &row[i].Int
		}
		truth := func(i int) *bool {
			if row[i].Null {
				return nil
			}
			b := row[i].Int != 0
			return &b
		}
		var at *time.Time
		if !row[3].Null {
			t := row[3].Time()
			at = &t
		}
		rows = append(rows, text(str(0), *str(1), num(2), at, truth(4), *truth(5), row[6].Int))
		return nil
	})
	return rows, err
}

// What the library for Parquet writes is read: with and without dictionaries, in both
// versions of pages, in every compression, in any number of pages and row groups.
func TestRows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		codec := rapid.SampledFrom([]compress.Codec{&writer.Uncompressed, &writer.Snappy, &writer.Gzip, &writer.Zstd}).Draw(t, "codec")
		options := []writer.WriterOption{
			writer.Compression(codec),
			writer.DataPageVersion(rapid.IntRange(1, 2).Draw(t, "version")),
			writer.PageBufferSize(rapid.SampledFrom([]int{64, 1000, 1 << 20}).Draw(t, "page")),
			writer.MaxRowsPerRowGroup(int64(rapid.SampledFrom([]int{3, 100, 1 << 20}).Draw(t, "group"))),
		}
		n := rapid.IntRange(0, 300).Draw(t, "rows")
		seed := rapid.Uint64().Draw(t, "seed")
		few := rapid.Bool().Draw(t, "few values")
		plain, dict, want := make([]plainRow, n), make([]dictRow, n), make([]string, n)
		for i := range n {
			seed = seed*6364136223846793005 + 1442695040888963407
			v := int64(seed >> 20)
			if few {
				v %= 3
			}
			p := plainRow{Key: fmt.Sprint("photos/é", v, "\x00x"), Small: int32(v), Marker: v%2 == 1, Owners: []string{"a", "b"}[:seed%3]}
			if seed>>8%3 > 0 {
				size, class, latest := v, strings.Repeat("C", int(seed>>40%40)), v%4 > 1
				at := time.UnixMilli(1700000000000 + v%1e12)
				p.Size, p.Class, p.Latest, p.Modified = &size, &class, &latest, &at
			}
			plain[i], dict[i] = p, dictRow(p)
			want[i] = text(p.Class, p.Key, p.Size, p.Modified, p.Latest, p.Marker, int64(p.Small))
		}
		var file bytes.Buffer
		var err error
		if rapid.Bool().Draw(t, "dictionary") {
			err = writer.Write(&file, dict, options...)
		} else {
			err = writer.Write(&file, plain, options...)
		}
		if err != nil {
			t.Fatal(err)
		}
		got, err := readAll(file.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		if n > 0 && !cmp.Equal(got, want) {
			t.Fatal(cmp.Diff(want, got))
		}
	})
}

// sample is a small file.
func sample(t testing.TB) []byte {
	t.Helper()
	rows := make([]dictRow, 50)
	for i := range rows {
		size, at := int64(i), time.UnixMilli(int64(i))
		rows[i] = dictRow{Key: fmt.Sprint("k", i), Size: &size, Modified: &at}
	}
	var file bytes.Buffer
	if err := writer.Write(&file, rows, writer.Compression(&writer.Snappy), writer.PageBufferSize(256)); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// A file that is cut off anywhere is an error.
func TestCutOff(t *testing.T) {
	file := sample(t)
	for n := range file {
		if _, err := readAll(file[:n]); err == nil {
			t.Fatalf("%d of %d bytes: got no error", n, len(file))
		}
	}
}

func TestUnsupported(t *testing.T) {
	f, err := parquet.Open(bytes.NewReader(sample(t)), int64(len(sample(t))))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"none", "owners", "element"} {
		if f.Has(name) {
			t.Errorf("%s counts as a column", name)
		}
		if err := f.Rows([]string{name}, func([]parquet.Value) error { return nil }); !errors.Is(err, parquet.ErrUnsupported) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// The error about another encoding names it.
func TestOtherEncodings(t *testing.T) {
	type delta struct {
		Key    string `parquet:"key,delta"`
		Size   int64  `parquet:"size,delta"`
		Prefix string `parquet:"prefix"`
	}
	var file bytes.Buffer
	schema := writer.NewSchema("delta", writer.Group{
		"key": writer.Encoded(writer.String(), &writer.DeltaByteArray), "size": writer.Encoded(writer.Int(64), &writer.DeltaBinaryPacked),
		"prefix": writer.Encoded(writer.String(), &writer.DeltaLengthByteArray),
	})
	if err := writer.Write(&file, []delta{{"a", 1, "b"}, {"b", 2, "c"}}, schema); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"key": "DELTA_BYTE_ARRAY", "size": "DELTA_BINARY_PACKED", "prefix": "DELTA_LENGTH_BYTE_ARRAY"} {
		f, err := parquet.Open(bytes.NewReader(file.Bytes()), int64(file.Len()))
		if err != nil {
			t.Fatal(err)
		}
		err = f.Rows([]string{name}, func([]parquet.Value) error { return nil })
		if !errors.Is(err, parquet.ErrUnsupported) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", name, err, want)
		}
	}
}

// Whatever the bytes are, reading them ends, and takes memory like their length.
func FuzzRows(f *testing.F) {
	file := sample(f)
	f.Add(file)
	f.Add([]byte("PAR1\x15\x00\x00\x00\x00PAR1"))
	f.Add(append([]byte("PAR1\x49\xf9\xff\xff\xff\xff\x0f\x0c\x00\x00"), "\x09\x00\x00\x00PAR1"...))
	f.Fuzz(func(t *testing.T, data []byte) {
		n := 0
		g, err := parquet.Open(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			return
		}
		stop := errors.New("enough")
		_ = g.Rows(columns, func([]parquet.Value) error {
			if n++; n > 10_000 {
				return stop
			}
			return nil
		})
	})
}
