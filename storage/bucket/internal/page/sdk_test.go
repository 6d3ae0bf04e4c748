package page_test

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"s3sync/storage"
	"s3sync/storage/bucket/internal/answer"
	"s3sync/storage/bucket/internal/page"
)

// The AWS SDK for Go decides what is a listing. Its answers are made pages here in the
// simplest way.

// A constant is a server that answers everything with one document.
type constant []byte

func (c constant) Do(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(c))}, nil
}

var errNoListing = errors.New("no listing")

// answering is a client of such a server.
func answering(doc []byte) *s3.Client {
	return s3.New(s3.Options{
		Region: "us-east-1", HTTPClient: constant(doc), Retryer: aws.NopRetryer{},
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "a", SecretAccessKey: "s"}, nil
		}),
	})
}

// bySDK parses a document by the SDK. For versions, the delete markers come behind the
// versions.
func bySDK(doc []byte, versions bool) (page.Page, error) {
	roots := []string{"ListBucketResult"}
	if versions {
		roots = []string{"ListVersionsResult", "ListBucketVersionsResult"}
	}
	if !hasRoot(doc, roots...) {
		return page.Page{}, errNoListing
	}
	client := answering(doc)
	ctx := context.Background()
	if !versions {
		out, err := client.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: aws.String("bucket")})
		if err != nil {
			return page.Page{}, err
		}
		return objectsOf(out)
	}
	out, err := client.ListObjectVersions(ctx, &s3.ListObjectVersionsInput{Bucket: aws.String("bucket")})
	if err != nil {
		return page.Page{}, err
	}
	return versionsOf(out)
}

// hasRoot reports whether a document has one of these names, and no text before it.
func hasRoot(doc []byte, roots ...string) bool {
	for d := xml.NewDecoder(bytes.NewReader(doc)); ; {
		token, err := d.Token()
		if err != nil {
			return false
		}
		switch token := token.(type) {
		case xml.CharData:
			if len(bytes.TrimSpace(token)) > 0 {
				return false
			}
		case xml.StartElement:
			return slices.Contains(roots, token.Name.Local)
		}
	}
}

func objectsOf(out *s3.ListObjectsV2Output) (page.Page, error) {
	if out.IsTruncated == nil {
		return page.Page{}, errNoListing
	}
	p := page.Page{Truncated: *out.IsTruncated, Token: aws.ToString(out.NextContinuationToken), Objects: []storage.Object{}}
	var errs []error
	for _, e := range out.Contents {
		o, err := entryOf(e.Key, e.LastModified, out.EncodingType)
		o.Archived, o.MaybeArchived = archival(string(e.StorageClass), e.RestoreStatus)
		errs = append(errs, err, setSize(&o, e.Size, e.ETag))
		p.Objects = append(p.Objects, o)
	}
	errs = append(errs, setPrefixes(&p, out.CommonPrefixes, out.EncodingType))
	return p, errors.Join(errs...)
}

func versionsOf(out *s3.ListObjectVersionsOutput) (page.Page, error) {
	if out.IsTruncated == nil {
		return page.Page{}, errNoListing
	}
	p := page.Page{Truncated: *out.IsTruncated, NextVersionID: aws.ToString(out.NextVersionIdMarker), Objects: []storage.Object{}}
	var err error
	p.NextKey, err = decodeKey(out.NextKeyMarker, out.EncodingType)
	errs := []error{err}
	add := func(o storage.Object, id *string, latest *bool) {
		if aws.ToString(id) == "" || latest == nil {
			errs = append(errs, errNoListing)
			return
		}
		o.VersionID, o.Latest = *id, *latest
		p.Objects = append(p.Objects, o)
	}
	for _, e := range out.Versions {
		o, err := entryOf(e.Key, e.LastModified, out.EncodingType)
		o.Archived, o.MaybeArchived = archival(string(e.StorageClass), e.RestoreStatus)
		errs = append(errs, err, setSize(&o, e.Size, e.ETag))
		add(o, e.VersionId, e.IsLatest)
	}
	for _, e := range out.DeleteMarkers {
		o, err := entryOf(e.Key, e.LastModified, out.EncodingType)
		o.DeleteMarker = true
		errs = append(errs, err)
		add(o, e.VersionId, e.IsLatest)
	}
	errs = append(errs, setPrefixes(&p, out.CommonPrefixes, out.EncodingType))
	return p, errors.Join(errs...)
}

func entryOf(key *string, modTime *time.Time, encoding types.EncodingType) (storage.Object, error) {
	name, err := decodeKey(key, encoding)
	if err != nil || name == "" || modTime == nil {
		return storage.Object{}, errNoListing
	}
	return storage.Object{Key: name, ModTime: *modTime}, nil
}

func setSize(o *storage.Object, size *int64, etag *string) error {
	if size == nil || *size < 0 || len(aws.ToString(etag)) > answer.MaxETag {
		return errNoListing
	}
	o.Size, o.ETag = *size, strings.Trim(aws.ToString(etag), `"`)
	return nil
}

func setPrefixes(p *page.Page, all []types.CommonPrefix, encoding types.EncodingType) error {
	for _, c := range all {
		name, err := decodeKey(c.Prefix, encoding)
		if err != nil {
			return err
		}
		p.Prefixes = append(p.Prefixes, name)
	}
	return nil
}

func decodeKey(key *string, encoding types.EncodingType) (string, error) {
	if encoding != types.EncodingTypeUrl {
		return aws.ToString(key), nil
	}
	return url.QueryUnescape(aws.ToString(key))
}

func archival(class string, r *types.RestoreStatus) (archived, maybe bool) {
	switch {
	case class != "GLACIER" && class != "DEEP_ARCHIVE":
		return false, false
	case r == nil:
		return false, true
	case aws.ToBool(r.IsRestoreInProgress):
		return true, false
	}
	return false, r.RestoreExpiryDate == nil || !r.RestoreExpiryDate.After(time.Now())
}
