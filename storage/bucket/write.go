package bucket

import (
	"context"
	"fmt"
	"time"

	"s3sync/storage"
	"s3sync/storage/bucket/internal/objects"
	"s3sync/storage/bucket/internal/request"
)

// writing writes objects. Stores that were derived from each other share uncertain.
type writing struct {
	*objects.Objects

	tags      *tags
	uncertain *uncertainWrites
	// asks is what writes ask of the server besides their options.
	asks demands
}

// demands are what all requests of a store ask of its server.
type demands struct {
	encryption, customerKey, requesterPays bool
}

func (w *writing) putObject(ctx context.Context, key string, b storage.Block, opts storage.WriteOptions) (storage.Info, error) {
	if err := w.CheckKey(key); err != nil {
		return storage.Info{}, err
	}
	if request.Length(b) != opts.Size {
		return storage.Info{}, fmt.Errorf("%d bytes are given of an object of %d", request.Length(b), opts.Size)
	}
	if err := request.CheckAlgorithm(opts.Checksum); err != nil {
		return storage.Info{}, err
	}
	done := carried{WriteOptions: opts}
	result, err := w.conditionally(ctx, key, opts, time.Now(),
		func(info storage.Info) bool { return holds(info, b, opts.Checksum) },
		func(ctx context.Context) (result request.Written, err error) {
			done, err = w.writeWhatIsKnown(opts, false, b.Stream != nil, func(c carried) (err error) {
				if isConditional(opts) && !isConditional(c.WriteOptions) {
					if err := w.lookFirst(ctx, key, opts); err != nil {
						return err
					}
				}
				result, err = w.put(ctx, key, b, c.WriteOptions)
				return err
			})
			if b.Stream == nil && w.isAbsent(ctx, key, opts, err) {
				done.IfAbsent = false
				result, err = w.put(ctx, key, b, done.WriteOptions)
			}
			return result, err
		})
	if err != nil {
		return storage.Info{}, err
	}
	if result.Unconfirmed != nil {
		return storage.Info{}, result.Unconfirmed
	}
	if err := w.tags.keep(ctx, key, tagsOfPut, done.WriteOptions); err != nil {
		return storage.Info{}, err
	}
	return infoOf(&result, key, request.Length(b), opts.Attributes), nil
}

// put writes an object in one request.
func (w *writing) put(ctx context.Context, key string, b storage.Block, opts storage.WriteOptions) (result request.Written, err error) {
	put := func() error {
		result, err = w.Wire.PutObject(ctx, w.Full(key), b, opts)
		return err
	}
	if b.Stream != nil || opts.Once {
		err = put() // what cannot be repeated, or must not
		return result, err
	}
	if err := w.EvenWithoutETags(ctx, key, put); err != nil || result.ETag != "" {
		return result, err
	}
	return result, w.HasSize(ctx, key, request.Length(b))
}

// infoOf describes what was written.
func infoOf(w *request.Written, key string, size int64, attrs storage.Attributes) storage.Info {
	return storage.Info{
		Object:        storage.Object{Key: key, Size: size, ETag: w.ETag, VersionID: w.VersionID},
		ETagNotDigest: w.ETagNotDigest,
		Checksums:     w.Checksums,
		Attributes:    attrs,
	}
}

// fetchMissing asks for what the answer to a copy did not say but must be known: how the
// object is encrypted, and its additional checksum. Some servers do not say so.
func (w *writing) fetchMissing(ctx context.Context, key string, result *request.Written, opts storage.WriteOptions) error {
	if result.Unconfirmed == nil && !result.LacksChecksum(opts.Checksum) {
		return nil
	}
	a, err := w.HeadAgain(ctx, request.ObjectRef{Key: key, ETag: result.ETag, Checksums: true})
	switch {
	case result.Unconfirmed != nil && err != nil:
		return err
	case err != nil:
		return nil //nolint:nilerr // the object is there; the caller sees that the checksum is not known
	case result.Unconfirmed != nil && a.Unconfirmed != nil:
		return a.Unconfirmed
	}
	result.Unconfirmed, result.Checksums, result.ETagNotDigest = nil, a.Info.Checksums, result.ETagNotDigest || a.Info.ETagNotDigest
	return nil
}
