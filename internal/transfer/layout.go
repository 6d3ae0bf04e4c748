package transfer

import (
	"context"
	"errors"
	"fmt"

	"s3sync/internal/checksum"
	"s3sync/internal/setting"
	"s3sync/internal/verify"
	"s3sync/storage"
)

// maxObject is the maximum size of an object in bytes, with or without parts.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
const maxObject = 5 << 30 * checksum.MaxParts

// fits fails, before memory is allocated, if the reported size of the object is
// impossible.
func (o *object) fits() error {
	if o.info.Size >= 0 && o.info.Size <= maxObject {
		return nil
	}
	return o.t.source.Wrap(&storage.Error{Op: "open", Key: o.a.Key(), Err: fmt.Errorf(
		"no object can have the %d bytes that it is told to have", o.info.Size)})
}

// layoutOf cuts an object of the given size according to the options.
func (t *Transferrer) layoutOf(size int64) checksum.Layout {
	if size < t.opts.Threshold {
		return checksum.Whole(size)
	}
	return checksum.Uniform(size, checksum.Plan(size, t.opts.ChunkSize, t.target.Caps.MaxParts))
}

// firstRange returns the number of bytes to request first of an object of the listed
// size: one part, or 0 for the whole object.
func (t *Transferrer) firstRange(size int64) int64 {
	if layout := t.layoutOf(size); layout.Multipart() {
		_, n := layout.Bounds(0)
		return n
	}
	return 0
}

// chooseLayout cuts the object into the parts of its source, if that is requested and
// the parts are known. Otherwise it follows the options.
func (o *object) chooseLayout(ctx context.Context) (checksum.Layout, error) {
	t := o.t
	layout := t.layoutOf(o.info.Size)
	if !t.opts.KeepLayout || t.source.Caps.Files || t.target.Caps.Files {
		return layout, nil
	}
	if parts, ok := checksum.ParseETag(o.info.ETag); ok {
		layouts, guessed, err := o.parts.Layouts(ctx, parts)
		switch {
		case err == nil && !guessed:
			return layouts[0], nil
		case err != nil && !errors.Is(err, verify.ErrUnknownLayout):
			return layout, err
		}
	}
	if t.opts.Versions && o.info.ETagNotDigest {
		return layout, nil // its ETag is not compared
	}
	if t.opts.LayoutUnknown != nil {
		t.opts.LayoutUnknown(o.a.Key())
	}
	return layout, nil
}

// streams reports whether a part of size bytes is sent without being held in memory.
func (t *Transferrer) streams(size int64) bool { return size > t.held }

// checkKept reports, once, that the target does not confirm the additional checksum
// that it was asked to keep: objects may have no checksum there.
func (t *Transferrer) checkKept(written *storage.Info) {
	want := t.opts.Verify.Algorithm
	if want == "" || t.target.Caps.Files || t.opts.Notice == nil {
		return
	}
	if _, ok := written.Checksum(want); ok {
		return
	}
	t.checksumLost.Do(func() {
		text := setting.Textf("the target does not confirm that it keeps the %s checksum of %q that %s asks for: "+
			"what is written may have none", want, written.Key, setting.Name("Verify.Algorithm"))
		t.opts.Notice(storage.Notice{Warning: true, Text: text.String(), Settings: text.Settings()})
	})
}
