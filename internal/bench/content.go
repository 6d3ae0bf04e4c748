package main

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

// A layout describes the objects of a made-up bucket and the files of the tree that
// is equal to it. Keys ascend in byte order: "000012/000001234.bin", or
// "000001234.bin" without folders.
type layout struct {
	objects int
	folder  int   // objects in a folder; 0 is no folders
	size    int64 // bytes of each object
}

// parseLayout parses OBJECTS,FOLDER,SIZE.
func parseLayout(s string) (layout, error) {
	var numbers [3]int64
	fields := strings.Split(s, ",")
	if len(fields) != len(numbers) {
		return layout{}, fmt.Errorf("%q is not OBJECTS,FOLDER,SIZE", s)
	}
	for i, f := range fields {
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil || n < 0 {
			return layout{}, fmt.Errorf("%q in %q is not a natural number", f, s)
		}
		numbers[i] = n
	}
	return layout{objects: int(numbers[0]), folder: int(numbers[1]), size: numbers[2]}, nil
}

func (l layout) String() string { return fmt.Sprintf("%d,%d,%d", l.objects, l.folder, l.size) }

// appendKey appends the key of object number i.
func (l layout) appendKey(b []byte, i int) []byte {
	if l.folder > 0 {
		b = append(appendDigits(b, i/l.folder, 6), '/')
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

// search returns the number of the first object whose key is not below key.
func (l layout) search(key string) int {
	var buf [32]byte
	return sort.Search(l.objects, func(i int) bool { return string(l.appendKey(buf[:0], i)) >= key })
}

// find returns the number of the object under key.
func (l layout) find(key string) (int, bool) {
	i := l.search(key)
	if i == l.objects {
		return 0, false
	}
	var buf [32]byte
	return i, string(l.appendKey(buf[:0], i)) == key
}

// modTime is the time of all made-up objects.
func modTime() time.Time { return time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC) }

// fileTime is the time of the files of trees. They are older than the objects, so
// that no tool thinks that they have changed.
func fileTime() time.Time { return modTime().AddDate(-1, 0, 0) }

const (
	// partSize is the size of the parts of made-up objects that are larger.
	partSize = 8 << 20
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
	b := make([]byte, partSize+kinds*kindStep)
	_, _ = rand.NewChaCha8([32]byte{}).Read(b) // never fails
	return b
})

// content returns the bytes of object number i from off on, as far as they are in one
// piece. Objects above partSize repeat their first part.
func content(i int, size, off int64) []byte {
	from := i % kinds * kindStep
	start := off % partSize
	return madeUp()[from+int(start):][:min(size-off, partSize-start)]
}

// writeContent writes the bytes [off, end) of object number i.
func writeContent(w io.Writer, i int, off, end int64) error {
	for off < end {
		piece := content(i, end, off)
		if _, err := w.Write(piece); err != nil {
			return err
		}
		off += int64(len(piece))
	}
	return nil
}

// etags are the ETags of made-up objects, computed when they are needed.
type etags struct {
	mu    sync.Mutex
	known map[etagKey]string
}

type etagKey struct {
	kind int
	size int64
}

// of returns the ETag, without quotes, of object number i: the MD5 of its bytes, or
// that of an upload in parts of partSize.
func (e *etags) of(i int, size int64) string {
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

func etagOf(i int, size int64) string {
	if size <= partSize {
		sum := md5.Sum(content(i, size, 0))
		return hex.EncodeToString(sum[:])
	}
	whole := md5.Sum(content(i, size, 0)) // all parts but the last are equal
	digest, parts := md5.New(), 0
	for off := int64(0); off < size; off += partSize {
		sum := whole
		if size-off < partSize {
			sum = md5.Sum(content(i, size, off))
		}
		_, _ = digest.Write(sum[:]) // a hash does not fail
		parts++
	}
	return hex.EncodeToString(digest.Sum(nil)) + "-" + strconv.Itoa(parts)
}
