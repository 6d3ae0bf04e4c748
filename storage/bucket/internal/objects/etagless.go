package objects

import (
	"context"
	"errors"

	"s3sync/storage"
	"s3sync/storage/bucket/internal/failure"
	"s3sync/storage/bucket/internal/request"
)

// A few servers give no ETags at all. Their listings have none either, which
// distinguishes them from proxies. Answers of such a server are checked by size and
// request ID only, so nothing that is read or written there is verified.

// EvenWithoutETags makes a request. If its answer lacks nothing but an ETag and the
// server gives none, it makes the request again.
func (o *Objects) EvenWithoutETags(ctx context.Context, key string, ask func() error) error {
	err := ask()
	if f, ok := errors.AsType[*failure.Error](err); !ok || !f.NoETag || !o.givesNoETags(ctx, key) {
		return err
	}
	return ask()
}

// givesNoETags asks a listing whether the server gives ETags. It says so only if the
// object of that key is listed without one.
func (o *Objects) givesNoETags(ctx context.Context, key string) bool {
	if o.Wire.Answers().WithoutETags() || o.Directory {
		return o.Wire.Answers().WithoutETags()
	}
	full := o.Full(key)
	p, err := o.Listing.Request(ctx, request.ListRequest{Prefix: full, MaxKeys: o.Listing.PageSize})
	if err != nil || len(p.Objects) == 0 || !o.Wire.Answers().NamesRequests() {
		return false
	}
	if o := p.Objects[0]; o.Key != full || o.ETag != "" {
		return false
	}
	o.Wire.Answers().ExpectNoETags()
	o.Server.Notice(storage.Notice{Text: "the server gives no ETags: what is read and written there is known by its size only, " +
		"and counted as unverified unless an additional checksum verifies it"})
	return true
}

// HasSize fails unless there is an object of that size. It is for writes that nothing
// else confirms.
func (o *Objects) HasSize(ctx context.Context, key string, size int64) error {
	a, err := o.Head(ctx, request.ObjectRef{Key: key})
	if err == nil && a.Info.Size != size {
		err = failure.Garbled("an object of %d bytes was written, and there is one of %d", size, a.Info.Size)
	}
	return err
}
