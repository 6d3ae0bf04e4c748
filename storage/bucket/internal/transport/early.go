package transport

import (
	"context"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync"
	"time"
)

// A server may refuse a write before it has read the body, and close the connection.
// Sending the rest of the body then fails, and the answer with the reason would be lost.
// The write would look like one that may have been made. So a write with a condition asks
// the server before it sends its body (Expect: 100-continue), and an answer that has
// arrived is read although sending failed.

// asksFirstFrom is the smallest size of a body for which a write asks first, in bytes. A
// server reads that much before it closes a connection.
const asksFirstFrom = 64 << 10

// asksFirst reports whether a write with a condition asks before it sends its body. See
// RFC 9110, 10.1.1.
func (c *Client) asksFirst(req *http.Request) bool {
	return req.ContentLength >= asksFirstFrom && !c.ignoresExpect.Load()
}

// askFirst makes a request ask before it sends its body. The caller calls begins when the
// body is first read. begins notes whether the server answered or the wait timed out.
func (c *Client) askFirst(req *http.Request) (asking *http.Request, begins func()) {
	var waiting time.Time
	asking = req.WithContext(httptrace.WithClientTrace(req.Context(), &httptrace.ClientTrace{
		Wait100Continue: func() { waiting = time.Now() },
	}))
	asking.Header = req.Header.Clone()
	asking.Header.Set("Expect", "100-continue")
	asking.Proto, asking.ProtoMajor, asking.ProtoMinor = "HTTP/1.1", 1, 1 // or package http does not wait
	return asking, func() {
		if time.Since(waiting) >= c.http.ExpectContinueTimeout {
			c.ignoresExpect.Store(true)
		}
	}
}

// answerGrace is how long a failure to send is delayed, so that an answer that has
// arrived can be read.
const answerGrace = time.Second

type dialer func(ctx context.Context, network, address string) (net.Conn, error)

// hearing returns a dialer of hearingConns. Package http ends a request as soon as it
// cannot send it, also if an answer has arrived. So failures to write are delayed.
//
// A request does not wait for its answer while it waits for a connection, which has a
// limit of its own.
func (c *Client) hearing(dial dialer) dialer {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		if f, ok := ctx.Value(flightKey{}).(*flight); ok && f.rest(answering) {
			defer func() { f.watch(answering, c.now()) }()
		}
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &hearingConn{Conn: conn, closed: make(chan struct{})}, nil
	}
}

// A hearingConn delays a failure to write until the reader closes the connection. The
// reader does so after the last answer, or when no answer will come.
type hearingConn struct {
	net.Conn

	closing sync.Once
	closed  chan struct{}
}

func (c *hearingConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	if err != nil {
		select {
		case <-c.closed:
		case <-time.After(answerGrace):
		}
	}
	return n, err
}

func (c *hearingConn) Close() error {
	c.closing.Do(func() { close(c.closed) })
	return c.Conn.Close()
}
