package objects

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"s3sync/storage"
	"s3sync/storage/bucket/internal/failure"
	"s3sync/storage/bucket/internal/listing"
	"s3sync/storage/bucket/internal/request"
	"s3sync/storage/bucket/internal/server"
)

// Objects describes and reads single objects. All keys are relative to the prefix.
type Objects struct {
	*Access

	Listing *listing.Bucket
}

// askedOf makes a GET or HEAD. It does not ask for checksums if the server does not know
// that header.
func (o *Objects) askedOf(ref request.ObjectRef, ask func(request.ObjectRef) (*request.Answer, error)) (*request.Answer, error) {
	if !ref.Checksums {
		return ask(ref)
	}
	known := !o.Server.Lacks(server.ChecksumMode)
	a, err := server.OrWithout(o.Server, server.ChecksumMode, failure.IsUnsupported, func(with bool) (*request.Answer, error) {
		ref.Checksums = with
		return ask(ref)
	})
	if known && o.Server.Lacks(server.ChecksumMode) {
		o.Server.Notice(storage.Notice{Text: fmt.Sprintf("the server of bucket %q tells no additional checksums of objects", o.Bucket)})
	}
	return a, err
}

// Head asks for an object's headers.
func (o *Objects) Head(ctx context.Context, ref request.ObjectRef) (a *request.Answer, err error) {
	err = o.EvenWithoutETags(ctx, ref.Key, func() error {
		a, err = o.askedOf(ref, func(ref request.ObjectRef) (*request.Answer, error) { return o.headOnce(ctx, ref) })
		return err
	})
	return a, err
}

// get asks for n bytes of an object from off, or for all of it if n is 0. The
// body outlives ctx: it ends when it is closed.
func (o *Objects) get(ctx context.Context, ref request.ObjectRef, off, n int64) (a *request.Answer, err error) {
	err = o.EvenWithoutETags(ctx, ref.Key, func() error {
		a, err = o.askedOf(ref, func(ref request.ObjectRef) (*request.Answer, error) { return o.getOnce(ctx, ref, off, n) })
		return err
	})
	return a, err
}

// Gone fails if there is an object under a key. It is for keys that the server was asked
// to delete and that its answer does not mention.
func (o *Objects) Gone(ctx context.Context, key string) error {
	_, err := o.Head(ctx, request.ObjectRef{Key: key})
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	}
	return failure.Garbled("it does not say that the object is deleted, and it is still there")
}

// headOnce and getOnce make the requests. Their keys are relative.
func (o *Objects) headOnce(ctx context.Context, ref request.ObjectRef) (*request.Answer, error) {
	key := ref.Key
	ref.Key = o.Full(key)
	a, err := o.Wire.HeadObject(ctx, ref)
	if err == nil {
		a.Info.Key = key
	}
	return a, err
}

func (o *Objects) getOnce(ctx context.Context, ref request.ObjectRef, off, n int64) (*request.Answer, error) {
	key := ref.Key
	ref.Key = o.Full(key)
	a, err := o.Wire.GetObject(ctx, ref, off, n)
	if err == nil {
		a.Info.Key = key
	}
	return a, err
}
