package compare

import (
	"context"

	"s3sync/internal/checksum"
	"s3sync/internal/plan"
	"s3sync/storage"
)

// If the digests of the servers do not decide, and the user wants it, both objects are
// read and digested in the same way.

// readAlgorithm is the algorithm for both objects.
const readAlgorithm = checksum.SHA256

// readBoth compares the bytes of both sides.
func (x *comparison) readBoth(ctx context.Context) (result, error) {
	source, size, err := x.digestObject(ctx, x.source(), x.d.Pair.Source.Size)
	if err != nil {
		return result{}, err
	}
	target, targetSize, err := x.digestObject(ctx, x.target(), size)
	switch {
	case err != nil:
		return result{}, err
	case size != targetSize:
		return different(plan.ReasonSize), nil
	case source != target:
		return different(plan.ReasonContent), nil
	}
	return equal(plan.ReasonSameContent), nil
}

// digestObject reads an object that is likely to have size bytes. It returns how many
// bytes there are, and a digest of them. The digests of two objects of one size are
// made in the same way.
func (x *comparison) digestObject(ctx context.Context, p place, size int64) (value string, total int64, err error) {
	chunk := x.c.opts.ChunkSize
	opts := storage.OpenOptions{VersionID: p.version}
	if size > chunk {
		opts.First = chunk
	}
	err = p.Retry(ctx, x.d.Pair.Key(), func(ctx context.Context) error {
		r, err := p.Store.Open(ctx, p.key, opts)
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
		// A piece is as large as one request is worth.
		values, err := digestReader(ctx, x.c.limits, r, layout, chunk, sum)
		if err != nil {
			return err
		}
		value = values[0]
		return nil
	})
	return value, total, x.failed(p, err)
}
