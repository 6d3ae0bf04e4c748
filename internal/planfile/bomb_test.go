package planfile

import (
	"bytes"
	"errors"
	"io"
	"runtime"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// bomb compresses a text and 1 GiB of zeros behind it, in frames of 1 MiB that follow one
// another.
func bomb(t *testing.T, text []byte) []byte {
	t.Helper()
	z, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return append(z.EncodeAll(text, nil), bytes.Repeat(z.EncodeAll(make([]byte, 1<<20), nil), 1024)...)
}

// wide returns a frame whose window has 2 GiB.
// https://datatracker.ietf.org/doc/html/rfc8878#section-3.1.1.1.2
func wide() []byte {
	const windowLog = 31
	head := []byte{0x28, 0xb5, 0x2f, 0xfd, 0, (windowLog - 10) << 3}
	return append(head, 1|1<<1, 0xff, 0xff, 'x') // the last block: many times x
}

// A small file that becomes very large is refused with bounded memory.
func TestBomb(t *testing.T) {
	text := unpack(t, write(t, someActions()...))
	header := text[:bytes.IndexByte(text, '\n')+1]
	action := append(bytes.Clone(header), `{"action":"upload","key":"`...)
	for name, tt := range map[string]struct {
		data []byte
		want string
	}{
		"an endless header":   {bomb(t, nil), "the plan cannot be used: line 1 is too long"},
		"an endless key":      {bomb(t, action), "the plan cannot be used: line 2 is too long"},
		"behind the last one": {bomb(t, text), "the plan cannot be used: something follows its last line"},
		"a wide window":       {wide(), "the plan cannot be used: decompressing it takes more memory than the 64 MiB that a plan may take"},
	} {
		t.Run(name, func(t *testing.T) {
			if len(tt.data) > 1<<20 {
				t.Fatalf("the file has %d bytes", len(tt.data))
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := Read(bytes.NewReader(tt.data), nil)
			runtime.ReadMemStats(&after)
			if !errors.Is(err, ErrInvalid) || err.Error() != tt.want {
				t.Errorf("got %v, want %q", err, tt.want)
			}
			if took := after.TotalAlloc - before.TotalAlloc; took > 192<<20 {
				t.Errorf("it took %d MiB", took>>20)
			}
		})
	}
}

// A plan that is compressed again by another program, as zstd -19 does, is still read.
func TestCompressedAgain(t *testing.T) {
	var b bytes.Buffer
	z, err := zstd.NewWriter(&b, zstd.WithEncoderLevel(zstd.SpeedBestCompression), zstd.WithWindowSize(8<<20))
	if err == nil {
		_, err = io.Copy(z, bytes.NewReader(unpack(t, write(t, someActions()...))))
	}
	if err = errors.Join(err, z.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(bytes.NewReader(b.Bytes()), nil); err != nil {
		t.Error(err)
	}
}
