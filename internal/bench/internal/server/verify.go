package server

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"s3sync/internal/bench/internal/madeup"
)

// verify compares a bucket with a directory, or with s3://BUCKET of the same layout:
// there must be the same keys with the same contents.
func (s *server) verify(name, other string) error {
	b := s.buckets[name]
	if b == nil {
		return fmt.Errorf("there is no bucket %q", name)
	}
	if source, ok := strings.CutPrefix(other, "s3://"); ok {
		if s.buckets[source] == nil {
			return fmt.Errorf("there is no bucket %q", source)
		}
		return b.verifyBucket(s.buckets[source])
	}
	return b.verifyFiles(other)
}

func (b *bucket) verifyFiles(dir string) error {
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

// verifyBucket compares with a bucket whose objects are all made up, so the objects of
// both are equal where nothing was written.
func (b *bucket) verifyBucket(source *bucket) error {
	if b.Layout != source.Layout {
		return fmt.Errorf("layouts %v and %v cannot be compared", b.Layout, source.Layout)
	}
	b.mu.RLock()
	defer b.mu.RUnlock()
	source.mu.RLock()
	defer source.mu.RUnlock()
	if n := len(b.written) + len(source.written); n > 0 {
		return fmt.Errorf("%d objects were written, but only deletions were asked for", n)
	}
	for i := range b.Objects {
		switch gone, want := b.isDeleted(i), source.isDeleted(i); {
		case gone && !want:
			return fmt.Errorf("%s was deleted, but the source has it", b.AppendKey(nil, i))
		case !gone && want:
			return fmt.Errorf("%s was not deleted, but the source does not have it", b.AppendKey(nil, i))
		}
	}
	return nil
}

// compare compares an object with a file: their bytes, or, if those were not kept, their
// sizes and the ETag with that of the file.
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
	etag, size, err := etagOf(f, o.parts)
	if err == nil && (size != o.size || etag != o.etag) {
		err = fmt.Errorf("%s: %d bytes with ETag %s, but the object has %d and %s", path, size, etag, o.size, o.etag)
	}
	return err
}

// etagOf returns the ETag and the size of a file that is uploaded in parts of such sizes,
// or, without any, in one piece.
func etagOf(f io.Reader, parts []int64) (etag string, size int64, err error) {
	digest := md5.New()
	if parts == nil {
		size, err = io.Copy(digest, f)
		return hex.EncodeToString(digest.Sum(nil)), size, err
	}
	whole := md5.New()
	for _, part := range parts {
		digest.Reset()
		n, err := io.Copy(digest, io.LimitReader(f, part))
		if err != nil {
			return "", 0, err
		}
		size += n
		_, _ = whole.Write(digest.Sum(nil)) // a hash does not fail
	}
	rest, err := io.Copy(io.Discard, f)
	return hex.EncodeToString(whole.Sum(nil)) + "-" + strconv.Itoa(len(parts)), size + rest, err
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
