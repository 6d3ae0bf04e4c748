package account

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/processcreds"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// Getting credentials may take
const (
	// patience at the start, when somebody waits to see whether it works,
	shortPatience = 5 * time.Second
	// longPatience later, when a long run would end, and for a process that may be asking
	// somebody at the terminal.
	longPatience = time.Minute
	// reserve is how much earlier a service has to answer, so that it can be named.
	reserve = 500 * time.Millisecond
)

// An origin is where credentials come from, as far as the configuration tells.
type origin struct {
	profile                    string // the one in use, or empty
	loginProfile, loginCommand string // the profile that somebody logs in with, and "aws" what
	sources                    []aws.CredentialSource
	// machine: the metadata service of the machine is asked, for no better place is known.
	// endpoint: its address was given.
	machine, endpoint bool
	interactive       bool
	short             time.Duration // in place of shortPatience, for tests; 0 is none

	found atomic.Bool             // credentials, once
	last  atomic.Pointer[attempt] // of a request for them, if it failed
}

// An attempt to get credentials failed.
type attempt struct {
	at  time.Time
	err error
}

// lately returns how the last attempt ended, or nil if it belongs to an earlier question,
// for it was longer ago than one takes. Nothing forgets it when a question begins: the
// cache of the SDK may have begun to ask before that, for somebody else.
func (o *origin) lately() error {
	if last := o.last.Load(); last != nil && time.Since(last.at) <= 2*o.patience() {
		return last.err
	}
	return nil
}

// look finds the origin in a configuration.
func (o *origin) look(cfg *aws.Config) {
	if s, ok := cfg.Credentials.(interface{ ProviderSources() []aws.CredentialSource }); ok {
		o.sources = s.ProviderSources()
	}
	o.machine = len(o.sources) > 0 && o.sources[len(o.sources)-1] == aws.CredentialSourceIMDS
	for _, source := range cfg.ConfigSources {
		switch source := source.(type) {
		case config.EnvConfig:
			o.endpoint = o.endpoint || source.EC2IMDSEndpoint != ""
		case config.SharedConfig:
			o.endpoint = o.endpoint || source.EC2IMDSEndpoint != ""
			o.lookAtProfile(&source)
			if aws.IsCredentialsProvider(cfg.Credentials, (*processcreds.Provider)(nil)) {
				o.interactive = atTerminal()
				cfg.Credentials = aws.NewCredentialsCache(newProcess(source.CredentialProcess, source.Profile, o.patience))
			}
		}
	}
}

// lookAtProfile finds the profile that somebody logs in with, behind the roles that are
// assumed.
func (o *origin) lookAtProfile(shared *config.SharedConfig) {
	o.profile = shared.Profile
	has := func(s aws.CredentialSource) bool { return slices.Contains(o.sources, s) }
	for s := shared; s != nil; s = s.Source {
		switch {
		case s.Source != nil:
		case has(aws.CredentialSourceSSO), has(aws.CredentialSourceSSOLegacy):
			o.loginProfile, o.loginCommand = s.Profile, "sso login"
		case has(aws.CredentialSourceLogin):
			o.loginProfile, o.loginCommand = s.Profile, "login"
		}
	}
}

// ofProfile names the profile, if the credentials are from one.
func (o *origin) ofProfile() string {
	if o.profile == "" || slices.Contains(o.sources, aws.CredentialSourceEnvVarsSTSWebIDToken) {
		return ""
	}
	return fmt.Sprintf(" of profile %q", o.profile)
}

// whom names who was asked for credentials.
func (o *origin) whom() string {
	var names []string
	for _, s := range o.sources {
		switch s {
		case aws.CredentialSourceProcess:
			names = append(names, "the credential_process")
		case aws.CredentialSourceSSO, aws.CredentialSourceSSOLegacy:
			names = append(names, services["SSO"])
		case aws.CredentialSourceHTTP:
			names = append(names, services["endpoint-credentials"])
		case aws.CredentialSourceIMDS:
			names = append(names, services["ec2imds"])
		case aws.CredentialSourceSTSAssumeRole, aws.CredentialSourceSTSAssumeRoleWebID:
			names = append(names, services["STS"])
		default:
		}
	}
	if len(names) == 0 {
		return "who gives credentials"
	}
	return strings.Join(names, " or ")
}

// patience is how long somebody waits for credentials.
func (o *origin) patience() time.Duration {
	if o.interactive || o.found.Load() {
		return longPatience
	}
	return cmp.Or(o.short, shortPatience)
}

// limit bounds one retrieval of credentials.
func (o *origin) limit(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, o.patience())
}

// watch bounds the operations that get credentials, which the SDK may go on with after
// whoever wanted the credentials has left, and keeps how their last attempt ended.
func (o *origin) watch(stack *middleware.Stack) error {
	bound := middleware.InitializeMiddlewareFunc("s3sync:Patience",
		func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (
			middleware.InitializeOutput, middleware.Metadata, error,
		) {
			ctx, cancel := context.WithTimeout(ctx, o.patience()-reserve)
			defer cancel()
			return next.HandleInitialize(ctx, in)
		})
	keep := middleware.DeserializeMiddlewareFunc("s3sync:Last",
		func(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (
			middleware.DeserializeOutput, middleware.Metadata, error,
		) {
			out, metadata, failed := next.HandleDeserialize(ctx, in)
			// An attempt that was cut off says less than the one before it.
			if err := failed; err != nil && (o.lately() == nil || !errors.Is(err, context.DeadlineExceeded)) {
				if answer, ok := out.RawResponse.(*smithyhttp.Response); ok && answer != nil {
					err = &smithyhttp.ResponseError{Response: answer, Err: err}
				}
				o.last.Store(&attempt{time.Now(), &smithy.OperationError{
					ServiceID: awsmiddleware.GetServiceID(ctx), OperationName: awsmiddleware.GetOperationName(ctx), Err: err,
				}})
			}
			return out, metadata, failed
		})
	return errors.Join(stack.Initialize.Add(bound, middleware.Before), stack.Deserialize.Add(keep, middleware.Before))
}
