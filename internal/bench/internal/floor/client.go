package floor

import (
	"bytes"
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// A client sends signed requests with as little as possible between it and net/http.
type client struct {
	transport *http.Transport
	base      url.URL
	bucket    string
	day       string
	key       []byte // of the signatures of that day
}

// The credentials and the region of all requests. The server takes any.
const (
	AccessKey = "key"
	SecretKey = "secret"
	Region    = "us-east-1"
)

func newClient(endpoint, bucket string, workers int) (*client, error) {
	base, err := url.Parse(endpoint)
	if err != nil {
		return nil, err
	}
	c := &client{base: *base, bucket: bucket, day: time.Now().UTC().Format("20060102")}
	c.transport = &http.Transport{
		MaxIdleConnsPerHost: workers, DisableCompression: true, WriteBufferSize: 16 << 10, ReadBufferSize: 16 << 10,
		TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12}, // SSL_CERT_FILE names the CA
	}
	c.key = []byte("AWS4" + SecretKey)
	for _, s := range []string{c.day, Region, "s3", "aws4_request"} {
		c.key = mac(c.key, s)
	}
	return c, nil
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	_, _ = io.WriteString(h, text) // a hash does not fail
	return h.Sum(nil)
}

// An answer is what the floor needs of an answer.
type answer struct {
	header http.Header
	body   io.ReadCloser
}

// do sends a request until the answer is not SlowDown. The query must be in canonical
// form. A body is digested with MD5 and SHA-256.
// https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
func (c *client) do(method, key, query, byteRange string, body []byte) (answer, [md5.Size]byte, error) {
	payload, sum := sha256.Sum256(body), md5.Sum(body)
	for {
		r := c.request(method, key, query, hex.EncodeToString(payload[:]), sum, body)
		if byteRange != "" {
			r.Header["Range"] = []string{byteRange}
		}
		response, err := c.transport.RoundTrip(r)
		if err != nil {
			return answer{}, sum, err
		}
		switch response.StatusCode {
		case http.StatusOK, http.StatusPartialContent:
			return answer{response.Header, response.Body}, sum, nil
		}
		text, err := io.ReadAll(response.Body)
		if err = errors.Join(err, response.Body.Close()); err != nil {
			return answer{}, sum, err
		}
		if response.StatusCode != http.StatusServiceUnavailable {
			return answer{}, sum, fmt.Errorf("%s %s: %s %s", method, key, response.Status, text)
		}
		time.Sleep(50*time.Millisecond + rand.N(100*time.Millisecond))
	}
}

// request makes a signed request. The hash is the SHA-256 of the body in hexadecimal
// digits, and sum is its MD5.
func (c *client) request(method, key, query, hash string, sum [md5.Size]byte, body []byte) *http.Request {
	now := time.Now().UTC().Format("20060102T150405Z")
	path := "/" + c.bucket + "/" + key
	u := c.base
	u.Path, u.RawQuery = path, query
	header := http.Header{"X-Amz-Date": {now}, "X-Amz-Content-Sha256": {hash}}
	signed, lines := "host;x-amz-content-sha256;x-amz-date", "host:"+u.Host
	if body != nil {
		text := base64.StdEncoding.EncodeToString(sum[:])
		header["Content-Md5"] = []string{text}
		signed, lines = "content-md5;"+signed, "content-md5:"+text+"\n"+lines
	}
	canonical := sha256.Sum256([]byte(method + "\n" + path + "\n" + query + "\n" + lines +
		"\nx-amz-content-sha256:" + hash + "\nx-amz-date:" + now + "\n\n" + signed + "\n" + hash))
	scope := c.day + "/" + Region + "/s3/aws4_request"
	signature := mac(c.key, "AWS4-HMAC-SHA256\n"+now+"\n"+scope+"\n"+hex.EncodeToString(canonical[:]))
	header["Authorization"] = []string{"AWS4-HMAC-SHA256 Credential=" + AccessKey + "/" + scope +
		",SignedHeaders=" + signed + ",Signature=" + hex.EncodeToString(signature)}
	r := &http.Request{Method: method, URL: &u, Host: u.Host, Header: header, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}
	if body != nil {
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	}
	return r
}

// send writes an object. The ETag of the answer must be the MD5.
func (c *client) send(key string, body []byte) error {
	a, sum, err := c.do(http.MethodPut, key, "", "", body)
	if err != nil {
		return err
	}
	if got := etagIn(a.header); got != hex.EncodeToString(sum[:]) {
		err = fmt.Errorf("%s: the ETag %q is not the MD5", key, got)
	}
	return errors.Join(err, a.body.Close())
}

// read reads the answer to a request.
func (c *client) read(method, key, query string, body []byte) ([]byte, error) {
	a, _, err := c.do(method, key, query, "", body)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(a.body)
	return data, errors.Join(err, a.body.Close())
}

func etagIn(h http.Header) string { return strings.Trim(h.Get("ETag"), `"`) }
