package bucket

import (
	"context"
	"errors"

	"s3sync/storage"
)

// A few servers give no ETags at all. They are told from proxies by their listings,
// which have none either. Then size and request ID are all that is looked at, and
// nothing of what is read and written there is proved.

// evenWithoutETags makes a request, and makes it again if all that its answer lacks
// is an ETag and the server turns out to give none.
func (s *Store) evenWithoutETags(ctx context.Context, key string, request func() error) error {
	err := request()
	if f, ok := errors.AsType[*failure](err); !ok || !f.noETag || !s.givesNoETags(ctx, key) {
		return err
	}
	return request()
}

// givesNoETags asks a listing whether the server gives ETags. It says so only if the
// object of that key is listed without one.
func (s *Store) givesNoETags(ctx context.Context, key string) bool {
	if s.client.withoutETags.Load() || s.directory {
		return s.client.withoutETags.Load()
	}
	l := &lister{store: s, prefix: s.full(key)}
	out, err := s.listRequest(ctx, l)
	if err != nil || len(out.Contents) == 0 || !s.client.namesRequests.Load() {
		return false
	}
	full, o, err := l.entry(&out.Contents[0], out.EncodingType)
	if err != nil || full != s.full(key) || o.ETag != "" {
		return false
	}
	s.client.withoutETags.Store(true)
	s.notice(storage.Notice{Text: "the server gives no ETags: what is read and written there is known by its size only, " +
		"and counted as unverified unless an additional checksum verifies it"})
	return true
}

// hasSize fails unless there is an object of that size, where nothing else tells
// that it was written.
func (s *Store) hasSize(ctx context.Context, key string, size int64) error {
	a, err := s.head(ctx, target{key: key})
	if err == nil && a.info.Size != size {
		err = garbled("an object of %d bytes was written, and there is one of %d", size, a.info.Size)
	}
	return err
}
