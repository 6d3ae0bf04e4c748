// Package checksum computes the ETags and the additional checksums of S3 objects from
// their bytes, which may arrive in any order. It also knows how an object is split
// into parts.
//
// An object written by one PutObject has the MD5 of its bytes as its ETag. The ETag of
// an object written in parts is the MD5 of the concatenated MD5 digests of its parts,
// followed by "-" and the number of parts, also if there is only one. So this ETag
// depends on the sizes of the parts as well as on the bytes. This holds for objects
// without encryption or with SSE-S3; other ETags are no digests.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html
//
// An additional checksum is a digest that the writer of the object chose. For an
// object written in parts it is either composed in the same way or, for CRCs only, the
// digest of all bytes. Encryption does not change it.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html
package checksum

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// A Layout says how an object is split into parts. The zero Layout is that of an empty
// object written whole. A Layout is immutable.
type Layout struct {
	total     int64
	part      int64   // size of every part but the last, if ends is nil; 0 if total is 0
	ends      []int64 // offsets behind each part, where the sizes are not uniform
	multipart bool
}

// Whole returns the layout of an object of total bytes that is not split. Its ETag and
// its checksums have no part count.
func Whole(total int64) Layout {
	return Layout{total: total, part: total}
}

// Uniform returns the layout of a multipart upload of total bytes in parts of the
// given size. The last part may be smaller. A size that is not positive, or above
// total, gives one part. No list of parts is kept.
func Uniform(total, size int64) Layout {
	if size <= 0 || size > total {
		size = total
	}
	return Layout{total: total, part: size, multipart: true}
}

// Parts returns the layout of a multipart upload with parts of these sizes. It detects
// a uniform layout and keeps no list of it. It fails if there are no sizes, or if one
// is negative.
func Parts(sizes []int64) (Layout, error) {
	if len(sizes) == 0 {
		return Layout{}, errors.New("layout without parts")
	}
	ends := make([]int64, len(sizes))
	var total int64
	for i, n := range sizes {
		if n < 0 || n > math.MaxInt64-total {
			return Layout{}, fmt.Errorf("part %d cannot have %d bytes", i+1, n)
		}
		total += n
		ends[i] = total
	}
	if u := Uniform(total, sizes[0]); u.Len() == len(sizes) && slices.Equal(u.Sizes(), sizes) {
		return u, nil
	}
	return Layout{total: total, ends: ends, multipart: true}, nil
}

// Total returns the size of the object in bytes.
func (l Layout) Total() int64 { return l.total }

// Multipart reports whether the object is written in parts, so that its ETag has a
// part count.
func (l Layout) Multipart() bool { return l.multipart }

// Len returns the number of parts: at least 1, since an empty object has one
// empty part.
func (l Layout) Len() int {
	switch {
	case l.ends != nil:
		return len(l.ends)
	case l.part == 0:
		return 1
	default:
		return int((l.total-1)/l.part) + 1
	}
}

// Bounds returns where part i begins, and its size in bytes. Parts are counted
// from 0 here.
func (l Layout) Bounds(i int) (off, size int64) {
	if l.ends != nil {
		if i > 0 {
			off = l.ends[i-1]
		}
		return off, l.ends[i] - off
	}
	off = int64(i) * l.part
	return off, min(l.part, l.total-off)
}

// Index returns the part that holds the byte at off, 0 <= off < Total().
func (l Layout) Index(off int64) int {
	if l.ends != nil {
		i, _ := slices.BinarySearch(l.ends, off+1)
		return i
	}
	if l.part == 0 {
		return 0
	}
	return int(off / l.part)
}

// Sizes returns the sizes of all parts in order.
func (l Layout) Sizes() []int64 {
	sizes := make([]int64, l.Len())
	for i := range sizes {
		_, sizes[i] = l.Bounds(i)
	}
	return sizes
}

// Equal reports whether the same bytes have the same ETag in both layouts.
func (l Layout) Equal(m Layout) bool {
	return l.total == m.total && l.part == m.part && l.multipart == m.multipart && slices.Equal(l.ends, m.ends)
}
