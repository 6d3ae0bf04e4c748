package audit

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"s3sync/internal/checksum"
	"s3sync/internal/manifest"
	"s3sync/storage"
)

// pieceSize is the number of bytes that a worker reads at once.
const pieceSize = 1 << 20

// A digest is one that an entry has and that can be computed from the bytes.
type digest struct {
	name string // in the words of a user
	told string
	etag *checksum.ETag
	sum  *checksum.Sum
	// sure: another value shows other bytes. An ETag may be no digest, if the run did not
	// verify it.
	sure bool
}

// base64Of returns hexadecimal digits as S3 writes a digest.
func base64Of(digits string) string {
	b, err := hex.DecodeString(digits)
	if err != nil {
		return ""
	}
	return base64.StdEncoding.EncodeToString(b)
}

// digestOf returns the best digest of an entry, or nil if reading shows nothing.
func digestOf(e *manifest.Entry) *digest {
	whole := checksum.Whole(e.Size)
	sums := recorded(e)
	for _, sum := range slices.Backward(sums) { // the SHA-256 is the last one
		algorithm, value, _ := strings.Cut(sum, ":")
		if partsOf(value) != "" {
			continue
		}
		if sum, err := checksum.NewSum(checksum.Algorithm(algorithm), whole, checksum.FullObject); err == nil {
			return &digest{name: algorithm, told: value, sum: sum, sure: true}
		}
	}
	for _, etag := range etagsOf(e) {
		parts, ok := checksum.ParseETag(etag)
		if !ok {
			continue
		}
		layout := whole
		if parts > 0 {
			if layout = layoutOf(e); layout.Len() != parts || !layout.Multipart() {
				continue
			}
		}
		return &digest{name: "ETag", told: etag, etag: checksum.NewETag(layout), sure: verified(e)}
	}
	return nil
}

// layoutOf returns the parts in which the target was written.
func layoutOf(e *manifest.Entry) checksum.Layout {
	if e.PartSize > 0 {
		return checksum.Uniform(e.Size, e.PartSize)
	}
	if l, err := checksum.Parts(e.PartSizes); err == nil && l.Total() == e.Size {
		return l
	}
	return checksum.Whole(e.Size)
}

// compareContent reads an object and compares its bytes with an entry of the same size.
func (a *auditor) compareContent(ctx context.Context, e *manifest.Entry, now *storage.Object, version string) error {
	d := digestOf(e)
	if d == nil {
		a.find(Finding{Kind: Unknown, Key: now.Key, VersionID: version, Why: "the manifest has no digest of it that reading could be compared with"})
		return nil
	}
	if err := a.digest(ctx, d, now, version); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			a.find(Finding{Kind: Missing, Key: now.Key, VersionID: version, Why: "it is gone since it was listed"})
			return nil
		}
		return a.failed(ctx, now.Key, version, err)
	}
	same, got, err := d.compare()
	switch {
	case err != nil:
		return a.failed(ctx, now.Key, version, err)
	case same:
		a.count(&a.result.ByContent)
	case d.sure:
		a.find(Finding{Kind: Different, Key: now.Key, VersionID: version, Why: fmt.Sprintf("the %s of its content is %s, and was %s", d.name, got, d.told)})
	default:
		a.find(Finding{Kind: Unknown, Key: now.Key, VersionID: version, Why: fmt.Sprintf(
			"the %s of its content is %s, and was %s; but the run did not verify that this is a digest", d.name, got, d.told)})
	}
	return nil
}

// digest reads an object of the listed size.
func (a *auditor) digest(ctx context.Context, d *digest, now *storage.Object, version string) (err error) {
	r, err := a.side.Store.Open(ctx, now.Key, storage.OpenOptions{VersionID: version, Listed: now})
	if err != nil {
		return err
	}
	defer r.Close()
	if size := r.Info().Size; size != now.Size {
		return fmt.Errorf("it has %d bytes, and was listed with %d: %w", size, now.Size, storage.ErrChanged)
	}
	buf := make([]byte, min(pieceSize, now.Size))
	for off := int64(0); off < now.Size; off += pieceSize {
		piece := buf[:min(pieceSize, now.Size-off)]
		err := a.side.RetryUnlessChanged(ctx, now.Key, func(ctx context.Context) error { return r.ReadAt(ctx, piece, off) })
		if err == nil {
			err = d.add(ctx, piece, off)
		}
		if err != nil {
			return err
		}
		a.mu.Lock()
		a.result.ReadBytes += int64(len(piece))
		a.mu.Unlock()
	}
	return r.Check(ctx)
}

func (d *digest) add(ctx context.Context, p []byte, off int64) error {
	if d.etag != nil {
		return d.etag.WriteAt(ctx, p, off)
	}
	return d.sum.WriteAt(ctx, p, off)
}

// compare returns the digest of the bytes, and whether it is the one of the entry.
func (d *digest) compare() (same bool, got string, err error) {
	if d.etag != nil {
		got, err = d.etag.Sum()
	} else {
		got, err = d.sum.Value()
	}
	return got == d.told, got, err
}
