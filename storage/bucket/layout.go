package bucket

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
)

// layoutRequests is how many parts of one object are asked for at once.
const layoutRequests = 8

// Layout finds out the parts of an object. An ETag without a number was made of
// one part, as far as its form says. For others HEAD tells the size of each
// part: of the first one, if the others can be concluded from it, or of all.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html (partNumber)
func (r *reader) Layout(ctx context.Context, query storage.PartsQuery) ([]int64, error) {
	sizes, err := r.layout(ctx, query == storage.ExactParts)
	if err != nil {
		return nil, r.store.fail(ctx, "stat", r.info.Key, err)
	}
	return sizes, nil
}

func (r *reader) layout(ctx context.Context, exact bool) ([]int64, error) {
	n := partCount(r.info.ETag)
	switch n {
	case 0:
		return nil, nil
	case 1:
		return []int64{r.info.Size}, nil
	}
	first, err := r.partSize(ctx, 1)
	switch {
	case refusesParts(err):
		return nil, nil
	case err != nil || first <= 0 || first >= r.info.Size:
		return nil, err // a server that tells of the whole does not know parts
	}
	if uniform := uniformLayout(r.info.Size, first, n); uniform != nil && !exact {
		return uniform, nil
	}
	sizes := make([]int64, n)
	sizes[0] = first
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(layoutRequests)
	for i := 1; i < n; i++ {
		group.Go(func() (err error) {
			sizes[i], err = r.partSize(ctx, i+1)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	rest := r.info.Size
	for _, size := range sizes {
		rest -= size
	}
	if rest != 0 {
		return nil, nil
	}
	return sizes, nil
}

// refusesParts reports whether err says that the server cannot be asked for a
// part: that of S3 and of most others can.
func refusesParts(err error) bool {
	f, ok := errors.AsType[*failure](err)
	return ok && slices.Contains([]int{
		http.StatusBadRequest, http.StatusMethodNotAllowed, http.StatusNotImplemented,
	}, f.status)
}

// partCount is the number at the end of an ETag, 1 where there is none, and 0
// where it makes no sense.
func partCount(etag string) int {
	_, suffix, multipart := strings.Cut(etag, "-")
	if !multipart {
		return 1
	}
	n, err := strconv.Atoi(suffix)
	if err != nil || n < 1 || n > maxParts {
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

// partSize asks for the size of part i, counted from 1.
func (r *reader) partSize(ctx context.Context, i int) (int64, error) {
	r.mu.Lock()
	t := target{key: r.info.Key, versionID: r.version, etag: r.info.ETag, part: i}
	if r.found {
		t.versionID = "" // a right less that is needed; the ETag is enough
	}
	r.mu.Unlock()
	a, err := r.store.head(ctx, t)
	switch {
	case err == nil && a.info.ETag == r.info.ETag:
		return a.contentLength, nil
	case err == nil, errors.Is(err, storage.ErrPrecondition), errors.Is(err, fs.ErrNotExist) && t.versionID == "":
		return 0, changed("its parts are those of another object")
	}
	return 0, err
}
