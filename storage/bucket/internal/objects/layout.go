package objects

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"

	"s3sync/storage"
	"s3sync/storage/bucket/internal/failure"
	"s3sync/storage/bucket/internal/request"
)

// layoutRequests is how many parts of one object are asked for at once.
const layoutRequests = 8

// layout returns the sizes of the parts of the object that ref names, which has size
// bytes. An ETag without a number means one part. For others, HEAD requests return the
// size of the first part, and of all parts if they do not follow from the first one.
// layout returns nil if the server does not report them.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html (partNumber)
func (o *Objects) layout(ctx context.Context, ref request.ObjectRef, size int64, query storage.PartsQuery) ([]int64, error) {
	n := partCount(ref.ETag)
	switch {
	case n == 0 || query == storage.NoParts, n > 1 && int64(n) > size:
		return nil, nil // a part has at least one byte
	case n == 1:
		return []int64{size}, nil
	}
	first, err := o.partSize(ctx, ref, 1)
	switch {
	case refusesParts(err):
		return nil, nil
	case err != nil || first <= 0 || first >= size:
		return nil, err // a server that tells of the whole does not know parts
	}
	if uniform := uniformLayout(size, first, n); uniform != nil && query != storage.ExactParts {
		return uniform, nil
	}
	sizes := make([]int64, n)
	sizes[0] = first
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(layoutRequests)
	for i := 1; i < n; i++ {
		group.Go(func() (err error) {
			sizes[i], err = o.partSize(ctx, ref, i+1)
			return err
		})
	}
	switch err := group.Wait(); {
	case refusesParts(err):
		return nil, nil
	case err != nil:
		return nil, err
	}
	rest := size
	for _, n := range sizes {
		if n < 0 || n > rest {
			return nil, nil
		}
		rest -= n
	}
	if rest != 0 {
		return nil, nil
	}
	return sizes, nil
}

// refusesParts reports whether err says that the server does not support requests for a
// part, or does not have a part that the ETag counts. S3 and most others support them.
func refusesParts(err error) bool {
	f, ok := errors.AsType[*failure.Error](err)
	return ok && slices.Contains([]int{
		http.StatusBadRequest, http.StatusMethodNotAllowed, http.StatusNotImplemented,
		http.StatusRequestedRangeNotSatisfiable,
	}, f.Status)
}

// partCount returns the number at the end of an ETag, 1 if there is none, and 0 if the
// number is invalid.
func partCount(etag string) int {
	_, suffix, multipart := strings.Cut(etag, "-")
	if !multipart {
		return 1
	}
	n, err := strconv.Atoi(suffix)
	if err != nil || n < 1 || n > request.MaxParts {
		return 0
	}
	return n
}

// uniformLayout returns n parts of one size, of which the last may be smaller. It
// returns nil if size is not their sum.
func uniformLayout(size, part int64, n int) []int64 {
	if (size+part-1)/part != int64(n) {
		return nil
	}
	sizes := make([]int64, n)
	for i := range sizes {
		sizes[i] = min(part, size-int64(i)*part)
	}
	return sizes
}

// partSize asks for the size of part i, counted from 1, of what ref names. It returns a
// negative size if the server does not report it: some servers answer with the ETag of
// the part, or compare that ETag with the condition. Such an answer looks as if the
// object had changed, so one more request decides.
func (o *Objects) partSize(ctx context.Context, ref request.ObjectRef, i int) (int64, error) {
	part := ref
	part.Part = i
	a, err := o.HeadAgain(ctx, part)
	if errors.Is(err, storage.ErrChanged) {
		if _, err := o.HeadAgain(ctx, ref); err != nil {
			return 0, err
		}
		return -1, nil
	}
	if err != nil {
		return 0, err
	}
	return a.ContentLength, nil
}

// HeadAgain asks once more for the headers of an object. It fails with
// storage.ErrChanged if the object does not have the ETag of ref.
func (o *Objects) HeadAgain(ctx context.Context, ref request.ObjectRef) (*request.Answer, error) {
	a, err := o.Head(ctx, ref)
	switch {
	case err == nil && a.Info.ETag == ref.ETag:
		return a, nil
	case err == nil, errors.Is(err, storage.ErrPrecondition), errors.Is(err, fs.ErrNotExist) && ref.VersionID == "":
		return nil, failure.Changed("it is another object by now")
	}
	return nil, err
}
