package bucket_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"s3sync/storage"
	"s3sync/storage/bucket"
)

// operationOf is the name of the operation that a request is.
func operationOf(r *http.Request) string {
	q, copied := r.URL.Query(), r.Header.Get("X-Amz-Copy-Source") != ""
	names := map[string]map[string]string{
		"GET":  {"list-type": "ListObjectsV2", "versions": "ListObjectVersions", "tagging": "GetObjectTagging", "versioning": "GetBucketVersioning", "uploadId": "ListParts", "uploads": "ListMultipartUploads", "": "GetObject"},
		"HEAD": {"": "HeadObject"},
		"PUT":  {"uploadId": "UploadPart", "tagging": "PutObjectTagging", "": "PutObject"},
		"POST": {"uploads": "CreateMultipartUpload", "uploadId": "CompleteMultipartUpload", "delete": "DeleteObjects"},
		"DELETE": {
			"uploadId": "AbortMultipartUpload", "tagging": "DeleteObjectTagging", "": "DeleteObject",
		},
	}[r.Method]
	name := names[""]
	for parameter, operation := range names {
		if parameter != "" && q.Has(parameter) {
			name = operation
		}
	}
	switch {
	case copied && name == "PutObject":
		return "CopyObject"
	case copied && name == "UploadPart":
		return "UploadPartCopy"
	}
	return name
}

// answerLikeS3 answers every request as S3 does. There is one object.
func answerLikeS3(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Amz-Request-Id", "REQUEST")
	documents := map[string]string{
		"ListObjectsV2":         listing("<IsTruncated>false</IsTruncated>" + entry("k")),
		"ListObjectVersions":    "<ListVersionsResult><IsTruncated>false</IsTruncated></ListVersionsResult>",
		"GetObjectTagging":      "<Tagging><TagSet></TagSet></Tagging>",
		"GetBucketVersioning":   "<VersioningConfiguration/>",
		"CreateMultipartUpload": "<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>",
		"CopyObject":            copied,
		"ListParts":             "<ListPartsResult><IsTruncated>false</IsTruncated></ListPartsResult>",
		"ListMultipartUploads":  "<ListMultipartUploadsResult><IsTruncated>false</IsTruncated></ListMultipartUploadsResult>",
		"UploadPartCopy":        "<CopyPartResult><ETag>" + etag + "</ETag></CopyPartResult>",
		// That of one part with content in it.
		"CompleteMultipartUpload": completed("d7d4a21ef57b6ca4ca1a4bcd8f9f5cb0-1"),
	}
	switch operation := operationOf(r); {
	case documents[operation] != "":
		_, _ = io.WriteString(w, documents[operation])
	case operation == "DeleteObjects":
		_, _ = w.Write(deletedAll(bodyOf(r)))
	case r.Method == http.MethodDelete:
		w.WriteHeader(http.StatusNoContent)
	case r.Method == http.MethodGet, r.Method == http.MethodHead:
		object(w, r, content, etag)
	}
}

// falseAnswers are answers with a status of success that are none.
func falseAnswers() map[string]http.HandlerFunc {
	says := func(typ, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Del("ETag")
			w.Header().Set("Content-Type", typ)
			w.Header().Set("Content-Length", fmt.Sprint(len(body)))
			if r.Method != http.MethodHead {
				_, _ = io.WriteString(w, body)
			}
		}
	}
	const page = "<!DOCTYPE html>\n<html><body>Sign in</body></html>"
	with := func(tag string, lie http.HandlerFunc) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			lie(&keepsETag{w, tag}, r)
		}
	}
	return map[string]http.HandlerFunc{
		"page":              says("text/html", page),
		"page with an ETag": with(`"5f3c-61a2b3c4d5e6f"`, says("text/html", page)),
		"page as XML":       says("application/xml", page),
		"text":              says("text/plain", "OK\n"),
		"nothing":           says("application/xml", ""),
		"blanks":            says("application/xml", " \n \n"),
		"half an element":   says("application/xml", "<ListBuck"),
		"other document":    says("application/xml", "<?xml version=\"1.0\"?><Other/>"),
		"error":             says("application/xml", "<?xml version=\"1.0\"?>\n<Error><Code>InternalError</Code></Error>"),
		"ETag of 100 KB":    with(`"`+strings.Repeat("f", 100<<10)+`"`, says("application/xml", "<x/>")),
		"ETag of quotes":    with(`""`, says("application/xml", "<x/>")),
	}
}

// A keepsETag gives its answer an ETag, whatever a handler does to it.
type keepsETag struct {
	http.ResponseWriter

	etag string
}

func (k *keepsETag) WriteHeader(status int) {
	k.Header().Set("ETag", k.etag)
	k.ResponseWriter.WriteHeader(status)
}

func (k *keepsETag) Write(p []byte) (int, error) {
	k.Header().Set("ETag", k.etag)
	return k.ResponseWriter.Write(p)
}

// requests are one call for every operation, by its name. Those that come before it
// are told the truth.
func requests() map[string]func(context.Context, *bucket.Store) error {
	data := storage.WriteOptions{Size: int64(len(content))}
	write := func(ctx context.Context, s *bucket.Store, end func(storage.Writer) error) error {
		w, err := s.Create(ctx, "k", data)
		if err != nil {
			return err
		}
		if err := w.WritePart(ctx, 1, 0, block([]byte(content))); err != nil || end == nil {
			return err
		}
		return end(w)
	}
	copying := func(ctx context.Context, s *bucket.Store, do func(storage.CopySource) error) error {
		from, err := copySource(ctx, s, "k", storage.StatOptions{})
		if err != nil {
			return err
		}
		return do(from)
	}
	return map[string]func(context.Context, *bucket.Store) error{
		"ListObjectsV2": func(ctx context.Context, s *bucket.Store) error {
			_, err := keysOf(ctx, s, storage.Range{})
			return err
		},
		"ListObjectVersions": func(ctx context.Context, s *bucket.Store) error {
			for _, err := range s.Versions(ctx, storage.ListOptions{}) {
				return err
			}
			return nil
		},
		"GetBucketVersioning": func(ctx context.Context, s *bucket.Store) error {
			_, err := s.Versioning(ctx)
			return err
		},
		"HeadObject": func(ctx context.Context, s *bucket.Store) error {
			_, err := s.Stat(ctx, "k", storage.StatOptions{})
			return err
		},
		"GetObject": func(ctx context.Context, s *bucket.Store) error {
			r, err := s.Open(ctx, "k", storage.OpenOptions{})
			if err == nil {
				err = r.Close()
			}
			return err
		},
		"PutObject": func(ctx context.Context, s *bucket.Store) error {
			_, err := s.Put(ctx, "k", block([]byte(content)), data)
			return err
		},
		"CreateMultipartUpload": func(ctx context.Context, s *bucket.Store) error { return write(ctx, s, nil) },
		"UploadPart":            func(ctx context.Context, s *bucket.Store) error { return write(ctx, s, nil) },
		"CompleteMultipartUpload": func(ctx context.Context, s *bucket.Store) error {
			return write(ctx, s, func(w storage.Writer) error {
				_, err := w.Commit(ctx)
				return err
			})
		},
		"AbortMultipartUpload": func(ctx context.Context, s *bucket.Store) error {
			return write(ctx, s, func(w storage.Writer) error { return w.Abort(ctx) })
		},
		"ListParts": func(ctx context.Context, s *bucket.Store) error {
			_, _, err := s.Resume(ctx, "k", `{"id":"u"}`, data)
			return err
		},
		"ListMultipartUploads": func(ctx context.Context, s *bucket.Store) error {
			for _, err := range s.Leftovers(ctx) {
				return err
			}
			return nil
		},
		"CopyObject": func(ctx context.Context, s *bucket.Store) error {
			return copying(ctx, s, func(from storage.CopySource) error {
				_, err := s.Copy(ctx, "t", from, data)
				return err
			})
		},
		"UploadPartCopy": func(ctx context.Context, s *bucket.Store) error {
			return copying(ctx, s, func(from storage.CopySource) error {
				w, err := s.CreateCopy(ctx, "t", from, data)
				if err == nil {
					err = w.CopyPart(ctx, 1, 0, int64(len(content)))
				}
				return err
			})
		},
		"DeleteObject": func(ctx context.Context, s *bucket.Store) error {
			return s.Delete(ctx, objectsOf("k"), storage.DeleteOptions{})[0]
		},
		"DeleteObjects": func(ctx context.Context, s *bucket.Store) error {
			errs := s.Delete(ctx, objectsOf("k", "l"), storage.DeleteOptions{})
			if errs[0] == nil || errs[1] == nil {
				return nil // one success is too many
			}
			return errs[0]
		},
		"GetObjectTagging": func(ctx context.Context, s *bucket.Store) error {
			_, err := s.Tags(ctx, "k", "")
			return err
		},
		"PutObjectTagging": func(ctx context.Context, s *bucket.Store) error {
			return s.SetTags(ctx, "k", map[string]string{"a": "b"})
		},
		"DeleteObjectTagging": func(ctx context.Context, s *bucket.Store) error { return s.SetTags(ctx, "k", nil) },
	}
}

// TestLiesAreNoSuccess: no answer to any request that is none of S3 passes for a
// success. Each is a failure that may pass, and names its key; the request is made
// again, and succeeds if the answer is right then.
func TestLiesAreNoSuccess(t *testing.T) {
	for operation, request := range requests() {
		for name, lie := range falseAnswers() {
			for _, attempts := range []int{1, 2} {
				t.Run(fmt.Sprint(operation, "/", name, "/", attempts), func(t *testing.T) {
					lied := 0
					f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
						if operationOf(r) == operation && lied < 1 {
							lied++
							lie(w, r)
							return
						}
						answerLikeS3(w, r)
					})
					opts := f.options()
					opts.MaxAttempts = attempts
					s := open(t, opts)
					if operation != "ListObjectsV2" { // which tells that the server names its requests
						if _, err := keysOf(t.Context(), s, storage.Range{}); err != nil {
							t.Fatal(err)
						}
					}
					err := request(t.Context(), s)
					if lied == 0 {
						t.Fatal("the request was not made")
					}
					if attempts == 2 || operation == "AbortMultipartUpload" { // which is tried again anyway
						if err != nil {
							t.Error(err)
						}
						return
					}
					wantKind(t, err, storage.ErrTransient)
					failure, ok := errors.AsType[*storage.Error](err)
					if named := strings.HasPrefix(operation, "List") && operation != "ListParts" || operation == "GetBucketVersioning"; !ok || (failure.Key == "") != named {
						t.Errorf("no key is named: %v", err)
					}
					if len(err.Error()) > 600 {
						t.Errorf("a message of %d bytes", len(err.Error()))
					}
				})
			}
		}
	}
}

// TestLength: what does not tell its length is not taken for an empty object, nor is
// what a proxy packs.
func TestLength(t *testing.T) {
	f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
		if got := r.Header.Get("Accept-Encoding"); got != "identity" {
			t.Errorf("Accept-Encoding: %q", got)
		}
		w.Header().Set("ETag", `"`+etag+`"`)
		w.Header().Set("Content-Encoding", "gzip")
		w.WriteHeader(200)
		_ = http.NewResponseController(w).Flush()
		if r.Method == http.MethodGet {
			_, _ = io.WriteString(w, content)
		}
	})
	s := open(t, f.options())
	_, err := s.Open(t.Context(), "k", storage.OpenOptions{})
	wantKind(t, err, storage.ErrTransient)
	_, err = s.Stat(t.Context(), "k", storage.StatOptions{})
	wantKind(t, err, storage.ErrTransient)
}

// TestListed: an object that is not what its listing says is believed only if one
// more request finds the same, and no request is made where it is.
func TestListed(t *testing.T) {
	const other = "fedcba9876543210fedcba9876543210"
	ours := storage.Object{Key: "k", Size: int64(len(content)), ETag: etag}
	named := func(handle http.HandlerFunc) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Amz-Request-Id", "R")
			handle(w, r)
		}
	}
	is := func(data, tag string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) { object(w, r, data, tag) }
	}
	for name, tt := range map[string]struct {
		listed    *storage.Object
		get, head http.HandlerFunc
		ok        bool
		err       error
		looks     int
	}{
		"not listed":           {nil, is(content, other), nil, true, nil, 0},
		"as listed":            {&ours, named(is(content, etag)), nil, true, nil, 0},
		"listed without ETag":  {&storage.Object{Size: ours.Size}, named(is(content, etag)), nil, true, nil, 0},
		"changed since":        {&ours, named(is("other", other)), named(is("other", other)), true, nil, 1},
		"other bytes since":    {&ours, named(is(content, other)), named(is(content, other)), true, nil, 1},
		"changing":             {&ours, named(is("other", other)), named(is("others", etag)), false, storage.ErrTransient, 1},
		"only the GET differs": {&ours, named(is("junk", other)), named(is(content, etag)), false, storage.ErrTransient, 1},
		"another size":         {&ours, named(is("junk", etag)), named(is(content, etag)), false, storage.ErrTransient, 1},
		"gone":                 {&ours, named(is("junk", other)), named(refusing(404, "NoSuchKey")), false, storage.ErrChanged, 1},
		"a proxy's, both":      {&ours, is("junk", other), is("junk", other), false, storage.ErrTransient, 1},
		"customer key": {&ours, named(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Amz-Server-Side-Encryption-Customer-Algorithm", "AES256")
			object(w, r, content, other)
		}), nil, true, nil, 0},
	} {
		for _, first := range []int64{0, 3} {
			t.Run(fmt.Sprint(name, "/", first), func(t *testing.T) {
				f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
					switch operationOf(r) {
					case "GetObject":
						tt.get(w, r)
					case "HeadObject":
						tt.head(w, r)
					default:
						answerLikeS3(w, r)
					}
				})
				s := open(t, f.options())
				if _, err := keysOf(t.Context(), s, storage.Range{}); err != nil {
					t.Fatal(err)
				}
				r, err := s.Open(t.Context(), "k", storage.OpenOptions{Listed: tt.listed, First: first})
				if tt.ok {
					if err != nil {
						t.Fatal(err)
					}
					if err := r.Close(); err != nil {
						t.Error(err)
					}
				} else {
					wantKind(t, err, tt.err)
				}
				if got := strings.Count(strings.Join(f.seen(), " "), "HEAD"); got != tt.looks {
					t.Errorf("%d HEAD, want %d", got, tt.looks)
				}
			})
		}
	}
}

// TestWithoutETags: a server whose listings have no ETags either is believed, and
// its objects prove nothing. One whose listings have them is not.
func TestWithoutETags(t *testing.T) {
	now := time.Now()
	for name, tt := range map[string]struct {
		listed string // its element, or empty
		id     bool
		ok     bool
	}{
		"none":                      {"", true, true},
		"empty":                     {`<ETag>""</ETag>`, true, true},
		"listed":                    {"<ETag>" + etag + "</ETag>", true, false},
		"none, but no S3 server":    {"", false, false},
		"listed, and no request ID": {"<ETag>" + etag + "</ETag>", false, false},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Del("ETag")
				if tt.id {
					w.Header().Set("X-Amz-Request-Id", "R")
				}
				switch r.Method {
				case http.MethodPut:
				default:
					if r.URL.Query().Has("list-type") {
						_, _ = io.WriteString(w, listing("<IsTruncated>false</IsTruncated><Contents><Key>k</Key><Size>20</Size>"+
							"<LastModified>2020-01-01T00:00:00Z</LastModified>"+tt.listed+"</Contents>"))
						return
					}
					http.ServeContent(w, r, "", now, strings.NewReader(content))
				}
			})
			opts := f.options()
			var notices []string
			opts.Notice = func(n storage.Notice) { notices = append(notices, n.Text) }
			for what, do := range map[string]func(*bucket.Store) (storage.Info, error){
				"read": func(s *bucket.Store) (storage.Info, error) {
					r, err := s.Open(t.Context(), "k", storage.OpenOptions{First: 5, Listed: &storage.Object{Key: "k", Size: 20}})
					if err != nil {
						return storage.Info{}, err
					}
					defer r.Close()
					if got, err := readAt(t, r, 10, 10); got != content[10:] || err != nil {
						t.Errorf("%q, %v", got, err)
					}
					return r.Info(), nil
				},
				"write": func(s *bucket.Store) (storage.Info, error) {
					return s.Put(t.Context(), "k", block([]byte(content)), storage.WriteOptions{Size: 20})
				},
			} {
				info, err := do(open(t, opts))
				if !tt.ok {
					wantKind(t, err, storage.ErrTransient)
					continue
				}
				if err != nil || info.ETag != "" || info.Size != 20 {
					t.Errorf("%s: %+v, %v", what, info, err)
				}
			}
			if tt.ok != (len(notices) == 2) { // one of each store
				t.Errorf("told %q", notices)
			}
		})
	}
}
