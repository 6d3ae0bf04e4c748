package listserver

import (
	"bufio"
	"bytes"
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strconv"
	"strings"
)

// ETag returns the ETag, without quotes, of the object under key.
func ETag(key string, size int64) string {
	var small [256]byte // the usual case in a listing, without allocating
	if size <= int64(len(small)) {
		_, _ = repeated(md5.Sum([]byte(key))).ReadAt(small[:size], 0) // never fails
		sum := md5.Sum(small[:size])
		return hex.EncodeToString(sum[:])
	}
	digest := md5.New()
	_, _ = io.Copy(digest, content(key, size)) // neither side fails
	return hex.EncodeToString(digest.Sum(nil))
}

// content returns the MD5 digest of the key, repeated up to size bytes.
func content(key string, size int64) *io.SectionReader {
	return io.NewSectionReader(repeated(md5.Sum([]byte(key))), 0, size)
}

// repeated is an endless text that repeats 16 bytes.
type repeated [md5.Size]byte

func (r repeated) ReadAt(p []byte, off int64) (int, error) {
	for n := 0; n < len(p); {
		n += copy(p[n:], r[(off+int64(n))%md5.Size:])
	}
	return len(p), nil
}

// exists reports whether the bucket lists key.
func (b *bucket) exists(key string) bool {
	i := b.search(func(k string) bool { return k >= key })
	return i < b.Objects && b.Key(i) == key
}

// get answers GetObject and HeadObject, with ranges and conditions.
func (b *bucket) get(w http.ResponseWriter, r *http.Request, key string) {
	b.mu.Lock()
	written := b.remembered[key]
	b.mu.Unlock()
	header := w.Header()
	switch {
	case written != nil && r.Method == http.MethodHead:
		maps.Copy(header, written)
		header.Set("Last-Modified", b.ModTime.UTC().Format(http.TimeFormat))
	case b.exists(key):
		header.Set("ETag", `"`+ETag(key, b.Size)+`"`)
		header.Set("Content-Type", "application/octet-stream")
		if b.Tag != "" {
			header.Set("X-Amz-Tagging-Count", "1")
		}
		http.ServeContent(w, r, "", b.ModTime, content(key, b.Size))
	default:
		fail(w, http.StatusNotFound, "NoSuchKey")
	}
}

// tags answers GetObjectTagging.
func (b *bucket) tags(w http.ResponseWriter, key string) {
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

// put reads the bytes of an object or of a part and discards them. Its ETag is the
// Content-MD5 if the client sent one: verifying it would cost time in benchmarks.
func (s *Server) put(w http.ResponseWriter, r *http.Request, b *bucket, key string) {
	digest := md5.New()
	sum, err := base64.StdEncoding.DecodeString(r.Header.Get("Content-Md5"))
	if err != nil || len(sum) != 0 && len(sum) != md5.Size {
		fail(w, http.StatusBadRequest, "InvalidDigest")
		return
	}
	sink := io.Discard
	if len(sum) == 0 {
		sink = digest
	}
	body := io.Reader(r.Body)
	if strings.Contains(r.Header.Get("Content-Encoding"), "aws-chunked") {
		body = &chunkedReader{r: bufio.NewReader(r.Body)}
	}
	n, err := io.Copy(sink, body)
	s.Bytes.Add(n)
	if err != nil {
		fail(w, http.StatusBadRequest, "IncompleteBody")
		return
	}
	if len(sum) == 0 {
		sum = digest.Sum(nil)
	}
	etag := `"` + hex.EncodeToString(sum) + `"`
	if r.URL.Query().Has("uploadId") {
		b.addPart(key, n)
	} else {
		b.remember(key, r.Header, etag, n)
	}
	w.Header().Set("ETag", etag)
}

func (b *bucket) remember(key string, sent http.Header, etag string, size int64) {
	if !b.Remember {
		return
	}
	kept := http.Header{"Etag": {etag}, "Content-Length": {strconv.FormatInt(size, 10)}}
	for name, values := range sent {
		if strings.HasPrefix(name, "X-Amz-Meta-") || name == "Content-Type" {
			kept[name] = values
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.remembered[key] = kept
}

func (b *bucket) addPart(key string, size int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if u := b.uploads[key]; u != nil {
		u.size += size
	}
}

func (b *bucket) create(w http.ResponseWriter, r *http.Request, key string) {
	b.mu.Lock()
	b.uploads[key] = &upload{sent: r.Header}
	b.mu.Unlock()
	document(w, "<InitiateMultipartUploadResult><UploadId>upload</UploadId></InitiateMultipartUploadResult>")
}

// complete answers with the ETag that S3 gives an object in parts: the MD5 of the
// parts' MD5s.
func (b *bucket) complete(w http.ResponseWriter, r *http.Request, key string) {
	var request struct {
		Parts []struct{ ETag string } `xml:"Part"`
	}
	if err := xml.NewDecoder(r.Body).Decode(&request); err != nil || len(request.Parts) == 0 {
		fail(w, http.StatusBadRequest, "MalformedXML")
		return
	}
	digest := md5.New()
	for _, part := range request.Parts {
		sum, err := hex.DecodeString(strings.Trim(part.ETag, `"`))
		if err != nil || len(sum) != md5.Size {
			fail(w, http.StatusBadRequest, "InvalidPart")
			return
		}
		_, _ = digest.Write(sum) // a hash does not fail
	}
	etag := fmt.Sprintf("%x-%d", digest.Sum(nil), len(request.Parts))
	b.mu.Lock()
	u := b.uploads[key]
	delete(b.uploads, key)
	b.mu.Unlock()
	if u == nil {
		fail(w, http.StatusNotFound, "NoSuchUpload")
		return
	}
	b.remember(key, u.sent, `"`+etag+`"`, u.size)
	document(w, "<CompleteMultipartUploadResult><ETag>&quot;"+etag+"&quot;</ETag></CompleteMultipartUploadResult>")
}

func (s *Server) deleted(b *bucket, key string) {
	s.Deleted.Add(1)
	if !b.exists(key) {
		s.Unknown.Add(1)
	}
}

// deleteMany answers DeleteObjects. It reports every object as deleted.
func (s *Server) deleteMany(w http.ResponseWriter, r *http.Request, b *bucket) {
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
		s.deleted(b, object.Key)
		if !request.Quiet {
			answer.WriteString("<Deleted><Key>")
			_ = xml.EscapeText(&answer, []byte(object.Key)) // a Buffer does not fail
			answer.WriteString("</Key></Deleted>")
		}
	}
	answer.WriteString("</DeleteResult>")
	document(w, answer.String())
}

// A chunkedReader removes the framing of aws-chunked bodies. It ignores trailers.
// https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html
type chunkedReader struct {
	r    *bufio.Reader
	left int64 // of the current chunk
	err  error
}

func (c *chunkedReader) Read(p []byte) (int, error) {
	if c.err == nil && c.left == 0 {
		c.err = c.next()
	}
	if c.err != nil {
		return 0, c.err
	}
	n, err := c.r.Read(p[:min(int64(len(p)), c.left)])
	c.left -= int64(n)
	if c.left == 0 && err == nil {
		_, err = c.r.Discard(len("\r\n"))
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	c.err = err
	return n, nil
}

func (c *chunkedReader) next() error {
	line, err := c.r.ReadString('\n')
	if err != nil {
		return io.ErrUnexpectedEOF
	}
	size, _, _ := strings.Cut(strings.TrimSpace(line), ";")
	if c.left, err = strconv.ParseInt(size, 16, 64); err != nil {
		return err
	}
	if c.left == 0 {
		_, _ = io.Copy(io.Discard, c.r) // trailers
		return io.EOF
	}
	return nil
}
