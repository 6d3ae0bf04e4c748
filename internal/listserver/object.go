package listserver

import (
	"bytes"
	"encoding/xml"
	"net/http"
)

// etag is the ETag, without quotes, of an empty object.
const etag = "d41d8cd98f00b204e9800998ecf8427e"

// exists reports whether the bucket lists key.
func (b *Bucket) exists(key string) bool {
	i := b.search(func(k string) bool { return k >= key })
	return i < b.Objects && b.Key(i) == key
}

// head answers HeadObject.
func (b *Bucket) head(w http.ResponseWriter, key string) {
	if !b.exists(key) {
		fail(w, http.StatusNotFound, "NoSuchKey")
		return
	}
	header := w.Header()
	header.Set("ETag", `"`+etag+`"`)
	header.Set("Content-Type", "application/octet-stream")
	header.Set("Content-Length", "0")
	header.Set("Last-Modified", modTime().Format(http.TimeFormat))
	if b.Tag != "" {
		header.Set("X-Amz-Tagging-Count", "1")
	}
}

// tags answers GetObjectTagging.
func (b *Bucket) tags(w http.ResponseWriter, key string) {
	if !b.exists(key) {
		fail(w, http.StatusNotFound, "NoSuchKey")
		return
	}
	var answer bytes.Buffer
	answer.WriteString("<Tagging><TagSet>")
	if b.Tag != "" {
		answer.WriteString("<Tag><Key>" + b.Tag + "</Key><Value>")
		_ = xml.EscapeText(&answer, []byte(key)) // a Buffer does not fail
		answer.WriteString("</Value></Tag>")
	}
	answer.WriteString("</TagSet></Tagging>")
	document(w, answer.String())
}

// deleteMany answers DeleteObjects. It reports every object as deleted.
func (s *Server) deleteMany(w http.ResponseWriter, r *http.Request, b *Bucket) {
	var request struct {
		Quiet  bool
		Object []struct{ Key string }
	}
	if err := xml.NewDecoder(r.Body).Decode(&request); err != nil {
		fail(w, http.StatusBadRequest, "MalformedXML")
		return
	}
	if len(request.Object) == 0 || len(request.Object) > maxKeys {
		fail(w, http.StatusBadRequest, "MalformedXML")
		return
	}
	var answer bytes.Buffer
	answer.WriteString("<DeleteResult>")
	for _, object := range request.Object {
		s.Deleted.Add(1)
		if !b.exists(object.Key) {
			s.Unknown.Add(1)
		}
		if !request.Quiet {
			answer.WriteString("<Deleted><Key>")
			_ = xml.EscapeText(&answer, []byte(object.Key)) // a Buffer does not fail
			answer.WriteString("</Key></Deleted>")
		}
	}
	answer.WriteString("</DeleteResult>")
	document(w, answer.String())
}
