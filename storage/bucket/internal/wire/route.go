package wire

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	smithyauth "github.com/aws/smithy-go/auth"
	smithyendpoints "github.com/aws/smithy-go/endpoints"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"s3sync/storage"
	"s3sync/storage/bucket/internal/address"
	"s3sync/storage/bucket/internal/direct"
	"s3sync/storage/bucket/internal/sigv4"
)

// A router finds the endpoints of a bucket for both ways of making requests, as the SDK
// does. The bucket may turn out to be in another region than the one that is configured.
type router struct {
	s3.EndpointResolverV2

	bucket string
	notice func(storage.Notice) // nil: nobody is told

	parameters s3.EndpointParameters
	moving     sync.Mutex
	now        atomic.Pointer[place]
}

// A place is a region and what follows from it.
type place struct {
	region string
	route  *direct.Route // nil: the SDK makes all requests
}

// configure makes the SDK ask the router.
func (r *router) configure(so *s3.Options) {
	r.EndpointResolverV2 = so.EndpointResolverV2
	so.EndpointResolverV2 = r
}

// ResolveEndpoint is that of the SDK in the region of the bucket.
func (r *router) ResolveEndpoint(ctx context.Context, p s3.EndpointParameters) (smithyendpoints.Endpoint, error) {
	if now := r.now.Load(); now != nil {
		p.Region = &now.region
	} else {
		r.parameters = p
	}
	return r.EndpointResolverV2.ResolveEndpoint(ctx, p)
}

// region is the region that requests are made in.
func (r *router) region() string { return r.now.Load().region }

// route is that of requests without the SDK. It is nil if the SDK makes all requests.
func (r *router) route() *direct.Route { return r.now.Load().route }

// errResolved ends a request that is not sent.
var errResolved = errors.New("the endpoint is known")

// locate finds out where requests go, with one that the SDK prepares but does not send. The
// SDK must make all of them if they are signed in a way that package sigv4 does not know.
func (r *router) locate(ctx context.Context, client *s3.Client, region string) {
	stop := func(o *s3.Options) {
		o.Retryer = aws.NopRetryer{}
		o.APIOptions = []func(*middleware.Stack) error{func(stack *middleware.Stack) error {
			return stack.Finalize.Insert(middleware.FinalizeMiddlewareFunc("s3sync:Stop",
				func(context.Context, middleware.FinalizeInput, middleware.FinalizeHandler) (middleware.FinalizeOutput, middleware.Metadata, error) {
					return middleware.FinalizeOutput{}, middleware.Metadata{}, errResolved
				}), "ResolveAuthScheme", middleware.After) // which asks for the endpoint
		}}
	}
	key := "k"
	_, err := client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &r.bucket, Key: &key}, stop)
	here := &place{region: region}
	if errors.Is(err, errResolved) {
		if p := r.parameters.Region; p != nil {
			here.region = *p // pseudo regions such as fips-us-east-1 stand for others
		}
		if !address.IsDirectory(r.bucket) && len(client.Options().AuthSchemePreference) == 0 {
			here.route = r.routeIn(ctx, here.region)
		}
	}
	r.now.Store(here)
}

// routeIn returns the route of requests without the SDK. It is nil if the SDK must make
// them: signatures are not of version 4 with the account's own keys, or there is something in
// the configuration that only the SDK understands.
func (r *router) routeIn(ctx context.Context, region string) *direct.Route {
	p := r.parameters
	p.Region = &region
	endpoint, err := r.EndpointResolverV2.ResolveEndpoint(ctx, p)
	if err != nil || len(endpoint.Headers) > 0 || endpoint.URI.RawQuery != "" || endpoint.URI.RawPath != "" {
		return nil
	}
	schemes, ok := smithyauth.GetAuthOptions(&endpoint.Properties)
	if !ok || len(schemes) == 0 || "aws.auth#"+schemes[0].SchemeID != smithyauth.SchemeIDSigV4 {
		return nil
	}
	service, hasService := smithyhttp.GetSigV4SigningName(&schemes[0].SignerProperties)
	signed, hasRegion := smithyhttp.GetSigV4SigningRegion(&schemes[0].SignerProperties)
	if !hasService || !hasRegion {
		return nil
	}
	return &direct.Route{
		Scheme: endpoint.URI.Scheme, Host: endpoint.URI.Host, Header: withoutDefaultPort(endpoint.URI.Scheme, endpoint.URI.Host),
		Base: strings.TrimSuffix(endpoint.URI.Path, "/"), Scope: sigv4.Scope{Service: service, Region: signed},
	}
}

// withoutDefaultPort is how a host is written in a header.
func withoutDefaultPort(scheme, host string) string {
	switch scheme {
	case "http":
		return strings.TrimSuffix(host, ":80")
	case "https":
		return strings.TrimSuffix(host, ":443")
	}
	return host
}

// aRegion is what the name of a region looks like. A host is made of it.
var aRegion = regexp.MustCompile(`^[a-z]{2,}(-[a-z0-9]+){1,4}$`)

// move makes all further requests go to a region in which the bucket is. It reports whether
// that is another one than before. The endpoint of the region is that of the SDK, or the
// configured one.
func (r *router) move(ctx context.Context, region string) bool {
	if !aRegion.MatchString(region) || address.IsAccessPoint(r.bucket) || address.IsDirectory(r.bucket) {
		return false
	}
	moved, before := r.moveTo(ctx, region)
	if before != region && moved && r.notice != nil {
		r.notice(storage.Notice{Text: fmt.Sprintf(
			"bucket %q is in region %q, not in %q: requests go there (set the region, to begin with the right one)",
			r.bucket, region, before)})
	}
	return moved
}

// moveTo is move without the notice. It returns the region before. Several requests may be
// told at the same time.
func (r *router) moveTo(ctx context.Context, region string) (moved bool, before string) {
	r.moving.Lock()
	defer r.moving.Unlock()
	now := r.now.Load()
	if now.region == region {
		return true, region
	}
	there := &place{region: region}
	if now.route != nil {
		if there.route = r.routeIn(ctx, region); there.route == nil {
			return false, now.region
		}
	}
	r.now.Store(there)
	return true, now.region
}
