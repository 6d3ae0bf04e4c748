package s3server_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/google/go-cmp/cmp"

	"s3sync/internal/s3server"
)

// TestQuirksOfConditions holds what the package comment says of conditions and of
// what objects carry.
func TestQuirksOfConditions(t *testing.T) {
	want := map[s3server.Kind]map[string]string{
		s3server.VersityGW: {
			"put, another ETag": "PreconditionFailed", "put, no object": "NoSuchKey", "put, there is one": "PreconditionFailed",
			"complete, there is one": "PreconditionFailed", "complete": "ok", "complete again": "ok",
			"delete, another ETag": "PreconditionFailed", "delete some, another ETag": "deleted",
			"copy, another ETag": "ok", "copy, there is one": "ok",
			"redirect": "/x", "class REDUCED_REDUNDANCY": "STANDARD", "class STANDARD_IA": "STANDARD", "tags": "2",
		},
		s3server.MinIO: {
			"put, another ETag": "PreconditionFailed", "put, no object": "NoSuchKey", "put, there is one": "PreconditionFailed",
			"complete, there is one": "PreconditionFailed", "complete": "ok", "complete again": "PreconditionFailed",
			"delete, another ETag": "ok", "delete some, another ETag": "deleted",
			"copy, another ETag": "ok", "copy, there is one": "ok",
			"redirect": "", "class REDUCED_REDUNDANCY": "REDUCED_REDUNDANCY", "class STANDARD_IA": "InvalidStorageClass", "tags": "2",
		},
	}
	for _, kind := range s3server.Kinds() {
		t.Run(string(kind), func(t *testing.T) {
			s := s3server.Shared(t, kind)
			got := observeConditions(t, s.Client(), aws.String(s.Bucket(t)))
			observeCarried(t, s, got)
			if diff := cmp.Diff(want[kind], got); diff != "" {
				t.Errorf("the server is not as the package comment says (-want +got):\n%s", diff)
			}
		})
	}
}

// observeConditions makes the requests of the table and returns how each ended.
func observeConditions(t *testing.T, c *s3.Client, bucket *string) map[string]string {
	t.Helper()
	ctx, key := t.Context(), aws.String("k")
	other, any := aws.String(`"d41d8cd98f00b204e9800998ecf8427e"`), aws.String("*")
	got := map[string]string{}
	put := func(what string, in s3.PutObjectInput) {
		in.Bucket, in.Body = bucket, strings.NewReader("data")
		_, err := c.PutObject(ctx, &in)
		if got[what] = code(err); what == "" && err != nil {
			t.Fatal(err)
		}
	}
	put("", s3.PutObjectInput{Key: key})
	put("put, another ETag", s3.PutObjectInput{Key: key, IfMatch: other})
	put("put, no object", s3.PutObjectInput{Key: aws.String("missing"), IfMatch: other})
	put("put, there is one", s3.PutObjectInput{Key: key, IfNoneMatch: any})

	complete := func(key *string, names ...string) {
		up, err := c.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: bucket, Key: key})
		if err != nil {
			t.Fatal(err)
		}
		part, err := c.UploadPart(ctx, &s3.UploadPartInput{
			Bucket: bucket, Key: key, UploadId: up.UploadId, PartNumber: aws.Int32(1), Body: strings.NewReader("data"),
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			_, err = c.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
				Bucket: bucket, Key: key, UploadId: up.UploadId, IfNoneMatch: any,
				MultipartUpload: &types.CompletedMultipartUpload{
					Parts: []types.CompletedPart{{ETag: part.ETag, PartNumber: aws.Int32(1)}},
				},
			})
			got[name] = code(err)
		}
	}
	complete(key, "complete, there is one")
	complete(aws.String("new"), "complete", "complete again")

	_, err := c.CopyObject(ctx, &s3.CopyObjectInput{Bucket: bucket, Key: key, CopySource: aws.String(*bucket + "/new"), IfMatch: other})
	got["copy, another ETag"] = code(err)
	_, err = c.CopyObject(ctx, &s3.CopyObjectInput{Bucket: bucket, Key: key, CopySource: aws.String(*bucket + "/new"), IfNoneMatch: any})
	got["copy, there is one"] = code(err)

	_, err = c.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: bucket, Key: key, IfMatch: other})
	got["delete, another ETag"] = code(err)
	put("", s3.PutObjectInput{Key: key})
	deleted, err := c.DeleteObjects(ctx, &s3.DeleteObjectsInput{
		Bucket: bucket, Delete: &types.Delete{Objects: []types.ObjectIdentifier{{Key: key, ETag: other}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	got["delete some, another ETag"] = "refused"
	if len(deleted.Deleted) == 1 {
		got["delete some, another ETag"] = "deleted"
	}
	delete(got, "")
	return got
}

// observeCarried adds what an object carries of what it was given.
func observeCarried(t *testing.T, s *s3server.Server, got map[string]string) {
	t.Helper()
	ctx, c, name := t.Context(), s.Client(), s.Bucket(t)
	bucket, key := &name, aws.String("k")
	for _, class := range []types.StorageClass{types.StorageClassReducedRedundancy, types.StorageClassStandardIa} {
		_, err := c.PutObject(ctx, &s3.PutObjectInput{
			Bucket: bucket, Key: key, Body: strings.NewReader("data"), StorageClass: class,
			WebsiteRedirectLocation: aws.String("/x"), Tagging: aws.String("a=1&b%20c=x%2Fy"),
		})
		if err != nil {
			got["class "+string(class)] = code(err)
			continue
		}
		head, err := c.HeadObject(ctx, &s3.HeadObjectInput{Bucket: bucket, Key: key})
		if err != nil {
			t.Fatal(err)
		}
		got["class "+string(class)] = string(head.StorageClass)
		got["redirect"] = aws.ToString(head.WebsiteRedirectLocation)
		tags, err := c.GetObjectTagging(ctx, &s3.GetObjectTaggingInput{Bucket: bucket, Key: key})
		if err != nil || len(tags.TagSet) != int(aws.ToInt32(head.TagCount)) {
			t.Errorf("%d tags, counted %d: %v", len(tags.TagSet), aws.ToInt32(head.TagCount), err)
		}
		got["tags"] = strconv.Itoa(len(tags.TagSet))
	}
}
