package integration_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	gocmp "github.com/google/go-cmp/cmp"

	"s3sync/internal/s3server"
)

// objectDetails are all properties of an object, or a version, that a sync may copy.
// Properties that a server creates itself (times, version IDs, ETags of parts) are not
// included.
type objectDetails struct {
	Key string // without the prefix
	// Age is 0 for the newest version of its key, 1 for the one before, and so on.
	Age    int
	Marker bool // a delete marker, without any of the following

	Size   int64
	SHA256 string // of the content, in hexadecimal

	CacheControl, ContentDisposition, ContentEncoding, ContentLanguage, ContentType string
	Expires, WebsiteRedirect                                                        string
	StorageClass                                                                    string // never empty
	// Metadata is decoded, without the entries that a sync adds. The servers differ in
	// how they return characters outside of ASCII.
	Metadata map[string]string
	Tags     map[string]string
}

// compareOptions say what compareBuckets compares.
type compareOptions struct {
	// wantPrefix and gotPrefix are removed from the keys. Other keys are ignored.
	wantPrefix, gotPrefix string
	// versions compares all versions and delete markers, in their order. Otherwise the
	// current objects are compared.
	versions bool
	// currentMarkers drops the expected delete markers that are not the newest entries
	// of their keys.
	currentMarkers bool
	// adjust, if set, changes the expected details if the copy is to differ. A nil map
	// equals an empty one.
	adjust func(*objectDetails)
	// keys, if set, selects by the key without prefix.
	keys func(string) bool
}

// compareBuckets checks that two buckets, perhaps of different servers, hold the same:
// keys, contents, headers, user metadata, tags, storage classes, and if requested all
// versions and markers in order. It returns the number of objects or versions.
func compareBuckets(t *testing.T, want, got bucket, s compareOptions) int {
	t.Helper()
	diff, n := differences(t, want, got, s)
	if diff != "" {
		t.Errorf("%s/%s and %s/%s differ (-want +got):\n%s", want.name, s.wantPrefix, got.name, s.gotPrefix, diff)
	}
	return n
}

// differences returns how two buckets differ, and how many entries the second one has.
func differences(t *testing.T, want, got bucket, s compareOptions) (diff string, n int) {
	t.Helper()
	w := want.details(t, s.wantPrefix, s.versions)
	g := got.details(t, s.gotPrefix, s.versions)
	if s.currentMarkers {
		w = withoutOldMarkers(w)
	}
	if s.keys != nil {
		others := func(e objectDetails) bool { return !s.keys(e.Key) }
		w, g = slices.DeleteFunc(w, others), slices.DeleteFunc(g, others)
	}
	if s.adjust != nil {
		for i := range w {
			s.adjust(&w[i])
			maps.DeleteFunc(w[i].Metadata, isOwnMetadata)
		}
	}
	empty := gocmp.Transformer("notNil", func(m map[string]string) map[string]string {
		if m == nil {
			return map[string]string{}
		}
		return m
	})
	named := func(list []objectDetails) map[string]objectDetails {
		byName := map[string]objectDetails{}
		for _, e := range list {
			byName[fmt.Sprintf("%q age %d", e.Key, e.Age)] = e
		}
		return byName
	}
	return gocmp.Diff(named(w), named(g), gocmp.FilterPath(isMapField, empty)), len(g)
}

// withoutOldMarkers drops delete markers that are not the newest entries.
func withoutOldMarkers(list []objectDetails) []objectDetails {
	var kept []objectDetails
	age := map[string]int{}
	for _, e := range list {
		if e.Marker && e.Age > 0 {
			continue
		}
		e.Age = age[e.Key]
		age[e.Key]++
		kept = append(kept, e)
	}
	return kept
}

// isMapField matches the paths of Metadata and Tags, so that nil and empty are equal
// there.
func isMapField(p gocmp.Path) bool {
	field, ok := p.Last().(gocmp.StructField)
	return ok && (field.Name() == "Metadata" || field.Name() == "Tags")
}

func isOwnMetadata(name, _ string) bool { return strings.HasPrefix(name, "s3sync_origin_") }

// details returns the objects below a prefix, in order of the key, and of the age if
// versions are requested.
func (b bucket) details(t *testing.T, prefix string, versions bool) []objectDetails {
	t.Helper()
	var list []versionEntry
	if versions {
		list = b.versions(t, prefix)
	} else {
		for _, key := range b.keys(t) {
			list = append(list, versionEntry{Key: key})
		}
	}
	var all []objectDetails
	age := map[string]int{}
	for _, v := range list {
		key, ok := strings.CutPrefix(v.Key, prefix)
		if !ok {
			continue
		}
		e := objectDetails{Key: key, Age: age[key], Marker: v.XMLName.Local == "DeleteMarker"}
		age[key]++
		if versions && v.IsLatest != (e.Age == 0) {
			t.Errorf("%s: version %s is number %d of its key, and latest: %t", v.Key, v.VersionID, e.Age, v.IsLatest)
		}
		if !e.Marker {
			b.describe(t, &e, v)
		}
		all = append(all, e)
	}
	return all
}

// describe reads one object or version.
func (b bucket) describe(t *testing.T, e *objectDetails, v versionEntry) {
	t.Helper()
	version := (*string)(nil)
	if v.VersionID != "" {
		version = &v.VersionID
	}
	out, err := b.Client().GetObject(t.Context(), &s3.GetObjectInput{Bucket: &b.name, Key: &v.Key, VersionId: version})
	if err != nil {
		t.Fatalf("%s, version %s: %v", v.Key, v.VersionID, err)
	}
	defer out.Body.Close()
	digest := sha256.New()
	if e.Size, err = io.Copy(digest, out.Body); err != nil {
		t.Fatalf("%s, version %s: %v", v.Key, v.VersionID, err)
	}
	e.SHA256 = hex.EncodeToString(digest.Sum(nil))
	e.CacheControl, e.ContentDisposition = aws.ToString(out.CacheControl), aws.ToString(out.ContentDisposition)
	e.ContentEncoding, e.ContentLanguage = aws.ToString(out.ContentEncoding), aws.ToString(out.ContentLanguage)
	e.ContentType, e.Expires = aws.ToString(out.ContentType), aws.ToString(out.ExpiresString)
	e.WebsiteRedirect = aws.ToString(out.WebsiteRedirectLocation)
	e.StorageClass = string(out.StorageClass)
	if e.StorageClass == "" {
		e.StorageClass = "STANDARD"
	}
	e.Metadata = decoded(t, out.Metadata)
	maps.DeleteFunc(e.Metadata, isOwnMetadata)
	e.Tags = b.tags(t, v.Key, version)
}

// tags returns the tags of an object.
func (b bucket) tags(t *testing.T, key string, version *string) map[string]string {
	t.Helper()
	out, err := b.Client().GetObjectTagging(t.Context(), &s3.GetObjectTaggingInput{Bucket: &b.name, Key: &key, VersionId: version})
	if failure, ok := errors.AsType[smithy.APIError](err); ok && failure.ErrorCode() == "NoSuchTagSet" {
		return map[string]string{}
	}
	if err != nil {
		t.Fatalf("tags of %s: %v", key, err)
	}
	tags := map[string]string{}
	for _, tag := range out.TagSet {
		tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	return tags
}

// decoded decodes RFC 2047, in which S3 and MinIO return characters outside of ASCII.
func decoded(t *testing.T, metadata map[string]string) map[string]string {
	t.Helper()
	plain := map[string]string{}
	for name, value := range metadata {
		text, err := new(mime.WordDecoder).DecodeHeader(value)
		if err != nil {
			t.Errorf("metadata %s: %v", name, err)
			text = value
		}
		plain[name] = text
	}
	return plain
}

// A versionEntry is a <Version> or <DeleteMarker> of a listing.
type versionEntry struct {
	XMLName   xml.Name
	Key       string
	VersionID string `xml:"VersionId"`
	IsLatest  bool
}

// versions lists all versions and delete markers below a prefix in the server's order.
// The SDK returns versions and markers separately, without their common order, so its
// responses are parsed again.
func (b bucket) versions(t *testing.T, prefix string) []versionEntry {
	t.Helper()
	var raw bytes.Buffer
	pages := s3.NewListObjectVersionsPaginator(b.Client(), &s3.ListObjectVersionsInput{Bucket: &b.name, Prefix: &prefix})
	var all []versionEntry
	for pages.HasMorePages() {
		raw.Reset()
		if _, err := pages.NextPage(t.Context(), s3.WithAPIOptions(keepBody(&raw))); err != nil {
			t.Fatal(err)
		}
		var page struct {
			Entries []versionEntry `xml:",any"`
		}
		if err := xml.Unmarshal(raw.Bytes(), &page); err != nil {
			t.Fatal(err)
		}
		for _, e := range page.Entries {
			if e.XMLName.Local == "Version" || e.XMLName.Local == "DeleteMarker" {
				all = append(all, e)
			}
		}
	}
	if b.Kind == s3server.VersityGW {
		inTimeOrder(all)
	}
	return all
}

// inTimeOrder sorts the versions of each key from newest to oldest. versitygw lists all
// delete markers before all versions; its version IDs are ULIDs, which ascend with the
// time, even within a millisecond.
func inTimeOrder(all []versionEntry) {
	slices.SortStableFunc(all, func(a, b versionEntry) int {
		latest := 0
		if a.IsLatest != b.IsLatest {
			latest = 1
			if a.IsLatest {
				latest = -1
			}
		}
		return cmp.Or(strings.Compare(a.Key, b.Key), latest, strings.Compare(b.VersionID, a.VersionID))
	})
}

// keepBody copies the body of a response.
func keepBody(w io.Writer) func(*middleware.Stack) error {
	return func(stack *middleware.Stack) error {
		return stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc("test:KeepBody",
			func(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (
				middleware.DeserializeOutput, middleware.Metadata, error,
			) {
				out, metadata, err := next.HandleDeserialize(ctx, in)
				if r, ok := out.RawResponse.(*smithyhttp.Response); ok {
					r.Body = struct {
						io.Reader
						io.Closer
					}{io.TeeReader(r.Body, w), r.Body}
				}
				return out, metadata, err
			}), middleware.After)
	}
}

// An upload is an object for a test to write.
type upload struct {
	data  []byte
	parts int // at most, because parts have at least 5 MiB; 0 means one request
	meta  func(*s3.PutObjectInput)
	tags  string // URL-encoded
}

// putUpload writes an object with headers, metadata and tags.
func (b bucket) putUpload(t *testing.T, key string, u upload) {
	t.Helper()
	in := &s3.PutObjectInput{Bucket: &b.name, Key: &key, Body: bytes.NewReader(u.data)}
	if u.tags != "" {
		in.Tagging = &u.tags
	}
	if u.meta != nil {
		u.meta(in)
	}
	if u.parts == 0 {
		if _, err := b.Client().PutObject(t.Context(), in); err != nil {
			t.Fatal(err)
		}
		return
	}
	begun, err := b.Client().CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{
		Bucket: &b.name, Key: &key, Tagging: in.Tagging, Metadata: in.Metadata, StorageClass: in.StorageClass,
		CacheControl: in.CacheControl, ContentDisposition: in.ContentDisposition, ContentEncoding: in.ContentEncoding,
		ContentLanguage: in.ContentLanguage, ContentType: in.ContentType, Expires: in.Expires,
		WebsiteRedirectLocation: in.WebsiteRedirectLocation, ACL: in.ACL,
	})
	if err != nil {
		t.Fatal(err)
	}
	size := max(5<<20, (len(u.data)+u.parts-1)/u.parts)
	var parts [][]byte
	for part := range slices.Chunk(u.data, size) {
		parts = append(parts, part)
	}
	b.finish(t, key, begun.UploadId, parts...)
}
