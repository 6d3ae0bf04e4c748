package bucket_test

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"s3sync/storage"
	"s3sync/storage/bucket"
)

const (
	accessPoint = "arn:aws:s3:us-west-2:123456789012:accesspoint/name"
	multiRegion = "arn:aws:s3::123456789012:accesspoint/xxx.mrap"
	directory   = "b--usw2-az1--x-s3"
)

func TestCopies(t *testing.T) {
	at := func(name, region, endpoint string) *bucket.Store {
		return open(t, bucket.Options{Bucket: name, Region: region, EndpointURL: endpoint, AccessKey: "A", SecretKey: "s"})
	}
	const other = "https://s3.example.com"
	for name, tt := range map[string]struct {
		from storage.Store
		to   storage.Copier
		want bool
	}{
		"AWS":                           {at("a", "us-east-1", ""), at("b", "eu-west-1", ""), true},
		"same endpoint":                 {at("a", "x", other), at("b", "y", "https://S3.example.com/"), true},
		"AWS and another":               {at("a", "us-east-1", ""), at("b", "us-east-1", other), false},
		"another and AWS":               {at("a", "us-east-1", other), at("b", "us-east-1", ""), false},
		"other port":                    {at("a", "x", other), at("b", "x", other+":8443"), false},
		"China and the world":           {at("a", "cn-north-1", ""), at("b", "us-east-1", ""), false},
		"China":                         {at("a", "cn-north-1", ""), at("b", "cn-northwest-1", ""), true},
		"the government's":              {at("a", "us-gov-west-1", ""), at("b", "us-west-1", ""), false},
		"access point":                  {at(accessPoint, "us-west-2", ""), at("b", "us-west-2", ""), true},
		"to an access point":            {at("b", "us-west-2", ""), at(accessPoint, "us-west-2", ""), true},
		"access point elsewhere":        {at(strings.Replace(accessPoint, "aws", "aws-cn", 1), "us-west-2", ""), at("b", "us-west-2", ""), false},
		"multi-Region access point":     {at(multiRegion, "us-west-2", ""), at("b", "us-west-2", ""), false},
		"to multi-Region access point":  {at("b", "us-west-2", ""), at(multiRegion, "us-west-2", ""), true},
		"directory bucket":              {at(directory, "us-west-2", ""), at("b", "us-west-2", ""), true},
		"decorated":                     {decorated{at("a", "us-west-2", "")}, at("b", "us-west-2", ""), true},
		"what is no bucket of ours":     {nil, at("b", "us-west-2", ""), false},
		"a store of another kind still": {struct{ storage.Store }{at("a", "us-west-2", "")}, at("b", "us-west-2", ""), false},
	} {
		if got := tt.to.Copies(tt.from); got != tt.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

const copied = `<?xml version="1.0"?><CopyObjectResult><ETag>&quot;` + etag + `&quot;</ETag></CopyObjectResult>`

// copyServer answers HEAD like an object of content, and leaves copies to handle.
func copyServer(handle http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		switch {
		case r.Method == http.MethodHead:
			object(w, r, content, etag)
		case r.Method == http.MethodPost && q.Has("uploads"):
			_, _ = w.Write([]byte(`<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>`))
		case r.Method == http.MethodDelete:
			w.WriteHeader(http.StatusNoContent)
		default:
			handle(w, r)
		}
	}
}

func answer(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}

// openToCopy describes key "k" of a store for a copy.
func openToCopy(t *testing.T, s *bucket.Store, opts storage.StatOptions) storage.CopySource {
	t.Helper()
	from, err := copySource(t.Context(), s, "k", opts)
	if err != nil {
		t.Fatal(err)
	}
	return from
}

func copySource(ctx context.Context, s *bucket.Store, key string, opts storage.StatOptions) (storage.CopySource, error) {
	info, err := s.Stat(ctx, key, opts)
	version := opts.VersionID
	if version == "" {
		version = info.VersionID
	}
	return storage.CopySource{
		Store: s, Key: key, VersionID: version, Current: opts.VersionID == "",
		ETag: info.ETag, Size: info.Size, ETagNotDigest: info.ETagNotDigest,
	}, err
}

// A decorated store adds nothing to another one.
type decorated struct{ storage.Store }

func (d decorated) Unwrap() storage.Store { return d.Store }

// sentHeaders are the headers of a request that say what is to be done.
func sentHeaders(r *http.Request) map[string]string {
	got := map[string]string{}
	for name := range r.Header {
		switch name {
		case "X-Amz-Date", "X-Amz-Content-Sha256", "X-Amz-User-Agent", "Content-Length":
			continue
		}
		if strings.HasPrefix(name, "X-Amz-") || strings.HasPrefix(name, "Content-") ||
			slices.Contains([]string{"Cache-Control", "Expires", "If-Match", "If-None-Match"}, name) {
			got[strings.TrimPrefix(name, "X-Amz-")] = r.Header.Get(name)
		}
	}
	return got
}

// TestCopyRequests: what a copy is asked for with, whole and in parts. No real
// server shows all of it.
func TestCopyRequests(t *testing.T) {
	attributes := storage.Attributes{
		CacheControl: "no-store", ContentDisposition: "inline", ContentEncoding: "br", ContentLanguage: "fr", ContentType: "a/b",
		Expires: "never", Metadata: map[string]string{"m": "1"}, WebsiteRedirect: "/x", StorageClass: "STANDARD_IA",
	}
	described := map[string]string{
		"Cache-Control": "no-store", "Content-Disposition": "inline", "Content-Encoding": "br", "Content-Language": "fr",
		"Content-Type": "a/b", "Expires": "never", "Meta-M": "1", "Website-Redirect-Location": "/x", "Storage-Class": "STANDARD_IA",
	}
	source := map[string]string{"Copy-Source": "from/pre%20k", "Copy-Source-If-Match": `"` + etag + `"`}
	replace := map[string]string{"Metadata-Directive": "REPLACE", "Tagging-Directive": "REPLACE"}
	with := func(parts ...map[string]string) map[string]string {
		all := map[string]string{}
		for _, m := range parts {
			maps.Copy(all, m)
		}
		return all
	}
	mine := func(prefix string, k bucket.CustomerKey) map[string]string {
		prefix += "Server-Side-Encryption-Customer-"
		return map[string]string{prefix + "Algorithm": k.Algorithm, prefix + "Key": k.Key, prefix + "Key-Md5": k.KeyMD5}
	}
	for name, tt := range map[string]struct {
		from, to            func(*bucket.Options)
		opts                storage.WriteOptions
		copy, create, parts map[string]string
	}{
		"nothing": {
			copy: with(source, replace), create: with(), parts: with(source, map[string]string{"Copy-Source-Range": "bytes=5-14"}),
		},
		"everything": {
			opts:   storage.WriteOptions{Attributes: attributes, ACL: "private", Tags: map[string]string{"a b": "c&d"}},
			copy:   with(source, replace, described, map[string]string{"Acl": "private", "Tagging": "a%20b=c%26d"}),
			create: with(described, map[string]string{"Acl": "private", "Tagging": "a%20b=c%26d"}),
			parts:  with(source, map[string]string{"Copy-Source-Range": "bytes=5-14"}),
		},
		"the requester pays for the source": {
			from: func(o *bucket.Options) { o.RequestPayer = true },
			copy: with(source, replace, map[string]string{"Request-Payer": "requester"}), create: with(),
			parts: with(source, map[string]string{"Copy-Source-Range": "bytes=5-14", "Request-Payer": "requester"}),
		},
		"keys of both sides": {
			from:   func(o *bucket.Options) { o.Encryption.Customer = key(1) },
			to:     func(o *bucket.Options) { o.Encryption.Customer = key(2) },
			copy:   with(source, replace, mine("Copy-Source-", key(1)), mine("", key(2))),
			create: mine("", key(2)),
			parts:  with(source, map[string]string{"Copy-Source-Range": "bytes=5-14"}, mine("Copy-Source-", key(1)), mine("", key(2))),
		},
		"KMS": {
			from: func(o *bucket.Options) { o.Encryption.Customer = key(1) },
			to:   func(o *bucket.Options) { o.Encryption = bucket.Encryption{SSE: "aws:kms", KMSKeyID: "id"} },
			copy: with(source, replace, mine("Copy-Source-", key(1)),
				map[string]string{"Server-Side-Encryption": "aws:kms", "Server-Side-Encryption-Aws-Kms-Key-Id": "id"}),
			create: map[string]string{"Server-Side-Encryption": "aws:kms", "Server-Side-Encryption-Aws-Kms-Key-Id": "id"},
			parts:  with(source, map[string]string{"Copy-Source-Range": "bytes=5-14"}, mine("Copy-Source-", key(1))),
		},
	} {
		t.Run(name, func(t *testing.T) {
			f, ca := tlsFake(t, func(w http.ResponseWriter, r *http.Request) {
				answerEncrypted(w, r)
				copyServer(answer(200, copied))(w, r)
			})
			t.Setenv("AWS_CA_BUNDLE", ca)
			from, to := f.options(), f.options()
			from.Bucket, from.Prefix = "from", "pre "
			for change, o := range map[*func(*bucket.Options)]*bucket.Options{&tt.from: &from, &tt.to: &to} {
				if *change != nil {
					(*change)(o)
				}
			}
			source, target := open(t, from), open(t, to)
			tt.opts.Size = int64(len(content))
			if _, err := target.Copy(t.Context(), "t", openToCopy(t, source, storage.StatOptions{}), tt.opts); err != nil {
				t.Fatal(err)
			}
			all := f.all()
			r := all[slices.IndexFunc(all, func(r *http.Request) bool { return r.Method == http.MethodPut })]
			if diff := cmp.Diff(tt.copy, sentHeaders(r)); diff != "" || r.Method != http.MethodPut || r.URL.Path != "/b/t" {
				t.Errorf("%s %s: CopyObject (-want +got):\n%s", r.Method, r.URL, diff)
			}
			w, err := target.CreateCopy(t.Context(), "t", openToCopy(t, source, storage.StatOptions{}), tt.opts)
			if err != nil {
				t.Fatal(err)
			}
			r, _ = f.last(t)
			if diff := cmp.Diff(tt.create, sentHeaders(r)); diff != "" {
				t.Errorf("CreateMultipartUpload (-want +got):\n%s", diff)
			}
			if err := w.CopyPart(t.Context(), 2, 5, 10); err != nil {
				t.Fatal(err)
			}
			r, _ = f.last(t)
			if diff := cmp.Diff(tt.parts, sentHeaders(r)); diff != "" {
				t.Errorf("UploadPartCopy (-want +got):\n%s", diff)
			}
		})
	}
}
