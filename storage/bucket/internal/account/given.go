package account

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
)

// Credentials sign requests.
type Credentials struct {
	AccessKey    string
	SecretKey    string // secret
	SessionToken string // secret; empty for permanent keys
	// Expires is when they end; the zero time is never.
	Expires time.Time
}

// refreshBefore is how long before their end credentials are asked for again, so
// that no request is signed with some that end on its way.
const refreshBefore = 10 * time.Second

// An askingError is that of a function for credentials.
type askingError struct{ error }

func (e *askingError) Unwrap() error { return e.error }

var errNoKeys = errors.New("the function for credentials returned none")

// asking takes credentials from a function of the caller. They are kept until
// shortly before they end.
func asking(get func(context.Context) (Credentials, error)) []func(*config.LoadOptions) error {
	provider := aws.CredentialsProviderFunc(func(ctx context.Context) (aws.Credentials, error) {
		c, err := get(ctx)
		if err == nil && (c.AccessKey == "" || c.SecretKey == "") {
			err = errNoKeys
		}
		if err != nil {
			return aws.Credentials{}, &askingError{err}
		}
		return aws.Credentials{
			AccessKeyID: c.AccessKey, SecretAccessKey: c.SecretKey, SessionToken: c.SessionToken,
			CanExpire: !c.Expires.IsZero(), Expires: c.Expires,
		}, nil
	})
	return []func(*config.LoadOptions) error{
		config.WithCredentialsProvider(provider),
		config.WithCredentialsCacheOptions(func(o *aws.CredentialsCacheOptions) { o.ExpiryWindow = refreshBefore }),
	}
}
