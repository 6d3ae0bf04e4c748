package bucket

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"unicode/utf8"

	"golang.org/x/sync/errgroup"

	"s3sync/internal/grace"
	"s3sync/storage"
	"s3sync/storage/bucket/internal/failure"
	"s3sync/storage/bucket/internal/request"
	"s3sync/storage/bucket/internal/server"
)

const (
	// deleteBatch is how many objects DeleteObjects takes.
	// https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html
	deleteBatch = 1000
	// singleDeletes bounds the concurrent requests of one Delete that are each for one
	// object. DeleteObjects takes conditions, too, but few servers obey them there.
	singleDeletes = 8
)

// removal removes objects.
type removal struct{ *writing }

// remove is Store.Delete.
func (r removal) remove(ctx context.Context, objects []storage.Object, opts storage.DeleteOptions) []error {
	errs := make([]error, len(objects))
	if r.Single != "" {
		for i, o := range objects {
			errs[i] = r.Fail(ctx, "delete", o.Key, &failure.Error{Kind: errors.ErrUnsupported, Text: "a single object is not deleted"})
		}
		return errs
	}
	if opts.Stop != nil {
		ctx = grace.WithStop(ctx, opts.Stop)
	}
	var batch, single []int // of objects
	for i, o := range objects {
		if !opts.IfMatch && len(objects) > 1 && inXML(r.Full(o.Key)) && !r.Server.Lacks(server.Batches) {
			batch = append(batch, i)
		} else {
			single = append(single, i)
		}
	}
	for len(batch) > 0 {
		n := min(len(batch), deleteBatch)
		if opts.Stopped() {
			single = append(single, batch...) // whose requests are not begun either
			break
		}
		if err := r.deleteSome(ctx, objects, batch[:n], errs); err != nil {
			single = append(single, batch[:n]...)
			r.lacksBatches(err)
		}
		batch = batch[n:]
	}
	r.deleteEach(single, func(i int) {
		switch {
		case opts.Stopped():
			errs[i] = storage.ErrNotBegun
		case opts.IfMatch:
			errs[i] = r.deleteIfSame(ctx, objects[i])
		default:
			errs[i] = r.deleteOne(ctx, objects[i].Key, "", opts.Once)
		}
	})
	for i, err := range errs {
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		if errors.Is(err, storage.ErrNotBegun) { // also if the context has ended since
			errs[i] = &storage.Error{Op: "delete", Key: objects[i].Key, Err: err}
			continue
		}
		errs[i] = r.Fail(ctx, "delete", objects[i].Key, err)
	}
	return errs
}

// deleteEach makes a request for each of the given indexes.
func (r removal) deleteEach(single []int, ask func(i int)) {
	var group errgroup.Group
	group.SetLimit(singleDeletes)
	for _, i := range single {
		group.Go(func() error {
			ask(i)
			return nil
		})
	}
	_ = group.Wait() // each error has its place
}

// lacksBatches remembers that a server refuses to remove several objects at once.
func (r removal) lacksBatches(err error) {
	if !failure.IsUnsupported(err) {
		return // it may be for these keys
	}
	r.Server.SetMissing(server.Batches)
	r.Server.Notice(storage.Notice{Text: fmt.Sprintf(
		"the server of bucket %q does not remove several objects at once (%s): each takes a request", r.Bucket, failure.Reason(err))})
}

// deleteIfSame removes an object if it has the ETag that it was listed with. Some
// servers ignore that condition of a DELETE and would remove an object that nobody has
// compared. So a HEAD is sent first. An object that does not exist counts as removed.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-deletes.html
func (r removal) deleteIfSame(ctx context.Context, o storage.Object) error {
	if o.ETag == "" {
		return &failure.Error{Kind: storage.ErrPrecondition, Text: "it has no ETag that could be compared"}
	}
	if err := r.lookFirst(ctx, o.Key, storage.WriteOptions{IfMatch: o.ETag}); err != nil {
		if ctx.Err() != nil && grace.Stopped(ctx) {
			return storage.ErrNotBegun
		}
		return err
	}
	_, err := server.OrWithout(r.Server, server.DeleteIfMatch, failure.MayBeUnknown, func(with bool) (none struct{}, err error) {
		etag := o.ETag
		if !with {
			etag = "" // it was looked at just now
		}
		return none, r.deleteOne(ctx, o.Key, etag, false)
	})
	if r.Server.Lacks(server.DeleteIfMatch) {
		r.Server.Notice(storage.Notice{Text: fmt.Sprintf(
			"the server of bucket %q knows no conditions of deletions: each object is only looked at right before", r.Bucket)})
	}
	if !errors.Is(err, storage.ErrPrecondition) {
		return err
	}
	// An earlier attempt may have removed it, whose answer was lost.
	if _, herr := r.Head(ctx, request.ObjectRef{Key: o.Key}); errors.Is(herr, fs.ErrNotExist) {
		return nil
	}
	return err
}

// deleteOne removes an object. If an ETag is given, the object must have it.
func (r removal) deleteOne(ctx context.Context, key, etag string, onlyOnce bool) error {
	confirmed, err := r.Wire.DeleteObject(ctx, r.Full(key), etag, onlyOnce)
	if err != nil || confirmed {
		return err
	}
	return r.Gone(ctx, key)
}

// deleteSome removes the objects of the given indexes and sets their errors. It
// fails if the server refuses such requests: then nothing was removed. That something
// does not exist is a refusal, too, because S3 counts missing objects as removed.
func (r removal) deleteSome(ctx context.Context, objects []storage.Object, batch []int, errs []error) error {
	keys := make([]string, len(batch))
	at := make(map[string]int, len(batch))
	for j, i := range batch {
		keys[j] = r.Full(objects[i].Key)
		at[keys[j]] = i
	}
	all, err := r.Wire.DeleteObjects(ctx, keys)
	if failure.MayBeUnknown(err) || errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err != nil {
		for _, i := range batch {
			errs[i] = err
		}
		return nil
	}
	answered := make(map[string]bool, len(batch))
	for _, d := range all {
		i, ok := at[d.Key]
		switch {
		case d.Err == nil:
			answered[d.Key] = true
			continue
		case ok:
			errs[i], answered[d.Key] = d.Err, true
			continue
		}
		// This error is of a key that was not sent. It must be one of the sent keys in
		// another form, so none of them can count as deleted.
		for j, i := range batch {
			if errs[i] == nil {
				errs[i], answered[keys[j]] = d.Err, true
			}
		}
	}
	// Some servers always name only what failed, and some return keys in another form.
	var rest []int
	for j, i := range batch {
		if !answered[keys[j]] {
			rest = append(rest, i)
		}
	}
	r.deleteEach(rest, func(i int) { errs[i] = r.Gone(ctx, objects[i].Key) })
	return nil
}

// inXML reports whether XML can hold a text.
// https://www.w3.org/TR/xml/#charsets
func inXML(text string) bool {
	for i, r := range text {
		switch {
		case r == '\t' || r == '\n' || r == '\r' || 0x20 <= r && r <= 0xD7FF || 0xE000 <= r && r < utf8.RuneError || r >= 0x10000:
		case r == utf8.RuneError:
			if _, size := utf8.DecodeRuneInString(text[i:]); size == 1 {
				return false
			}
		default:
			return false
		}
	}
	return true
}
