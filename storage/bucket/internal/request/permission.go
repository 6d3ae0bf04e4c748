package request

import (
	"fmt"
	"io/fs"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"s3sync/storage/bucket/internal/address"
	"s3sync/storage/bucket/internal/failure"
)

// permissions are the actions of a policy that an operation takes, in the order in which
// they are most likely missing. A HEAD of an object that does not exist is refused to whoever
// may not list the bucket.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
var permissions = map[string][]string{ //nolint:gochecknoglobals // a table, never written to
	"ListObjectsV2":              {"s3:ListBucket"},
	"ListObjectVersions":         {"s3:ListBucketVersions"},
	"HeadBucket":                 {"s3:ListBucket"},
	"GetBucketVersioning":        {"s3:GetBucketVersioning"},
	"GetObjectLockConfiguration": {"s3:GetBucketObjectLockConfiguration"},
	"HeadObject":                 {"s3:GetObject", "s3:ListBucket"},
	"GetObject":                  {"s3:GetObject"},
	"GetObjectTagging":           {"s3:GetObjectTagging"},
	"PutObject":                  {"s3:PutObject"},
	"CreateMultipartUpload":      {"s3:PutObject"},
	"UploadPart":                 {"s3:PutObject"},
	"CompleteMultipartUpload":    {"s3:PutObject"},
	"AbortMultipartUpload":       {"s3:AbortMultipartUpload"},
	"ListParts":                  {"s3:ListMultipartUploadParts"},
	"ListMultipartUploads":       {"s3:ListBucketMultipartUploads"},
	"CopyObject":                 {"s3:PutObject", "s3:GetObject"},
	"UploadPartCopy":             {"s3:PutObject", "s3:GetObject"},
	"PutObjectTagging":           {"s3:PutObjectTagging"},
	"DeleteObjectTagging":        {"s3:DeleteObjectTagging"},
	"DeleteObject":               {"s3:DeleteObject"},
	"DeleteObjects":              {"s3:DeleteObject"},
	"CreateSession":              {"s3express:CreateSession"},
}

// ofVersions are the actions in place of others if a request names a version.
var ofVersions = map[string]string{ //nolint:gochecknoglobals // a table, never written to
	"s3:GetObject": "s3:GetObjectVersion", "s3:GetObjectTagging": "s3:GetObjectVersionTagging", "s3:DeleteObject": "s3:DeleteObjectVersion",
}

// Permissions are the actions of a policy that a request takes. The request may be nil.
func Permissions(operation string, req *http.Request) []string {
	taken := slices.Clone(permissions[operation])
	if req == nil {
		return taken
	}
	if req.URL.Query().Get("versionId") != "" || strings.Contains(req.Header.Get("X-Amz-Copy-Source"), "?versionId=") {
		for i, action := range taken {
			if of, ok := ofVersions[action]; ok {
				taken[i] = of
			}
		}
	}
	for _, h := range []struct{ name, action string }{
		{"X-Amz-Tagging", "s3:PutObjectTagging"},
		{"X-Amz-Acl", "s3:PutObjectAcl"},
	} {
		if req.Header.Get(h.name) != "" {
			taken = append(taken, h.action)
		}
	}
	return taken
}

// missing is how S3 says which action is missing. It need not be one of S3: a key for
// encryption has permissions of its own.
var missing = regexp.MustCompile(`not authorized to perform: ([a-z0-9-]+:[A-Za-z]+)`)

// needing adds the permission that a request takes to the failure of one that was refused
// for the lack of it.
func (t *Translator) needing(f *failure.Error, operation, message string, req *http.Request) {
	if f.Kind != fs.ErrPermission { //nolint:errorlint // the kind itself
		return
	}
	taken := Permissions(operation, req)
	if address.IsDirectory(t.Bucket) && len(taken) > 0 {
		taken = permissions["CreateSession"] // a session has all others
	}
	if said := missing.FindStringSubmatch(message); said != nil {
		taken = []string{said[1]}
	}
	switch denied := strings.Contains(message, "explicit deny"); {
	case len(taken) == 0:
	case denied:
		f.Text += fmt.Sprintf(" (a policy denies %s)", strings.Join(taken, " or "))
	case len(taken) == 1:
		f.Text += fmt.Sprintf(" (it takes the permission %s)", taken[0])
	default:
		f.Text += fmt.Sprintf(" (it takes the permissions %s)", strings.Join(taken, " and "))
	}
}
