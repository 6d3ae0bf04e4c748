package bucket

import (
	"context"
	"errors"
	"io/fs"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"golang.org/x/sync/errgroup"

	"s3sync/storage"
)

// conditionalDeletes is how many requests of one Delete with a condition are made
// at once. DeleteObjects takes conditions, too, but few servers heed them there.
const conditionalDeletes = 8

// Delete removes objects by one request, except for keys that its XML body
// cannot hold, and where each is to be removed only if it is still the same. In a
// bucket with versioning it leaves markers: no version is ever destroyed, also if
// an object names one.
func (s *Store) Delete(ctx context.Context, objects []storage.Object, opts storage.DeleteOptions) []error {
	errs := make([]error, len(objects))
	var batch []int // of objects
	for i, o := range objects {
		switch {
		case opts.IfMatch:
		case len(objects) > 1 && inXML(s.full(o.Key)):
			batch = append(batch, i)
		case opts.Stopped():
			errs[i] = storage.ErrNotBegun
		default:
			errs[i] = s.deleteOne(ctx, o.Key, "", opts.Once)
		}
	}
	for len(batch) > 0 {
		n := min(len(batch), deleteBatch)
		if opts.Stopped() {
			for _, i := range batch {
				errs[i] = storage.ErrNotBegun
			}
			break
		}
		s.deleteSome(ctx, objects, batch[:n], errs)
		batch = batch[n:]
	}
	if opts.IfMatch {
		s.deleteSame(ctx, objects, opts, errs)
	}
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

// deleteSame removes objects one by one, as long as they are the same, and sets
// their errors.
func (s *Store) deleteSame(ctx context.Context, objects []storage.Object, opts storage.DeleteOptions, errs []error) {
	var group errgroup.Group
	group.SetLimit(conditionalDeletes)
	for i, o := range objects {
		group.Go(func() error {
			if opts.Stopped() {
				errs[i] = storage.ErrNotBegun
				return nil
			}
			errs[i] = s.deleteIfSame(ctx, o)
			return nil
		})
	}
	_ = group.Wait() // each error has its place
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
	err := s.deleteOne(ctx, o.Key, o.ETag, false)
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
	_, err := s.sdk.DeleteObject(ctx, &s3.DeleteObjectInput{
		Bucket: &s.opts.Bucket, Key: aws.String(s.full(key)), RequestPayer: s.payer, IfMatch: quoted(etag),
	}, once(storage.Block{}, onlyOnce))
	return s.client.classify(err)
}

// deleteSome removes the objects of the given indexes and sets their errors.
func (s *Store) deleteSome(ctx context.Context, objects []storage.Object, batch []int, errs []error) {
	ctx, cancel := s.limited(ctx)
	defer cancel()
	ids := make([]types.ObjectIdentifier, len(batch))
	at := make(map[string]int, len(batch))
	for j, i := range batch {
		full := s.full(objects[i].Key)
		ids[j].Key = &full
		at[full] = i
	}
	out, err := s.sdk.DeleteObjects(ctx, &s3.DeleteObjectsInput{
		Bucket: &s.opts.Bucket, RequestPayer: s.payer,
		Delete: &types.Delete{Objects: ids, Quiet: aws.Bool(true)},
	}, s.withContentMD5)
	if err != nil {
		for _, i := range batch {
			errs[i] = s.client.classify(err)
		}
		return
	}
	for _, e := range out.Errors {
		err := s.client.ofCode(aws.ToString(e.Code), aws.ToString(e.Message))
		if i, ok := at[aws.ToString(e.Key)]; ok {
			errs[i] = err
			continue
		}
		// An error of a key that we did not send: it must be one of ours in
		// other words, so none of them can be taken for deleted.
		for _, i := range batch {
			if errs[i] == nil {
				errs[i] = err
			}
		}
	}
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
