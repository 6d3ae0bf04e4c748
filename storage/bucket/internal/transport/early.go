package transport

import (
	"context"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync"
	"time"
)

// A server may refuse a write before it has read the body, and end the connection.
// What is still being sent then meets a reset, and the answer, which says why, would
// be lost: the write looks like one that may have been made. So a write that may be
// refused for its condition asks before it sends its body, and no failure to send
// hides an answer that has come.

// asksFirstFrom is the size of a body from which on it is worth asking, in bytes. A
// server reads that much before it gives up a connection.
const asksFirstFrom = 64 << 10

// asksFirst reports whether a write with a condition asks before it sends its body.
// RFC 9110, 10.1.1.
func (c *Client) asksFirst(req *http.Request) bool {
	return req.ContentLength >= asksFirstFrom && !c.ignoresExpect.Load()
}

// askFirst makes a request ask. begins is to be called when its body begins to be
// sent: then it shows whether the server gave leave, or waiting was in vain.
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

// answerGrace is how long a failure to send is held back for an answer that has
// come and is about to be read.
const answerGrace = time.Second

type dialer func(ctx context.Context, network, address string) (net.Conn, error)

// hearing makes connections whose failures to write wait for who reads: package
// http gives up a request at once that it cannot send, whatever came back.
func hearing(dial dialer) dialer {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &hearingConn{Conn: conn, closed: make(chan struct{})}, nil
	}
}

// A hearingConn is closed by who reads from it: when an answer has been read that
// ends it, or when there is none to come.
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
