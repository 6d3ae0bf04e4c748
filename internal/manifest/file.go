package manifest

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// The largest window of a compressed manifest in bytes. It bounds the memory that a
// hostile file can ask for.
const maxWindow = 64 << 20

// Compress returns a writer that compresses onto w if the name says so: by its end .zst
// or .gz. Closing it does not close w.
func Compress(name string, w io.Writer) (io.WriteCloser, error) {
	switch {
	case strings.HasSuffix(name, ".zst"):
		return zstd.NewWriter(w, zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true))
	case strings.HasSuffix(name, ".gz"):
		return gzip.NewWriter(w), nil
	}
	return plain{w}, nil
}

// plain is a writer without compression.
type plain struct{ io.Writer }

func (plain) Close() error { return nil }

// Decompress returns the text of a manifest that may be compressed. It looks at the first
// bytes, because files are renamed.
func Decompress(r io.Reader) (io.ReadCloser, error) {
	in := bufio.NewReaderSize(r, 64<<10)
	first, err := in.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	switch {
	case bytes.Equal(first, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		d, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderMaxMemory(maxWindow))
		if err != nil {
			return nil, err
		}
		return decompressed{d.IOReadCloser()}, nil
	case bytes.HasPrefix(first, []byte{0x1f, 0x8b}):
		d, err := gzip.NewReader(in)
		if err != nil {
			return nil, refused(0, "it cannot be decompressed: %w", err)
		}
		return decompressed{d}, nil
	}
	return io.NopCloser(in), nil
}

// decompressed says that a fault of the compressed data is a damaged manifest.
type decompressed struct{ io.ReadCloser }

func (d decompressed) Read(p []byte) (int, error) {
	n, err := d.ReadCloser.Read(p)
	if errors.Is(err, zstd.ErrWindowSizeExceeded) || errors.Is(err, zstd.ErrDecoderSizeExceeded) {
		return n, fmt.Errorf("%w: decompressing it takes more memory than the %d MiB that a manifest may take", ErrRefused, maxWindow>>20)
	}
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		err = fmt.Errorf("%w: it cannot be decompressed: %w", ErrRefused, err)
	}
	return n, err
}
