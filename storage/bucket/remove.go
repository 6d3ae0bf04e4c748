package bucket

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"golang.org/x/sync/errgroup"

	"s3sync/storage"
)

// singleDeletes is how many requests of one Delete are made at once where each is
// for one object. DeleteObjects takes conditions, too, but few servers heed them there.
const singleDeletes = 8

// Delete removes objects by one request, except for keys that its XML body cannot
// hold, where each is to be removed only if it is still the same, and where the
// server does not know such requests. In a
// bucket with versioning it leaves markers: no version is ever destroyed, also if
// an object names one.
func (s *Store) Delete(ctx context.Context, objects []storage.Object, opts storage.DeleteOptions) []error {
	errs := make([]error, len(objects))
	if s.opts.single != "" {
		for i, o := range objects {
			errs[i] = s.fail(ctx, "delete", o.Key, &failure{kind: errors.ErrUnsupported, text: "a single object is not deleted"})
		}
		return errs
	}
	var batch, single []int // of objects
	for i, o := range objects {
		if !opts.IfMatch && len(objects) > 1 && inXML(s.full(o.Key)) && !s.features.lacks(lackBatches) {
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
		if err := s.deleteSome(ctx, objects, batch[:n], errs); err != nil {
			single = append(single, batch[:n]...)
			s.lacksBatches(err)
		}
		batch = batch[n:]
	}
	s.deleteEach(single, func(i int) {
		switch {
		case opts.Stopped():
			errs[i] = storage.ErrNotBegun
		case opts.IfMatch:
			errs[i] = s.deleteIfSame(ctx, objects[i])
		default:
			errs[i] = s.deleteOne(ctx, objects[i].Key, "", opts.Once)
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
		errs[i] = s.fail(ctx, "delete", objects[i].Key, err)
	}
	return errs
}

// deleteEach makes a request for each of the given indexes.
func (s *Store) deleteEach(single []int, request func(i int)) {
	var group errgroup.Group
	group.SetLimit(singleDeletes)
	for _, i := range single {
		group.Go(func() error {
			request(i)
			return nil
		})
	}
	_ = group.Wait() // each error has its place
}

// lacksBatches is for a server that refuses to remove several objects at once.
func (s *Store) lacksBatches(err error) {
	if !lacking(err) {
		return // it may be for these keys
	}
	s.features.setMissing(lackBatches)
	s.notice(storage.Notice{Text: fmt.Sprintf(
		"the server of bucket %q does not remove several objects at once (%s): each takes a request", s.opts.Bucket, reasonOf(err))})
}

// deleteIfSame removes an object if it has the ETag that it was listed with. Not
// every server heeds that condition of a DELETE, and one that does not removes
// what nobody looked at: so a HEAD goes before. What is no longer there is removed.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-deletes.html
func (s *Store) deleteIfSame(ctx context.Context, o storage.Object) error {
	if o.ETag == "" {
		return &failure{kind: storage.ErrPrecondition, text: "it has no ETag that could be compared"}
	}
	if err := s.lookFirst(ctx, o.Key, storage.WriteOptions{IfMatch: o.ETag}); err != nil {
		return err
	}
	_, err := orWithout(&s.features, lackDeleteIfMatch, refuses, func(with bool) (none struct{}, err error) {
		etag := o.ETag
		if !with {
			etag = "" // it was looked at just now
		}
		return none, s.deleteOne(ctx, o.Key, etag, false)
	})
	if s.features.lacks(lackDeleteIfMatch) {
		s.notice(storage.Notice{Text: fmt.Sprintf(
			"the server of bucket %q knows no conditions of deletions: each object is only looked at right before", s.opts.Bucket)})
	}
	if !errors.Is(err, storage.ErrPrecondition) {
		return err
	}
	// An earlier attempt may have removed it, whose answer was lost.
	if _, herr := s.head(ctx, target{key: o.Key}); errors.Is(herr, fs.ErrNotExist) {
		return nil
	}
	return err
}

// deleteOne removes an object, if an ETag is given only while it has that.
func (s *Store) deleteOne(ctx context.Context, key, etag string, onlyOnce bool) error {
	ctx, cancel := s.limited(ctx)
	defer cancel()
	out, err := s.sdk.DeleteObject(ctx, &s3.DeleteObjectInput{
		Bucket: &s.opts.Bucket, Key: aws.String(s.full(key)), RequestPayer: s.payer, IfMatch: quoted(etag),
	}, once(storage.Block{}, onlyOnce))
	if err != nil {
		return s.client.classify(err)
	}
	if !confirmsDeletion(out.ResultMetadata) {
		return s.gone(ctx, key)
	}
	return nil
}

// confirmsDeletion reports whether an answer to DeleteObject can only be one of S3:
// nothing, with the status that says so, or with a request ID.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObject.html
func confirmsDeletion(metadata middleware.Metadata) bool {
	r, ok := awsmiddleware.GetRawResponse(metadata).(*smithyhttp.Response)
	return ok && (r.StatusCode == http.StatusNoContent || hasRequestID(r.Header))
}

// gone fails unless there is no object under a key that a server was asked to
// remove and that it did not speak of.
func (s *Store) gone(ctx context.Context, key string) error {
	_, err := s.head(ctx, target{key: key})
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	}
	return garbled("it does not say that the object is deleted, and it is still there")
}

// deleteSome removes the objects of the given indexes and sets their errors. It
// fails if the server refuses such requests: then nothing was removed.
func (s *Store) deleteSome(ctx context.Context, objects []storage.Object, batch []int, errs []error) error {
	limited, cancel := s.limited(ctx)
	defer cancel()
	ids := make([]types.ObjectIdentifier, len(batch))
	at := make(map[string]int, len(batch))
	for j, i := range batch {
		full := s.full(objects[i].Key)
		ids[j].Key = &full
		at[full] = i
	}
	out, err := s.sdk.DeleteObjects(limited, &s3.DeleteObjectsInput{
		Bucket: &s.opts.Bucket, RequestPayer: s.payer,
		// Not quiet: silence would have to pass for success.
		Delete: &types.Delete{Objects: ids},
	}, s.withContentMD5)
	if err = s.client.classify(err); refuses(err) {
		return err
	}
	if err != nil {
		for _, i := range batch {
			errs[i] = err
		}
		return nil
	}
	told := make(map[string]bool, len(batch))
	for _, d := range out.Deleted {
		told[aws.ToString(d.Key)] = true
	}
	for _, e := range out.Errors {
		err := s.client.ofCode(aws.ToString(e.Code), unsigned(asked(out.ResultMetadata), aws.ToString(e.Message)))
		if i, ok := at[aws.ToString(e.Key)]; ok {
			errs[i], told[*e.Key] = err, true
			continue
		}
		// An error of a key that we did not send: it must be one of ours in
		// other words, so none of them can be taken for deleted.
		for _, i := range batch {
			if errs[i] == nil {
				errs[i], told[s.full(objects[i].Key)] = err, true
			}
		}
	}
	// Some servers name only what failed, whatever they are asked for, and some
	// write keys in another way.
	var rest []int
	for _, i := range batch {
		if !told[s.full(objects[i].Key)] {
			rest = append(rest, i)
		}
	}
	s.deleteEach(rest, func(i int) { errs[i] = s.gone(ctx, objects[i].Key) })
	return nil
}

// withContentMD5 adds the digest that servers demanded before the checksum that
// the SDK sends was invented.
func (s *Store) withContentMD5(o *s3.Options) {
	if !s.directory {
		o.APIOptions = append(o.APIOptions, smithyhttp.AddContentChecksumMiddleware)
	}
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
