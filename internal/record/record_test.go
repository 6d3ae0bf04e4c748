package record

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"s3sync/storage"
)

func write(t testing.TB, objects []storage.Object) *bytes.Buffer {
	t.Helper()
	var file bytes.Buffer
	w := NewWriter(&file)
	for _, o := range objects {
		if err := w.Append(o); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if w.Count() != int64(len(objects)) || w.Size() != int64(file.Len()) {
		t.Fatalf("writer says %d objects, %d bytes; there are %d, %d", w.Count(), w.Size(), len(objects), file.Len())
	}
	return &file
}

// read takes objects until the first error, which it returns.
func read(r io.Reader, count int64) (objects []storage.Object, err error) {
	reader := NewReader(r, count)
	for {
		o, err := reader.Next()
		if err != nil {
			if _, again := reader.Next(); again == nil {
				return nil, errors.New("Next goes on after an error")
			}
			return objects, err
		}
		objects = append(objects, o)
	}
}

// samples has every field at its limits, and enough of them for several blocks.
func samples() []storage.Object {
	objects := []storage.Object{
		{},
		{Key: "a"},
		{Key: "a", Size: -1},
		{Key: "a/b", Size: 1 << 62, ModTime: time.Unix(1700000000, 999999999), ETag: "d41d8cd98f00b204e9800998ecf8427e-12", VersionID: "null"},
		{Key: "\x00\xff\"", Size: 1, ModTime: time.Unix(-5, 1)},
		{Key: "flags", Latest: true, Archived: true},
		{Key: "other flags", DeleteMarker: true, MaybeArchived: true},
		{Key: strings.Repeat("long/", 1000), ETag: strings.Repeat("e", 5000), VersionID: strings.Repeat("v", 5000)},
		{Key: strings.Repeat("long/", 1000) + "x", ModTime: time.Date(9999, 12, 31, 23, 59, 59, 0, time.FixedZone("", 3600))},
	}
	for i := range 3000 {
		objects = append(objects, storage.Object{
			Key: fmt.Sprintf("photos/%04d/IMG.jpeg", i*7), Size: int64(i), ModTime: time.Unix(int64(i)*1e6, 0),
			ETag: fmt.Sprintf("%032x", i), VersionID: fmt.Sprint(i),
		})
	}
	return objects
}

func TestRoundTrip(t *testing.T) {
	tests := map[string][]storage.Object{"none": nil, "one": {{Key: "a"}}, "many": samples()}
	for name, objects := range tests {
		t.Run(name, func(t *testing.T) {
			file := write(t, objects)
			for how, r := range map[string]io.Reader{
				"at once":     bytes.NewReader(file.Bytes()),
				"by one byte": iotest.OneByteReader(bytes.NewReader(file.Bytes())),
			} {
				got, err := read(r, int64(len(objects)))
				if !errors.Is(err, io.EOF) {
					t.Fatalf("%s: ended with %v, want EOF", how, err)
				}
				if diff := cmp.Diff(objects, got); diff != "" { // times by Equal
					t.Errorf("%s (-want +got):\n%s", how, diff)
				}
			}
		})
	}
}

func TestZeroTimeStaysZero(t *testing.T) {
	got, _ := read(write(t, []storage.Object{{Key: "a"}}), 1)
	if !got[0].ModTime.IsZero() {
		t.Errorf("got %v", got[0].ModTime)
	}
}

func TestRoundTripProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOfN(rapid.RuneFrom([]rune("ab/\x00é")), 0, 12, -1)
		objects := rapid.SliceOf(rapid.Custom(func(t *rapid.T) storage.Object {
			return storage.Object{
				Key:       text.Draw(t, "key"),
				Size:      rapid.Int64().Draw(t, "size"),
				ModTime:   time.Unix(rapid.Int64Range(-1<<40, 1<<40).Draw(t, "s"), rapid.Int64Range(0, 999_999_999).Draw(t, "ns")),
				ETag:      text.Draw(t, "etag"),
				VersionID: text.Draw(t, "version"),
			}
		})).Draw(t, "objects")
		var file bytes.Buffer
		w := NewWriter(&file)
		for _, o := range objects {
			if err := w.Append(o); err != nil {
				t.Fatal(err)
			}
			if rapid.Bool().Draw(t, "flush") {
				if err := w.Flush(); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		got, err := read(&file, w.Count())
		if !errors.Is(err, io.EOF) || !cmp.Equal(objects, got) && len(objects) > 0 {
			t.Fatalf("got %v, %v, want %v", got, err, objects)
		}
	})
}

func sameObject(a, b storage.Object) bool {
	sameTime := a.ModTime.Equal(b.ModTime)
	a.ModTime = b.ModTime
	return sameTime && a == b
}

// A file that was cut off, at whatever byte, never looks like one that ended.
func TestCutOff(t *testing.T) {
	objects := samples()[7:47]
	var file bytes.Buffer
	w := NewWriter(&file)
	for i, o := range objects {
		if err := w.Append(o); err != nil {
			t.Fatal(err)
		}
		if i%5 == 0 {
			if err := w.Flush(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	for n := range file.Len() {
		got, err := read(bytes.NewReader(file.Bytes()[:n]), w.Count())
		if !errors.Is(err, ErrDamaged) || errors.Is(err, io.EOF) {
			t.Fatalf("%d of %d bytes: ended with %v", n, file.Len(), err)
		}
		if !slices.EqualFunc(objects[:len(got)], got, sameObject) { // cmp takes seconds
			t.Fatalf("%d of %d bytes: got other objects", n, file.Len())
		}
	}
}

func TestMoreThanWritten(t *testing.T) {
	objects := samples()[:3]
	file := write(t, objects).Bytes()
	tests := map[string]struct {
		file  []byte
		count int64
	}{
		"another byte":   {append(slices.Clone(file), 0), 3},
		"another block":  {slices.Concat(file, file), 3},
		"another record": {file, 2},
		"only counted 0": {file, 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if _, err := read(bytes.NewReader(tt.file), tt.count); !errors.Is(err, ErrDamaged) {
				t.Errorf("ended with %v, want ErrDamaged", err)
			}
		})
	}
}

// Every single flipped bit is found.
func TestFlippedBit(t *testing.T) {
	objects := samples()[:6]
	file := write(t, objects).Bytes()
	for i := range file[:min(len(file), 300)] {
		for bit := range 8 {
			bad := slices.Clone(file)
			bad[i] ^= 1 << bit
			if _, err := read(bytes.NewReader(bad), int64(len(objects))); !errors.Is(err, ErrDamaged) {
				t.Fatalf("bit %d of byte %d flipped: ended with %v, want ErrDamaged", bit, i, err)
			}
		}
	}
}

func TestReadErrorIsPassedOn(t *testing.T) {
	errDisk := errors.New("input/output error")
	file := write(t, samples()).Bytes()
	r := io.MultiReader(bytes.NewReader(file[:len(file)/2]), iotest.ErrReader(errDisk))
	if _, err := read(r, int64(len(samples()))); !errors.Is(err, errDisk) || errors.Is(err, ErrDamaged) {
		t.Errorf("ended with %v, want the error of the disk", err)
	}
}

func TestTooLong(t *testing.T) {
	w := NewWriter(io.Discard)
	err := w.Append(storage.Object{Key: strings.Repeat("k", maxRecord+1)})
	if err == nil || len(err.Error()) > 2000 || w.Count() != 0 {
		t.Errorf("got %v, %d counted", err, w.Count())
	}
	// The longest one fits into a block that is almost full.
	objects := append(samples()[:4], storage.Object{Key: strings.Repeat("k", maxRecord)})
	got, err := read(write(t, objects), int64(len(objects)))
	if !errors.Is(err, io.EOF) || !cmp.Equal(got, objects) {
		t.Errorf("longest record: ended with %v", err)
	}
}

// failing is a disk that is full after n bytes.
type failing struct{ n int }

func (f *failing) Write(p []byte) (int, error) {
	f.n -= len(p)
	if f.n < 0 {
		return 0, io.ErrShortWrite
	}
	return len(p), nil
}

func TestWriteError(t *testing.T) {
	w := NewWriter(&failing{n: blockSize / 2})
	var err error
	for _, o := range samples() {
		if err = w.Append(o); err != nil {
			break
		}
	}
	if !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("got %v, want the error of the disk", err)
	}
}

// FuzzRead reads blocks with a right checksum and any payload: no input may
// make the reader panic, use much memory, or end as if all were well before
// the count is reached.
func FuzzRead(f *testing.F) {
	file := write(f, samples()[:5]).Bytes()
	f.Add(file[headerSize:], uint32(5), int64(5))
	f.Add([]byte{}, uint32(1), int64(1))
	f.Add([]byte{0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01}, uint32(1), int64(1))
	f.Add([]byte{5, 0, 0, 0, 0, 0, 0}, uint32(1), int64(1)) // shares what is not there
	f.Add([]byte{0, 0xff, 0xff, 0xff, 0xff, 0x0f}, uint32(2), int64(2))
	f.Fuzz(func(t *testing.T, payload []byte, records uint32, count int64) {
		var block []byte
		block = binary.BigEndian.AppendUint32(block, uint32(len(payload)))
		block = binary.BigEndian.AppendUint32(block, records)
		block = binary.BigEndian.AppendUint32(block, crc32.Checksum(payload, crcTable))
		objects, err := read(bytes.NewReader(append(block, payload...)), count)
		if errors.Is(err, io.EOF) && int64(len(objects)) != count {
			t.Fatalf("%d objects of %d, and the end", len(objects), count)
		}
		if int64(len(objects)) > max(count, 0) {
			t.Fatalf("%d objects of %d", len(objects), count)
		}
		if !errors.Is(err, io.EOF) {
			return
		}
		// What was read can be written and read again.
		again, err := read(write(t, objects), count)
		if !errors.Is(err, io.EOF) || !cmp.Equal(objects, again) {
			t.Fatalf("second round: %v", err)
		}
	})
}

func TestTempFile(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	f, err := CreateTemp()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString("x"); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	t.Setenv("TMPDIR", "/does/not/exist")
	if _, err := CreateTemp(); err == nil {
		t.Error("got a file in a directory that does not exist")
	}
}

func BenchmarkWriter(b *testing.B) {
	objects := samples()[7:]
	b.ReportAllocs()
	for b.Loop() {
		w := NewWriter(io.Discard)
		for i := range objects {
			if err := w.Append(objects[i]); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(objects)), "ns/object")
}

func BenchmarkReader(b *testing.B) {
	objects := samples()[7:]
	file := write(b, objects).Bytes()
	b.ReportAllocs()
	for b.Loop() {
		r := NewReader(bytes.NewReader(file), int64(len(objects)))
		for range objects {
			if _, err := r.Next(); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(objects)), "ns/object")
	b.ReportMetric(float64(len(file))/float64(len(objects)), "B/record")
}
