package transport

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"strings"
	"syscall"
)

// IsConnection reports whether a request was on its way when it failed.
func IsConnection(err error) bool {
	var sent interface{ ConnectionError() bool }
	var network net.Error
	return errors.As(err, &sent) && sent.ConnectionError() || errors.As(err, &network)
}

// Unreachable reports whether err says that there is no server: nothing listens on the
// port, or the name does not exist. A connection that times out counts only until the
// first answer, because after that there was a server.
func (c *Client) Unreachable(err error) bool {
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		return dns.IsNotFound
	}
	if errors.Is(err, syscall.EHOSTUNREACH) || errors.Is(err, syscall.ENETUNREACH) || isRefused(err) {
		return true
	}
	op, ok := errors.AsType[*net.OpError](err)
	return ok && (op.Op == "dial" || op.Op == "proxyconnect") && op.Timeout() && !c.answered.Load()
}

// isRefused also recognises the error number of Windows, which has no name in package
// syscall.
func isRefused(err error) bool {
	return errors.Is(err, syscall.ECONNREFUSED) || strings.Contains(err.Error(), "actively refused")
}

// TLSFault explains why no trusted connection is possible, or returns "".
func (c *Client) TLSFault(err error) string {
	if e, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
			return "the certificate is signed by an unknown authority (name its file in AWS_CA_BUNDLE)"
		}
		text := "the certificate is not valid: " + c.Clean(e.Err.Error())
		if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok && invalid.Reason == x509.Expired {
			text += " (check the clock of this machine, or renew the certificate)"
		}
		if _, ok := errors.AsType[x509.HostnameError](err); ok {
			text += " (check the host in the endpoint)"
		}
		return text
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return "the server does not speak TLS (is its URL http:// instead of https://?)"
	}
	// An alert of the server. After the first answer, damage on the way may cause one.
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "remote error" && !c.answered.Load() {
		return "the server refuses the connection: " + c.Clean(op.Err.Error())
	}
	return ""
}
