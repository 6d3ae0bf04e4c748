package directoryserver

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"time"
)

// An object is never changed once it is in a bucket.
type object struct {
	data    []byte
	parts   []int // sizes; nil for an object written whole
	etag    string
	modTime time.Time
	header  http.Header
	sums    checksums
}

// newETag returns 32 digits that say nothing about the content.
func (s *Server) newETag() string {
	s.made++
	sum := sha256.Sum256([]byte(strconv.Itoa(s.made)))
	return fmt.Sprintf("%x", sum[:16])
}

func (s *Server) put(r *request) error {
	sums, err := checksumsOf(r.Header, r.data, true)
	if err != nil {
		return err
	}
	o := &object{data: r.data, etag: s.newETag(), modTime: now(), header: kept(r.Header), sums: sums}
	r.bucket.objects[r.key] = o
	r.w.Header().Set("ETag", `"`+o.etag+`"`)
	sums.answer(r.w.Header())
	return nil
}

// get handles GetObject and HeadObject.
func (s *Server) get(r *request) error {
	o := r.bucket.objects[r.key]
	if o == nil {
		return refuse(http.StatusNotFound, "NoSuchKey", "There is no such object.")
	}
	header := r.w.Header()
	maps.Copy(header, o.header)
	if header.Get("Content-Type") == "" {
		header.Set("Content-Type", "application/octet-stream")
	}
	header.Set("ETag", `"`+o.etag+`"`)
	if match := r.Header.Get("If-Match"); match != "" && match != header.Get("ETag") {
		return refuse(http.StatusPreconditionFailed, "PreconditionFailed", "Another ETag.")
	}
	if r.Header.Get("X-Amz-Checksum-Mode") == "ENABLED" {
		o.sums.answer(header)
	}
	data := o.data
	if number := r.URL.Query().Get("partNumber"); number != "" {
		from, to, err := o.part(number)
		if err != nil {
			return err
		}
		data = data[from:to]
		header.Set("X-Amz-Mp-Parts-Count", strconv.Itoa(max(len(o.parts), 1)))
	}
	if len(data) == 0 && r.Header.Get("Range") != "" {
		return refuse(http.StatusRequestedRangeNotSatisfiable, "InvalidRange", "The object is empty.")
	}
	// ServeContent does not send the length of an object with an encoding.
	encoding := header.Values("Content-Encoding")
	header.Del("Content-Encoding")
	http.ServeContent(r.w, r.Request, "", o.modTime, bytes.NewReader(data))
	if encoding != nil {
		header["Content-Encoding"] = encoding
	}
	return nil
}

// part returns where a part begins and ends. An object written whole is part 1.
func (o *object) part(number string) (from, to int, err error) {
	parts := o.parts
	if parts == nil {
		parts = []int{len(o.data)}
	}
	n, err := strconv.Atoi(number)
	if err != nil || n < 1 || n > len(parts) {
		return 0, 0, refuse(http.StatusRequestedRangeNotSatisfiable, "InvalidPartNumber", "There is no part %s.", number)
	}
	for i := range n {
		from, to = to, to+parts[i]
	}
	return from, to, nil
}

func (s *Server) deleteObject(r *request) error {
	delete(r.bucket.objects, r.key)
	r.w.WriteHeader(http.StatusNoContent)
	return nil
}

// deleteObjects requires a checksum of its body, because it accepts no Content-MD5.
func (s *Server) deleteObjects(r *request) error {
	sums, err := checksumsOf(r.Header, r.data, false)
	if err != nil {
		return err
	}
	if len(sums.values) == 0 {
		return refuse(http.StatusBadRequest, "InvalidRequest", "A checksum is missing.")
	}
	var in struct {
		Object []struct{ Key string }
	}
	if err := r.decode(&in); err != nil {
		return err
	}
	if len(in.Object) == 0 || len(in.Object) > 1000 {
		return refuse(http.StatusBadRequest, "MalformedXML", "%d objects", len(in.Object))
	}
	for _, o := range in.Object {
		delete(r.bucket.objects, o.Key)
	}
	return r.document("<DeleteResult></DeleteResult>")
}

func now() time.Time { return time.Now().Truncate(time.Second) }
