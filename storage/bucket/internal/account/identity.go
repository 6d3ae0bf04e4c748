package account

import (
	"cmp"
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// An Identity is who signs requests.
type Identity struct {
	AccessKey string // the public half of the keys
	// Source is the provider of the SDK that found the keys, by the SDK's name for it. It is
	// empty if a function of the caller returned them.
	Source string
	// Expires is when the keys end; the zero time is never.
	Expires time.Time
	// ARN names the user or the role. It is empty if the service was not asked.
	ARN string
}

// stsRegion is where the service is asked if no region is known.
const stsRegion = "us-east-1"

// Identify returns the present credentials. With ask it asks the Security Token Service
// once whose they are. It also does so if cfg names an endpoint of that service. If the
// service does not answer, err says why, and the rest of the Identity is valid.
// https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
func Identify(ctx context.Context, cfg aws.Config, ask bool) (Identity, error) {
	creds, err := cfg.Credentials.Retrieve(ctx)
	if err != nil {
		return Identity{}, err
	}
	id := Identity{AccessKey: creds.AccessKeyID, Source: creds.Source}
	if creds.CanExpire {
		id.Expires = creds.Expires
	}
	cfg.Region = cmp.Or(cfg.Region, stsRegion)
	client := sts.NewFromConfig(cfg, func(o *sts.Options) { o.Retryer = aws.NopRetryer{} })
	if !ask && client.Options().BaseEndpoint == nil {
		return id, nil
	}
	out, err := client.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return id, err
	}
	id.ARN = aws.ToString(out.Arn)
	return id, nil
}
