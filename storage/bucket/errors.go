package bucket

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"syscall"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"s3sync/internal/setting"
	"s3sync/storage"
)

// A failure is an error of the server, the network or the SDK in the words of
// this program: one line, with nothing secret in it. It does not unwrap to what
// the SDK returned, so that nobody else can come to depend on that.
type failure struct {
	kind    error  // one of the sentinels, or nil
	code    string // of S3; empty if the server did not answer
	status  int    // of HTTP; 0 likewise
	text    string
	foreign bool // the answer was none of an S3 server
	noETag  bool // for it had no ETag
	// settings are those that text names.
	settings []string
}

// naming is a failure whose text names settings.
func naming(kind error, text setting.Text) *failure {
	return &failure{kind: kind, text: text.String(), settings: text.Settings()}
}

// Settings returns the settings that the text names: see package setting.
func (f *failure) Settings() []string { return f.settings }

func (f *failure) Error() string { return f.text }

func (f *failure) Unwrap() error { return f.kind }

// A rule says what an S3 error code means for this program.
type rule struct {
	kind   error
	advice string // what the user can do; {bucket} and {endpoint} are filled in
}

const (
	adviceCredentials = "check the access key, the secret key and the session token"
	adviceKey         = "the server cannot store this key"
	adviceKMS         = "check the KMS key"
)

// rules are the codes with a meaning of their own, of S3 and of the servers that
// speak its protocol. What is not here goes by the HTTP status.
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

	"NoSuchBucket":          {kind: storage.ErrUnusable, advice: "check the name {bucket}, or create the bucket first"},
	"InvalidBucketName":     {kind: storage.ErrUnusable, advice: "check the name {bucket}"},
	"InvalidAccessKeyId":    {kind: storage.ErrUnusable, advice: adviceCredentials},
	"SignatureDoesNotMatch": {kind: storage.ErrUnusable, advice: adviceCredentials},
	"InvalidToken":          {kind: storage.ErrUnusable, advice: adviceCredentials},
	"ExpiredToken":          {kind: storage.ErrUnusable, advice: "get new credentials"},
	"TokenRefreshRequired":  {kind: storage.ErrUnusable, advice: "get new credentials"},
	"XAdminUserNotFound":    {kind: storage.ErrUnusable, advice: adviceCredentials}, // versitygw
	"NotSignedUp":           {kind: storage.ErrUnusable},
	"AccountProblem":        {kind: storage.ErrUnusable},
	"RequestTimeTooSkewed":  {kind: storage.ErrUnusable, advice: "set the clock of this machine"},
	"QuotaExceeded":         {kind: storage.ErrUnusable},
	"XMinioStorageFull":     {kind: storage.ErrUnusable},
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
	"RequestLimitExceeded":     {kind: storage.ErrThrottled},
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

	// What the server does not have: see lacks.go.
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

// kindOfStatus is the meaning of an HTTP status whose code says nothing.
func kindOfStatus(status int) error {
	switch {
	case status == http.StatusNotFound:
		return fs.ErrNotExist
	case status == http.StatusForbidden:
		return fs.ErrPermission
	case status == http.StatusUnauthorized, status == http.StatusInsufficientStorage,
		status == http.StatusProxyAuthRequired:
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

// classify turns an error of the SDK or the network into a failure. It is the
// only place that knows their types. It returns nil for nil, and a *failure
// unchanged.
func (c *client) classify(err error) error {
	if err == nil {
		return nil
	}
	if f, ok := errors.AsType[*failure](err); ok {
		if _, ok := errors.AsType[*smithy.OperationError](err); ok {
			return f // of a session; the SDK adds nothing to it
		}
		return err
	}
	if e, ok := errors.AsType[*credentialsError](err); ok {
		return c.told(noCredentials(e.err))
	}
	if e, ok := errors.AsType[smithy.APIError](err); ok {
		response, _ := errors.AsType[*smithyhttp.ResponseError](err)
		return c.ofServer(e, response)
	}
	return c.ofNetwork(err)
}

// noCredentials is the failure to find credentials, or to get them from where
// the configuration says.
func noCredentials(err error) *failure {
	f := &failure{kind: storage.ErrUnusable}
	if e, ok := errors.AsType[*askingError](err); ok {
		err = e // without what the SDK puts around it
	}
	text := oneLine(err.Error())
	if strings.Contains(text, "no EC2 IMDS role found") { // the last place where the SDK looks
		f.text = "no credentials: give keys or a profile, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
		return f
	}
	text, _, _ = strings.Cut(text, ", operation error")
	f.text = "no usable credentials: " + text
	if e, ok := errors.AsType[smithy.APIError](err); ok {
		f.text += ": " + oneLine(e.ErrorCode()+": "+e.ErrorMessage())
	}
	return f
}

// ofServer is the failure that an answer of the server tells.
func (c *client) ofServer(e smithy.APIError, response *smithyhttp.ResponseError) *failure {
	code, message := e.ErrorCode(), e.ErrorMessage()
	if response != nil && response.Response != nil && response.Response.Response != nil {
		message = unsigned(response.Response.Request, message)
	}
	f := c.ofCode(code, message)
	if response == nil || response.Response == nil {
		return f
	}
	f.status = response.HTTPStatusCode()
	if _, known := rules[f.code]; !known {
		f.kind = kindOfStatus(f.status)
	}
	// Where an answer names no code the SDK makes one of the status.
	if text := http.StatusText(f.status); f.code == "UnknownError" ||
		f.code == strings.ReplaceAll(text, " ", "") && (e.ErrorMessage() == "" || e.ErrorMessage() == text) {
		f.text = strings.TrimSpace(fmt.Sprintf("the server answers with status %d %s", f.status, text))
	}
	// What is deleted in a bucket with versioning is a marker, of which the
	// server says that it cannot be read.
	if f.status == http.StatusMethodNotAllowed && response.Response.Header.Get("X-Amz-Delete-Marker") == "true" {
		f.kind = fs.ErrNotExist
	}
	if rules[f.code].advice == adviceRegion {
		right := response.Response.Header.Get("X-Amz-Bucket-Region")
		if right == "" {
			right = regionIn(e.ErrorMessage())
		}
		f.text = fmt.Sprintf("%s: bucket %q is not in region %q: %s", f.code, c.bucket, c.region, regionAdvice(right))
	}
	return f
}

// ofCode is the failure that an S3 code tells, as it also stands inside of
// answers about many keys.
func (c *client) ofCode(code, message string) *failure {
	r := rules[code]
	f := &failure{kind: r.kind, code: code, text: c.clean(code)}
	if message = strings.TrimRight(c.clean(message), ". "); message != "" && message != code {
		f.text += ": " + message
	}
	if r.advice != "" && r.advice != adviceRegion {
		advice := strings.NewReplacer("{bucket}", fmt.Sprintf("%q", c.bucket)).Replace(r.advice)
		f.text += " (" + advice + ")"
	}
	return f
}

func regionAdvice(right string) string {
	if right == "" {
		return "set the region of the bucket"
	}
	return fmt.Sprintf("set the region to %q", right)
}

// regionIn finds the region that the server expects in what it says.
func regionIn(message string) string {
	m := regexp.MustCompile(`expecting ['"]([a-z0-9-]+)['"]`).FindStringSubmatch(message)
	if m == nil {
		return ""
	}
	return m[1]
}

// ofNetwork is the failure of a request that got no answer, or none that makes
// sense.
func (c *client) ofNetwork(err error) *failure {
	if e, ok := errors.AsType[*timeoutError](err); ok {
		return &failure{kind: storage.ErrTransient, text: e.Error()}
	}
	if e, ok := errors.AsType[*proxyError](err); ok {
		return &failure{kind: kindOfStatus(e.status), status: e.status, text: e.Error()}
	}
	_, garbage := errors.AsType[*smithy.DeserializationError](err)
	_, syntax := errors.AsType[*xml.SyntaxError](err)
	if garbage || syntax {
		return &failure{kind: storage.ErrTransient, text: "the answer of " + c.host() + " cannot be understood: " + c.clean(innermost(err).Error())}
	}
	if text := c.tlsFault(err); text != "" {
		return &failure{kind: storage.ErrUnusable, text: c.host() + ": " + text}
	}
	inner := c.clean(innermost(err).Error())
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return &failure{kind: storage.ErrTransient, text: "no answer within the time-out"}
	case c.unreachable(err):
		return &failure{kind: storage.ErrUnusable, text: c.host() + " does not answer: " + inner}
	case isConnection(err), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return &failure{kind: storage.ErrTransient, text: "connection to " + c.host() + ": " + inner}
	}
	return &failure{text: inner}
}

// isConnection reports whether a request was on its way when it failed.
func isConnection(err error) bool {
	var sent interface{ ConnectionError() bool }
	var network net.Error
	return errors.As(err, &sent) && sent.ConnectionError() || errors.As(err, &network)
}

// unreachable reports whether err says that there is no server: nobody listens,
// or the name does not exist. A connection that takes too long counts only
// until the first answer, since then there was a server.
func (c *client) unreachable(err error) bool {
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		return dns.IsNotFound
	}
	if errors.Is(err, syscall.EHOSTUNREACH) || errors.Is(err, syscall.ENETUNREACH) || isRefused(err) {
		return true
	}
	op, ok := errors.AsType[*net.OpError](err)
	return ok && (op.Op == "dial" || op.Op == "proxyconnect") && op.Timeout() && !c.answered.Load()
}

// isRefused also knows the words of Windows, whose error number has no name in
// package syscall.
func isRefused(err error) bool {
	return errors.Is(err, syscall.ECONNREFUSED) || strings.Contains(err.Error(), "actively refused")
}

// tlsFault explains why no trusted connection is possible, or returns "".
func (c *client) tlsFault(err error) string {
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
			return "the certificate is signed by an unknown authority (name its file in AWS_CA_BUNDLE)"
		}
		return "the certificate is not valid: " + c.clean(innermost(err).Error())
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return "the server does not speak TLS (is its URL http:// instead of https://?)"
	}
	// An alert of the server. Later ones may come of damage on the way.
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "remote error" && !c.answered.Load() {
		return "the server refuses the connection: " + c.clean(op.Err.Error())
	}
	return ""
}

// innermost removes the layers that the SDK and net/http put around an error.
// They hold request numbers and URLs, which tell the user nothing.
func innermost(err error) error {
	for {
		var inner error
		switch e := err.(type) { //nolint:errorlint // layer by layer on purpose
		case *smithy.OperationError:
			inner = e.Err
		case interface{ ServiceRequestID() string }: // of two packages, one of them internal
			inner = errors.Unwrap(err)
		case *smithyhttp.ResponseError:
			inner = e.Err
		case *smithyhttp.RequestSendError:
			inner = e.Err
		case *smithy.DeserializationError:
			inner = e.Err
		case *smithy.CanceledError:
			inner = e.Err
		case *retry.MaxAttemptsError:
			inner = e.Err
		case *url.Error:
			inner = e.Err
		}
		if inner == nil {
			return err
		}
		err = inner
	}
}

// maxText bounds what a server can make this program print, in bytes.
const maxText = 500

// oneLine makes one short line of a text.
func oneLine(text string) string {
	text = strings.Join(strings.Fields(strings.ToValidUTF8(text, "?")), " ")
	if len(text) > maxText {
		text = strings.ToValidUTF8(text[:maxText], "") + "…"
	}
	return text
}

// clean makes one short line of a text of the server or the network, without the
// secrets that the server was sent.
func (c *client) clean(text string) string { return oneLine(c.secrets.mask(text)) }

// fail makes the error of a method. A cancelled context is its own error,
// whatever the request made of it.
func (s *Store) fail(ctx context.Context, op, key string, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		err = ctx.Err()
	} else {
		err = s.client.told(s.client.classify(err))
	}
	return &storage.Error{Op: op, Key: key, Err: err}
}

// isRange reports whether err says that an object has no such bytes.
func isRange(err error) bool {
	f, ok := errors.AsType[*failure](err)
	return ok && f.status == http.StatusRequestedRangeNotSatisfiable
}

// has reports whether err is a failure with that S3 code.
func has(err error, code string) bool {
	f, ok := errors.AsType[*failure](err)
	return ok && f.code == code
}
