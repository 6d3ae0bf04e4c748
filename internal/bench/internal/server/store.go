package server

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"

	"s3sync/internal/bench/internal/madeup"
)

// A bucket has the objects of its layout, without those that were deleted, and what was
// written. Listings show the objects of the layout only.
type bucket struct {
	madeup.Layout

	mu      sync.RWMutex
	written map[string]*object
	deleted []uint64 // bits
	gone    int      // number of bits
}

func newBucket(l madeup.Layout) *bucket {
	return &bucket{Layout: l, written: make(map[string]*object), deleted: make([]uint64, l.Objects/64+1)}
}

// An object is what was written.
type object struct {
	etag   string
	size   int64
	kept   string   // header lines
	pieces [][]byte // the bytes, with -keep
}

// isDeleted needs the lock of the bucket.
func (b *bucket) isDeleted(i int) bool { return b.deleted[i/64]>>(i%64)&1 != 0 }

func (b *bucket) remove(key string) {
	i, ok := b.Find(key)
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.written, key)
	if ok && !b.isDeleted(i) {
		b.deleted[i/64] |= 1 << (i % 64)
		b.gone++
	}
}

func (b *bucket) write(key string, o *object) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.written[key] = o
}

// lookup returns what was written under a key, or else the number of its made-up
// object, or -1.
func (b *bucket) lookup(key string) (*object, int) {
	i, ok := b.Find(key)
	b.mu.RLock()
	defer b.mu.RUnlock()
	if o := b.written[key]; o != nil {
		return o, -1
	}
	if !ok || b.isDeleted(i) {
		return nil, -1
	}
	return nil, i
}

// count returns the number of objects.
func (b *bucket) count() int {
	b.mu.RLock()
	defer b.mu.RUnlock()
	n := b.Objects - b.gone
	for key := range b.written {
		if i, ok := b.Find(key); !ok || b.isDeleted(i) {
			n++
		}
	}
	return n
}

// verify compares a bucket with a directory: there must be the same keys with the same
// contents. Of objects whose bytes were not kept, it compares the MD5 if the ETag is
// one, and the size.
func (s *server) verify(name, dir string) error {
	b := s.buckets[name]
	if b == nil {
		return fmt.Errorf("there is no bucket %q", name)
	}
	files := 0
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		files++
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		return b.compare(filepath.ToSlash(rel), path)
	})
	if objects := b.count(); err == nil && objects != files {
		err = fmt.Errorf("%d objects in the bucket, %d files in %s", objects, files, dir)
	}
	return err
}

// compare compares an object with a file.
func (b *bucket) compare(key, path string) error {
	o, i := b.lookup(key)
	if o == nil && i < 0 {
		return fmt.Errorf("%s: there is no such object", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // only read
	if o == nil {
		return sameBytes(f, b.Size, func(off int64) []byte { return madeup.Content(i, b.Size, off) })
	}
	if o.pieces != nil {
		return sameBytes(f, o.size, func(off int64) []byte { return o.at(off) })
	}
	digest := md5.New()
	n, err := io.Copy(digest, f)
	if sum := hex.EncodeToString(digest.Sum(nil)); err == nil && (n != o.size || len(o.etag) == len(sum) && o.etag != sum) {
		err = fmt.Errorf("%s: %d bytes with MD5 %s, but the object has %d and %s", path, n, sum, o.size, o.etag)
	}
	return err
}

// at returns the bytes from off on, as far as they are in one piece.
func (o *object) at(off int64) []byte {
	for _, p := range o.pieces {
		if off < int64(len(p)) {
			return p[off:]
		}
		off -= int64(len(p))
	}
	return nil
}

// sameBytes compares a file with what at returns.
func sameBytes(f *os.File, size int64, at func(off int64) []byte) error {
	buf := make([]byte, min(size, 1<<20)+1)
	for off := int64(0); ; {
		n, err := f.Read(buf)
		for got := buf[:n]; len(got) > 0; {
			if off >= size {
				return fmt.Errorf("%s is longer than %d bytes", f.Name(), size)
			}
			want := at(off)
			m := min(len(got), len(want))
			if !bytes.Equal(got[:m], want[:m]) {
				return fmt.Errorf("%s differs near byte %d", f.Name(), off)
			}
			got, off = got[m:], off+int64(m)
		}
		if errors.Is(err, io.EOF) {
			if off != size {
				return fmt.Errorf("%s has %d of %d bytes", f.Name(), off, size)
			}
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// uploads are the unfinished multipart uploads.
type uploads struct {
	mu   sync.Mutex
	byID map[string]*upload
}

type upload struct {
	kept  string
	parts map[int]part
}

type part struct {
	sum  []byte // MD5
	size int64
	data []byte // with -keep
}

func (u *uploads) create(id, kept string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.byID == nil {
		u.byID = make(map[string]*upload)
	}
	u.byID[id] = &upload{kept: kept, parts: make(map[int]part)}
}

// add adds a part. It reports whether there is such an upload.
func (u *uploads) add(id string, number int, p part) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	up := u.byID[id]
	if up != nil {
		up.parts[number] = p
	}
	return up != nil
}

// end ends an upload and returns the object that its parts make, or nil.
func (u *uploads) end(id string) *object {
	u.mu.Lock()
	up := u.byID[id]
	delete(u.byID, id)
	u.mu.Unlock()
	if up == nil {
		return nil
	}
	o := &object{kept: up.kept}
	digest := md5.New()
	for _, number := range slices.Sorted(maps.Keys(up.parts)) {
		p := up.parts[number]
		_, _ = digest.Write(p.sum) // a hash does not fail
		o.size += p.size
		if p.data != nil {
			o.pieces = append(o.pieces, p.data)
		}
	}
	o.etag = hex.EncodeToString(digest.Sum(nil)) + "-" + strconv.Itoa(len(up.parts))
	return o
}
