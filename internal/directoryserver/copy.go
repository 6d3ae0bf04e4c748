package directoryserver

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// copied returns the source of a copy, named by x-amz-copy-source.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
func (s *Server) copied(r *request) (*object, error) {
	source, err := url.PathUnescape(r.Header.Get("X-Amz-Copy-Source"))
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "InvalidArgument", "copy source")
	}
	name, key, _ := strings.Cut(source, "/")
	b := s.buckets[name]
	if b == nil {
		return nil, refuse(http.StatusNotFound, "NoSuchBucket", "There is no such bucket.")
	}
	o := b.objects[key]
	if o == nil {
		return nil, refuse(http.StatusNotFound, "NoSuchKey", "There is no such object.")
	}
	if match := r.Header.Get("X-Amz-Copy-Source-If-Match"); match != "" && match != `"`+o.etag+`"` {
		return nil, refuse(http.StatusPreconditionFailed, "PreconditionFailed", "Another ETag.")
	}
	return o, nil
}

// copyObject makes an object with the headers of the request and checksums of all
// bytes: of the requested algorithm, or else of those of the source.
func (s *Server) copyObject(r *request) error {
	from, err := s.copied(r)
	if err != nil {
		return err
	}
	if r.Header.Get("X-Amz-Metadata-Directive") != "REPLACE" {
		return refuse(http.StatusNotImplemented, "NotImplemented", "only what is replaced")
	}
	algorithms := []string{r.Header.Get("X-Amz-Checksum-Algorithm")}
	if algorithms[0] == "" {
		algorithms = nil
		for algorithm := range from.sums.values {
			algorithms = append(algorithms, algorithm)
		}
	}
	o := &object{data: from.data, etag: s.newETag(), modTime: now(), header: kept(r.Header)}
	o.sums = checksums{values: map[string]string{}, typ: fullObject}
	for _, algorithm := range algorithms {
		o.sums.values[algorithm] = encode(digest(algorithm, o.data))
	}
	r.bucket.objects[r.key] = o
	return r.document("<CopyObjectResult><ETag>&quot;%s&quot;</ETag>%s</CopyObjectResult>", o.etag, o.sums.xml())
}

// copyPart makes a part from a range of bytes.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPartCopy.html
func (s *Server) copyPart(r *request) error {
	_, u, err := r.upload()
	if err != nil {
		return err
	}
	from, err := s.copied(r)
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(r.URL.Query().Get("partNumber"))
	if err != nil || n < 1 || n > 10_000 {
		return refuse(http.StatusBadRequest, "InvalidArgument", "part number")
	}
	data := from.data
	if span := r.Header.Get("X-Amz-Copy-Source-Range"); span != "" {
		var first, last int
		if _, err := fmt.Sscanf(span, "bytes=%d-%d", &first, &last); err != nil || first < 0 || last < first || last >= len(data) || len(data) <= minPart {
			return refuse(http.StatusBadRequest, "InvalidArgument", "Range of %d bytes: %s", len(data), span)
		}
		data = data[first : last+1]
	}
	p := uploadedPart{data: data, etag: s.newETag()}
	p.sums = checksums{values: map[string]string{u.algorithm: encode(digest(u.algorithm, data))}}
	u.parts[n] = p
	return r.document("<CopyPartResult><ETag>&quot;%s&quot;</ETag><Checksum%s>%s</Checksum%s></CopyPartResult>",
		p.etag, u.algorithm, p.sums.values[u.algorithm], u.algorithm)
}
