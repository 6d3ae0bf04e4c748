package s3server_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"s3sync/internal/s3server"
)

// TestQuirks holds the differences of the package comment: a new version of a
// server that changes one is noticed here, not in a test that relied on it.
func TestQuirks(t *testing.T) {
	want := map[s3server.Kind]map[string]string{
		s3server.VersityGW: {
			"put a beside a/b":           "ExistingObjectIsDirectory",
			"put data under folder/":     "DirectoryObjectContainsData",
			"put x//y":                   "ok",
			"put ./y":                    "ok",
			"put segment of 256 bytes":   "KeyTooLongError",
			"put wrong MD5":              "BadDigest",
			"list":                       `["a-1" "a.txt" "a/b" "a0" "p+q r" "x/y" "y"]`,
			"list encoding":              "",
			"ranged get, other ETag":     "PreconditionFailed",
			"ranged get of empty object": "InvalidRange",
			"head part 1 of whole":       "ok",
			"unknown access key":         "XAdminUserNotFound",
		},
		s3server.MinIO: {
			"put a beside a/b":           "ok",
			"put data under folder/":     "ok",
			"put x//y":                   "XMinioInvalidObjectName",
			"put ./y":                    "XMinioInvalidResourceName",
			"put segment of 256 bytes":   "XMinioInvalidObjectName",
			"put wrong MD5":              "BadDigest",
			"list":                       `["a" "a-1" "a.txt" "a0" "folder/" "p%2Bq+r"]`,
			"list encoding":              "url",
			"ranged get, other ETag":     "PreconditionFailed",
			"ranged get of empty object": "InvalidRange",
			"head part 1 of whole":       "ok",
			"unknown access key":         "InvalidAccessKeyId",
		},
	}
	for _, kind := range s3server.Kinds() {
		t.Run(string(kind), func(t *testing.T) {
			if diff := cmp.Diff(want[kind], observe(t, s3server.Shared(t, kind))); diff != "" {
				t.Errorf("the server is not as the package comment says (-want +got):\n%s", diff)
			}
		})
	}
}

// observe makes the requests of the table and returns how each ended.
func observe(t *testing.T, s *s3server.Server) map[string]string {
	t.Helper()
	ctx, c, bucket := t.Context(), s.Client(), aws.String(s.Bucket(t))
	got := map[string]string{}
	put := func(name, key, data string) {
		_, err := c.PutObject(ctx, &s3.PutObjectInput{Bucket: bucket, Key: &key, Body: strings.NewReader(data)})
		if name == "" && err != nil {
			t.Fatalf("put %q: %v", key, err)
		} else if name != "" {
			got[name] = code(err)
		}
	}
	for _, key := range []string{"a-1", "a.txt", "a/b", "a0", "p+q r"} {
		put("", key, "data")
	}
	put("put a beside a/b", "a", "data")
	put("put data under folder/", "folder/", "data")
	put("put x//y", "x//y", "data")
	put("put ./y", "./y", "")
	put("put segment of 256 bytes", strings.Repeat("s", 256), "data")
	_, err := c.PutObject(ctx, &s3.PutObjectInput{
		Bucket: bucket, Key: aws.String("md5"), Body: strings.NewReader("data"),
		ContentMD5: aws.String("1B2M2Y8AsgTpgAmY7PhCfg=="),
	})
	got["put wrong MD5"] = code(err)

	list, err := c.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: bucket, EncodingType: types.EncodingTypeUrl})
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for _, o := range list.Contents {
		keys = append(keys, aws.ToString(o.Key))
	}
	got["list"] = fmt.Sprintf("%q", keys)
	got["list encoding"] = string(list.EncodingType)

	get := func(key string, in s3.GetObjectInput) string {
		in.Bucket, in.Key, in.Range = bucket, &key, aws.String("bytes=0-1")
		out, err := c.GetObject(ctx, &in)
		if err == nil {
			err = out.Body.Close()
		}
		return code(err)
	}
	got["ranged get, other ETag"] = get("a/b", s3.GetObjectInput{IfMatch: aws.String(`"d41d8cd98f00b204e9800998ecf8427e"`)})
	put("", "empty", "")
	got["ranged get of empty object"] = get("empty", s3.GetObjectInput{})
	_, err = c.HeadObject(ctx, &s3.HeadObjectInput{Bucket: bucket, Key: aws.String("a0"), PartNumber: aws.Int32(1)})
	got["head part 1 of whole"] = code(err)

	_, err = c.ListBuckets(ctx, &s3.ListBucketsInput{}, func(o *s3.Options) {
		o.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "nobody", SecretAccessKey: "nothing"}, nil
		})
	})
	got["unknown access key"] = code(err)
	return got
}

// code is the S3 code of an error, or "ok".
func code(err error) string {
	if err == nil {
		return "ok"
	}
	if e, ok := errors.AsType[smithy.APIError](err); ok {
		return e.ErrorCode()
	}
	return err.Error()
}

func TestRestricted(t *testing.T) {
	s := s3server.Shared(t, s3server.MinIO)
	bucket := s.Bucket(t)
	creds := s.Restricted(t, `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":["s3:ListBucket"],"Resource":["arn:aws:s3:::`+bucket+`"]}]}`)
	c := s.Client()
	as := func(o *s3.Options) {
		o.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return creds, nil })
	}
	if _, err := c.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &bucket}, as); err != nil {
		t.Errorf("what the policy allows: %v", err)
	}
	_, err := c.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: aws.String("k"), Body: strings.NewReader("x")}, as)
	if got := code(err); got != "AccessDenied" {
		t.Errorf("what the policy does not allow: got %s, want AccessDenied", got)
	}
}
