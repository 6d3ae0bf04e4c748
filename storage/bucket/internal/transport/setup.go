package transport

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"time"
)

const (
	// defaultConnectTimeout is for connections, that of the SDK's default modes.
	// https://docs.aws.amazon.com/sdkref/latest/guide/feature-smart-config-defaults.html
	defaultConnectTimeout = 3100 * time.Millisecond
	minIdleConns          = 64
	// bufferSize is the size of each of the two buffers of a connection, in bytes. An object
	// of 10 KiB and its header take one system call.
	bufferSize = 16 << 10
)

// Dialer sets the time-out of a dialer.
func (o *Options) Dialer(d *net.Dialer) {
	d.Timeout = defaultConnectTimeout
	if o.ConnectTimeout > 0 {
		d.Timeout = o.ConnectTimeout
	}
}

// Setup returns a function that sets up a transport. It uses HTTP 1.1 only, because a
// connection for each concurrent request is faster than one that all requests share.
func (o *Options) Setup() (func(*http.Transport), error) {
	proxy, err := o.proxy()
	if err != nil {
		return nil, err
	}
	// The SDK adds a custom authority (AWS_CA_BUNDLE) to those of the system. If there is
	// no list here, package tls looks for one.
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = nil
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return func(t *http.Transport) {
		t.Proxy = proxy
		t.OnProxyConnectResponse = checkProxy
		t.Protocols = protocols
		t.ForceAttemptHTTP2 = false
		t.DisableCompression = true
		t.MaxIdleConns = 0
		t.MaxIdleConnsPerHost = max(o.MaxConns, minIdleConns)
		t.MaxConnsPerHost = 0
		t.ReadBufferSize, t.WriteBufferSize = bufferSize, bufferSize
		t.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots}
	}, nil
}
