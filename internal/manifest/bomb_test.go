package manifest_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"s3sync/internal/manifest"
)

// A small file that becomes very large is refused with bounded memory.
func TestBomb(t *testing.T) {
	begun := made(t, some(2)...)
	begun = begun[:len(begun)/2]
	// Frames and members may follow one another, so one of 1 MiB is made once.
	bomb := func(text []byte, compress func(io.Writer) io.WriteCloser) []byte {
		var head, mib bytes.Buffer
		for b, data := range map[*bytes.Buffer][]byte{&head: text, &mib: make([]byte, 1<<20)} {
			w := compress(b)
			if _, err := w.Write(data); err != nil {
				t.Fatal(err)
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
		}
		return append(head.Bytes(), bytes.Repeat(mib.Bytes(), 512)...)
	}
	zipped := func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) }
	packed := func(w io.Writer) io.WriteCloser {
		z, err := zstd.NewWriter(w)
		if err != nil {
			t.Fatal(err)
		}
		return z
	}
	// The frame of RFC 8878, section 3.1.1.1.2, with a window of 2 GiB.
	wide := []byte{0x28, 0xb5, 0x2f, 0xfd, 0, (31 - 10) << 3, 1 | 1<<1, 0xff, 0xff, 'x'}
	for name, tt := range map[string]struct {
		data []byte
		want string
	}{
		"zstd":                  {bomb(begun, packed), "line 3: it is not as it was written: the line is too long"},
		"gzip":                  {bomb(begun, zipped), "line 3: it is not as it was written: the line is too long"},
		"behind the last line":  {bomb(made(t), zipped), "line 3: it is not as it was written: there is something behind the last line"},
		"a wide window of zstd": {wide, "decompressing it takes more memory than the 64 MiB that a manifest may take"},
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			text, err := manifest.Decompress(bytes.NewReader(tt.data))
			if err == nil {
				_, err = manifest.Read(text, manifest.ReadOptions{})
				_ = text.Close()
			}
			runtime.ReadMemStats(&after)
			if !errors.Is(err, manifest.ErrRefused) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
			if took := after.TotalAlloc - before.TotalAlloc; took > 64<<20 {
				t.Errorf("it took %d MiB", took>>20)
			}
		})
	}
}
