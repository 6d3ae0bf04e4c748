package wire

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"s3sync/internal/checksum"
	"s3sync/storage"
	"s3sync/storage/bucket/internal/account"
	"s3sync/storage/bucket/internal/request"
)

// oddKeys are keys that are easily sent as other ones.
var oddKeys = []string{
	"key", "a/b c", "/lead", "//two", "a//b/", ".", "..", "a/../b", "./a", "+", "a%2Fb%", "%", "ü/日本/\U0001F600", "~a-b_c.d", "!*'()",
	"a?b&c=d#e", ";:@,$", "\x01\x7f", "a\\b", "{x}+|^`<>\"[]", "\u0085\u2028", strings.Repeat("k", request.MaxKey),
}

// hotRequests are those that can be made without the SDK.
func hotRequests() map[string]func(context.Context, *Client, string) error {
	data := storage.Block{Data: []byte("some data")}
	digested := data
	digested.MD5, digested.SHA256 = bytes.Repeat([]byte{1}, 16), bytes.Repeat([]byte{2}, 32)
	put := func(b storage.Block, opts storage.WriteOptions) func(context.Context, *Client, string) error {
		return func(ctx context.Context, c *Client, key string) error {
			if b.Stream != nil {
				b.Stream = strings.NewReader("some data")
			}
			_, err := c.PutObject(ctx, key, b, opts)
			return err
		}
	}
	part := func(b storage.Block, d request.Digest) func(context.Context, *Client, string) error {
		return func(ctx context.Context, c *Client, key string) error {
			_, err := c.UploadPart(ctx, request.Upload{Key: key, ID: "up/load+id= ü"}, 7, b, d)
			return err
		}
	}
	head := func(ref request.ObjectRef) func(context.Context, *Client, string) error {
		return func(ctx context.Context, c *Client, key string) error {
			ref.Key = key
			_, err := c.HeadObject(ctx, ref)
			return err
		}
	}
	get := func(ref request.ObjectRef, off, n int64) func(context.Context, *Client, string) error {
		return func(ctx context.Context, c *Client, key string) error {
			ref.Key = key
			a, err := c.GetObject(ctx, ref, off, n)
			if err == nil {
				err = a.Body.Close()
			}
			return err
		}
	}
	list := func(r request.ListRequest) func(context.Context, *Client, string) error {
		return func(ctx context.Context, c *Client, key string) error {
			r.Prefix = key
			_, err := c.ListObjectsV2(ctx, r)
			return err
		}
	}
	versions := func(r request.VersionsRequest) func(context.Context, *Client, string) error {
		return func(ctx context.Context, c *Client, key string) error {
			r.Prefix = key
			_, err := c.ListObjectVersions(ctx, r)
			return err
		}
	}
	return map[string]func(context.Context, *Client, string) error{
		"put":          put(data, storage.WriteOptions{}),
		"put digested": put(digested, storage.WriteOptions{Checksum: storage.Checksum{Algorithm: checksum.SHA256}}),
		"put nothing":  put(storage.Block{}, storage.WriteOptions{}),
		"put stream":   put(storage.Block{Stream: strings.NewReader(""), Size: 9}, storage.WriteOptions{}),
		"put with all": put(digested, storage.WriteOptions{
			Attributes: storage.Attributes{
				CacheControl: "no-cache", ContentDisposition: "inline", ContentEncoding: "gzip", ContentLanguage: "de, en",
				ContentType: "text/plain; charset=utf-8", Expires: "never", StorageClass: "GLACIER", WebsiteRedirect: "/to",
				Metadata: map[string]string{"mtime": "1", "under_score": "a  b ", "empty": "", "uni": "ü"},
			},
			Tags: map[string]string{"a b": "c&d", "e": ""}, ACL: "private", IfMatch: "etag",
		}),
		"put if absent":    put(data, storage.WriteOptions{IfAbsent: true}),
		"part":             part(data, request.Digest{}),
		"part with digest": part(digested, request.Digest{Algorithm: checksum.CRC64NVME, Sum: []byte("12345678")}),
		"part of a stream": part(storage.Block{Stream: strings.NewReader(""), Size: 0}, request.Digest{}),
		"head":             head(request.ObjectRef{}),
		"head version":     head(request.ObjectRef{VersionID: "v/1+ =", ETag: "etag", Checksums: true}),
		"head part":        head(request.ObjectRef{Part: 3, VersionID: "v"}),
		"get":              get(request.ObjectRef{}, 0, 0),
		"get range":        get(request.ObjectRef{ETag: "etag", Checksums: true, VersionID: "v"}, 5, 3),
		"get version":      get(request.ObjectRef{VersionID: "null"}, 0, 0),
		"list":             list(request.ListRequest{MaxKeys: 1000, RestoreStatus: true}),
		"list on":          list(request.ListRequest{MaxKeys: 1 << 20, Delimiter: "/", Token: "to/ken+=", After: "after ü"}),
		"versions":         versions(request.VersionsRequest{MaxKeys: 10}),
		"versions on":      versions(request.VersionsRequest{MaxKeys: 10, RestoreStatus: true, From: request.VersionMarker{Key: "k +", VersionID: "v+"}}),
		"delete": func(ctx context.Context, c *Client, key string) error {
			_, err := c.DeleteObject(ctx, key, "", false)
			return err
		},
		"delete if": func(ctx context.Context, c *Client, key string) error {
			_, err := c.DeleteObject(ctx, key, "etag", true)
			return err
		},
		"delete many": func(ctx context.Context, c *Client, key string) error {
			_, err := c.DeleteObjects(ctx, []string{key, "\xff\xfe", "a&b<c>\"'\t\r\n", "b"})
			return err
		},
	}
}

// TestBothWaysSendTheSame: what arrives is the same, header by header, but for what tells
// the SDK apart.
func TestBothWaysSendTheSame(t *testing.T) {
	for name, change := range map[string]func(*testing.T, *Options){
		"virtual host": func(*testing.T, *Options) {},
		"path style":   func(_ *testing.T, o *Options) { o.PathStyle = true },
		"dotted name":  func(_ *testing.T, o *Options) { o.Bucket = "my.dotted.bucket" },
		"us-east-1":    func(_ *testing.T, o *Options) { o.Account.Region = "us-east-1" },
		"China":        func(_ *testing.T, o *Options) { o.Account.Region = "cn-north-1" },
		"accelerate":   func(_ *testing.T, o *Options) { o.Accelerate = true },
		"dual-stack":   func(t *testing.T, _ *Options) { t.Setenv("AWS_USE_DUALSTACK_ENDPOINT", "true") },
		"FIPS": func(t *testing.T, o *Options) {
			o.Account.Region = "us-west-2"
			t.Setenv("AWS_USE_FIPS_ENDPOINT", "true")
		},
		"FIPS region":      func(_ *testing.T, o *Options) { o.Account.Region = "fips-us-gov-west-1" },
		"access point":     func(_ *testing.T, o *Options) { o.Bucket = "arn:aws:s3:us-west-2:123456789012:accesspoint/name" },
		"alias":            func(_ *testing.T, o *Options) { o.Bucket = "name-0123456789abcdefghij0123456789abcd-s3alias" },
		"own endpoint":     func(_ *testing.T, o *Options) { o.EndpointURL, o.PathStyle = "http://s3.example:9000", true },
		"own host":         func(_ *testing.T, o *Options) { o.EndpointURL = "https://s3.example" },
		"own path":         func(_ *testing.T, o *Options) { o.EndpointURL, o.PathStyle = "https://gate.example/some/path/", true },
		"own default port": func(_ *testing.T, o *Options) { o.EndpointURL, o.PathStyle = "https://s3.example:443", true },
		"own address":      func(_ *testing.T, o *Options) { o.EndpointURL = "http://127.0.0.1:9000" },
		"anonymous":        func(_ *testing.T, o *Options) { o.Account = account.Options{Anonymous: true, Region: "eu-north-1"} },
		"session token":    func(_ *testing.T, o *Options) { o.Account.SessionToken = "the/token+=" },
		"request payer":    func(_ *testing.T, o *Options) { o.RequestPayer = true },
		"unsigned payload": func(_ *testing.T, o *Options) { o.UnsignedPayload, o.NoContentMD5 = true, true },
		"SSE-C":            func(_ *testing.T, o *Options) { o.Encryption.Customer.Key = strings.Repeat("A", 43) + "=" },
		"SSE-KMS": func(_ *testing.T, o *Options) {
			o.Encryption = request.Encryption{SSE: "aws:kms", KMSKeyID: "the-key-id"}
		},
		"SSE-S3": func(_ *testing.T, o *Options) { o.Encryption.SSE = "AES256" },
		"environment's key": func(_ *testing.T, o *Options) {
			o.Account.AccessKey, o.Account.SecretKey = "", ""
			t.Setenv("AWS_ACCESS_KEY_ID", "AK")
			t.Setenv("AWS_SECRET_ACCESS_KEY", "SK")
		},
	} {
		t.Run(name, func(t *testing.T) {
			to := newRecorder(t)
			o := wayOptions(to)
			change(t, &o)
			ways := openWays(t, o)
			keys := []string{"//a/b c+%~ü"}
			if name == "virtual host" || name == "own path" {
				keys = oddKeys
			}
			for name, send := range hotRequests() {
				for _, key := range keys {
					var sent [2]sentRequest
					for i, way := range []string{"SDK", "direct"} {
						if err := send(t.Context(), ways[way], key); err != nil {
							t.Fatalf("%s of %q, %s: %v", name, key, way, err)
						}
						sent[i] = to.take(t)
						checkSignature(t, name+", "+way, sent[i], o.Account.Anonymous)
						sent[i].Header = comparable(sent[i].Header)
						if o.Account.Anonymous { // the SDK writes blanks in another way if it does not sign
							sent[i].URI = strings.ReplaceAll(sent[i].URI, "+", "%20")
						}
					}
					if diff := cmp.Diff(sent[0], sent[1]); diff != "" {
						t.Errorf("%s of %q (-SDK +direct):\n%s", name, key, diff)
					}
				}
			}
		})
	}
}

// TestLeftToTheSDK: what is signed in another way, or needs a configuration that only the SDK
// understands, goes through the SDK.
func TestLeftToTheSDK(t *testing.T) {
	for name, change := range map[string]func(*testing.T, *Options){
		"multi-region access point": func(_ *testing.T, o *Options) { o.Bucket = "arn:aws:s3::123456789012:accesspoint/mfzwi23gnjvgw.mrap" },
		"outpost": func(_ *testing.T, o *Options) {
			o.Bucket = "arn:aws:s3-outposts:us-west-2:123456789012:outpost/op-01234567890123456/accesspoint/name"
		},
		"directory bucket":    func(_ *testing.T, o *Options) { o.Bucket = "name--use1-az4--x-s3" },
		"choice of signature": func(t *testing.T, _ *Options) { t.Setenv("AWS_AUTH_SCHEME_PREFERENCE", "sigv4") },
		"no endpoint":         func(_ *testing.T, o *Options) { o.Accelerate, o.EndpointURL = true, "https://s3.example" },
	} {
		t.Run(name, func(t *testing.T) {
			o := wayOptions(newRecorder(t))
			change(t, &o)
			c, err := Open(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if c.hot != requests(&c.sdk) {
				t.Errorf("requests go to %+v", c.router.route())
			}
		})
	}
}

// TestSignedBySDK: what only the SDK sends is signed as the rest is.
func TestSignedBySDK(t *testing.T) {
	to := newRecorder(t)
	c := openWays(t, wayOptions(to))["SDK"]
	from := CopySource{Client: c, Key: "other", ETag: "e"}
	up := request.Upload{Key: "k", ID: "id"}
	for name, send := range map[string]func(context.Context) error{
		"create": func(ctx context.Context) error {
			_, _, err := c.CreateMultipartUpload(ctx, "k", storage.WriteOptions{})
			return err
		},
		"complete": func(ctx context.Context) error {
			_, err := c.CompleteMultipartUpload(ctx, up, []request.Part{{Number: 1}}, storage.WriteOptions{})
			return err
		},
		"copy": func(ctx context.Context) error {
			_, err := c.CopyObject(ctx, from, "k", storage.WriteOptions{}, false)
			return err
		},
		"tags":     func(ctx context.Context) error { _, err := c.GetObjectTagging(ctx, "k", ""); return err },
		"set tags": func(ctx context.Context) error { return c.PutObjectTagging(ctx, "k", map[string]string{"a": "b"}) },
	} {
		_ = send(t.Context()) // the recorder does not know the answer
		checkSignature(t, name, to.take(t), false)
	}
}
