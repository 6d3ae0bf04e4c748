package transport

import (
	"bytes"
	"io"
)

// A Body is the body of a request that is in memory. Sending it takes fewer copies and
// system calls than sending another one, because package http does not look behind the
// bodies of this package: it sends their header at once, and copies what it reads.
type Body struct {
	data bytes.Buffer
	// plain is data in a form that package http takes for memory. Then it sends the header
	// and the body together.
	plain io.ReadCloser
}

// NewBody returns a body that can be sent once. Nobody may change data until the request
// has failed or the body of its answer was closed.
func NewBody(data []byte) *Body {
	b := &Body{data: *bytes.NewBuffer(data)}
	b.plain = io.NopCloser(&b.data)
	return b
}

func (b *Body) Read(p []byte) (int, error) { return b.data.Read(p) }

// Close does nothing.
func (b *Body) Close() error { return nil }

// smallBody is the largest body that is sent together with its header, in bytes. Both fit
// into bufferSize.
const smallBody = 15 << 10

// small returns the body of a request for package http if nothing is lost by not watching
// how it is sent, or nil. It is handed to the network at once and as a whole, so the
// limit of the answer says enough about its progress.
func (f *flight) small(length int64, body io.Reader) io.ReadCloser {
	b, ok := body.(*Body)
	o := &f.client.opts
	if !ok || length > smallBody || f.call.Attempts != nil || o.Send != nil || o.Given != nil || f.limits[answering] == 0 && f.limits[uploading] > 0 {
		return nil
	}
	return b.plain
}

// writeTo writes at most n bytes of a body in memory, without copying them.
func (b *sentBody) writeTo(w io.Writer, data *bytes.Buffer, n int64) (written int64, err error) {
	for err == nil && written < n && data.Len() > 0 {
		var wrote int
		wrote, err = b.writePiece(w, data, min(n-written, limitedPiece))
		written += int64(wrote)
	}
	return written, err
}

func (b *sentBody) writePiece(w io.Writer, data *bytes.Buffer, n int64) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.over {
		return 0, errOver
	}
	b.reads()
	p := data.Next(int(n))
	if err := b.wait(len(p)); err != nil {
		return 0, err
	}
	b.hasRead(len(p), true)
	return w.Write(p)
}

// ReadFrom sends the rest of a body. Package http calls it if the connection has no TLS.
func (c *hearingConn) ReadFrom(r io.Reader) (int64, error) {
	if limited, ok := r.(*io.LimitedReader); ok {
		if b, ok := limited.R.(*sentBody); ok {
			if memory, ok := b.ReadCloser.(*Body); ok {
				return b.writeTo(c, &memory.data, limited.N)
			}
		}
	}
	return io.Copy(struct{ io.Writer }{c}, r)
}
