package server

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"hash"
	"html"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"s3sync/internal/bench/internal/madeup"
)

// operation tells what a request asks for.
func (r *request) operation() operation {
	switch {
	case r.key == "" && r.method == http.MethodGet && r.has("list-type"):
		return listObjects
	case r.key == "" && r.method == http.MethodGet && r.has("versions"):
		return listVersions
	case r.key == "" && r.method == http.MethodPost && r.has("delete"):
		return deleteObjects
	case r.key == "":
		return ofBucket
	case r.has("tagging"), r.has("acl"), r.has("attributes"), r.copySource:
		return unknown
	case r.method == http.MethodPut && r.has("uploadId"):
		return uploadPart
	case r.method == http.MethodPut:
		return putObject
	case r.method == http.MethodGet:
		return getObject
	case r.method == http.MethodHead:
		return headObject
	case r.method == http.MethodPost && r.has("uploads"):
		return createUpload
	case r.method == http.MethodPost && r.has("uploadId"):
		return completeUpload
	case r.method == http.MethodDelete && r.has("uploadId"):
		return abortUpload
	case r.method == http.MethodDelete:
		return deleteObject
	}
	return unknown
}

// answer reads the body of the request and answers it.
func (c *conversation) answer() error {
	r := &c.request
	o := r.operation()
	c.counts[o].Add(1)
	var sink *bytes.Buffer
	var digest hash.Hash
	written := o == putObject || o == uploadPart
	var to io.Writer
	switch {
	case written && c.keep, o == deleteObjects:
		sink = bytes.NewBuffer(make([]byte, 0, max(r.length, r.decodedLength)))
		to = sink
	case written && r.md5 == nil:
		digest = md5.New()
		to = digest
	}
	n, err := c.body(to)
	if err != nil {
		return err
	}
	c.wait(o)
	if rate := c.traffic.Throttle; rate > 0 && !c.throttle.accepts(rate, time.Now()) {
		c.refused.Add(1)
		return c.fail(http.StatusServiceUnavailable, "SlowDown")
	}
	b := c.buckets[r.bucket]
	if b == nil {
		return c.fail(http.StatusNotFound, "NoSuchBucket")
	}
	if written {
		p := part{sum: r.md5, size: n}
		if sink != nil {
			p.data = sink.Bytes()
		}
		switch {
		case p.sum == nil && sink != nil:
			sum := md5.Sum(p.data)
			p.sum = sum[:]
		case p.sum == nil:
			p.sum = digest.Sum(nil)
		}
		return c.put(b, o, p)
	}
	switch o {
	case getObject, headObject:
		return c.get(b)
	case listObjects:
		return c.list(b)
	case listVersions:
		return c.listVersions(b)
	case deleteObject:
		b.remove(r.key)
		return c.noContent()
	case deleteObjects:
		return c.deleteMany(b, sink.Bytes())
	case createUpload:
		id := strconv.FormatInt(c.serial.Add(1), 10)
		c.uploads.create(id, string(r.kept))
		return c.document([]byte(xml.Header + `<InitiateMultipartUploadResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><UploadId>` + id + "</UploadId></InitiateMultipartUploadResult>"))
	case completeUpload, abortUpload:
		return c.end(b, o)
	case ofBucket:
		return c.ofBucket()
	default:
		return c.fail(http.StatusNotImplemented, "NotImplemented")
	}
}

func (c *conversation) noContent() error {
	c.head(http.StatusNoContent, -1)
	return c.send()
}

// put answers a request that brought an object or a part. Its ETag is the Content-MD5
// if there is one: verifying it would cost time.
func (c *conversation) put(b *bucket, o operation, p part) error {
	r := &c.request
	etag := hex.EncodeToString(p.sum)
	if o == uploadPart {
		id, _ := r.parameter("uploadId")
		text, _ := r.parameter("partNumber")
		number, err := strconv.Atoi(text)
		if err != nil || !c.uploads.add(id, number, p) {
			return c.fail(http.StatusNotFound, "NoSuchUpload")
		}
	} else {
		written := &object{etag: etag, size: p.size, kept: string(r.kept)}
		if p.data != nil {
			written.pieces = [][]byte{p.data}
		}
		b.write(r.key, written)
	}
	c.head(http.StatusOK, 0)
	c.etag(etag)
	return c.send()
}

// end completes or aborts an upload.
func (c *conversation) end(b *bucket, op operation) error {
	id, _ := c.request.parameter("uploadId")
	o := c.uploads.end(id)
	switch {
	case o == nil:
		return c.fail(http.StatusNotFound, "NoSuchUpload")
	case op == abortUpload:
		return c.noContent()
	}
	b.write(c.request.key, o)
	return c.document([]byte(xml.Header + `<CompleteMultipartUploadResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Bucket>` + c.request.bucket + "</Bucket><ETag>&quot;" + o.etag + "&quot;</ETag></CompleteMultipartUploadResult>"))
}

// get answers GetObject and HeadObject.
func (c *conversation) get(b *bucket) error {
	r := &c.request
	o, i := b.lookup(r.key)
	at := func(off int64) []byte { return o.at(off) }
	switch {
	case o == nil && i < 0:
		return c.fail(http.StatusNotFound, "NoSuchKey")
	case o == nil:
		o = &object{etag: c.etags.Of(i, b.Size), size: b.Size, kept: "Content-Type: application/octet-stream\r\n"}
		at = func(off int64) []byte { return madeup.Content(i, b.Size, off) }
	case o.pieces == nil && o.size > 0 && r.method == http.MethodGet:
		return c.fail(http.StatusNotImplemented, "NotKept") // only HEAD, without -keep
	}
	from, end, status := int64(0), o.size, http.StatusOK
	parts := 0
	if number, ok := r.parameter("partNumber"); ok {
		n, err := strconv.Atoi(number)
		if parts = partsOf(o.etag); err != nil || n < 1 || n > max(parts, 1) {
			return c.fail(http.StatusRequestedRangeNotSatisfiable, "InvalidPartNumber")
		}
		if parts > 0 {
			from, end, status = int64(n-1)*madeup.PartSize, min(o.size, int64(n)*madeup.PartSize), http.StatusPartialContent
		}
	}
	if r.byteRange != "" {
		var ok bool
		if from, end, ok = parseRange(r.byteRange, o.size); !ok {
			return c.fail(http.StatusRequestedRangeNotSatisfiable, "InvalidRange")
		}
		status = http.StatusPartialContent
	}
	c.head(status, end-from)
	c.etag(o.etag)
	c.add("Last-Modified", madeup.ModTime().Format(http.TimeFormat))
	c.add("Accept-Ranges", "bytes")
	if parts > 0 {
		c.add("X-Amz-Mp-Parts-Count", strconv.Itoa(parts))
	}
	if status == http.StatusPartialContent {
		c.out = fmt.Appendf(c.out, "Content-Range: bytes %d-%d/%d\r\n", from, end-1, o.size)
	}
	c.out = append(c.out, o.kept...)
	if r.method == http.MethodHead {
		return c.send()
	}
	return c.sendRange(at, from, end)
}

// sendRange sends the bytes [from, end): what is small with the head, in one write.
func (c *conversation) sendRange(at func(off int64) []byte, from, end int64) error {
	c.sent.Add(end - from)
	c.out = append(c.out, "\r\n"...)
	if end-from <= 64<<10 {
		for from < end {
			b := at(from)
			b = b[:min(int64(len(b)), end-from)]
			c.out, from = append(c.out, b...), from+int64(len(b))
		}
		_, err := c.conn.Write(c.out)
		return err
	}
	_, err := c.conn.Write(c.out)
	for from < end && err == nil {
		b := at(from)
		b = b[:min(int64(len(b)), end-from)]
		_, err = c.conn.Write(b)
		from += int64(len(b))
	}
	return err
}

// partsOf returns the number of parts that an ETag tells, or 0.
func partsOf(etag string) int {
	_, number, _ := strings.Cut(etag, "-")
	n, _ := strconv.Atoi(number) // 0 if it tells none
	return n
}

// parseRange reads a Range header of one range as [from, end).
func parseRange(header string, size int64) (from, end int64, ok bool) {
	text, found := strings.CutPrefix(header, "bytes=")
	first, last, cut := strings.Cut(text, "-")
	if !found || !cut {
		return 0, 0, false
	}
	a, errA := strconv.ParseInt(first, 10, 64)
	b, errB := strconv.ParseInt(last, 10, 64)
	switch {
	case first == "" && errB == nil:
		return max(0, size-b), size, b > 0 && size > 0
	case errA != nil || a >= size || last != "" && (errB != nil || b < a):
		return 0, 0, false
	case last == "":
		return a, size, true
	}
	return a, min(b+1, size), true
}

// deleteMany answers DeleteObjects. It reports every object as deleted.
func (c *conversation) deleteMany(b *bucket, body []byte) error {
	quiet := bytes.Contains(body, []byte("<Quiet>true</Quiet>"))
	answer := bytes.NewBufferString(xml.Header + `<DeleteResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">`)
	keys := bytes.Split(body, []byte("<Key>"))[1:]
	for _, key := range keys {
		key, _, _ = bytes.Cut(key, []byte("<"))
		b.remove(html.UnescapeString(string(key)))
		if !quiet {
			answer.WriteString("<Deleted><Key>")
			answer.Write(key)
			answer.WriteString("</Key></Deleted>")
		}
	}
	if len(keys) == 0 || len(keys) > madeup.MaxKeys {
		return c.fail(http.StatusBadRequest, "MalformedXML")
	}
	answer.WriteString("</DeleteResult>")
	return c.document(answer.Bytes())
}

// ofBucket answers requests about the bucket itself.
func (c *conversation) ofBucket() error {
	r := &c.request
	switch {
	case r.has("location"):
		return c.document([]byte(xml.Header + "<LocationConstraint xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"/>"))
	case r.has("versioning"):
		return c.document([]byte(xml.Header + "<VersioningConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"/>"))
	case r.has("uploads"):
		return c.document([]byte(xml.Header + "<ListMultipartUploadsResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><IsTruncated>false</IsTruncated></ListMultipartUploadsResult>"))
	case r.method == http.MethodHead, r.method == http.MethodPut:
		c.head(http.StatusOK, 0)
		c.add("X-Amz-Bucket-Region", "us-east-1")
		return c.send()
	case r.has("object-lock"):
		return c.fail(http.StatusNotFound, "ObjectLockConfigurationNotFoundError")
	}
	return c.fail(http.StatusNotImplemented, "NotImplemented")
}
