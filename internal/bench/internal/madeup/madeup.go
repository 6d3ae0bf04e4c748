// Package madeup is the data that a benchmark moves: objects whose keys and contents
// follow from their numbers. The server makes them up, trees of files are written of
// them, and both are equal.
package madeup

import (
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A Layout describes the objects of a made-up bucket and the files of the tree that
// is equal to it. Keys ascend in byte order: "000012/000001234.bin", or
// "000001234.bin" without folders.
type Layout struct {
	Objects int
	Folder  int   // objects in a folder; 0 is no folders
	Size    int64 // bytes of each object
}

// ParseLayout parses OBJECTS,FOLDER,SIZE, as String writes it.
func ParseLayout(s string) (Layout, error) {
	var numbers [3]int64
	fields := strings.Split(s, ",")
	if len(fields) != len(numbers) {
		return Layout{}, fmt.Errorf("%q is not OBJECTS,FOLDER,SIZE", s)
	}
	for i, f := range fields {
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil || n < 0 {
			return Layout{}, fmt.Errorf("%q in %q is not a natural number", f, s)
		}
		numbers[i] = n
	}
	return Layout{Objects: int(numbers[0]), Folder: int(numbers[1]), Size: numbers[2]}, nil
}

// String returns OBJECTS,FOLDER,SIZE.
func (l Layout) String() string { return fmt.Sprintf("%d,%d,%d", l.Objects, l.Folder, l.Size) }

// AppendKey appends the key of object number i.
func (l Layout) AppendKey(b []byte, i int) []byte {
	if l.Folder > 0 {
		b = append(appendDigits(b, i/l.Folder, 6), '/')
	}
	return append(appendDigits(b, i, 9), ".bin"...)
}

func appendDigits(b []byte, n, digits int) []byte {
	for range digits {
		b = append(b, '0')
	}
	for at := len(b) - 1; n > 0; at-- {
		b[at] = '0' + byte(n%10)
		n /= 10
	}
	return b
}

// Search returns the number of the first object whose key is not below key.
func (l Layout) Search(key string) int {
	var buf [32]byte
	return sort.Search(l.Objects, func(i int) bool { return string(l.AppendKey(buf[:0], i)) >= key })
}

// Find returns the number of the object under key.
func (l Layout) Find(key string) (int, bool) {
	i := l.Search(key)
	if i == l.Objects {
		return 0, false
	}
	var buf [32]byte
	return i, string(l.AppendKey(buf[:0], i)) == key
}

// ModTime is the time of all made-up objects.
func ModTime() time.Time { return time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC) }

const (
	// MaxKeys is the largest number of keys in one page or in one DeleteObjects.
	// https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
	MaxKeys = 1000
	// PartSize is the size of the parts of made-up objects that are larger.
	PartSize = 8 << 20
	// kinds is the number of different contents: object number i has content
	// i%kinds. Few are needed to notice objects that were mixed up.
	kinds = 251
	// kindStep is the distance between the beginnings of two contents.
	kindStep = 4093
)

// madeUp returns the random bytes that all contents are slices of.
//
//nolint:gochecknoglobals // made once, and never changed
var madeUp = sync.OnceValue(func() []byte {
	b := make([]byte, PartSize+kinds*kindStep)
	_, _ = rand.NewChaCha8([32]byte{}).Read(b) // never fails
	return b
})

// Content returns the bytes of object number i from off on, as far as they are in one
// piece. Objects above PartSize repeat their first part.
func Content(i int, size, off int64) []byte {
	from := i % kinds * kindStep
	start := off % PartSize
	return madeUp()[from+int(start):][:min(size-off, PartSize-start)]
}

// writeContent writes the bytes [off, end) of object number i.
func writeContent(w io.Writer, i int, off, end int64) error {
	for off < end {
		piece := Content(i, end, off)
		if _, err := w.Write(piece); err != nil {
			return err
		}
		off += int64(len(piece))
	}
	return nil
}

// ETags are the ETags of made-up objects, computed when they are needed. The zero value
// is ready, and any number of goroutines may use it.
type ETags struct {
	mu    sync.Mutex
	known map[etagKey]string
}

type etagKey struct {
	kind int
	size int64
}

// Of returns the ETag, without quotes, of object number i: the MD5 of its bytes, or
// that of an upload in parts of PartSize.
func (e *ETags) Of(i int, size int64) string {
	k := etagKey{i % kinds, size}
	e.mu.Lock()
	defer e.mu.Unlock()
	etag, ok := e.known[k]
	if !ok {
		if e.known == nil {
			e.known = make(map[etagKey]string)
		}
		etag = etagOf(i, size)
		e.known[k] = etag
	}
	return etag
}

// Prepare computes those of a layout, so that no request waits for it.
func (e *ETags) Prepare(l Layout) {
	for i := range min(l.Objects, kinds) {
		e.Of(i, l.Size)
	}
}

func etagOf(i int, size int64) string {
	if size <= PartSize {
		sum := md5.Sum(Content(i, size, 0))
		return hex.EncodeToString(sum[:])
	}
	whole := md5.Sum(Content(i, size, 0)) // all parts but the last are equal
	digest, parts := md5.New(), 0
	for off := int64(0); off < size; off += PartSize {
		sum := whole
		if size-off < PartSize {
			sum = md5.Sum(Content(i, size, off))
		}
		_, _ = digest.Write(sum[:]) // a hash does not fail
		parts++
	}
	return hex.EncodeToString(digest.Sum(nil)) + "-" + strconv.Itoa(parts)
}
