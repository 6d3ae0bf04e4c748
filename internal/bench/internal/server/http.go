package server

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
)

// HTTP/1.1 by hand: net/http would cost as much as the client that is measured. The
// server understands what S3 clients send, and nothing more.

// A request is what the server needs of a request.
type request struct {
	method      string
	bucket, key string
	query       string // not decoded

	length        int64 // of the body
	chunked       bool  // Transfer-Encoding
	awsChunked    bool
	decodedLength int64 // of the payload of awsChunked
	expect        bool
	last          bool // Connection: close
	md5           []byte
	byteRange     string
	copySource    bool
	kept          []byte // header lines that belong to the object
}

// parameter returns the value of a parameter of the query.
func (r *request) parameter(name string) (string, bool) {
	for rest := r.query; rest != ""; {
		var pair string
		pair, rest, _ = strings.Cut(rest, "&")
		key, value, _ := strings.Cut(pair, "=")
		if key == name {
			decoded, err := url.QueryUnescape(value)
			return decoded, err == nil
		}
	}
	return "", false
}

func (r *request) has(name string) bool {
	_, ok := r.parameter(name)
	return ok
}

// A conversation is one connection.
type conversation struct {
	*server
	conn    net.Conn
	in      *bufio.Reader
	out     []byte // the answer that is being made
	request request
	last    bool
}

func (s *server) talk(conn net.Conn) {
	defer func() { _ = conn.Close() }() // the client's own business
	c := &conversation{server: s, conn: conn, in: bufio.NewReaderSize(conn, 64<<10)}
	for !c.last {
		if err := c.read(); err != nil {
			return // the client left, or it is no S3 client
		}
		c.last = c.request.last
		if err := c.answer(); err != nil {
			return
		}
	}
}

var errRequest = errors.New("no request of an S3 client")

// read reads the head of the next request.
func (c *conversation) read() error {
	kept := c.request.kept[:0]
	c.request = request{kept: kept}
	r := &c.request
	line, err := c.in.ReadSlice('\n')
	if err != nil {
		return err
	}
	method, rest, _ := bytes.Cut(line, []byte(" "))
	target, _, ok := bytes.Cut(rest, []byte(" "))
	if !ok || len(target) == 0 || target[0] != '/' {
		return errRequest
	}
	r.method = verb(method)
	path, query, _ := strings.Cut(string(target[1:]), "?")
	r.bucket, r.key, _ = strings.Cut(path, "/")
	r.query = query
	if strings.IndexByte(r.key, '%') >= 0 {
		if r.key, err = url.PathUnescape(r.key); err != nil {
			return err
		}
	}
	for {
		line, err := c.in.ReadSlice('\n')
		if err != nil {
			return err
		}
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			return nil
		}
		name, value, ok := bytes.Cut(line, []byte(":"))
		if !ok {
			return errRequest
		}
		if err := r.header(name, bytes.TrimSpace(value), line); err != nil {
			return err
		}
	}
}

// verb returns the method as a string that takes no memory.
func verb(b []byte) string {
	for _, m := range [...]string{http.MethodPut, http.MethodGet, http.MethodHead, http.MethodPost, http.MethodDelete} {
		if string(b) == m {
			return m
		}
	}
	return ""
}

func is(name []byte, want string) bool {
	return len(name) == len(want) && bytes.EqualFold(name, []byte(want))
}

// header takes one line of the head of a request.
func (r *request) header(name, value, line []byte) (err error) {
	switch {
	case is(name, "Content-Length"):
		r.length, err = strconv.ParseInt(string(value), 10, 64)
	case is(name, "Content-MD5"):
		r.md5, err = base64.StdEncoding.AppendDecode(nil, value)
	case is(name, "Range"):
		r.byteRange = string(value)
	case is(name, "Expect"):
		r.expect = true
	case is(name, "Connection"):
		r.last = bytes.EqualFold(value, []byte("close"))
	case is(name, "Transfer-Encoding"):
		r.chunked = true
	case is(name, "X-Amz-Content-Sha256"):
		r.awsChunked = bytes.HasPrefix(value, []byte("STREAMING-"))
	case is(name, "X-Amz-Decoded-Content-Length"):
		r.decodedLength, err = strconv.ParseInt(string(value), 10, 64)
	case is(name, "X-Amz-Copy-Source"):
		r.copySource = true
	case is(name, "Content-Type"), len(name) > 11 && is(name[:11], "X-Amz-Meta-"):
		r.kept = append(append(r.kept, line...), "\r\n"...)
	}
	return err
}

// body reads the body of the request. It returns the payload's size and, if
// wanted, the payload.
func (c *conversation) body(sink io.Writer) (int64, error) {
	r := &c.request
	if r.expect {
		if _, err := io.WriteString(c.conn, "HTTP/1.1 100 Continue\r\n\r\n"); err != nil {
			return 0, err
		}
	}
	c.received.Add(r.length)
	if !r.chunked && sink == nil {
		for left := r.length; left > 0; {
			n, err := c.in.Discard(int(min(left, 1<<30)))
			if err != nil {
				return 0, err
			}
			left -= int64(n)
		}
		if r.awsChunked {
			return r.decodedLength, nil
		}
		return r.length, nil
	}
	if sink == nil {
		sink = io.Discard
	}
	body := io.LimitReader(c.in, r.length)
	if r.chunked {
		body = httputil.NewChunkedReader(c.in)
	}
	payload := body
	if r.awsChunked {
		payload = &chunkedReader{r: bufio.NewReader(body)}
	}
	n, err := io.Copy(sink, payload)
	if err == nil {
		_, err = io.Copy(io.Discard, body)
	}
	for r.chunked && err == nil { // trailers
		var line []byte
		if line, err = c.in.ReadSlice('\n'); len(line) <= 2 {
			break
		}
	}
	return n, err
}

// A chunkedReader removes the framing of aws-chunked bodies. It ignores trailers.
// https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html
type chunkedReader struct {
	r    *bufio.Reader
	left int64 // of the current chunk
}

func (c *chunkedReader) Read(p []byte) (int, error) {
	if c.left == 0 {
		line, err := c.r.ReadString('\n')
		if err != nil {
			return 0, io.ErrUnexpectedEOF
		}
		size, _, _ := strings.Cut(strings.TrimSpace(line), ";")
		if c.left, err = strconv.ParseInt(size, 16, 64); err != nil {
			return 0, err
		}
		if c.left == 0 {
			return 0, io.EOF
		}
	}
	n, err := c.r.Read(p[:min(int64(len(p)), c.left)])
	c.left -= int64(n)
	if c.left == 0 && err == nil {
		_, err = c.r.Discard(len("\r\n"))
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// A clock knows the text of the Date header, which it makes once a second.
type clock struct {
	mu     sync.Mutex
	second int64
	text   string
}

func (c *clock) date() string {
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if s := now.Unix(); s != c.second {
		c.second, c.text = s, now.UTC().Format(http.TimeFormat)
	}
	return c.text
}

// head begins the answer: the headers that all answers of S3 have. A length of -1
// stands for an answer that cannot have a body.
func (c *conversation) head(status int, length int64) {
	b := append(c.out[:0], "HTTP/1.1 "...)
	b = strconv.AppendInt(b, int64(status), 10)
	b = append(append(b, ' '), http.StatusText(status)...)
	b = append(append(b, "\r\nDate: "...), c.clock.date()...)
	b = append(b, "\r\nServer: bench\r\nX-Amz-Request-Id: "...)
	b = strconv.AppendInt(b, c.serial.Add(1), 10)
	if length >= 0 {
		b = append(b, "\r\nContent-Length: "...)
		b = strconv.AppendInt(b, length, 10)
	}
	if c.last {
		b = append(b, "\r\nConnection: close"...)
	}
	c.out = append(b, "\r\n"...)
}

// add adds a header to the answer.
func (c *conversation) add(name, value string) {
	c.out = append(append(append(append(c.out, name...), ": "...), value...), "\r\n"...)
}

// etag adds the ETag, which has no quotes yet.
func (c *conversation) etag(etag string) {
	c.out = append(append(append(c.out, "ETag: \""...), etag...), "\"\r\n"...)
}

// send sends the answer, whose headers are complete, with a small body.
func (c *conversation) send(body ...[]byte) error {
	c.out = append(c.out, "\r\n"...)
	for _, b := range body {
		c.out = append(c.out, b...)
	}
	_, err := c.conn.Write(c.out)
	return err
}

// document sends a document in XML.
func (c *conversation) document(body []byte) error {
	c.head(http.StatusOK, int64(len(body)))
	c.add("Content-Type", "application/xml")
	return c.send(body)
}

// fail sends an error.
func (c *conversation) fail(status int, code string) error {
	body := fmt.Appendf(nil, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>%s</Code><Message>made up by bench</Message></Error>", code)
	c.head(status, int64(len(body)))
	c.add("Content-Type", "application/xml")
	if c.request.method == http.MethodHead {
		return c.send()
	}
	return c.send(body)
}
