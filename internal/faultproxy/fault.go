package faultproxy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// ServeHTTP forwards one request, damaged as its rule says.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !p.enter() {
		return
	}
	defer p.handlers.Done()

	req, rule := p.admit(r)
	x := &exchange{proxy: p, w: w, r: r, req: req, rule: rule}
	if rule != nil {
		x.fault = rule.fault
	}
	if x.fault.delay > 0 {
		x.wait(time.After(x.fault.delay))
		if x.fault.kind == none {
			x.hit()
		}
	}
	switch x.fault.kind {
	case reply, page, empty:
		x.reply()
		return
	case closed:
		x.hit()
		x.breakOff(false)
		return
	case silent:
		_, _ = io.Copy(io.Discard, x.r.Body)
		x.hit()
		x.wait(nil)
		x.breakOff(false)
		return
	default: // the server sees the request
	}
	resp, err := p.forward(r, x.requestBody())
	if err != nil {
		if x.broken.Load() || r.Context().Err() != nil {
			x.breakOff(true)
			return
		}
		p.answered(req, http.StatusBadGateway)
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer resp.Body.Close()
	if x.fault.kind == lost {
		_, _ = io.Copy(io.Discard, resp.Body)
		x.hit()
		x.breakOff(false)
		return
	}
	x.relay(resp)
}

// An exchange is one request and its response.
type exchange struct {
	proxy *Proxy
	w     http.ResponseWriter
	r     *http.Request
	req   *Request
	rule  *rule
	fault fault

	counted sync.Once
	broken  atomic.Bool // the rule ended the request's body
	started bool        // the response header was sent
}

// hit counts that the fault happened, once for a request.
func (x *exchange) hit() { x.counted.Do(func() { x.proxy.hit(x.rule) }) }

// sends reports whether the request has a body for the fault to damage.
func (x *exchange) sends() bool {
	return x.r.Method == http.MethodPut || x.r.Method == http.MethodPost
}

// wait waits until done, or the client or the proxy gives up. A nil channel
// never becomes ready.
func (x *exchange) wait(done <-chan time.Time) {
	select {
	case <-done:
	case <-x.r.Context().Done():
	case <-x.proxy.closing:
	}
}

// breakOff ends the connection: by a reset, or by a normal close.
func (x *exchange) breakOff(hard bool) {
	control := http.NewResponseController(x.w)
	if x.started {
		_ = control.Flush()
	}
	conn, buffered, err := control.Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // the only way left to end the connection
	}
	if tcp, ok := conn.(*net.TCPConn); ok && hard {
		_ = tcp.SetLinger(0) // unsent data is dropped and the peer gets a RST
	} else {
		_ = buffered.Flush()
	}
	_ = conn.Close()
}

// codes are the S3 error codes for a status if a rule names none.
// https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
var codes = map[int]string{ //nolint:gochecknoglobals // a constant table
	http.StatusBadRequest:          "InvalidRequest",
	http.StatusForbidden:           "AccessDenied",
	http.StatusNotFound:            "NoSuchKey",
	http.StatusRequestTimeout:      "RequestTimeout",
	http.StatusConflict:            "ConditionalRequestConflict",
	http.StatusPreconditionFailed:  "PreconditionFailed",
	http.StatusInternalServerError: "InternalError",
	http.StatusServiceUnavailable:  "SlowDown",
}

// reply responds instead of the server: after the whole request arrived, or before any
// of its body was read.
func (x *exchange) reply() {
	status, typ, body := http.StatusOK, "application/xml", ""
	switch x.fault.kind {
	case page:
		typ, body = "text/html", "<!DOCTYPE html>\n<html><body>Please sign in.</body></html>\n"
	case reply:
		status, body = x.fault.status, x.fault.document()
		x.w.Header().Set("X-Amz-Request-Id", "faultproxy") // a response to a HEAD has no other mark of S3
	default:
	}
	if !x.fault.early {
		_, _ = io.Copy(io.Discard, x.r.Body)
	}
	x.w.Header().Set("Content-Type", typ)
	x.w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	x.setHeaders(x.w.Header())
	x.hit()
	x.proxy.answered(x.req, status)
	x.w.WriteHeader(status)
	if x.r.Method != http.MethodHead {
		_, _ = io.WriteString(x.w, body)
	}
	if x.fault.early {
		x.started = true
		x.breakOff(true)
	}
}

// document returns the error response of the fault.
func (f *fault) document() string {
	code := f.code
	if code == "" {
		code = codes[f.status]
	}
	if code == "" {
		code = "InternalError"
	}
	return fmt.Sprintf("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"+
		"<Error><Code>%s</Code><Message>fault injected by a test</Message><RequestId>faultproxy</RequestId></Error>", code)
}

// requestBody returns the body on its way to the server.
func (x *exchange) requestBody() io.ReadCloser {
	if !x.sends() {
		return x.r.Body
	}
	switch x.fault.kind {
	case flip:
		return x.flipped(x.r.Body, x.r.ContentLength)
	case reset, stall:
		return &brokenBody{ReadCloser: x.r.Body, left: x.fault.at, broken: func() {
			x.broken.Store(true)
			x.hit()
			if x.fault.kind == stall {
				x.wait(nil)
			}
		}}
	default:
		return x.r.Body
	}
}

// A brokenBody fails at the byte that the fault names, if it is that long.
type brokenBody struct {
	io.ReadCloser

	left   int64
	broken func()
}

func (b *brokenBody) Read(p []byte) (int, error) {
	if b.left > 0 {
		n, err := b.ReadCloser.Read(p[:min(int64(len(p)), b.left)])
		b.left -= int64(n)
		return n, err
	}
	if n, err := io.ReadFull(b.ReadCloser, p[:min(1, len(p))]); n == 0 {
		return 0, err // nothing is left to lose
	}
	b.broken()
	return 0, io.ErrClosedPipe
}

// relay forwards the response, damaged as the rule says.
func (x *exchange) relay(resp *http.Response) {
	fault := x.fault
	if x.sends() && (fault.kind == reset || fault.kind == stall || fault.kind == flip) {
		fault.kind = none // the fault damaged the request
	}
	body := io.Reader(resp.Body)
	length := resp.ContentLength
	if fault.kind == truncateXML || fault.rewrites() && x.req.Operation != "GetObject" && x.r.Method != http.MethodHead {
		document, err := io.ReadAll(resp.Body)
		if err != nil {
			x.breakOff(true)
			return
		}
		document = x.rewrite(document)
		body, length = bytes.NewReader(document), int64(len(document))
	}
	if fault.kind == shorten && fault.at < length {
		x.hit()
		body, length = io.LimitReader(body, fault.at), fault.at
	}
	if fault.kind == flip {
		body = x.flipped(io.NopCloser(body), length)
	}

	header := x.w.Header()
	maps.Copy(header, resp.Header)
	header.Del("Connection")
	if length >= 0 && x.r.Method != http.MethodHead && resp.StatusCode != http.StatusNoContent {
		header.Set("Content-Length", strconv.FormatInt(length, 10))
	}
	x.setHeaders(header)
	x.proxy.answered(x.req, resp.StatusCode)
	x.w.WriteHeader(resp.StatusCode)
	x.started = true

	switch fault.kind {
	case reset, stall, truncate:
		if x.passes(body, fault.at) {
			return // complete: the body was too short for the fault
		}
		x.hit()
		if fault.kind == stall {
			_ = http.NewResponseController(x.w).Flush()
			x.wait(nil)
		}
		x.breakOff(fault.kind != truncate)
	default:
		if _, err := io.Copy(x.w, body); err != nil {
			x.breakOff(true) // the server broke off, so the client must see that too
		}
	}
}

// passes sends n bytes, or all if there are fewer. It reports whether it sent all.
func (x *exchange) passes(body io.Reader, n int64) bool {
	if _, err := io.CopyN(x.w, body, n); errors.Is(err, io.EOF) {
		return true
	}
	var next [1]byte
	_, err := io.ReadFull(body, next[:])
	return errors.Is(err, io.EOF)
}

// setHeaders applies set. and etag= to the headers of a response.
func (x *exchange) setHeaders(header http.Header) {
	changed := false
	for name, values := range x.fault.header {
		changed = true
		if header.Del(name); values[0] != "" {
			header.Set(name, values[0])
		}
	}
	if header.Get("ETag") != "" && (x.fault.etag != "" || x.fault.noETag) {
		changed = true
		if header.Del("ETag"); !x.fault.noETag {
			header.Set("ETag", `"`+x.fault.etag+`"`)
		}
	}
	if changed && x.fault.kind == none {
		x.hit()
	}
}

var (
	etagElement = regexp.MustCompile(`<ETag>[^<]*</ETag>`)
	sizeElement = regexp.MustCompile(`<(Size|ObjectSize)>[^<]*</`)
	rootElement = regexp.MustCompile(`(?s)^(\s*(?:<\?xml[^>]*>\s*)?<)\w+(.*</)\w+(>\s*)$`)
)

// rewrite applies etag=, size=, root= and truncate-xml to a document.
func (x *exchange) rewrite(document []byte) []byte {
	change := func(element *regexp.Regexp, text string) {
		if element.Match(document) {
			document = element.ReplaceAll(document, []byte(text))
			x.hit()
		}
	}
	switch f := &x.fault; {
	case f.noETag:
		change(etagElement, "")
	case f.etag != "":
		change(etagElement, "<ETag>&quot;"+f.etag+"&quot;</ETag>")
	}
	if x.fault.size != "" {
		change(sizeElement, "<${1}>"+x.fault.size+"</")
	}
	if x.fault.root != "" {
		change(rootElement, "${1}"+x.fault.root+"${2}"+x.fault.root+"${3}")
	}
	if x.fault.kind == truncateXML && len(document) > 1 {
		document = document[:len(document)/2]
		x.hit()
	}
	return document
}

// flipped returns body with one bit changed. A negative position is counted
// from the end and needs the length.
func (x *exchange) flipped(body io.ReadCloser, length int64) io.ReadCloser {
	at := x.fault.at
	if at < 0 {
		at += length
	}
	return &flippedBody{ReadCloser: body, at: at, mask: 1 << x.fault.bit, flipped: x.hit}
}

type flippedBody struct {
	io.ReadCloser

	pos, at int64
	mask    byte
	flipped func()
}

func (b *flippedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if i := b.at - b.pos; i >= 0 && i < int64(n) {
		p[i] ^= b.mask
		b.flipped()
	}
	b.pos += int64(n)
	return n, err
}
