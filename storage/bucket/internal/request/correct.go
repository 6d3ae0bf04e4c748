package request

import (
	"net/http"

	"s3sync/storage/bucket/internal/failure"
)

// Some refusals tell what is wrong with a request, so that it can be made in the right way:
// in the region, or with the credentials that the server wants. What an answer says of
// another address is never used: a signature must not go where an answer sends it.

// MovedTo returns the region of the bucket if the request was refused because it was made
// in another one, else "". The answer to a HEAD has no code.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingRouting.html
func (r *RefusalError) MovedTo(region string, head bool) string {
	if !failure.IsWrongRegion(r.Code) && (!head || r.Status != http.StatusBadRequest) {
		return ""
	}
	if right := r.Region(); right != region {
		return right
	}
	return ""
}

// Expired reports whether the credentials of the request have expired, or may have: the
// answer to a HEAD has no code. token reports whether they have a session token: others do
// not expire.
// https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
func (r *RefusalError) Expired(head, token bool) (expired, maybe bool) {
	if r.Code == "ExpiredToken" || r.Code == "TokenRefreshRequired" {
		return true, false
	}
	return false, head && token && r.Status == http.StatusBadRequest
}
