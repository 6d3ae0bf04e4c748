package request

import (
	"maps"
	"mime"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"s3sync/storage"
	"s3sync/storage/bucket/internal/page"
)

const (
	metadataPrefix = "X-Amz-Meta-" // as package http writes it
	redirectHeader = "X-Amz-Website-Redirect-Location"
	classHeader    = "X-Amz-Storage-Class"
	aclHeader      = "X-Amz-Acl"
	tagsHeader     = "X-Amz-Tagging"
	tagCountHeader = "X-Amz-Tagging-Count"
	restoreHeader  = "X-Amz-Restore"
	versionHeader  = "X-Amz-Version-Id"
)

// AttributeHeaders returns the headers for what a new object has besides its bytes. S3
// keeps any text as Expires. The SDK takes only a time.
//
// A directory bucket has neither redirects nor tags, and one class only.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-express-differences.html
func (d *Dialect) AttributeHeaders(opts *storage.WriteOptions) []Header {
	all := make([]Header, 0, 10+len(opts.Metadata))
	all = append(all, []Header{
		{"Cache-Control", opts.CacheControl},
		{"Content-Disposition", opts.ContentDisposition},
		{"Content-Encoding", opts.ContentEncoding},
		{"Content-Language", opts.ContentLanguage},
		{"Content-Type", opts.ContentType},
		{"Expires", opts.Expires},
		{aclHeader, opts.ACL},
	}...)
	if !d.Directory {
		all = append(all,
			Header{redirectHeader, opts.WebsiteRedirect}, Header{classHeader, opts.StorageClass},
			Header{tagsHeader, encodeTags(opts.Tags)})
	}
	all = slices.DeleteFunc(all, func(h Header) bool { return h.Value == "" })
	for name, value := range opts.Metadata { // also without a value
		all = append(all, Header{metadataPrefix + name, mailSafe(value)})
	}
	return all
}

// mailSafe encodes what is not ASCII in a value of user metadata, as S3 itself does
// in its answers. It decodes such values before it keeps them, but does not accept
// the signature of a header that is not ASCII.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html
func mailSafe(value string) string {
	if strings.IndexFunc(value, func(r rune) bool { return r >= utf8.RuneSelf }) < 0 {
		return value
	}
	return mime.BEncoding.Encode("UTF-8", value)
}

// encodeTags is how tags are sent in a header, in the order of their names. A
// blank is %20: the form that every decoder understands.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html (x-amz-tagging)
func encodeTags(tags map[string]string) string {
	if len(tags) == 0 {
		return ""
	}
	escape := func(text string) string { return strings.ReplaceAll(url.QueryEscape(text), "+", "%20") }
	pairs := make([]string, 0, len(tags))
	for _, name := range slices.Sorted(maps.Keys(tags)) {
		pairs = append(pairs, escape(name)+"="+escape(tags[name]))
	}
	return strings.Join(pairs, "&")
}

// classOf returns the storage class of an object. It is empty for STANDARD, which some
// servers write out.
func classOf(class string) string {
	if class == "STANDARD" {
		return ""
	}
	return class
}

// archivalInHeader is page.Restore.Archival for the headers of a GET or HEAD.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html (x-amz-restore)
func archivalInHeader(class, restore string) (archived, maybe bool) {
	if !page.IsArchive(class) || strings.Contains(restore, `ongoing-request="false"`) {
		return false, false
	}
	archived = strings.Contains(restore, `ongoing-request="true"`)
	return archived, !archived
}
