package failure

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"strings"

	"s3sync/storage"
)

// A rule says what an S3 error code means for this program.
type rule struct {
	kind   error
	advice string // what the user can do; {bucket} is filled in
}

const (
	adviceCredentials = "check the access key, the secret key and the session token"
	adviceKey         = "the server cannot store this key"
	adviceKMS         = "check the KMS key"
)

// rules are the codes of S3 and compatible servers that have a meaning of their own. For
// other codes, the HTTP status decides: see KindOfStatus.
// https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
var rules = map[string]rule{ //nolint:gochecknoglobals // a table, never written to
	"NoSuchKey":             {kind: fs.ErrNotExist},
	"NoSuchVersion":         {kind: fs.ErrNotExist},
	"NotFound":              {kind: fs.ErrNotExist}, // what the SDK makes of a HEAD that has no body
	"NoSuchUpload":          {},                     // its object need not be missing
	"kms:KeyNotFound":       {advice: adviceKMS},    // MinIO, with status 404
	"KMS.NotFoundException": {advice: adviceKMS},
	"AccessDenied":          {kind: fs.ErrPermission},
	"Forbidden":             {kind: fs.ErrPermission},
	"AllAccessDisabled": {
		kind: storage.ErrUnusable, advice: "all access to the bucket {bucket} is disabled",
	},

	"NoSuchBucket":          {kind: storage.ErrNoBucket, advice: "check the name {bucket}, or create the bucket first"},
	"InvalidBucketName":     {kind: storage.ErrNoBucket, advice: "check the name {bucket}"},
	"InvalidAccessKeyId":    {kind: storage.ErrCredentials, advice: adviceCredentials},
	"SignatureDoesNotMatch": {kind: storage.ErrCredentials, advice: "the secret key is another one, or something on the way changes requests"},
	"InvalidToken":          {kind: storage.ErrCredentials, advice: adviceCredentials},
	"ExpiredToken":          {kind: storage.ErrCredentials, advice: "get new credentials"},
	"TokenRefreshRequired":  {kind: storage.ErrCredentials, advice: "get new credentials"},
	"XAdminUserNotFound":    {kind: storage.ErrCredentials, advice: adviceCredentials}, // versitygw
	"NotSignedUp":           {kind: storage.ErrUnusable},
	"AccountProblem":        {kind: storage.ErrUnusable},
	"RequestTimeTooSkewed":  {kind: storage.ErrUnusable, advice: "set the clock of this machine"},
	"QuotaExceeded":         {kind: storage.ErrFull},
	"XMinioStorageFull":     {kind: storage.ErrFull},
	"XMinioServerNotInitialized": {
		kind: storage.ErrTransient,
	},

	"PermanentRedirect":            {kind: storage.ErrUnusable, advice: adviceRegion},
	"MovedPermanently":             {kind: storage.ErrUnusable, advice: adviceRegion}, // a HEAD again
	"AuthorizationHeaderMalformed": {kind: storage.ErrUnusable, advice: adviceRegion},
	"IllegalLocationConstraintException": {
		kind: storage.ErrUnusable, advice: adviceRegion,
	},
	"TemporaryRedirect": {kind: storage.ErrTransient, advice: "the bucket {bucket} is being set up"},

	"SlowDown":                 {kind: storage.ErrThrottled},
	"Throttling":               {kind: storage.ErrThrottled},
	"ThrottlingException":      {kind: storage.ErrThrottled},
	"ThrottledException":       {kind: storage.ErrThrottled},
	"RequestThrottled":         {kind: storage.ErrThrottled},
	"RequestLimitExceeded":     {kind: storage.ErrThrottled},
	"LimitExceededException":   {kind: storage.ErrThrottled},
	"PriorRequestNotComplete":  {kind: storage.ErrThrottled},
	"BandwidthLimitExceeded":   {kind: storage.ErrThrottled},
	"TooManyRequests":          {kind: storage.ErrThrottled},
	"TooManyRequestsException": {kind: storage.ErrThrottled},
	"ServiceUnavailable":       {kind: storage.ErrThrottled},
	"Busy":                     {kind: storage.ErrThrottled},

	"InternalError":              {kind: storage.ErrTransient},
	"RequestTimeout":             {kind: storage.ErrTransient},
	"RequestTimeoutException":    {kind: storage.ErrTransient},
	"IncompleteBody":             {kind: storage.ErrTransient},
	"OperationAborted":           {kind: storage.ErrTransient},
	"ConditionalRequestConflict": {kind: storage.ErrTransient},

	"BadDigest":                   {kind: storage.ErrMismatch},
	"InvalidDigest":               {kind: storage.ErrMismatch},
	"XAmzContentSHA256Mismatch":   {kind: storage.ErrMismatch},
	"XAmzContentChecksumMismatch": {kind: storage.ErrMismatch},

	"PreconditionFailed": {kind: storage.ErrPrecondition},
	"InvalidObjectState": {kind: storage.ErrArchived, advice: "restore the object first"},

	// What the server does not have: see IsUnsupported.
	"NotImplemented":       {kind: errors.ErrUnsupported},
	"UnsupportedOperation": {kind: errors.ErrUnsupported},
	"MethodNotAllowed":     {kind: errors.ErrUnsupported},

	"KeyTooLongError":               {kind: storage.ErrUnstorable, advice: adviceKey},
	"XMinioInvalidObjectName":       {kind: storage.ErrUnstorable, advice: adviceKey},
	"XMinioInvalidResourceName":     {kind: storage.ErrUnstorable, advice: adviceKey},
	"XMinioObjectExistsAsDirectory": {kind: storage.ErrUnstorable, advice: adviceKey},
	"XMinioParentIsObject":          {kind: storage.ErrUnstorable, advice: adviceKey},
	"ExistingObjectIsDirectory":     {kind: storage.ErrUnstorable, advice: adviceKey}, // versitygw, as what follows
	"ObjectParentIsFile":            {kind: storage.ErrUnstorable, advice: adviceKey},
	"DirectoryObjectContainsData":   {kind: storage.ErrUnstorable, advice: adviceKey},
}

// adviceRegion stands for a sentence that names the right region, if it is known.
const adviceRegion = "{region}"

// IsKnown reports whether an S3 code has a meaning of its own.
func IsKnown(code string) bool {
	_, known := rules[code]
	return known
}

// IsWrongRegion reports whether an S3 code says that the bucket is in another region.
func IsWrongRegion(code string) bool { return rules[code].advice == adviceRegion }

// OfCode is the failure that an S3 code tells. The texts of the server must be short
// and hold no secrets.
func OfCode(code, message, bucket string) *Error {
	r := rules[code]
	f := &Error{Kind: r.kind, Code: code, Text: code}
	if message = strings.TrimRight(message, ". "); message != "" && message != code {
		f.Text += ": " + message
	}
	if r.advice != "" && r.advice != adviceRegion {
		advice := strings.NewReplacer("{bucket}", fmt.Sprintf("%q", bucket)).Replace(r.advice)
		f.Text += " (" + advice + ")"
	}
	return f
}

// KindOfStatus is the meaning of an HTTP status whose code says nothing.
func KindOfStatus(status int) error {
	switch {
	case status == http.StatusNotFound:
		return fs.ErrNotExist
	case status == http.StatusForbidden:
		return fs.ErrPermission
	case status == http.StatusUnauthorized:
		return storage.ErrCredentials
	case status == http.StatusInsufficientStorage:
		return storage.ErrFull
	case status == http.StatusProxyAuthRequired: // the proxy refuses, not the store
		return storage.ErrUnusable
	case status == http.StatusPreconditionFailed:
		return storage.ErrPrecondition
	case status == http.StatusTooManyRequests, status == http.StatusServiceUnavailable:
		return storage.ErrThrottled
	case status == http.StatusNotImplemented, status == http.StatusMethodNotAllowed:
		return errors.ErrUnsupported
	case status >= 500, status == http.StatusRequestTimeout, status == http.StatusTemporaryRedirect:
		return storage.ErrTransient
	}
	return nil
}

// RegionAdvice says what to do if the bucket is in another region. right is that region,
// or empty if it is not known.
func RegionAdvice(right string) string {
	if right == "" {
		return "set the region of the bucket"
	}
	return fmt.Sprintf("set the region to %q", right)
}
