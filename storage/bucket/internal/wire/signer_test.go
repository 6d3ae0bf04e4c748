package wire

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"pgregory.net/rapid"

	"s3sync/storage/bucket/internal/request"
	"s3sync/storage/bucket/internal/sigv4"
)

// TestSignerIsThatOfTheSDK: both signers make the same headers, for any request, with one
// Signer for all of them.
func TestSignerIsThatOfTheSDK(t *testing.T) {
	var signer sigv4.Signer
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOf(rapid.OneOf(rapid.RuneFrom([]rune("ab/+%~ .=&'\"!*()_-Z9é日")), rapid.Rune()))
		headerName := rapid.StringMatching(`(X-Amz-Meta-)?[A-Za-z0-9_.!-]{1,10}`)
		headerValue := rapid.StringMatching(`[ -~\t]{0,20}( {2,4}[!-~]{1,3}){0,2}`)
		path := "/" + text.Draw(t, "path")
		u := &url.URL{
			Scheme: "https", Host: rapid.StringMatching(`[a-z]{1,5}\.example(:[0-9]{4})?`).Draw(t, "host"),
			Path: path, RawPath: string(sigv4.AppendEscaped(nil, path, true)),
		}
		var query []byte
		for _, name := range []string{"A", "list-type", "prefix", "versionId", "x-id"} {
			if rapid.Bool().Draw(t, name) {
				query = sigv4.AppendParameter(query, name, text.Draw(t, "value"))
			}
		}
		u.RawQuery = string(query)
		headers := http.Header{}
		for range rapid.IntRange(0, 6).Draw(t, "headers") {
			headers.Add(headerName.Draw(t, "name"), headerValue.Draw(t, "header"))
		}
		headers.Del("Content-Length") // the SDK takes it from the request, too, but only if it is sent
		headers.Del("Host")
		headers.Set("User-Agent", "any")
		creds := aws.Credentials{
			AccessKeyID: rapid.SampledFrom([]string{"AK1", "AK2"}).Draw(t, "key"), SecretAccessKey: rapid.SampledFrom([]string{"s1", "s2"}).Draw(t, "secret"),
			SessionToken: rapid.SampledFrom([]string{"", "token"}).Draw(t, "token"),
		}
		scope := sigv4.Scope{
			Service: rapid.SampledFrom([]string{"s3", "s3-outposts"}).Draw(t, "service"), Region: rapid.SampledFrom([]string{"us-east-1", "eu-north-1"}).Draw(t, "region"),
		}
		hash := rapid.SampledFrom([]string{request.UnsignedPayload, request.EmptySHA256}).Draw(t, "hash")
		at := time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "time"), 0)
		length := rapid.Int64Range(0, 3).Draw(t, "length")

		ours := &http.Request{Method: http.MethodPut, URL: u, Header: headers.Clone(), ContentLength: length}
		signer.Sign(ours, sigv4.Credentials{AccessKey: creds.AccessKeyID, SecretKey: creds.SecretAccessKey, SessionToken: creds.SessionToken}, scope, hash, at)

		// A signer of the SDK keeps its key for an access key, whatever the secret.
		same := *u
		theirs := &http.Request{Method: http.MethodPut, URL: &same, Header: headers.Clone(), ContentLength: length}
		err := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true }).
			SignHTTP(context.Background(), creds, theirs, hash, scope.Service, scope.Region, at)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"Authorization", "X-Amz-Date", "X-Amz-Security-Token"} {
			if got, want := strings.Join(ours.Header[name], "|"), strings.Join(theirs.Header[name], "|"); got != want {
				t.Fatalf("%s\ngot  %s\nwant %s", name, got, want)
			}
		}
		if u.RawQuery != theirs.URL.RawQuery {
			t.Fatalf("query %q, the SDK sends %q", u.RawQuery, theirs.URL.RawQuery)
		}
	})
}
