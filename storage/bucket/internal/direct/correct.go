package direct

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"s3sync/storage/bucket/internal/request"
)

// Some refusals tell what is wrong with a request, so that it can be made in the right way:
// at the time, in the region, or with the credentials that the server wants. Each of them is
// corrected once per call. That does not count as an attempt: the server has done nothing
// for the request, and the next one is another.

// corrections are those that were made for a call.
type corrections struct{ time, region, credentials bool }

// correct reports whether a request that was refused should be made again at once, in
// another way.
func (c *Client) correct(ctx context.Context, k *call, a *attempt, made *corrections, err error) bool {
	r, ok := errors.AsType[*request.RefusalError](err)
	switch {
	case !ok:
		return false
	case !made.time && c.correctTime(k, a, r):
		made.time = true
	case !made.region && c.correctRegion(ctx, k, a, r):
		made.region = true
	case !made.credentials && c.correctCredentials(ctx, k, a, r):
		made.credentials = true
	default:
		return false
	}
	return true
}

const (
	// leastSkew is how wrong the time of a request must have been to be the reason for a
	// refusal. S3 accepts 15 minutes. Below the AWS SDK's bound, other reasons are likelier.
	// https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html (RequestTimeTooSkewed)
	leastSkew = 4 * time.Minute
	// longestRequest is how long a request may take for its answer to tell the time.
	longestRequest = 15 * time.Minute
)

// correctTime learns the time of the server from a refusal for the time of the request. The
// answer to a HEAD has no code, and says only that the request is forbidden.
func (c *Client) correctTime(k *call, a *attempt, r *request.RefusalError) bool {
	head := k.method == http.MethodHead && r.Status == http.StatusForbidden
	if a.began.IsZero() || !head && !slices.Contains([]string{"RequestTimeTooSkewed", "RequestExpired", "SignatureDoesNotMatch"}, r.Code) {
		return false
	}
	took := time.Since(a.began)
	server, err := http.ParseTime(r.Header.Get("Date"))
	if err != nil || took > longestRequest || r.Header.Get("Age") != "" { // it may come from a cache
		return false
	}
	offset := server.Sub(a.began.Add(took / 2)).Round(time.Second)
	if (offset - a.offset).Abs() < leastSkew {
		return false
	}
	c.offset.Store(int64(offset))
	return true
}

// correctRegion takes the region of the bucket from a refusal that names it.
func (c *Client) correctRegion(ctx context.Context, k *call, a *attempt, r *request.RefusalError) bool {
	right := r.MovedTo(a.route.Scope.Region, k.method == http.MethodHead)
	return right != "" && c.opts.Move(ctx, right)
}

// correctCredentials gets other credentials if those of the request have expired.
func (c *Client) correctCredentials(ctx context.Context, k *call, a *attempt, r *request.RefusalError) bool {
	if c.opts.Credentials == nil {
		return false
	}
	expired, maybe := r.Expired(k.method == http.MethodHead && !k.part, a.credentials.SessionToken != "")
	return (expired || maybe) && c.opts.Renew(ctx, a.credentials, expired)
}
