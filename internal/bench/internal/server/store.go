package server

import (
	"crypto/md5"
	"encoding/hex"
	"maps"
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

// only removes all objects of the layout but every so manieth.
func (b *bucket) only(every int) {
	for i := range b.Objects {
		if i%every != 0 {
			b.deleted[i/64] |= 1 << (i % 64)
			b.gone++
		}
	}
}

// An object is what was written.
type object struct {
	etag   string
	size   int64
	kept   string   // header lines
	parts  []int64  // their sizes, if it was uploaded in parts
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
		o.parts = append(o.parts, p.size)
		if p.data != nil {
			o.pieces = append(o.pieces, p.data)
		}
	}
	o.etag = hex.EncodeToString(digest.Sum(nil)) + "-" + strconv.Itoa(len(up.parts))
	return o
}
