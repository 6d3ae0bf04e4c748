package directoryserver

import (
	"bytes"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// minPart is the least size of a part that is not the last one.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
const minPart = 5 << 20

// An upload is a multipart upload that is not complete.
type upload struct {
	key       string
	header    http.Header
	algorithm string
	typ       string
	parts     map[int]uploadedPart
}

type uploadedPart struct {
	data []byte
	etag string
	sums checksums
}

func (s *Server) createUpload(r *request) error {
	u := &upload{
		key: r.key, header: kept(r.Header), parts: map[int]uploadedPart{},
		algorithm: r.Header.Get("X-Amz-Checksum-Algorithm"), typ: r.Header.Get("X-Amz-Checksum-Type"),
	}
	if u.algorithm == "" {
		u.algorithm = defaultAlgorithm
	}
	if newHash(u.algorithm) == nil {
		return refuse(http.StatusBadRequest, "InvalidRequest", "unknown checksum algorithm %q", u.algorithm)
	}
	switch {
	case u.typ == "" && u.algorithm == defaultAlgorithm:
		u.typ = fullObject
	case u.typ == "":
		u.typ = composite
	case u.typ == fullObject && strings.HasPrefix(u.algorithm, "SHA"), u.typ == composite && u.algorithm == defaultAlgorithm:
		return refuse(http.StatusBadRequest, "InvalidRequest", "there is no %s %s", u.typ, u.algorithm)
	}
	s.made++
	id := fmt.Sprint("upload", s.made)
	r.bucket.uploads[id] = u
	return r.document("<InitiateMultipartUploadResult><UploadId>%s</UploadId></InitiateMultipartUploadResult>", id)
}

// upload returns the upload that a request names.
func (r *request) upload() (id string, u *upload, err error) {
	id = r.URL.Query().Get("uploadId")
	if u = r.bucket.uploads[id]; u == nil || u.key != r.key {
		return id, nil, refuse(http.StatusNotFound, "NoSuchUpload", "There is no such upload.")
	}
	return id, u, nil
}

func (s *Server) uploadPart(r *request) error {
	_, u, err := r.upload()
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(r.URL.Query().Get("partNumber"))
	if err != nil || n < 1 || n > 10_000 {
		return refuse(http.StatusBadRequest, "InvalidArgument", "part number")
	}
	sums, err := checksumsOf(r.Header, r.data, false)
	if err != nil {
		return err
	}
	p := uploadedPart{data: r.data, etag: s.newETag(), sums: sums}
	u.parts[n] = p
	r.w.Header().Set("ETag", `"`+p.etag+`"`)
	sums.answer(r.w.Header())
	r.w.Header().Del("X-Amz-Checksum-Type")
	return nil
}

// completedPart is a part in the request that completes an upload.
type completedPart struct {
	PartNumber        int
	ETag              string
	ChecksumCRC32     string
	ChecksumCRC32C    string
	ChecksumCRC64NVME string
	ChecksumSHA1      string
	ChecksumSHA256    string
}

func (c completedPart) sums() map[string]string {
	return map[string]string{
		"CRC32": c.ChecksumCRC32, "CRC32C": c.ChecksumCRC32C, "CRC64NVME": c.ChecksumCRC64NVME,
		"SHA1": c.ChecksumSHA1, "SHA256": c.ChecksumSHA256,
	}
}

func (s *Server) completeUpload(r *request) error {
	id, u, err := r.upload()
	if err != nil {
		return err
	}
	var in struct {
		Part []completedPart
	}
	if err := r.decode(&in); err != nil {
		return err
	}
	if len(in.Part) == 0 {
		return refuse(http.StatusBadRequest, "MalformedXML", "no parts")
	}
	o := &object{etag: fmt.Sprintf("%s-%d", s.newETag(), len(in.Part)), modTime: now(), header: u.header}
	var parts [][]byte
	for i, c := range in.Part {
		p, err := u.completed(i, c, i == len(in.Part)-1)
		if err != nil {
			return err
		}
		parts = append(parts, p.data)
		o.parts = append(o.parts, len(p.data))
	}
	o.data = bytes.Join(parts, nil)
	o.sums = compose(u.algorithm, u.typ, parts)
	for algorithm, value := range o.sums.values {
		if told := r.Header.Get(headerOf(algorithm)); told != "" && told != value {
			return refuse(http.StatusBadRequest, "BadDigest", "The %s is %s and not %s.", algorithm, value, told)
		}
	}
	delete(r.bucket.uploads, id)
	r.bucket.objects[r.key] = o
	return r.document("<CompleteMultipartUploadResult><ETag>&quot;%s&quot;</ETag>%s</CompleteMultipartUploadResult>", o.etag, o.sums.xml())
}

// completed checks a part of the request against the uploaded one.
func (u *upload) completed(i int, c completedPart, last bool) (uploadedPart, error) {
	p, ok := u.parts[c.PartNumber]
	switch {
	case c.PartNumber != i+1:
		return p, refuse(http.StatusBadRequest, "InvalidPartOrder", "Part %d follows on part %d.", c.PartNumber, i)
	case !ok || strings.Trim(c.ETag, `"`) != p.etag:
		return p, refuse(http.StatusBadRequest, "InvalidPart", "There is no part %d of that ETag.", c.PartNumber)
	case len(p.data) < minPart && !last:
		return p, refuse(http.StatusBadRequest, "EntityTooSmall", "Part %d is too small.", c.PartNumber)
	}
	for algorithm, value := range c.sums() {
		if value != "" && value != p.sums.values[algorithm] {
			return p, refuse(http.StatusBadRequest, "InvalidPart", "Part %d has another %s.", c.PartNumber, algorithm)
		}
	}
	return p, nil
}

// listParts lists the parts of an upload on one page.
func (s *Server) listParts(r *request) error {
	_, u, err := r.upload()
	if err != nil {
		return err
	}
	var parts strings.Builder
	for _, n := range slices.Sorted(maps.Keys(u.parts)) {
		p := u.parts[n]
		_, _ = fmt.Fprintf(&parts, "<Part><PartNumber>%d</PartNumber><ETag>&quot;%s&quot;</ETag><Size>%d</Size>%s</Part>", n, p.etag, len(p.data), p.sums.xml())
	}
	return r.document("<ListPartsResult><IsTruncated>false</IsTruncated>%s</ListPartsResult>", parts.String())
}

// listUploads lists the uploads on one page. A prefix has to end in the delimiter.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListMultipartUploads.html
func (s *Server) listUploads(r *request) error {
	prefix := r.URL.Query().Get("prefix")
	if prefix != "" && !strings.HasSuffix(prefix, "/") {
		return refuse(http.StatusBadRequest, "InvalidRequest", "prefix")
	}
	var uploads strings.Builder
	for _, id := range slices.Sorted(maps.Keys(r.bucket.uploads)) {
		if u := r.bucket.uploads[id]; strings.HasPrefix(u.key, prefix) {
			_, _ = fmt.Fprintf(&uploads, "<Upload><Key>%s</Key><UploadId>%s</UploadId><Initiated>%s</Initiated></Upload>", text(u.key), id, stamp(now()))
		}
	}
	return r.document("<ListMultipartUploadsResult><IsTruncated>false</IsTruncated>%s</ListMultipartUploadsResult>", uploads.String())
}

func (s *Server) abortUpload(r *request) error {
	id, _, err := r.upload()
	if err != nil {
		return err
	}
	delete(r.bucket.uploads, id)
	r.w.WriteHeader(http.StatusNoContent)
	return nil
}
