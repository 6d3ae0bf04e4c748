package bucket_test

import (
	"bytes"
	"crypto/md5"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"s3sync/internal/checksum"
	"s3sync/internal/s3server"
	"s3sync/storage"
	"s3sync/storage/bucket"
)

// key is a customer key that repeats one byte.
func key(b byte) bucket.CustomerKey {
	data := bytes.Repeat([]byte{b}, 32)
	sum := md5.Sum(data)
	return bucket.CustomerKey{
		Algorithm: "AES256",
		Key:       base64.StdEncoding.EncodeToString(data),
		KeyMD5:    base64.StdEncoding.EncodeToString(sum[:]),
	}
}

// encryptionHeaders are those of a request or an answer that have to do with it.
func encryptionHeaders(h http.Header) map[string]string {
	got := map[string]string{}
	for name := range h {
		if short, ok := strings.CutPrefix(name, "X-Amz-Server-Side-Encryption"); ok {
			got[strings.TrimPrefix(short, "-")] = h.Get(name)
		}
	}
	return got
}

// answerEncrypted lets an answer say that the server encrypts as it was asked to.
func answerEncrypted(w http.ResponseWriter, r *http.Request) {
	for name := range r.Header {
		if strings.HasPrefix(name, "X-Amz-Server-Side-Encryption") && !strings.HasSuffix(name, "-Key") {
			w.Header().Set(name, r.Header.Get(name))
		}
	}
}

// encryptingServer says of everything that it encrypts as it was asked to.
func encryptingServer(w http.ResponseWriter, r *http.Request) {
	answerEncrypted(w, r)
	q := r.URL.Query()
	switch {
	case r.Method == http.MethodGet && q.Has("list-type"):
		_, _ = w.Write([]byte(listing("<IsTruncated>false</IsTruncated>")))
	case r.Method == http.MethodGet && q.Has("tagging"):
		_, _ = w.Write([]byte("<Tagging><TagSet></TagSet></Tagging>"))
	case r.Method == http.MethodGet, r.Method == http.MethodHead:
		object(w, r, content, etag)
	case r.Method == http.MethodDelete:
		w.WriteHeader(http.StatusNoContent)
	case q.Has("delete"):
		_, _ = w.Write(deletedAll(bodyOf(r)))
	default:
		uploadServer("", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(completed(etag + "-1"))) })(w, r)
	}
}

// everyRequest makes each kind of request once.
func everyRequest(t *testing.T, s *bucket.Store) {
	t.Helper()
	ctx := t.Context()
	b := block([]byte(content))
	_, err := s.Put(ctx, "k", b, storage.WriteOptions{Size: 20})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		w, err := s.Create(ctx, "k", storage.WriteOptions{Size: 20})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.WritePart(ctx, 1, 0, b); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Commit(ctx); err != nil {
			t.Fatal(err)
		}
		if err := w.Abort(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Stat(ctx, "k", storage.StatOptions{}); err != nil {
		t.Fatal(err)
	}
	r := reader(t, s, storage.OpenOptions{First: 8})
	if _, err := readAt(t, r, 12, 8); err != nil {
		t.Fatal(err)
	}
	if _, err := keysOf(ctx, s, storage.Range{}); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.Delete(ctx, objectsOf("a", "b"), storage.DeleteOptions{})...); err != nil {
		t.Fatal(err)
	}
	o := storage.Object{Key: "k", ETag: etag}
	if err := errors.Join(s.Delete(ctx, []storage.Object{o}, storage.DeleteOptions{IfMatch: true})...); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Tags(ctx, "k", ""); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.SetTags(ctx, "k", map[string]string{"a": "b"}), s.SetTags(ctx, "k", nil)); err != nil {
		t.Fatal(err)
	}
}

// TestEncryptionRequests: which requests ask for encryption, and how.
func TestEncryptionRequests(t *testing.T) {
	k := key(1)
	customer := map[string]string{"Customer-Algorithm": "AES256", "Customer-Key": k.Key, "Customer-Key-Md5": k.KeyMD5}
	none := map[string]string{}
	for name, tt := range map[string]struct {
		encryption    bucket.Encryption
		create, other map[string]string // headers of what creates objects, and of what reads or writes them
		etagNotDigest bool
	}{
		"none":              {bucket.Encryption{}, none, none, false},
		"SSE-S3":            {bucket.Encryption{SSE: "AES256"}, map[string]string{"": "AES256"}, none, false},
		"KMS":               {bucket.Encryption{SSE: "aws:kms"}, map[string]string{"": "aws:kms"}, none, true},
		"KMS with key":      {bucket.Encryption{SSE: "aws:kms", KMSKeyID: "id"}, map[string]string{"": "aws:kms", "Aws-Kms-Key-Id": "id"}, none, true},
		"DSSE":              {bucket.Encryption{SSE: "aws:kms:dsse"}, map[string]string{"": "aws:kms:dsse"}, none, true},
		"customer key":      {bucket.Encryption{Customer: k}, customer, customer, true},
		"customer key only": {bucket.Encryption{Customer: bucket.CustomerKey{Key: k.Key}}, customer, customer, true},
	} {
		t.Run(name, func(t *testing.T) {
			f, ca := tlsFake(t, encryptingServer)
			t.Setenv("AWS_CA_BUNDLE", ca)
			opts := f.options()
			opts.Encryption = tt.encryption
			s := open(t, opts)
			everyRequest(t, s)
			for i, seen := range f.seen() {
				want := none
				switch seen {
				case "PUT", "POST uploads":
					want = tt.create
				case "PUT uploadId partNumber", "POST uploadId", "GET", "HEAD":
					want = tt.other
				}
				if diff := cmp.Diff(want, encryptionHeaders(f.all()[i].Header)); diff != "" {
					t.Errorf("%s (-want +got):\n%s", seen, diff)
				}
			}
			info, err := s.Put(t.Context(), "k", block(nil), storage.WriteOptions{})
			if err != nil || info.ETagNotDigest != tt.etagNotDigest {
				t.Errorf("Put = %+v, %v; want ETagNotDigest %v", info, err, tt.etagNotDigest)
			}
			if w, err := s.Create(t.Context(), "k", storage.WriteOptions{}); err != nil {
				t.Error(err)
			} else if info, err := w.Commit(t.Context()); err != nil || info.ETagNotDigest != tt.etagNotDigest {
				t.Errorf("Commit = %+v, %v; want ETagNotDigest %v", info, err, tt.etagNotDigest)
			}
		})
	}
}

// TestEncryptionUnconfirmed: a server that does not say that it used the key it
// was asked to use has stored in plain what nobody should read.
func TestEncryptionUnconfirmed(t *testing.T) {
	customer := bucket.Encryption{Customer: key(1)}
	for name, tt := range map[string]struct {
		encryption         bucket.Encryption
		put, create, parts http.Header
		ok                 bool
	}{
		"SSE-S3":                   {bucket.Encryption{SSE: "AES256"}, nil, nil, nil, false},
		"SSE-S3 becomes KMS":       {bucket.Encryption{SSE: "AES256"}, sse("aws:kms"), sse("aws:kms"), sse("aws:kms"), false},
		"SSE-S3, only parts tell":  {bucket.Encryption{SSE: "AES256"}, sse("AES256"), nil, sse("AES256"), true},
		"nothing is asked for":     {bucket.Encryption{}, nil, nil, nil, true},
		"customer key":             {customer, nil, nil, nil, false},
		"another method":           {customer, sse("aws:kms"), sse("aws:kms"), sse("aws:kms"), false},
		"KMS":                      {bucket.Encryption{SSE: "aws:kms"}, nil, nil, nil, false},
		"KMS becomes SSE-S3":       {bucket.Encryption{SSE: "aws:kms"}, sse("AES256"), sse("AES256"), sse("AES256"), false},
		"DSSE becomes KMS":         {bucket.Encryption{SSE: "aws:kms:dsse"}, sse("aws:kms"), sse("aws:kms"), sse("aws:kms"), false},
		"only creation tells":      {bucket.Encryption{SSE: "aws:kms"}, sse("aws:kms"), sse("aws:kms"), nil, true},
		"only parts tell":          {bucket.Encryption{SSE: "aws:kms"}, sse("aws:kms"), nil, sse("aws:kms"), true},
		"only parts tell customer": {customer, sseCustomer(), nil, sseCustomer(), true},
	} {
		t.Run(name, func(t *testing.T) {
			f, ca := tlsFake(t, func(w http.ResponseWriter, r *http.Request) {
				headers := tt.put
				switch q := r.URL.Query(); {
				case q.Has("uploads"):
					headers = tt.create
				case q.Has("partNumber"):
					headers = tt.parts
				}
				maps.Copy(w.Header(), headers)
				uploadServer("", nil)(w, r)
			})
			t.Setenv("AWS_CA_BUNDLE", ca)
			opts := f.options()
			opts.Encryption = tt.encryption
			s := open(t, opts)
			perr := put(t, s, "k")
			w, err := s.Create(t.Context(), "k", storage.WriteOptions{Size: 20})
			if err != nil {
				t.Fatal(err)
			}
			werr := w.WritePart(t.Context(), 1, 0, storage.Block{Data: []byte(content)})
			if tt.ok {
				if err := errors.Join(perr, werr); err != nil {
					t.Error(err)
				}
				return
			}
			wantKind(t, perr, storage.ErrUnusable)
			wantKind(t, werr, storage.ErrUnusable)
			if _, err := w.Commit(t.Context()); err == nil {
				t.Error("committed")
			}
		})
	}
}

func sse(method string) http.Header {
	return http.Header{"X-Amz-Server-Side-Encryption": {method}}
}

func sseCustomer() http.Header {
	return http.Header{"X-Amz-Server-Side-Encryption-Customer-Algorithm": {"AES256"}}
}

func TestOpenRefusesKeys(t *testing.T) {
	good := key(1)
	for name, change := range map[string]func(*bucket.Options){
		"no key":            func(o *bucket.Options) { o.Encryption.Customer.Key = "" },
		"no base64":         func(o *bucket.Options) { o.Encryption.Customer.Key = "very-secret" },
		"short key":         func(o *bucket.Options) { o.Encryption.Customer.Key = good.KeyMD5 },
		"digest of another": func(o *bucket.Options) { o.Encryption.Customer.KeyMD5 = key(2).KeyMD5 },
		"with SSE":          func(o *bucket.Options) { o.Encryption.SSE = "AES256" },
		"without TLS":       func(o *bucket.Options) { o.EndpointURL = "HTTP://127.0.0.1:9" },
	} {
		t.Run(name, func(t *testing.T) {
			opts := bucket.Options{
				Bucket: "b", AccessKey: "a", SecretKey: "s", Region: "r", EndpointURL: "https://127.0.0.1:9",
				Encryption: bucket.Encryption{Customer: good},
			}
			change(&opts)
			s, err := bucket.Open(t.Context(), opts)
			if err == nil {
				t.Fatal("no error", s.Close())
			}
			if !errors.Is(err, storage.ErrUnusable) {
				t.Errorf("%v is not storage.ErrUnusable", err)
			}
			wantNoKeys(t, err.Error(), good, key(2), bucket.CustomerKey{Key: "very-secret"})
		})
	}
	t.Run("endpoint of the environment", func(t *testing.T) {
		t.Setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
		_, err := bucket.Open(t.Context(), bucket.Options{
			Bucket: "b", AccessKey: "a", SecretKey: "s", Region: "r", Encryption: bucket.Encryption{Customer: good},
		})
		if !errors.Is(err, storage.ErrUnusable) {
			t.Errorf("%v is not storage.ErrUnusable", err)
		}
	})
}

// wantNoKeys fails the test if a text holds a key.
func wantNoKeys(t *testing.T, text string, keys ...bucket.CustomerKey) {
	t.Helper()
	for _, k := range keys {
		for _, secret := range []string{k.Key, k.KeyMD5} {
			if secret != "" && strings.Contains(text, secret) {
				t.Errorf("%q holds %q", text, secret)
			}
		}
	}
}

// TestKeysAreSecret: servers may repeat what they were sent.
func TestKeysAreSecret(t *testing.T) {
	k := key(1)
	f, ca := tlsFake(t, func(w http.ResponseWriter, r *http.Request) {
		var all strings.Builder
		for name := range r.Header {
			fmt.Fprintf(&all, "%s: %s ", name, r.Header.Get(name))
		}
		w.WriteHeader(400)
		fmt.Fprintf(w, "<Error><Code>Odd-%s</Code><Message>%s key=%s %s</Message></Error>",
			r.Header.Get("X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id"), strings.Repeat("x", 470),
			r.Header.Get("X-Amz-Server-Side-Encryption-Customer-Key"), all.String())
	})
	t.Setenv("AWS_CA_BUNDLE", ca)
	for name, e := range map[string]bucket.Encryption{
		"customer": {Customer: k},
		"KMS":      {SSE: "aws:kms", KMSKeyID: "the-key-id"},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			opts := f.options()
			opts.Encryption = e
			opts.SessionToken = "session-secret"
			opts.Trace = slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
			s := open(t, opts)
			errs := []error{put(t, s, "k")}
			_, err := s.Stat(t.Context(), "k", storage.StatOptions{})
			errs = append(errs, err)
			_, err = s.Open(t.Context(), "k", storage.OpenOptions{})
			errs = append(errs, err)
			_, err = s.Create(t.Context(), "k", storage.WriteOptions{})
			for _, err := range append(errs, err) {
				if err == nil {
					t.Fatal("no error")
				}
				out.WriteString(err.Error())
			}
			wantNoKeys(t, out.String(), k)
			for _, secret := range []string{e.KMSKeyID, "session-secret", k.Key[:12]} {
				if secret != "" && strings.Contains(out.String(), secret) {
					t.Errorf("%q is in %s", secret, out.String())
				}
			}
		})
	}
}

// TestCustomerKeyOnServer: objects with customer keys are written, described and
// read, in one piece and in parts, by who has the key.
func TestCustomerKeyOnServer(t *testing.T) {
	server := s3server.Start(t, s3server.MinIO, s3server.Options{TLS: true})
	t.Setenv("AWS_CA_BUNDLE", server.CAFile)
	opts := options(server, server.Bucket(t))
	with := func(e bucket.Encryption) *bucket.Store {
		opts := opts
		opts.Encryption = e
		return open(t, opts)
	}
	owner := with(bucket.Encryption{Customer: key(1)})
	part := bytes.Repeat([]byte("x"), 5<<20)
	for name, parts := range map[string][][]byte{
		"whole": {[]byte(content)},
		"parts": {part, []byte(content)},
	} {
		t.Run(name, func(t *testing.T) {
			data := bytes.Join(parts, nil)
			opts := storage.WriteOptions{Size: int64(len(data)), Checksum: storage.Checksum{Algorithm: "CRC32C", Type: "FULL_OBJECT"}}
			written, err := writeParts(t, owner, parts, opts)
			if err != nil || !written.ETagNotDigest {
				t.Fatalf("%+v, %v", written, err)
			}
			want := []storage.Checksum{{Algorithm: "CRC32C", Value: sumOf(checksum.CRC32C, string(data)), Type: "FULL_OBJECT"}}
			info, err := owner.Stat(t.Context(), "k", storage.StatOptions{Checksums: true, Parts: storage.ExactParts})
			if err != nil || !info.ETagNotDigest || info.ETag != written.ETag || info.Size != opts.Size {
				t.Errorf("Stat = %+v, %v; written %+v", info, err, written)
			}
			if diff := cmp.Diff([][]storage.Checksum{want, want}, [][]storage.Checksum{written.Checksums, info.Checksums}); diff != "" {
				t.Errorf("checksums (-want +got):\n%s", diff)
			}
			if got := len(info.Parts); got != len(parts) || info.Parts[0] != int64(len(parts[0])) {
				t.Errorf("parts %v", info.Parts)
			}
			r := reader(t, owner, storage.OpenOptions{First: 8, Checksums: true})
			for _, off := range []int64{0, 8, int64(len(data)) - 12} {
				n := min(12, int64(len(data))-off)
				if got, err := readAt(t, r, n, off); err != nil || got != string(data[off:off+n]) {
					t.Errorf("read %q, %v", got, err)
				}
			}
			if got, err := r.Checksums(t.Context()); err != nil || !slices.Equal(got, want) {
				t.Errorf("Checksums = %v, %v", got, err)
			}
			for name, e := range map[string]bucket.Encryption{"another key": {Customer: key(2)}, "no key": {}} {
				_, err := with(e).Open(t.Context(), "k", storage.OpenOptions{})
				_, serr := with(e).Stat(t.Context(), "k", storage.StatOptions{})
				if err == nil || serr == nil || name == "another key" && !errors.Is(err, fs.ErrPermission) {
					t.Errorf("%s: %v, %v", name, err, serr)
				}
				t.Log(err, serr)
			}
		})
	}
	if err := put(t, with(bucket.Encryption{}), "k"); err != nil {
		t.Fatal(err)
	}
	if _, err := owner.Open(t.Context(), "k", storage.OpenOptions{}); err == nil {
		t.Error("an object without encryption was read with a key")
	}
}

// TestEncryptionOnServer: keys that the server has.
func TestEncryptionOnServer(t *testing.T) {
	for name, tt := range map[string]struct {
		encryption        bucket.Encryption
		etagNotDigest, ok bool
	}{
		"SSE-S3":       {bucket.Encryption{SSE: "AES256"}, false, true},
		"KMS":          {bucket.Encryption{SSE: "aws:kms"}, true, true},
		"KMS with key": {bucket.Encryption{SSE: "aws:kms", KMSKeyID: "test-key"}, true, true},
		"unknown key":  {bucket.Encryption{SSE: "aws:kms", KMSKeyID: "unknown-key"}, false, false},
		"DSSE":         {bucket.Encryption{SSE: "aws:kms:dsse"}, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			server := s3server.Shared(t, s3server.MinIO)
			opts := options(server, server.Bucket(t))
			opts.Encryption = tt.encryption
			s := open(t, opts)
			for _, parts := range [][][]byte{{[]byte(content)}, {bytes.Repeat([]byte("x"), 5<<20), []byte(content)}} {
				info, err := writeParts(t, s, parts, storage.WriteOptions{Size: int64(len(bytes.Join(parts, nil)))})
				if !tt.ok {
					wantKind(t, err, nil)
					t.Log(err)
					return
				}
				if err != nil || info.ETagNotDigest != tt.etagNotDigest {
					t.Errorf("%d parts: %+v, %v", len(parts), info, err)
				}
				stat, err := s.Stat(t.Context(), "k", storage.StatOptions{})
				if err != nil || stat.ETagNotDigest != tt.etagNotDigest || stat.ETag != info.ETag {
					t.Errorf("%d parts: %+v, %v", len(parts), stat, err)
				}
			}
		})
	}
}
