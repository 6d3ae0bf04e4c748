package bucket_test

import (
	"bytes"
	"context"
	"crypto/md5"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"s3sync/internal/checksum"
	"s3sync/internal/faultproxy"
	"s3sync/internal/s3server"
	"s3sync/storage"
	"s3sync/storage/bucket"
)

// putInParts writes an object in one part.
func putInParts(ctx context.Context, s *bucket.Store, key string, data []byte, opts storage.WriteOptions) (storage.Writer, error) {
	w, err := s.Create(ctx, key, opts)
	if err != nil {
		return nil, err
	}
	return w, w.WritePart(ctx, 1, 0, block(data))
}

// TestConditionAnswerLost: on real servers, what was written without our hearing
// of it does not stand in the way when it is written again: neither by the same
// request, nor by the next one.
func TestConditionAnswerLost(t *testing.T) {
	data := []byte("what is written")
	for _, kind := range s3server.Kinds() {
		for _, attempts := range []int{1, 3} {
			for _, absent := range []bool{true, false} {
				for _, parts := range []bool{true, false} {
					t.Run(fmt.Sprintf("%s, attempts %d, absent %t, parts %t", kind, attempts, absent, parts), func(t *testing.T) {
						server := s3server.Shared(t, kind)
						lost := "PutObject"
						if parts {
							lost = "CompleteMultipartUpload"
						}
						proxy := faultproxy.New(t, server.Endpoint, lost+" times=1 lost")
						opts := options(server, server.Bucket(t))
						direct := open(t, opts)
						opts.EndpointURL, opts.MaxAttempts = proxy.URL, attempts
						s := open(t, opts)
						wopts := storage.WriteOptions{Size: int64(len(data)), IfAbsent: absent}
						if !absent {
							info, err := direct.Put(t.Context(), "k", block(nil), storage.WriteOptions{})
							if err != nil {
								t.Fatal(err)
							}
							wopts.IfMatch = info.ETag
						}
						write := func() (storage.Info, error) { return s.Put(t.Context(), "k", block(data), wopts) }
						if parts {
							w, err := putInParts(t.Context(), s, "k", data, wopts)
							if err != nil {
								t.Fatal(err)
							}
							write = func() (storage.Info, error) { return w.Commit(t.Context()) }
						}
						info, err := write()
						if attempts == 1 {
							wantKind(t, err, storage.ErrTransient)
							info, err = write()
						}
						if err != nil {
							t.Fatal(err)
						}
						stat, err := direct.Stat(t.Context(), "k", storage.StatOptions{})
						if err != nil || stat.ETag != info.ETag || stat.Size != int64(len(data)) {
							t.Errorf("Stat = %+v, %v; the write said %+v", stat, err, info)
						}
						// That is over: the same again is another write.
						if _, err := s.Put(t.Context(), "k", block(data), wopts); !errors.Is(err, storage.ErrPrecondition) {
							t.Errorf("another write: %v", err)
						}
					})
				}
			}
		}
	}
}

// TestConditionOfAnother: what somebody else wrote is not taken for our own,
// although there was a request that was not heard of.
func TestConditionOfAnother(t *testing.T) {
	for _, kind := range s3server.Kinds() {
		t.Run(string(kind), func(t *testing.T) {
			server := s3server.Shared(t, kind)
			proxy := faultproxy.New(t, server.Endpoint, "PutObject times=1 close", "CompleteMultipartUpload times=1 close")
			opts := options(server, server.Bucket(t))
			if _, err := open(t, opts).Put(t.Context(), "k", block([]byte("theirs")), storage.WriteOptions{Size: 6}); err != nil {
				t.Fatal(err)
			}
			opts.EndpointURL = proxy.URL
			s := open(t, opts)
			wopts := storage.WriteOptions{Size: 4, IfAbsent: true}
			_, err := s.Put(t.Context(), "k", block([]byte("ours")), wopts)
			wantKind(t, err, storage.ErrPrecondition)
			w, err := putInParts(t.Context(), s, "k", []byte("ours"), wopts)
			if err != nil {
				t.Fatal(err)
			}
			_, err = w.Commit(t.Context())
			wantKind(t, err, storage.ErrPrecondition)
			if err := w.Abort(t.Context()); err != nil {
				t.Error(err)
			}
			if data := contentOf(t, s, "k"); data != "theirs" {
				t.Errorf("the object holds %q", data)
			}
		})
	}
}

// TestConditionOfTheSame: what was there before is not taken for our own, although
// it has the same content, if there was one request only. Of copies neither server
// heeds any condition.
func TestConditionOfTheSame(t *testing.T) {
	for _, kind := range s3server.Kinds() {
		t.Run(string(kind), func(t *testing.T) {
			server := s3server.Shared(t, kind)
			s := open(t, options(server, server.Bucket(t)))
			data := []byte("same")
			for _, key := range []string{"from", "k"} {
				if _, err := s.Put(t.Context(), key, block(data), storage.WriteOptions{Size: 4}); err != nil {
					t.Fatal(err)
				}
			}
			opts := storage.WriteOptions{Size: 4, IfAbsent: true}
			_, err := s.Put(t.Context(), "k", block(data), opts)
			wantKind(t, err, storage.ErrPrecondition)
			from, err := copySource(t.Context(), s, "from", storage.StatOptions{})
			if err != nil {
				t.Fatal(err)
			}
			_, err = s.Copy(t.Context(), "k", from, opts)
			wantKind(t, err, storage.ErrPrecondition)
		})
	}
}

// contentOf reads a small object.
func contentOf(t *testing.T, s *bucket.Store, key string) string {
	t.Helper()
	r, err := s.Open(t.Context(), key, storage.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	data, err := readAt(t, r, r.Info().Size, 0)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestConditionEvidence: what an object must have to be taken for the one that was
// written, where the first of two attempts failed and the second was refused. The
// servers of the tests have no encryption that hides digests from everybody.
func TestConditionEvidence(t *testing.T) {
	data := []byte("data")
	sum := fmt.Sprintf("%x", md5.Sum(data))
	crc := checksum.CRC64NVME
	value := checksumText(crc, data)
	kms := http.Header{"X-Amz-Server-Side-Encryption": {"aws:kms"}}
	for name, tt := range map[string]struct {
		algorithm storage.ChecksumAlgorithm
		head      http.HandlerFunc
		refusal   http.HandlerFunc
		ifMatch   string
		attempts  int
		want      error
		requests  string
	}{
		"its ETag":                 {head: answerWithHeaders(data, sum, nil), requests: "PUT PUT HEAD"},
		"another ETag":             {head: answerWithHeaders(data, etag, nil), want: storage.ErrPrecondition, requests: "PUT PUT HEAD"},
		"its ETag is no digest":    {head: answerWithHeaders(data, sum, kms), want: storage.ErrPrecondition, requests: "PUT PUT HEAD"},
		"its checksum":             {algorithm: crc, head: answerWithHeaders(data, etag, withHeader(kms, checksum.Header(crc), value)), requests: "PUT PUT HEAD"},
		"another checksum":         {algorithm: crc, head: answerWithHeaders(data, etag, withHeader(kms, checksum.Header(crc), "AAAAAAAAAAA=")), want: storage.ErrPrecondition, requests: "PUT PUT HEAD"},
		"its checksum, other size": {algorithm: crc, head: answerWithHeaders([]byte("longer"), etag, withHeader(kms, checksum.Header(crc), value)), want: storage.ErrPrecondition, requests: "PUT PUT HEAD"},
		"an older one":             {head: withOlderTime(answerWithHeaders(data, sum, nil), 10*time.Second), want: storage.ErrPrecondition, requests: "PUT PUT HEAD"},
		"of a slow clock":          {head: withSlowClock(answerWithHeaders(data, sum, nil)), requests: "PUT PUT HEAD"},
		"older, of a slow clock":   {head: withSlowClock(withOlderTime(answerWithHeaders(data, sum, nil), 10*time.Second)), want: storage.ErrPrecondition, requests: "PUT PUT HEAD"},
		"other metadata":           {head: answerWithHeaders(data, sum, http.Header{"X-Amz-Meta-A_b": {"theirs"}}), want: storage.ErrPrecondition, requests: "PUT PUT HEAD"},
		"more metadata":            {head: answerWithHeaders(data, sum, http.Header{"X-Amz-Meta-C": {"theirs"}}), want: storage.ErrPrecondition, requests: "PUT PUT HEAD"},
		"metadata in other words":  {head: answerWithHeaders(data, sum, http.Header{"X-Amz-Meta-A_b": {""}, "X-Amz-Meta-A-B": {"=?UTF-8?Q?=C3=A9?="}}), requests: "PUT PUT HEAD"},
		"another type":             {head: answerWithHeaders(data, sum, http.Header{"Content-Type": {"text/html"}}), want: storage.ErrPrecondition, requests: "PUT PUT HEAD"},
		"another language":         {head: answerWithHeaders(data, sum, http.Header{"Content-Language": {"fr"}}), want: storage.ErrPrecondition, requests: "PUT PUT HEAD"},
		"nothing there":            {head: refusing(404, "NoSuchKey"), want: storage.ErrPrecondition, requests: "PUT PUT HEAD"},
		"gone, If-Match":           {head: refusing(404, "NoSuchKey"), refusal: refusing(404, "NoSuchKey"), ifMatch: etag, want: storage.ErrPrecondition, requests: "PUT PUT HEAD"},
		"must not be looked at":    {head: refusing(403, "AccessDenied"), want: storage.ErrPrecondition, requests: "PUT PUT HEAD"},
		"cannot be looked at now":  {head: refusing(503, "SlowDown"), want: storage.ErrThrottled, requests: "PUT PUT HEAD HEAD"},
		"refused at once":          {head: answerWithHeaders(data, sum, nil), attempts: 1, want: storage.ErrPrecondition, requests: "PUT"},
	} {
		t.Run(name, func(t *testing.T) {
			puts := 0
			f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
				switch {
				case r.Method == http.MethodHead:
					tt.head(w, r)
				case puts == 0 && tt.attempts != 1:
					puts++
					refuse(w, 500, "InternalError")
				case tt.refusal != nil:
					tt.refusal(w, r)
				default:
					refuse(w, 412, "PreconditionFailed")
				}
				if tt.ifMatch != "" && r.Method == http.MethodPut && r.Header.Get("If-Match") != `"`+etag+`"` {
					t.Errorf("If-Match: %q", r.Header.Get("If-Match"))
				}
			})
			opts := f.options()
			opts.MaxAttempts = 2
			_, err := open(t, opts).Put(t.Context(), "k", block(data), storage.WriteOptions{
				Attributes: someAttributes(), Size: 4, IfAbsent: tt.ifMatch == "", IfMatch: tt.ifMatch, Checksum: storage.Checksum{Algorithm: tt.algorithm},
			})
			if got := strings.Join(f.seen(), " "); got != tt.requests {
				t.Errorf("requests %s, want %s", got, tt.requests)
			}
			if tt.want != nil {
				wantKind(t, err, tt.want)
			} else if err != nil {
				t.Error(err)
			}
		})
	}
}

func checksumText(alg checksum.Algorithm, data []byte) string {
	sum, err := checksum.NewSum(alg, checksum.Whole(int64(len(data))), checksum.FullObject)
	if err == nil {
		err = sum.WriteAt(context.Background(), data, 0)
	}
	value, verr := sum.Value()
	if err := errors.Join(err, verr); err != nil {
		panic(err)
	}
	return value
}

// someAttributes is what an object carries in tests of what was written.
func someAttributes() storage.Attributes {
	return storage.Attributes{ContentType: "text/plain", Metadata: map[string]string{"a_b": "é"}}
}

// answerWithHeaders answers with the headers of an object that was written just now
// with someAttributes. Those in h replace them.
func answerWithHeaders(data []byte, etag string, h http.Header) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		for name, value := range map[string]string{"Content-Type": "text/plain", "X-Amz-Meta-A_b": "é"} {
			w.Header().Set(name, value)
		}
		maps.Copy(w.Header(), h)
		for name, values := range w.Header() {
			if values[0] == "" {
				w.Header().Del(name)
			}
		}
		w.Header().Set("ETag", `"`+etag+`"`)
		http.ServeContent(w, r, "", time.Now(), bytes.NewReader(data))
	}
}

// withOlderTime makes the object of an answer that much older.
func withOlderTime(handle http.HandlerFunc, age time.Duration) http.HandlerFunc {
	return withShiftedTimes(handle, func(h http.Header, now, modified time.Time) {
		h.Set("Last-Modified", modified.Add(-age).UTC().Format(http.TimeFormat))
	})
}

// withSlowClock makes an answer say that it is the year 2001.
func withSlowClock(handle http.HandlerFunc) http.HandlerFunc {
	return withShiftedTimes(handle, func(h http.Header, now, modified time.Time) {
		then := time.Unix(1e9, 0)
		h.Set("Date", then.UTC().Format(http.TimeFormat))
		h.Set("Last-Modified", then.Add(modified.Sub(now)).UTC().Format(http.TimeFormat))
	})
}

// withShiftedTimes changes the times in the headers of answers.
func withShiftedTimes(handle http.HandlerFunc, shift func(h http.Header, now, modified time.Time)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		answer := httptest.NewRecorder()
		handle(answer, r)
		maps.Copy(w.Header(), answer.Header())
		modified, err := http.ParseTime(answer.Header().Get("Last-Modified"))
		if err != nil {
			panic(err)
		}
		shift(w.Header(), time.Now().Truncate(time.Second), modified)
		w.WriteHeader(answer.Code)
	}
}

func withHeader(h http.Header, name, value string) http.Header {
	h = h.Clone()
	h.Set(name, value)
	return h
}

// TestConditionDoubtStays: as long as it cannot be found out what became of a
// write, the next refusal of it is looked into.
func TestConditionDoubtStays(t *testing.T) {
	data := []byte("data")
	var answers []http.HandlerFunc
	f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
		answer := answers[0]
		answers = answers[1:]
		answer(w, r)
	})
	s := open(t, f.options())
	write := func() error {
		_, err := s.Put(t.Context(), "k", block(data), storage.WriteOptions{Size: 4, IfAbsent: true, Attributes: someAttributes()})
		return err
	}
	fault, unmet := refusing(500, "InternalError"), refusing(412, "PreconditionFailed")
	answers = []http.HandlerFunc{fault, unmet, fault, unmet, answerWithHeaders(data, fmt.Sprintf("%x", md5.Sum(data)), nil), unmet}
	wantKind(t, write(), storage.ErrTransient) // the write
	wantKind(t, write(), storage.ErrTransient) // the look at what is there
	if err := write(); err != nil {
		t.Error(err)
	}
	wantKind(t, write(), storage.ErrPrecondition) // there is no doubt any more
	if len(answers) != 0 {
		t.Errorf("requests %q", f.seen())
	}
}

// TestDeleteSame: what each answer to a deletion with a condition means. A server
// that does not heed it is one of those in TestConformance.
func TestDeleteSame(t *testing.T) {
	there, gone := answerWithHeaders([]byte("data"), etag, nil), refusing(404, "NoSuchKey")
	for name, tt := range map[string]struct {
		heads    []http.HandlerFunc
		remove   http.HandlerFunc
		want     error
		requests string
	}{
		"removed":                  {[]http.HandlerFunc{there}, answer(http.StatusNoContent, ""), nil, "HEAD DELETE"},
		"changed":                  {[]http.HandlerFunc{answerWithHeaders([]byte("x"), "other", nil)}, nil, storage.ErrPrecondition, "HEAD"},
		"gone":                     {[]http.HandlerFunc{gone}, nil, nil, "HEAD"},
		"cannot be looked at":      {[]http.HandlerFunc{refusing(403, "AccessDenied")}, nil, fs.ErrPermission, "HEAD"},
		"changed in between":       {[]http.HandlerFunc{there, there}, refusing(412, "PreconditionFailed"), storage.ErrPrecondition, "HEAD DELETE HEAD"},
		"removed before":           {[]http.HandlerFunc{there, gone}, refusing(412, "PreconditionFailed"), nil, "HEAD DELETE HEAD"},
		"removed before, not 412":  {[]http.HandlerFunc{there}, refusing(404, "NoSuchKey"), nil, "HEAD DELETE"},
		"somebody else is at work": {[]http.HandlerFunc{there}, refusing(409, "ConditionalRequestConflict"), storage.ErrTransient, "HEAD DELETE"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodDelete {
					if got := r.Header.Get("If-Match"); got != `"`+etag+`"` {
						t.Errorf("If-Match: %q", got)
					}
					tt.remove(w, r)
					return
				}
				head := tt.heads[0]
				tt.heads = tt.heads[1:]
				head(w, r)
			})
			err := open(t, f.options()).Delete(t.Context(), []storage.Object{{Key: "k", ETag: etag}}, storage.DeleteOptions{IfMatch: true})[0]
			if tt.want != nil {
				wantKind(t, err, tt.want)
			} else if err != nil {
				t.Error(err)
			}
			if got := strings.Join(f.seen(), " "); got != tt.requests {
				t.Errorf("requests %s, want %s", got, tt.requests)
			}
		})
	}
}

// TestDeleteWithoutETag: what cannot be compared is not removed.
func TestDeleteWithoutETag(t *testing.T) {
	f := newFake(t, answering(""))
	err := open(t, f.options()).Delete(t.Context(), []storage.Object{{Key: "k"}}, storage.DeleteOptions{IfMatch: true})[0]
	wantKind(t, err, storage.ErrPrecondition)
	f.wantSeen(t)
}

// TestDeleteSameMany: each object has its own outcome, however many there are.
func TestDeleteSameMany(t *testing.T) {
	f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
		tag := etag
		if strings.HasSuffix(r.URL.Path, "3") {
			tag = "other"
		}
		if r.Method == http.MethodDelete {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		object(w, r, "data", tag)
	})
	objects := make([]storage.Object, 100)
	for i := range objects {
		objects[i] = storage.Object{Key: fmt.Sprint("key", i), ETag: etag}
	}
	for i, err := range open(t, f.options()).Delete(t.Context(), objects, storage.DeleteOptions{IfMatch: true}) {
		if changed := i%10 == 3; changed != errors.Is(err, storage.ErrPrecondition) || !changed && err != nil {
			t.Errorf("%s: %v", objects[i].Key, err)
		}
	}
	if n := len(f.all()); n != 190 {
		t.Errorf("%d requests", n)
	}
}

// TestDeleteSameAnswerLost: on real servers, a deletion that was made without our
// hearing of it is one.
func TestDeleteSameAnswerLost(t *testing.T) {
	for _, kind := range s3server.Kinds() {
		t.Run(string(kind), func(t *testing.T) {
			server := s3server.Shared(t, kind)
			proxy := faultproxy.New(t, server.Endpoint, "DeleteObject times=1 lost")
			opts := options(server, server.Bucket(t))
			opts.EndpointURL = proxy.URL
			s := open(t, opts)
			info, err := s.Put(t.Context(), "k", block(nil), storage.WriteOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Delete(t.Context(), []storage.Object{info.Object}, storage.DeleteOptions{IfMatch: true})[0]; err != nil {
				t.Error(err)
			}
			if _, err := s.Stat(t.Context(), "k", storage.StatOptions{}); !storage.Gone(err) {
				t.Errorf("Stat: %v", err)
			}
		})
	}
}
