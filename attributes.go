package s3sync

import (
	"context"

	"s3sync/internal/mime"
	"s3sync/storage"
)

// writeOptions decides what an object is written with besides its bytes.
func (s *syncer) writeOptions(_ context.Context, t *task) (storage.WriteOptions, error) {
	opts := storage.WriteOptions{
		Attributes: t.info.Attributes, Size: t.info.Size, ModTime: t.info.ModTime, Checksum: s.checksumOptions(),
	}
	if s.sourceLocal && !s.cfg.Metadata.NoGuessType {
		opts.ContentType = mime.TypeOf(t.it.key())
	}
	return opts, nil
}
