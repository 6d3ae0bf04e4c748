package objects

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"s3sync/storage"
	"s3sync/storage/bucket/internal/failure"
	"s3sync/storage/bucket/internal/listing"
	"s3sync/storage/bucket/internal/server"
	"s3sync/storage/bucket/internal/wire"
)

// Objects looks at single objects, by requests that are made again without what the
// server turns out to lack. All keys are relative to the prefix.
type Objects struct {
	*Access

	Listing *listing.Bucket
}

// askedOf makes a GET or HEAD, without a question for checksums if the server does
// not know it.
func (o *Objects) askedOf(t wire.ObjectRef, request func(wire.ObjectRef) (wire.Answer, error)) (wire.Answer, error) {
	if !t.Checksums {
		return request(t)
	}
	known := !o.Server.Lacks(server.ChecksumMode)
	a, err := server.OrWithout(o.Server, server.ChecksumMode, failure.IsUnsupported, func(with bool) (wire.Answer, error) {
		t.Checksums = with
		return request(t)
	})
	if known && o.Server.Lacks(server.ChecksumMode) {
		o.Server.Notice(storage.Notice{Text: fmt.Sprintf("the server of bucket %q tells no additional checksums of objects", o.Bucket)})
	}
	return a, err
}

// Head asks for an object's headers.
func (o *Objects) Head(ctx context.Context, t wire.ObjectRef) (a wire.Answer, err error) {
	err = o.EvenWithoutETags(ctx, t.Key, func() error {
		a, err = o.askedOf(t, func(t wire.ObjectRef) (wire.Answer, error) { return o.headOnce(ctx, t) })
		return err
	})
	return a, err
}

// get asks for n bytes of an object from off, or for all of it if n is 0. The
// body outlives ctx: it ends when it is closed.
func (o *Objects) get(ctx context.Context, t wire.ObjectRef, off, n int64) (a wire.Answer, err error) {
	err = o.EvenWithoutETags(ctx, t.Key, func() error {
		a, err = o.askedOf(t, func(t wire.ObjectRef) (wire.Answer, error) { return o.getOnce(ctx, t, off, n) })
		return err
	})
	return a, err
}

// Gone fails unless there is no object under a key that a server was asked to
// remove and that it did not speak of.
func (o *Objects) Gone(ctx context.Context, key string) error {
	_, err := o.Head(ctx, wire.ObjectRef{Key: key})
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	}
	return failure.Garbled("it does not say that the object is deleted, and it is still there")
}

// headOnce and getOnce make the requests. Their keys are relative.
func (o *Objects) headOnce(ctx context.Context, t wire.ObjectRef) (wire.Answer, error) {
	key := t.Key
	t.Key = o.Full(key)
	a, err := o.Wire.HeadObject(ctx, t)
	a.Info.Key = key
	return a, err
}

func (o *Objects) getOnce(ctx context.Context, t wire.ObjectRef, off, n int64) (wire.Answer, error) {
	key := t.Key
	t.Key = o.Full(key)
	a, err := o.Wire.GetObject(ctx, t, off, n)
	a.Info.Key = key
	return a, err
}
