package bucket_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"s3sync/storage"
	"s3sync/storage/bucket"
)

// awsFake answers for hosts of AWS: what the options send through its proxy gets
// there. No server of ours has access points.
func awsFake(t *testing.T, hosts []string, handle http.HandlerFunc) (f *fake, change func(*bucket.Options)) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: hosts, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	caFile := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(caFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("AWS_CA_BUNDLE", caFile)
	f = &fake{}
	f.Server = httptest.NewUnstartedServer(withETag(f.record(handle)))
	f.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, MinVersion: tls.VersionTLS12}
	f.StartTLS()
	t.Cleanup(f.Close)
	proxy := newConnectProxy(t, f.Listener.Addr().String())
	return f, func(o *bucket.Options) {
		o.AccessKey, o.SecretKey, o.MaxAttempts = "AKTEST", "secret", 1
		o.HTTPSProxy = strings.Replace(proxy.URL, "//", "//user:pass%3Aword@", 1)
	}
}

// TestAccessPoints: the host, the path and the signature of requests through access
// points, and how a copy names its source there. A multi-Region access point takes
// another signature, which is valid in all regions.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-points-naming.html
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/MultiRegionAccessPointRequests.html
func TestAccessPoints(t *testing.T) {
	const v4, v4a = "AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256"
	for name, tt := range map[string]struct {
		bucket, region  string
		host, signature string
		scope           string // of the signature
		noCopy          bool
	}{
		"access point":          {accessPoint, "eu-test-1", "name-123456789012.s3-accesspoint.us-west-2.amazonaws.com", v4, "/us-west-2/s3/", false},
		"no region given":       {accessPoint, "", "name-123456789012.s3-accesspoint.us-west-2.amazonaws.com", v4, "/us-west-2/s3/", false},
		"China":                 {"arn:aws-cn:s3:cn-north-1:12:accesspoint/name", "cn-north-1", "name-12.s3-accesspoint.cn-north-1.amazonaws.com.cn", v4, "/cn-north-1/s3/", false},
		"government":            {"arn:aws-us-gov:s3:us-gov-west-1:12:accesspoint/name", "us-gov-west-1", "name-12.s3-accesspoint.us-gov-west-1.amazonaws.com", v4, "/us-gov-west-1/s3/", false},
		"alias":                 {"name-abcdefgh-s3alias", "us-west-2", "name-abcdefgh-s3alias.s3.us-west-2.amazonaws.com", v4, "/us-west-2/s3/", false},
		"multi-Region":          {multiRegion, "us-west-2", "xxx.mrap.accesspoint.s3-global.amazonaws.com", v4a, "/s3/aws4_request", true},
		"multi-Region, nowhere": {multiRegion, "", "xxx.mrap.accesspoint.s3-global.amazonaws.com", v4a, "/s3/aws4_request", true},
	} {
		t.Run(name, func(t *testing.T) {
			const other = "other.s3.us-west-2.amazonaws.com"
			f, change := awsFake(t, []string{tt.host, other}, copyServer(answer(200, copied)))
			opts := bucket.Options{Bucket: tt.bucket, Prefix: "p q/", Region: tt.region}
			change(&opts)
			s := open(t, opts)
			from := openToCopy(t, s, storage.StatOptions{})
			sent, _ := f.last(t)
			auth := sent.Header.Get("Authorization")
			if sent.Host != tt.host || sent.URL.EscapedPath() != "/p%20q/k" {
				t.Errorf("request to %s%s, want %s/p%%20q/k", sent.Host, sent.URL.EscapedPath(), tt.host)
			}
			if !strings.HasPrefix(auth, tt.signature+" ") || !strings.Contains(auth, tt.scope) {
				t.Errorf("signed %q, want %s of %s", auth, tt.signature, tt.scope)
			}
			if regions := sent.Header.Get("X-Amz-Region-Set"); (regions == "*") != (tt.signature == v4a) {
				t.Errorf("valid in regions %q", regions)
			}
			if err := put(t, s, "k"); err != nil {
				t.Error(err)
			}
			if tt.noCopy || !strings.HasPrefix(tt.region, "us-west") && tt.bucket != accessPoint {
				return
			}
			to := bucket.Options{Bucket: "other", Region: "us-west-2"}
			change(&to)
			if _, err := open(t, to).Copy(t.Context(), "t", from, storage.WriteOptions{Size: int64(len(content))}); err != nil {
				t.Fatal(err)
			}
			sent, _ = f.last(t)
			want := "arn%3Aaws%3As3%3Aus-west-2%3A123456789012%3Aaccesspoint/name/object/p%20q/k"
			if tt.bucket != accessPoint {
				want = tt.bucket + "/p%20q/k"
			}
			if got := sent.Header.Get("X-Amz-Copy-Source"); sent.Host != other || got != want {
				t.Errorf("%s copies from %s, want %s", sent.Host, got, want)
			}
		})
	}
}

// TestCopyToDirectoryBucket: copies are signed by the user himself and not by a
// session, which requests of other kinds are.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
func TestCopyToDirectoryBucket(t *testing.T) {
	const host, other = directory + ".s3express-usw2-az1.us-west-2.amazonaws.com", "other.s3.us-west-2.amazonaws.com"
	f, change := awsFake(t, []string{host, other}, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Has("session") {
			_, _ = w.Write([]byte(`<CreateSessionResult><Credentials><SessionToken>token</SessionToken><AccessKeyId>SESSION</AccessKeyId>` +
				`<SecretAccessKey>s</SecretAccessKey><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></CreateSessionResult>`))
			return
		}
		copyServer(answer(200, copied))(w, r)
	})
	to, from := bucket.Options{Bucket: directory, Region: "us-west-2"}, bucket.Options{Bucket: "other", Region: "us-west-2"}
	change(&to)
	change(&from)
	target := open(t, to)
	source := openToCopy(t, open(t, from), storage.StatOptions{})
	opts := storage.WriteOptions{Size: int64(len(content)), Tags: map[string]string{"a": "b"}, Checksum: storage.Checksum{Algorithm: "CRC64NVME", Type: "FULL_OBJECT"}}
	info, err := target.Copy(t.Context(), "t", source, opts)
	if err != nil || !info.ETagNotDigest {
		t.Errorf("%+v, %v", info, err)
	}
	w, err := target.CreateCopy(t.Context(), "t", source, opts)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.CopyPart(t.Context(), 1, 0, 5); err != nil {
		t.Fatal(err)
	}
	copies := 0
	for _, sent := range f.all() {
		auth, session := sent.Header.Get("Authorization"), sent.Header.Get("X-Amz-S3session-Token")
		if sent.Header.Get("X-Amz-Copy-Source") == "" {
			continue
		}
		copies++
		if sent.Host != host || !strings.Contains(auth, "Credential=AKTEST/") || session != "" || sent.Header.Get("X-Amz-Tagging") != "" {
			t.Errorf("%s %s: signed %q, session %q", sent.Host, sent.URL, auth, session)
		}
	}
	if copies != 2 {
		t.Errorf("%d copies", copies)
	}
}
