package s3server_test

import (
	"bytes"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/google/go-cmp/cmp"

	"s3sync/internal/checksum"
	"s3sync/internal/s3server"
)

// An exchange is a bucket of a server and requests to it without the SDK, which
// has its own ideas of checksums.
type exchange struct {
	*s3server.Server

	t      *testing.T
	bucket string
}

// do sends a request with headers given as name and value, and returns the answer
// and the S3 code of an error in it.
func (x *exchange) do(method, target, body string, headers ...string) (h http.Header, answer, code string) {
	x.t.Helper()
	req, err := http.NewRequestWithContext(x.t.Context(), method, x.Endpoint+"/"+x.bucket+"/"+target, strings.NewReader(body))
	if err != nil {
		x.t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	o := x.Client().Options()
	creds, err := o.Credentials.Retrieve(x.t.Context())
	if err != nil {
		x.t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(body))
	hash := hex.EncodeToString(sum[:])
	req.Header.Set("X-Amz-Content-Sha256", hash)
	if err := v4.NewSigner().SignHTTP(x.t.Context(), creds, req, hash, "s3", x.Region, time.Now()); err != nil {
		x.t.Fatal(err)
	}
	resp, err := o.HTTPClient.Do(req)
	if err != nil {
		x.t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		x.t.Fatal(err)
	}
	answer = string(data)
	if resp.StatusCode >= 300 {
		code = fmt.Sprint(resp.StatusCode, " ", element(answer, "Code"))
	}
	return resp.Header, answer, strings.TrimSpace(code)
}

// element is the text of the first XML element of that name.
func element(text, name string) string {
	m := regexp.MustCompile("<" + name + ">(.*?)</").FindStringSubmatch(text)
	if m == nil {
		return ""
	}
	return m[1]
}

// sums is the additional checksum in headers, and its type.
func sums(h http.Header, alg checksum.Algorithm) string {
	return strings.TrimSpace(h.Get(checksum.Header(alg)) + " " + h.Get("X-Amz-Checksum-Type"))
}

// TestChecksumQuirks holds what the package comment says of additional checksums.
func TestChecksumQuirks(t *testing.T) {
	const ( // of "data", and of the digest of that
		crc32     = "rfPzYw=="
		composite = "wu1R0Q==-1"
		nvme      = "7a5hQ478J4A="
	)
	want := map[s3server.Kind]map[string]string{
		s3server.VersityGW: {
			"put without":                 nvme + " FULL_OBJECT",
			"put wrong CRC32":             "400 BadDigest",
			"put wrong XXHASH3":           "400 BadDigest",
			"put CRC32":                   crc32 + " FULL_OBJECT",
			"head":                        crc32 + " FULL_OBJECT",
			"head without mode":           "",
			"get range":                   "",
			"get all as range":            crc32 + " FULL_OBJECT",
			"create XXHASH3":              "COMPOSITE",
			"create SHA256 FULL_OBJECT":   "400 InvalidRequest",
			"create CRC64NVME":            "FULL_OBJECT",
			"create CRC64NVME COMPOSITE":  "400 InvalidRequest",
			"part without":                "400 InvalidRequest",
			"part wrong":                  "400 BadDigest",
			"part":                        crc32,
			"complete FULL_OBJECT, wrong": "400 BadDigest",
			"complete, headers":           "",
			"complete, body":              composite + " COMPOSITE",
			"complete again, body":        " ",
			"head of parts":               composite + " COMPOSITE",
			"head of part 1":              composite + " COMPOSITE",
			"range of part 1":             composite + " COMPOSITE",
			"head of parts without":       nvme + " FULL_OBJECT",
		},
		s3server.MinIO: {
			"put without":                 "",
			"put wrong CRC32":             "400 XAmzContentChecksumMismatch",
			"put wrong XXHASH3":           "",
			"put CRC32":                   crc32 + " FULL_OBJECT",
			"head":                        crc32 + " FULL_OBJECT",
			"head without mode":           "",
			"get range":                   "",
			"get all as range":            "",
			"create XXHASH3":              "400 InvalidArgument",
			"create SHA256 FULL_OBJECT":   "400 InvalidArgument",
			"create CRC64NVME":            "FULL_OBJECT",
			"create CRC64NVME COMPOSITE":  "FULL_OBJECT",
			"part without":                "400 InvalidArgument",
			"part wrong":                  "400 XAmzContentChecksumMismatch",
			"part":                        crc32,
			"complete FULL_OBJECT, wrong": "400 XAmzContentChecksumMismatch",
			"complete, headers":           composite + " COMPOSITE",
			"complete, body":              composite + " ",
			"complete again, body":        "404 NoSuchUpload",
			"head of parts":               composite + " COMPOSITE",
			"head of part 1":              crc32,
			"range of part 1":             "",
			"head of parts without":       "",
		},
	}
	for _, kind := range s3server.Kinds() {
		t.Run(string(kind), func(t *testing.T) {
			s := s3server.Shared(t, kind)
			x := &exchange{Server: s, t: t, bucket: s.Bucket(t)}
			if diff := cmp.Diff(want[kind], x.observeChecksums()); diff != "" {
				t.Errorf("the server is not as the package comment says (-want +got):\n%s", diff)
			}
		})
	}
}

// observeChecksums makes the requests of the table and returns how each ended.
func (x *exchange) observeChecksums() map[string]string {
	x.t.Helper()
	const crc32, typ, data = checksum.CRC32, "x-amz-checksum-type", "data"
	got := map[string]string{}
	see := func(what string, alg checksum.Algorithm, method, target, body string, headers ...string) string {
		h, answer, code := x.do(method, target, body, headers...)
		if got[what] = code; code == "" {
			got[what] = sums(h, alg)
		}
		return answer
	}
	value := base64.StdEncoding.EncodeToString(checksum.Digest(crc32, []byte(data)))
	mode := []string{"x-amz-checksum-mode", "ENABLED"}
	see("put without", checksum.CRC64NVME, "PUT", "k", data)
	see("put wrong CRC32", crc32, "PUT", "k", data, checksum.Header(crc32), "AAAAAA==")
	see("put wrong XXHASH3", checksum.XXHASH3, "PUT", "k", data, checksum.Header(checksum.XXHASH3), "AAAAAAAAAAA=")
	see("put CRC32", crc32, "PUT", "k", data, checksum.Header(crc32), value)
	see("head", crc32, "HEAD", "k", "", mode...)
	see("head without mode", crc32, "HEAD", "k", "")
	see("get range", crc32, "GET", "k", "", append(mode, "Range", "bytes=0-2")...)
	see("get all as range", crc32, "GET", "k", "", append(mode, "Range", "bytes=0-3")...)

	create := func(what string, headers ...string) string {
		return element(see(what, "", "POST", "p?uploads=", "", headers...), "UploadId")
	}
	const algorithm = "x-amz-checksum-algorithm"
	create("create XXHASH3", algorithm, "XXHASH3")
	create("create SHA256 FULL_OBJECT", algorithm, "SHA256", typ, "FULL_OBJECT")
	create("create CRC64NVME", algorithm, "CRC64NVME")
	create("create CRC64NVME COMPOSITE", algorithm, "CRC64NVME", typ, "COMPOSITE")

	list := `<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>"8d777f385d3dfec8815d20f7496026dc"</ETag>` +
		"<ChecksumCRC32>" + value + "</ChecksumCRC32></Part></CompleteMultipartUpload>"
	full := create("", algorithm, "CRC32", typ, "FULL_OBJECT")
	see("", crc32, "PUT", "p?partNumber=1&uploadId="+full, data, checksum.Header(crc32), value)
	see("complete FULL_OBJECT, wrong", crc32, "POST", "p?uploadId="+full, list, typ, "FULL_OBJECT", checksum.Header(crc32), "AAAAAA==")
	id := create("", algorithm, "CRC32")
	part := "p?partNumber=1&uploadId=" + id
	see("part without", crc32, "PUT", part, data)
	see("part wrong", crc32, "PUT", part, data, checksum.Header(crc32), "AAAAAA==")
	see("part", crc32, "PUT", part, data, checksum.Header(crc32), value)
	inBody := func(answer string) string {
		return element(answer, "ChecksumCRC32") + " " + element(answer, "ChecksumType")
	}
	got["complete, body"] = inBody(see("complete, headers", crc32, "POST", "p?uploadId="+id, list))
	answer := see("complete again, body", crc32, "POST", "p?uploadId="+id, list)
	if got["complete again, body"] == "" {
		got["complete again, body"] = inBody(answer)
	}
	see("head of parts", crc32, "HEAD", "p", "", mode...)
	see("head of part 1", crc32, "HEAD", "p?partNumber=1", "", mode...)
	see("range of part 1", crc32, "GET", "p", "", append(mode, "Range", "bytes=0-3")...)
	id = create("")
	see("", crc32, "PUT", "p?partNumber=1&uploadId="+id, data)
	see("", crc32, "POST", "p?uploadId="+id, strings.Replace(list, "<ChecksumCRC32>"+value+"</ChecksumCRC32>", "", 1))
	see("head of parts without", checksum.CRC64NVME, "HEAD", "p", "", mode...)
	delete(got, "")
	return got
}

// TestEncryptionQuirks holds what the package comment says of encryption.
func TestEncryptionQuirks(t *testing.T) {
	for _, kind := range s3server.Kinds() {
		for _, tls := range []bool{false, true} {
			t.Run(fmt.Sprint(string(kind), " TLS ", tls), func(t *testing.T) {
				s := s3server.Start(t, kind, s3server.Options{TLS: tls})
				x := &exchange{Server: s, t: t, bucket: s.Bucket(t)}
				want := map[string]string{ // versitygw
					"SSE-S3": "", "SSE-S3 create": "", "SSE-S3 part": "", "KMS": "", "KMS create": "", "KMS part": "",
					"unknown key": "", "unknown key create": "", "unknown key part": "", "DSSE": "", "DSSE create": "", "DSSE part": "",
					"customer": "", "customer create": "", "customer part": "", "no key": "", "another key": "", "the key": "",
				}
				if kind == s3server.MinIO {
					want = map[string]string{
						"SSE-S3": "AES256", "SSE-S3 create": "", "SSE-S3 part": "AES256",
						"KMS": "aws:kms arn:aws:kms:test-key", "KMS create": "", "KMS part": "aws:kms arn:aws:kms:test-key",
						"unknown key": "404 kms:KeyNotFound", "unknown key create": "404 kms:KeyNotFound",
						"DSSE": "400 InvalidArgument", "DSSE create": "400 InvalidArgument",
						"customer": "400 InvalidRequest", "customer create": "400 InvalidRequest",
						"no key": "404 NoSuchKey", "another key": "400 InvalidRequest", "the key": "400 InvalidRequest",
					}
					if tls {
						maps.Copy(want, map[string]string{
							"customer": "AES256", "customer create": "", "customer part": "AES256",
							"no key": "400 InvalidRequest", "another key": "403 AccessDenied", "the key": "AES256",
						})
					}
				}
				if diff := cmp.Diff(want, x.observeEncryption()); diff != "" {
					t.Errorf("the server is not as the package comment says (-want +got):\n%s", diff)
				}
			})
		}
	}
}

// observeEncryption makes the requests of the table and returns how each ended:
// by an error, or by what the answer says of encryption.
func (x *exchange) observeEncryption() map[string]string {
	x.t.Helper()
	const sse = "x-amz-server-side-encryption"
	customer := func(b byte) []string {
		key := bytes.Repeat([]byte{b}, 32)
		sum := md5.Sum(key)
		return []string{
			sse + "-customer-algorithm", "AES256", sse + "-customer-key", base64.StdEncoding.EncodeToString(key),
			sse + "-customer-key-md5", base64.StdEncoding.EncodeToString(sum[:]),
		}
	}
	got := map[string]string{}
	see := func(what, method, target, body string, headers ...string) string {
		h, answer, code := x.do(method, target, body, headers...)
		if got[what] = code; code == "" {
			got[what] = strings.TrimSpace(h.Get(sse) + h.Get(sse+"-customer-algorithm") + " " + h.Get(sse+"-aws-kms-key-id"))
		}
		return answer
	}
	for name, headers := range map[string][]string{
		"SSE-S3":      {sse, "AES256"},
		"KMS":         {sse, "aws:kms", sse + "-aws-kms-key-id", "test-key"},
		"unknown key": {sse, "aws:kms", sse + "-aws-kms-key-id", "unknown"},
		"DSSE":        {sse, "aws:kms:dsse"},
		"customer":    customer(1),
	} {
		see(name, "PUT", name[:3], "data", headers...)
		id := element(see(name+" create", "POST", name[:3]+"?uploads=", "", headers...), "UploadId")
		if name != "customer" {
			headers = nil
		}
		if id != "" {
			see(name+" part", "PUT", name[:3]+"?partNumber=1&uploadId="+id, "data", headers...)
		}
	}
	see("no key", "GET", "cus", "")
	see("another key", "GET", "cus", "", customer(2)...)
	see("the key", "GET", "cus", "", customer(1)...)
	return got
}
