package bucket

import (
	"context"
	"fmt"
	"time"

	"s3sync/storage"
)

// Put writes an object in one request. The server refuses a body that does not
// match the digests of b.
func (s *Store) Put(ctx context.Context, key string, b storage.Block, opts storage.WriteOptions) (storage.Info, error) {
	info, err := s.putObject(ctx, key, b, opts)
	if err != nil {
		return storage.Info{}, s.fail(ctx, "put", key, err)
	}
	return info, nil
}

func (s *Store) putObject(ctx context.Context, key string, b storage.Block, opts storage.WriteOptions) (storage.Info, error) {
	if err := s.checkKey(key); err != nil {
		return storage.Info{}, err
	}
	if length(b) != opts.Size {
		return storage.Info{}, fmt.Errorf("%d bytes are given of an object of %d", length(b), opts.Size)
	}
	if err := checkAlgorithm(opts.Checksum); err != nil {
		return storage.Info{}, err
	}
	done := carried{WriteOptions: opts}
	w, err := s.conditionally(ctx, key, opts, time.Now(),
		func(info storage.Info) bool { return holds(info, b, opts.Checksum) },
		func(ctx context.Context) (w written, err error) {
			done, err = s.writeWhatIsKnown(opts, false, b.Stream != nil, func(c carried) (err error) {
				w, err = s.put(ctx, key, b, c.WriteOptions)
				return err
			})
			return w, err
		})
	if err != nil {
		return storage.Info{}, err
	}
	if w.unconfirmed != nil {
		return storage.Info{}, w.unconfirmed
	}
	if err := s.keepTags(ctx, key, tagsOfPut, done.WriteOptions); err != nil {
		return storage.Info{}, err
	}
	return w.info(key, length(b), opts.Attributes), nil
}

// lacksChecksum reports whether the server did not tell the checksum that it was
// asked to keep.
func (w written) lacksChecksum(want storage.Checksum) bool {
	info := storage.Info{Checksums: w.checksums}
	_, told := info.Checksum(want.Algorithm)
	return want.Algorithm != "" && !told
}

// info describes what was written.
func (w written) info(key string, size int64, attrs storage.Attributes) storage.Info {
	return storage.Info{
		Object:     storage.Object{Key: key, Size: size, ETag: w.etag, VersionID: w.versionID},
		Opaque:     w.opaque,
		Checksums:  w.checksums,
		Attributes: attrs,
	}
}
