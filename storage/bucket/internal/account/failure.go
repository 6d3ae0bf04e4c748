package account

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/ssocreds"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"s3sync/storage"
	"s3sync/storage/bucket/internal/failure"
)

// An Error marks a failure to get credentials, which the SDK returns
// from any request.
type Error struct {
	err  error
	last error // how the last attempt ended before err, or nil
	from *origin
}

func (e *Error) Error() string { return e.err.Error() }

func (e *Error) Unwrap() error { return e.err }

// Failure returns the failure for the user. It is storage.ErrCredentials. Its text says
// who did not give credentials, why, and what to do.
func (e *Error) Failure() *failure.Error {
	return &failure.Error{Kind: storage.ErrCredentials, Text: e.text()}
}

// partialKeys are the words of the SDK about a profile with one of two keys.
var partialKeys = regexp.MustCompile(`partial credentials found for profile (?:profile )?(.+)`)

// refused says why the AWS configuration cannot be used, and what to do, if that is known.
func (o *Options) refused(err error) error {
	if e, ok := errors.AsType[config.SharedConfigProfileNotExistError](err); ok {
		return failure.Unusable("profile %q is not in the AWS configuration files", e.Profile)
	}
	if _, ok := errors.AsType[config.AssumeRoleTokenProviderNotSetError](err); ok {
		ask := "aws configure export-credentials --format env"
		if o.Profile != "" {
			ask += " --profile " + shellWord(o.Profile)
		}
		return failure.Unusable("the profile has an mfa_serial, and nobody is asked for its code here (use the keys that this prints, in place of the profile: %s)", ask)
	}
	if m := partialKeys.FindStringSubmatch(err.Error()); m != nil {
		return failure.Unusable("profile %q has only one of aws_access_key_id and aws_secret_access_key", m[1])
	}
	text := failure.OneLine(Cause(err).Error())
	_, inFile := errors.AsType[config.SharedConfigLoadError](err)
	if _, ok := errors.AsType[*fs.PathError](err); ok && !inFile { // there is no other file
		return failure.Unusable("the file of AWS_CA_BUNDLE or ca_bundle cannot be read: %s", text)
	}
	return failure.Unusable("AWS configuration: %s", text)
}

const noCredentials = "no credentials: give keys or a profile, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"

func (e *Error) text() string {
	if asked, ok := errors.AsType[*askingError](e.err); ok {
		return "no usable credentials: " + failure.OneLine(asked.Error())
	}
	err := e.err
	if e.last != nil && (innermost(err) == nil || errors.Is(err, context.DeadlineExceeded) && !errors.Is(e.last, context.DeadlineExceeded)) {
		err = errors.Join(e.last, err) // what was answered before the time was over
	}
	if why := e.from.login(err); why != "" {
		return "no usable credentials: " + why
	}
	if p, ok := errors.AsType[*processError](err); ok {
		return "no usable credentials: " + p.Error()
	}
	why, hint := e.from.describe(err)
	if !e.from.machine {
		if hint != "" {
			why += " (" + hint + ")"
		}
		return "no usable credentials" + e.from.ofProfile() + ": " + why
	}
	// The metadata service of the machine is the last place where the SDK looks.
	switch op := innermost(err); {
	case strings.Contains(err.Error(), "access disabled to EC2 IMDS"):
		return noCredentials
	case op != nil && statusOf(op) == 0 && !e.from.endpoint:
		return noCredentials + " (this machine has no metadata service of AWS)"
	}
	return noCredentials + " (" + why + "; attach a role to the machine if it is to give them)"
}

const hintNetwork = "check the network and the proxy"

// describe says who refused what, why, and what to do, if that is known.
func (o *origin) describe(err error) (why, hint string) {
	op := innermost(err)
	if op == nil {
		if errors.Is(err, context.DeadlineExceeded) {
			return fmt.Sprintf("%s did not answer within %v", o.whom(), o.patience()), hintNetwork
		}
		return failure.OneLine(plainText(err)), ""
	}
	whom := cmp.Or(services[op.Service()], op.Service(), o.whom())
	status := statusOf(op)
	if errors.Is(op, context.DeadlineExceeded) && status == 0 {
		return fmt.Sprintf("%s did not answer within %v", whom, o.patience()), hintNetwork
	}
	if name := op.Operation(); name != "" {
		whom += " answers to " + name
	} else {
		whom += " answers"
	}
	api, refused := errors.AsType[smithy.APIError](op)
	switch {
	case refused && refusal(api) != "":
		return fmt.Sprintf("%s with status %d: %s", whom, status, refusal(api)), advice(op, api.ErrorCode())
	case status == http.StatusOK:
		return whom + " with something else than credentials", "check its endpoint"
	case status != 0:
		return fmt.Sprintf("%s with status %d", whom, status), ""
	}
	whom, _, _ = strings.Cut(whom, " answers")
	return fmt.Sprintf("%s cannot be reached: %s", whom, failure.OneLine(Cause(op.Err).Error())), hintNetwork
}

// services are names for people.
var services = map[string]string{ //nolint:gochecknoglobals // a table, never written to
	"STS": "STS", "SSO": "the SSO portal", "SSO OIDC": "the SSO service", "Signin": "the sign-in service",
	"ec2imds": "the metadata service of this machine", "endpoint-credentials": "the container's service of credentials",
}

// advice says what the user can do about a refusal.
func advice(op *smithy.OperationError, code string) string {
	switch {
	case op.Operation() == "AssumeRole" && strings.HasPrefix(code, "AccessDenied"):
		return "allow sts:AssumeRole to who asks, and let the role trust it"
	case op.Operation() != "AssumeRoleWithWebIdentity":
	case code == "ExpiredTokenException":
		return "get a new token for the file of web_identity_token_file"
	case strings.HasPrefix(code, "AccessDenied"), code == "InvalidIdentityToken":
		return "let the role trust who issued the token"
	}
	return ""
}

// refusal is what a service says, on one line, or empty.
func refusal(api smithy.APIError) string {
	code, message := api.ErrorCode(), strings.TrimRight(api.ErrorMessage(), ". ")
	switch code {
	case "", "UnknownError", message:
		code = ""
	default:
		code += ": "
	}
	if message == "UnknownError" {
		message = ""
	}
	return failure.OneLine(strings.TrimSuffix(code+message, ": "))
}

// innermost is the operation that failed for the others, or nil.
func innermost(err error) (op *smithy.OperationError) {
	for {
		inner, ok := errors.AsType[*smithy.OperationError](err)
		if !ok {
			return op
		}
		op, err = inner, inner.Err
	}
}

// statusOf is the status of the answer to an operation; 0 is none.
func statusOf(op *smithy.OperationError) int {
	answer, ok := errors.AsType[*smithyhttp.ResponseError](op)
	if !ok || answer.Response == nil || answer.Response.Response == nil {
		return 0
	}
	return answer.HTTPStatusCode()
}

// plainText is that of an error without what the SDK says of itself.
func plainText(err error) string {
	text := err.Error()
	for _, phrase := range []string{"failed to refresh cached credentials, ", "failed to retrieve credentials: ", "failed to load credentials, "} {
		text = strings.TrimPrefix(text, phrase)
	}
	if found := "unable to read file at "; strings.Contains(text, found) { // of a token of web identity
		_, text, _ = strings.Cut(text, found)
		_, text, _ = strings.Cut(text, ": ")
		text = "the token of web identity cannot be read: " + text + " (check web_identity_token_file)"
	}
	return text
}

// refusedTokens are the codes by which the services of SSO refuse a session.
var refusedTokens = []string{ //nolint:gochecknoglobals // a table, never written to
	"UnauthorizedException", "InvalidGrantException", "ExpiredTokenException", "InvalidClientException", "UnauthorizedClientException",
}

// login says that the user has to log in again, and how, if that is why there are no
// credentials.
func (o *origin) login(err error) string {
	if o.loginProfile == "" {
		return ""
	}
	_, invalid := errors.AsType[*ssocreds.InvalidTokenError](err)
	api, refused := errors.AsType[smithy.APIError](err)
	op := innermost(err)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return ""
	case refused: // by a service of SSO, or later by another one
		if !slices.Contains([]string{"SSO", "SSO OIDC", "Signin"}, op.Service()) || !slices.Contains(refusedTokens, api.ErrorCode()) {
			return ""
		}
	case !invalid && (op != nil && unsent(op) || !strings.Contains(err.Error(), "token")):
		return ""
	}
	state := "has expired"
	if errors.Is(err, fs.ErrNotExist) {
		state = "does not exist"
	}
	return fmt.Sprintf("the session of profile %q %s (run: aws %s --profile %s)", o.loginProfile, state, o.loginCommand, shellWord(o.loginProfile))
}

// unsent reports whether an operation met a failure of the network.
func unsent(op *smithy.OperationError) bool {
	_, ok := errors.AsType[*smithyhttp.RequestSendError](op)
	return ok
}

// shellWord is a word that a shell takes as it is.
func shellWord(text string) string {
	const plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.@+/:"
	if text != "" && strings.Trim(text, plain) == "" {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

// Cause removes the layers that the SDK and net/http put around an error. They hold
// request numbers and URLs, which do not help the user.
func Cause(err error) error {
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
