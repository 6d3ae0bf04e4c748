package request

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"s3sync/storage"
	"s3sync/storage/bucket/internal/answer"
)

// OfHead returns what the headers of an answer to HeadObject say.
func (d *Dialect) OfHead(ref ObjectRef, h http.Header) (*Answer, error) {
	a, err := d.ofObject(ref, h)
	if err != nil {
		return nil, err
	}
	a.Info.Size, a.Date, a.Unconfirmed = a.ContentLength, dateOf(h), d.Encryption.Confirm(h)
	if ref.Checksums {
		a.Info.Checksums = ChecksumsIn(h)
	}
	return a, nil
}

// OfGet returns what the headers of an answer to GetObject say. Its body is missing.
func (d *Dialect) OfGet(ref ObjectRef, h http.Header) (*Answer, error) {
	a, err := d.ofObject(ref, h)
	if err != nil {
		return nil, err
	}
	if ref.Checksums && a.ContentRange == "" { // or they may be those of a part
		a.Info.Checksums = ChecksumsIn(h)
	}
	return a, nil
}

func (d *Dialect) ofObject(ref ObjectRef, h http.Header) (*Answer, error) {
	a := &Answer{ContentRange: h.Get("Content-Range"), RequestID: answer.HasRequestID(h), Customer: len(h[customerAlgorithm]) > 0}
	if length := h.Get("Content-Length"); length != "" {
		n, err := strconv.ParseInt(length, 10, 64)
		if err != nil {
			return nil, &UnreadableError{Err: fmt.Errorf("its length is %.40q", length)}
		}
		a.ContentLength = n
	}
	return a, d.describe(&a.Info, ref.Key, h)
}

// describe sets in info what the headers of an answer say of an object. Its size depends
// on the request.
func (d *Dialect) describe(info *storage.Info, key string, h http.Header) error {
	etag := strings.Trim(h.Get("ETag"), `"`)
	modTime, err := parseDate(h.Get("Last-Modified"))
	if err != nil {
		return err
	}
	var tags uint64
	if count := h.Get(tagCountHeader); count != "" {
		tags, _ = strconv.ParseUint(count, 10, 16) // no number is no tag
	}
	class := h.Get(classHeader)
	archived, maybe := archivalInHeader(class, h.Get(restoreHeader))
	*info = storage.Info{
		Object: storage.Object{
			Key: key, ModTime: modTime, ETag: etag, VersionID: h.Get(versionHeader),
			Archived: archived, MaybeArchived: maybe,
		},
		ETagNotDigest: d.etagNotDigest(etag, h.Get(sseHeader), h.Get(customerAlgorithm)),
		TagCount:      int(tags),
		Attributes: storage.Attributes{
			CacheControl:       h.Get("Cache-Control"),
			ContentDisposition: h.Get("Content-Disposition"),
			ContentEncoding:    h.Get("Content-Encoding"),
			ContentLanguage:    h.Get("Content-Language"),
			ContentType:        h.Get("Content-Type"),
			Expires:            h.Get("Expires"),
			Metadata:           metadataIn(h),
			WebsiteRedirect:    h.Get(redirectHeader),
			StorageClass:       classOf(class),
		},
	}
	return nil
}

// metadataIn returns the user metadata in headers, under names in lower case.
func metadataIn(h http.Header) map[string]string {
	var metadata map[string]string
	for name, values := range h {
		if n := len(metadataPrefix); len(values) > 0 && len(name) >= n && strings.EqualFold(name[:n], metadataPrefix) {
			if metadata == nil {
				metadata = map[string]string{}
			}
			metadata[strings.ToLower(name[n:])] = strings.TrimSpace(values[0])
		}
	}
	return metadata
}

// parseDate reads the date of an object in any form that servers are known to write. No
// date is the zero time.
func parseDate(text string) (time.Time, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{
		http.TimeFormat, "Mon, _2 Jan 2006 15:04:05 GMT", "Mon, _2 Jan 06 15:04:05 GMT", time.RFC850, time.ANSIC,
	} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, &UnreadableError{Err: fmt.Errorf("its Last-Modified is %.40q", text)}
}

// dateOf returns the time of an answer by the clock of the server, or by the clock of
// this machine if the answer has none.
func dateOf(h http.Header) time.Time {
	if t, err := http.ParseTime(h.Get("Date")); err == nil {
		return t
	}
	return time.Now()
}

// OfPut returns what the headers of an answer to PutObject say.
func (d *Dialect) OfPut(h http.Header) Written {
	etag := strings.Trim(h.Get("ETag"), `"`)
	return Written{
		ETag: etag, VersionID: h.Get(versionHeader), Checksums: ChecksumsIn(h),
		ETagNotDigest: d.etagNotDigest(etag, h.Get(sseHeader), h.Get(customerAlgorithm)),
		Unconfirmed:   d.Encryption.Confirm(h),
	}
}

// OfPart returns what the headers of an answer about a part or an upload say. The ETag of
// a part may have any form: encryption alone decides whether those of the object are
// digests.
func (d *Dialect) OfPart(h http.Header) Written {
	return Written{
		ETag:          strings.Trim(h.Get("ETag"), `"`),
		ETagNotDigest: d.etagNotDigest(emptyMD5, h.Get(sseHeader), h.Get(customerAlgorithm)),
		Unconfirmed:   d.Encryption.Confirm(h),
	}
}

// OfResult is OfPut where the ETag stands in the body of the answer.
func (d *Dialect) OfResult(etag string, h http.Header, sums []storage.Checksum) Written {
	w := d.OfPut(h)
	w.ETag, w.Checksums = etag, sums
	w.ETagNotDigest = d.etagNotDigest(etag, h.Get(sseHeader), h.Get(customerAlgorithm))
	return w
}

// ConfirmsDeletion reports whether an answer to DeleteObject can only be one of S3:
// nothing, with the status that says so, or with a request ID.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObject.html
func ConfirmsDeletion(status int, h http.Header) bool {
	return status == http.StatusNoContent || answer.HasRequestID(h)
}

// Range is the value of the header for n bytes from off.
func Range(off, n int64) string { return fmt.Sprintf("bytes=%d-%d", off, off+n-1) }
