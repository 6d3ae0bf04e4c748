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
	"s3sync/storage/bucket/internal/wire"
)

// layoutRequests is how many parts of one object are asked for at once.
const layoutRequests = 8

// layout finds out the parts of the object of size bytes that t names. An ETag
// without a number was made of one part, as far as its form says. For others HEAD
// tells the size of each part: of the first one, if the others can be concluded
// from it, or of all. It returns nil where the server cannot tell.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html (partNumber)
func (o *Objects) layout(ctx context.Context, t wire.ObjectRef, size int64, query storage.PartsQuery) ([]int64, error) {
	n := partCount(t.ETag)
	switch {
	case n == 0 || query == storage.NoParts, n > 1 && int64(n) > size:
		return nil, nil // a part has at least one byte
	case n == 1:
		return []int64{size}, nil
	}
	first, err := o.partSize(ctx, t, 1)
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
			sizes[i], err = o.partSize(ctx, t, i+1)
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

// refusesParts reports whether err says that the server cannot be asked for a
// part, or does not know one that the ETag says there is. S3 and most others can.
func refusesParts(err error) bool {
	f, ok := errors.AsType[*failure.Error](err)
	return ok && slices.Contains([]int{
		http.StatusBadRequest, http.StatusMethodNotAllowed, http.StatusNotImplemented,
		http.StatusRequestedRangeNotSatisfiable,
	}, f.Status)
}

// partCount is the number at the end of an ETag, 1 where there is none, and 0
// where it makes no sense.
func partCount(etag string) int {
	_, suffix, multipart := strings.Cut(etag, "-")
	if !multipart {
		return 1
	}
	n, err := strconv.Atoi(suffix)
	if err != nil || n < 1 || n > wire.MaxParts {
		return 0
	}
	return n
}

// uniformLayout is n parts of one size, of which the last may be smaller; nil
// if that does not add up.
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

// partSize asks for the size of part i, counted from 1, of what t names. It is
// negative where the server cannot tell: some answer with the ETag of the part, or
// compare that with the condition. Such an answer looks like that of another object,
// so one more request decides.
func (o *Objects) partSize(ctx context.Context, t wire.ObjectRef, i int) (int64, error) {
	part := t
	part.Part = i
	a, err := o.HeadAgain(ctx, part)
	if errors.Is(err, storage.ErrChanged) {
		if _, err := o.HeadAgain(ctx, t); err != nil {
			return 0, err
		}
		return -1, nil
	}
	return a.ContentLength, err
}

// HeadAgain asks once more for the headers of an object: of the one with the ETag
// of t, or it fails with storage.ErrChanged.
func (o *Objects) HeadAgain(ctx context.Context, t wire.ObjectRef) (wire.Answer, error) {
	a, err := o.Head(ctx, t)
	switch {
	case err == nil && a.Info.ETag == t.ETag:
		return a, nil
	case err == nil, errors.Is(err, storage.ErrPrecondition), errors.Is(err, fs.ErrNotExist) && t.VersionID == "":
		return wire.Answer{}, failure.Changed("it is another object by now")
	}
	return wire.Answer{}, err
}
