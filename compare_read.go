package s3sync

import (
	"context"
	"fmt"

	"s3sync/internal/checksum"
	"s3sync/storage"
)

// Where digests that the servers tell do not help, the bytes do, if that is asked
// for: both objects are read and digested in the same way.

// readAlgorithm is what both are digested by.
const readAlgorithm = checksum.SHA256

// readBoth compares the bytes of both sides.
func (c *comparison) readBoth(ctx context.Context) (finding, error) {
	source, size, err := c.digestOf(ctx, c.syncer.source, c.it.key(), c.it.source.VersionID, c.it.source.Size)
	switch {
	case storage.Gone(err):
		return finding{}, fmt.Errorf("%w: %w", errGone, err)
	case err != nil:
		return finding{}, ofSource(err)
	}
	target, targetSize, err := c.digestOf(ctx, c.syncer.target, c.it.mapped, "", size)
	switch {
	case storage.Gone(err):
		c.it.exists = false
		return finding{}, ofTarget(err)
	case err != nil:
		return finding{}, ofTarget(err)
	case size != targetSize:
		return finding{likeness: different, reason: ReasonSize}, nil
	case source != target:
		return finding{likeness: different, reason: ReasonContent}, nil
	}
	return finding{likeness: same, reason: ReasonSameContent}, nil
}

// digestOf reads an object that is likely to have size bytes, and returns how many
// there are and a digest of them. The digests of two objects of one size are made
// in the same way.
func (c *comparison) digestOf(ctx context.Context, store storage.Store, key, version string, size int64) (value string, total int64, err error) {
	chunk := c.cfg.Transfer.ChunkSize
	err = c.again(ctx, c.it.key(), func(ctx context.Context) error {
		opts := storage.OpenOptions{VersionID: version}
		if size > chunk {
			opts.First = chunk
		}
		r, err := store.Open(ctx, key, opts)
		if err != nil {
			return err
		}
		defer r.Close()
		total = r.Info().Size
		layout := checksum.Uniform(total, checksum.Plan(total, chunk, checksum.MaxParts))
		sum, err := checksum.NewSum(readAlgorithm, layout, checksum.Composite)
		if err != nil {
			return err
		}
		// Pieces are as large as is worth a request.
		if err := c.digest(ctx, r, layout, chunk, []digest{sum}); err != nil {
			return err
		}
		if err := r.Check(ctx); err != nil {
			return err
		}
		value, err = sum.Value()
		return err
	})
	return value, total, err
}
