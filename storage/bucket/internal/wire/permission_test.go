package wire

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"s3sync/storage"
	"s3sync/storage/bucket/internal/request"
)

// TestMissingPermission: a request that is refused for lack of permission names the action
// that it takes, also one that is only an entry of an answer. Each operation of Client is
// tested, with the SDK and without it.
func TestMissingPermission(t *testing.T) {
	ref := request.ObjectRef{Key: "k"}
	version := request.ObjectRef{Key: "k", VersionID: "v"}
	upload := request.Upload{Key: "k", ID: "id"}
	block := storage.Block{Data: []byte("data")}
	from := func(c *Client, version string) CopySource {
		return CopySource{Client: c, Key: "k", VersionID: version, ETag: "e", Size: 4}
	}
	tagged := storage.WriteOptions{Tags: map[string]string{"a": "b"}}
	left := clientOperations()
	for name, tt := range map[string]struct {
		do   func(context.Context, *Client) error
		want string
	}{
		"ListObjectsV2": {func(ctx context.Context, c *Client) error {
			_, err := c.ListObjectsV2(ctx, request.ListRequest{MaxKeys: 1})
			return err
		}, "(it takes the permission s3:ListBucket)"},
		"ListObjectVersions": {func(ctx context.Context, c *Client) error {
			_, err := c.ListObjectVersions(ctx, request.VersionsRequest{})
			return err
		}, "(it takes the permission s3:ListBucketVersions)"},
		"GetBucketVersioning": {func(ctx context.Context, c *Client) error {
			_, err := c.GetBucketVersioning(ctx)
			return err
		}, "(it takes the permission s3:GetBucketVersioning)"},
		"HeadBucket": {func(ctx context.Context, c *Client) error {
			_, err := c.HeadBucket(ctx)
			return err
		}, "(it takes the permission s3:ListBucket)"},
		"GetObjectLockConfiguration": {func(ctx context.Context, c *Client) error {
			_, _, err := c.GetObjectLockConfiguration(ctx)
			return err
		}, "(it takes the permission s3:GetBucketObjectLockConfiguration)"},
		"HeadObject": {func(ctx context.Context, c *Client) error {
			_, err := c.HeadObject(ctx, ref)
			return err
		}, "(it takes the permissions s3:GetObject and s3:ListBucket)"},
		"GetObject": {func(ctx context.Context, c *Client) error {
			_, err := c.GetObject(ctx, ref, 0, 0)
			return err
		}, "(it takes the permission s3:GetObject)"},
		"GetObject, version": {func(ctx context.Context, c *Client) error {
			_, err := c.GetObject(ctx, version, 0, 0)
			return err
		}, "(it takes the permission s3:GetObjectVersion)"},
		"GetObjectTagging": {func(ctx context.Context, c *Client) error {
			_, err := c.GetObjectTagging(ctx, "k", "")
			return err
		}, "(it takes the permission s3:GetObjectTagging)"},
		"GetObjectTagging, version": {func(ctx context.Context, c *Client) error {
			_, err := c.GetObjectTagging(ctx, "k", "v")
			return err
		}, "(it takes the permission s3:GetObjectVersionTagging)"},
		"PutObject": {func(ctx context.Context, c *Client) error {
			_, err := c.PutObject(ctx, "k", block, storage.WriteOptions{})
			return err
		}, "(it takes the permission s3:PutObject)"},
		"PutObject, tags": {func(ctx context.Context, c *Client) error {
			_, err := c.PutObject(ctx, "k", block, tagged)
			return err
		}, "(it takes the permissions s3:PutObject and s3:PutObjectTagging)"},
		"CreateMultipartUpload": {func(ctx context.Context, c *Client) error {
			_, _, err := c.CreateMultipartUpload(ctx, "k", storage.WriteOptions{})
			return err
		}, "(it takes the permission s3:PutObject)"},
		"UploadPart": {func(ctx context.Context, c *Client) error {
			_, err := c.UploadPart(ctx, upload, 1, block, request.Digest{})
			return err
		}, "(it takes the permission s3:PutObject)"},
		"CompleteMultipartUpload": {func(ctx context.Context, c *Client) error {
			_, err := c.CompleteMultipartUpload(ctx, upload, nil, storage.WriteOptions{})
			return err
		}, "(it takes the permission s3:PutObject)"},
		"AbortMultipartUpload": {func(ctx context.Context, c *Client) error {
			return c.AbortMultipartUpload(ctx, upload)
		}, "(it takes the permission s3:AbortMultipartUpload)"},
		"ListParts": {func(ctx context.Context, c *Client) error {
			_, err := c.ListParts(ctx, upload, 0, "")
			return err
		}, "(it takes the permission s3:ListMultipartUploadParts)"},
		"ListMultipartUploads": {func(ctx context.Context, c *Client) error {
			_, err := c.ListMultipartUploads(ctx, "", request.UploadMarker{})
			return err
		}, "(it takes the permission s3:ListBucketMultipartUploads)"},
		"CopyObject": {func(ctx context.Context, c *Client) error {
			_, err := c.CopyObject(ctx, from(c, ""), "k", storage.WriteOptions{}, true)
			return err
		}, "(it takes the permissions s3:PutObject and s3:GetObject)"},
		"CopyObject, version": {func(ctx context.Context, c *Client) error {
			_, err := c.CopyObject(ctx, from(c, "v"), "k", storage.WriteOptions{}, true)
			return err
		}, "(it takes the permissions s3:PutObject and s3:GetObjectVersion)"},
		"UploadPartCopy": {func(ctx context.Context, c *Client) error {
			_, err := c.UploadPartCopy(ctx, from(c, ""), upload, &request.Part{Number: 1, Size: 4}, 0, storage.Checksum{})
			return err
		}, "(it takes the permissions s3:PutObject and s3:GetObject)"},
		"PutObjectTagging": {func(ctx context.Context, c *Client) error {
			return c.PutObjectTagging(ctx, "k", map[string]string{"a": "b"})
		}, "(it takes the permission s3:PutObjectTagging)"},
		"DeleteObjectTagging": {func(ctx context.Context, c *Client) error {
			return c.DeleteObjectTagging(ctx, "k")
		}, "(it takes the permission s3:DeleteObjectTagging)"},
		"DeleteObject": {func(ctx context.Context, c *Client) error {
			_, err := c.DeleteObject(ctx, "k", "", false)
			return err
		}, "(it takes the permission s3:DeleteObject)"},
		"DeleteObjects": {func(ctx context.Context, c *Client) error {
			_, err := c.DeleteObjects(ctx, []string{"k"})
			return err
		}, "(it takes the permission s3:DeleteObject)"},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("X-Amz-Request-Id", "ID")
				w.WriteHeader(http.StatusForbidden)
				_, _ = w.Write([]byte("<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"))
			}))
			t.Cleanup(server.Close)
			o := wayOptions(nil)
			o.EndpointURL, o.PathStyle = server.URL, true
			for way, c := range openWays(t, o) {
				err := tt.do(t.Context(), c)
				if !errors.Is(err, fs.ErrPermission) || !strings.HasSuffix(err.Error(), " "+tt.want) {
					t.Errorf("%s: %v\nwant %s", way, err, tt.want)
				}
			}
			delete(left, strings.Split(name, ",")[0])
		})
	}
	if len(left) > 0 {
		t.Errorf("not tested: %v", left)
	}
}

// clientOperations are the operations of S3 that Client has.
func clientOperations() map[string]bool {
	all := map[string]bool{}
	client, sdk := reflect.TypeFor[*Client](), reflect.TypeFor[*s3.Client]()
	for method := range client.Methods() {
		if _, ok := sdk.MethodByName(method.Name); ok {
			all[method.Name] = true
		}
	}
	return all
}

// TestPermissionInMessage: where a server says which action is missing, that is it, as of
// a key for encryption. A policy that denies it is another matter.
func TestPermissionInMessage(t *testing.T) {
	for message, want := range map[string]string{
		"User: u is not authorized to perform: kms:GenerateDataKey on resource: arn:aws:kms:x because no identity-based policy allows the kms:GenerateDataKey action": "action (it takes the permission kms:GenerateDataKey)",
		"User: u is not authorized to perform: s3:PutObject on resource: r with an explicit deny in a resource-based policy":                                          "policy (a policy denies s3:PutObject)",
		"Access Denied": "Access Denied (it takes the permission s3:PutObject)",
		"<CodeOnly/>":   "AccessDenied (it takes the permission s3:PutObject)",
	} {
		t.Run(message, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("X-Amz-Request-Id", "ID")
				w.WriteHeader(http.StatusForbidden)
				_, _ = w.Write([]byte("<Error><Code>AccessDenied</Code><Message>" + message + "</Message></Error>"))
			}))
			t.Cleanup(server.Close)
			o := wayOptions(nil)
			o.EndpointURL, o.PathStyle = server.URL, true
			for way, c := range openWays(t, o) {
				_, err := c.PutObject(t.Context(), "k", storage.Block{Data: []byte("data")}, storage.WriteOptions{})
				if err == nil || !strings.HasSuffix(err.Error(), want) {
					t.Errorf("%s: %v\nwant %s", way, err, want)
				}
			}
		})
	}
}
