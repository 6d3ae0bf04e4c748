package transfer

import (
	"cmp"
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"reflect"
	"slices"
	"time"

	"s3sync/internal/checksum"
	"s3sync/internal/resume"
	"s3sync/storage"
)

// A completed is an upload that an earlier run completed, and ended before it noted that. It
// takes the place of a Writer or a CopyWriter: it adopts the parts, and its Commit tells of the
// object that is there.
type completed struct {
	token string
	parts map[int]storage.WrittenPart
	info  storage.Info
}

var (
	_ storage.Writer     = (*completed)(nil)
	_ storage.CopyWriter = (*completed)(nil)
	_ storage.Unfinished = (*completed)(nil)
)

// completed returns what is left of e if its upload is gone, as why says, because it was
// completed: the target has the object that these very parts make. Otherwise it returns nil.
func (o *object) completed(ctx context.Context, e *resume.Entry, why error) *completed {
	if !errors.Is(why, fs.ErrNotExist) || o.t.target.Caps.Files {
		return nil
	}
	noted, etag := e.Parts(), checksum.NewETag(o.layout)
	c := &completed{token: e.Token, parts: map[int]storage.WrittenPart{}}
	for i := range o.layout.Len() {
		part := noted[i+1]
		var sum [md5.Size]byte
		n, err := hex.Decode(sum[:], []byte(part.ETag)[:min(len(part.ETag), hex.EncodedLen(md5.Size))])
		if _, size := o.layout.Bounds(i); err != nil || n != md5.Size || size != part.Size || etag.SetPart(i, sum) != nil {
			return nil
		}
		c.parts[i+1] = storage.WrittenPart{Number: i + 1, Size: part.Size, ETag: part.ETag, Checksum: part.Checksum}
	}
	want, err := etag.Sum()
	if err != nil {
		return nil
	}
	// S3 dates an object in parts when its upload began. An older one is not this one. The
	// clock of the server may be another one.
	made := func(info *storage.Info) bool {
		return info.ETag == want && info.Size == o.layout.Total() && !info.ModTime.Before(e.Begun.Add(-time.Hour))
	}
	if c.info, err = o.await(ctx, made); err != nil || !o.carried(ctx, &c.info) {
		return nil
	}
	return c
}

// The pauses before an object is looked at again that a server may be completing: 12.7 s in
// all.
const (
	firstCompletePause = 100 * time.Millisecond
	lastCompletePause  = 6400 * time.Millisecond
)

// await waits until the target has the object, or fails. Some servers do not know an upload
// any more while they complete it, and they do that although nobody waits for the answer
// any more.
func (o *object) await(ctx context.Context, made func(*storage.Info) bool) (storage.Info, error) {
	for pause := firstCompletePause; ; pause *= 2 {
		info, err := o.t.target.Stat(ctx, o.a.Key(), o.a.TargetKey, storage.StatOptions{Checksums: true})
		switch {
		case err == nil && made(&info):
			return info, nil
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			return info, err
		case pause > lastCompletePause:
			return info, fs.ErrNotExist
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return info, context.Cause(ctx)
		}
	}
}

// carried reports whether an object of the target has everything that o is written with.
// Somebody else may have written the same bytes, and a server may get the tags after them.
func (o *object) carried(ctx context.Context, info *storage.Info) bool {
	want, has := o.opts.Attributes, info.Attributes
	for _, a := range []*storage.Attributes{&want, &has} {
		a.StorageClass = cmp.Or(a.StorageClass, "STANDARD")
	}
	same := maps.Equal(want.Metadata, has.Metadata)
	want.Metadata, has.Metadata = nil, nil
	if !same || !reflect.DeepEqual(want, has) || o.opts.ACL != "" { // an ACL cannot be seen
		return false
	}
	if len(o.opts.Tags) == 0 {
		return info.TagCount == 0
	}
	tagger, err := o.t.target.Tagger()
	if err != nil {
		return false
	}
	tags, err := tagger.Tags(ctx, o.a.TargetKey, "")
	return err == nil && maps.Equal(tags, o.opts.Tags)
}

// held returns the parts in the order of their numbers.
func (c *completed) held() []storage.WrittenPart {
	var held []storage.WrittenPart
	for _, n := range slices.Sorted(maps.Keys(c.parts)) {
		held = append(held, c.parts[n])
	}
	return held
}

// errOtherPart begins the object anew.
func errOtherPart(n int) error {
	return fmt.Errorf("%w: part %d is not what an earlier run completed", storage.ErrMismatch, n)
}

// WritePart fails: the part was not adopted, so the object has other bytes.
func (c *completed) WritePart(_ context.Context, n int, _ int64, _ storage.Block) error {
	return errOtherPart(n)
}

// CopyPart fails as WritePart does.
func (c *completed) CopyPart(_ context.Context, n int, _, _ int64) error { return errOtherPart(n) }

// Commit tells of the object.
func (c *completed) Commit(context.Context) (storage.Info, error) { return c.info, nil }

// Abort does nothing: there is no upload.
func (c *completed) Abort(context.Context) error { return nil }

// Token is that of the upload.
func (c *completed) Token() string { return c.token }

// Leave does nothing.
func (c *completed) Leave(context.Context) error { return nil }

// Part returns a part.
func (c *completed) Part(n int) (storage.WrittenPart, bool) {
	p, ok := c.parts[n]
	return p, ok
}

// Adopt accepts the parts of the object.
func (c *completed) Adopt(p storage.WrittenPart, _ int64) error {
	if had := c.parts[p.Number]; had.ETag != p.ETag || had.Size != p.Size {
		return errOtherPart(p.Number)
	}
	return nil
}
