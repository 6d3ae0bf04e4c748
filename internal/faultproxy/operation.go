package faultproxy

import (
	"net/http"
	"net/url"
	"strings"
)

// A Request is the proxy's record of one request.
type Request struct {
	Operation   string // S3 operation: "GetObject"
	Method      string
	Bucket, Key string
	Query       url.Values
	Header      http.Header
	// Status is the status of the response that the client got; 0 if it got none.
	Status int
	// Fault is the text of the rule that was applied, if one was.
	Fault string

	uri string // as the client sent it
}

func describe(r *http.Request) Request {
	req := Request{
		Method: r.Method,
		Query:  r.URL.Query(),
		Header: r.Header.Clone(),
		uri:    r.RequestURI,
	}
	req.Bucket, req.Key, _ = strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	req.Operation = req.operation()
	return req
}

// operation returns the S3 operation. See
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html
func (r *Request) operation() string {
	switch {
	case r.Bucket == "":
		return "ListBuckets"
	case r.Key == "":
		return r.bucketOperation()
	}
	copies := r.Header.Get("X-Amz-Copy-Source") != ""
	switch r.Method {
	case http.MethodHead:
		return "HeadObject"
	case http.MethodGet:
		switch {
		case r.Query.Has("uploadId"):
			return "ListParts"
		case r.Query.Has("attributes"):
			return "GetObjectAttributes"
		case r.Query.Has("tagging"):
			return "GetObjectTagging"
		}
		return "GetObject"
	case http.MethodPut:
		switch {
		case r.Query.Has("uploadId") && copies:
			return "UploadPartCopy"
		case r.Query.Has("uploadId"):
			return "UploadPart"
		case r.Query.Has("tagging"):
			return "PutObjectTagging"
		case copies:
			return "CopyObject"
		}
		return "PutObject"
	case http.MethodPost:
		switch {
		case r.Query.Has("uploads"):
			return "CreateMultipartUpload"
		case r.Query.Has("uploadId"):
			return "CompleteMultipartUpload"
		}
	case http.MethodDelete:
		switch {
		case r.Query.Has("uploadId"):
			return "AbortMultipartUpload"
		case r.Query.Has("tagging"):
			return "DeleteObjectTagging"
		}
		return "DeleteObject"
	}
	return "unknown"
}

func (r *Request) bucketOperation() string {
	switch r.Method {
	case http.MethodHead:
		return "HeadBucket"
	case http.MethodPut:
		if r.Query.Has("versioning") {
			return "PutBucketVersioning"
		}
		return "CreateBucket"
	case http.MethodDelete:
		return "DeleteBucket"
	case http.MethodPost:
		return "DeleteObjects"
	case http.MethodGet:
		switch {
		case r.Query.Get("list-type") == "2":
			return "ListObjectsV2"
		case r.Query.Has("versions"):
			return "ListObjectVersions"
		case r.Query.Has("uploads"):
			return "ListMultipartUploads"
		case r.Query.Has("versioning"):
			return "GetBucketVersioning"
		case r.Query.Has("location"):
			return "GetBucketLocation"
		case r.Query.Has("session"):
			return "CreateSession"
		}
		return "ListObjects"
	}
	return "unknown"
}
