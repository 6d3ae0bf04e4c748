package bucket_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"s3sync/storage"
	"s3sync/storage/bucket"
)

// trips is a RoundTripper made of a function.
type trips func(*http.Request) (*http.Response, error)

func (f trips) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// answered is what a server answers to a HEAD request.
func answered(req *http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: http.StatusOK, ProtoMajor: 1, ProtoMinor: 1, Body: http.NoBody, Request: req,
		Header: http.Header{"Content-Length": {"1"}, "Etag": {`"00000000000000000000000000000000"`}, "Last-Modified": {"Mon, 02 Jan 2006 15:04:05 GMT"}},
	}, nil
}

// Credentials of a function are kept until shortly before they end; requests are
// signed with the newest.
func TestCredentialsOfAFunction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls int
		var signed []string
		s, err := bucket.Open(t.Context(), bucket.Options{
			Bucket: "b", EndpointURL: "http://server.invalid", Profile: "",
			Credentials: func(context.Context) (bucket.Credentials, error) {
				calls++
				return bucket.Credentials{
					AccessKey: fmt.Sprint("KEY", calls), SecretKey: "hunter2hunter2", SessionToken: fmt.Sprint("token", calls),
					Expires: time.Now().Add(time.Hour),
				}, nil
			},
			Transport: trips(func(req *http.Request) (*http.Response, error) {
				_, key, _ := strings.Cut(req.Header.Get("Authorization"), "Credential=")
				key, _, _ = strings.Cut(key, "/")
				signed = append(signed, key+" "+req.Header.Get("X-Amz-Security-Token"))
				return answered(req)
			}),
		})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		for _, pause := range []time.Duration{0, 30 * time.Minute, 29*time.Minute + 55*time.Second, time.Minute, time.Hour} {
			time.Sleep(pause)
			if _, err := s.Stat(t.Context(), "k", storage.StatOptions{}); err != nil {
				t.Fatal(err)
			}
		}
		want := "KEY1 token1, KEY1 token1, KEY2 token2, KEY2 token2, KEY3 token3"
		if got := strings.Join(signed, ", "); got != want || calls != 3 {
			t.Errorf("%d calls, signed with %s, want %s", calls, got, want)
		}
	})
}

// A function that fails, or returns no keys, ends the run: at once, or when the
// first keys have ended.
func TestCredentialsOfAFunctionFail(t *testing.T) {
	for name, tt := range map[string]struct {
		first int // calls that succeed
		creds bucket.Credentials
		err   error
		want  string
	}{
		"at once":    {err: errors.New("no ticket"), want: "no usable credentials: no ticket"},
		"none":       {want: "no usable credentials: the function for credentials returned none"},
		"half":       {creds: bucket.Credentials{AccessKey: "a"}, want: "no usable credentials: the function for credentials returned none"},
		"afterwards": {first: 1, err: errors.New("no ticket"), want: "no usable credentials: no ticket"},
	} {
		t.Run(name, func(t *testing.T) {
			calls := 0
			s, err := bucket.Open(t.Context(), bucket.Options{
				Bucket: "b", EndpointURL: "http://server.invalid", Transport: trips(answered),
				Credentials: func(context.Context) (bucket.Credentials, error) {
					if calls++; calls <= tt.first {
						return bucket.Credentials{AccessKey: "a", SecretKey: "hunter2hunter2", Expires: time.Now().Add(time.Second)}, nil
					}
					return tt.creds, tt.err
				},
			})
			if err == nil {
				defer s.Close()
				_, err = s.Stat(t.Context(), "k", storage.StatOptions{})
			}
			if !errors.Is(err, storage.ErrCredentials) || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

// The limits of time hold whatever sends the requests.
func TestTransportOfTheCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sent atomic.Int64
		hangs := trips(func(req *http.Request) (*http.Response, error) {
			sent.Add(1)
			if req.Body != nil {
				buf := make([]byte, 64<<10)
				for {
					if _, err := req.Body.Read(buf); err != nil {
						break
					}
				}
			}
			<-req.Context().Done()
			return nil, req.Context().Err()
		})
		open := func(transport http.RoundTripper) *bucket.Store {
			s, err := bucket.Open(t.Context(), bucket.Options{
				Bucket: "b", EndpointURL: "http://server.invalid", AccessKey: "a", SecretKey: "s",
				Transport: transport, MaxAttempts: 1, ReadTimeout: time.Minute,
			})
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
		s := open(hangs)
		defer s.Close()
		began := time.Now()
		_, err := s.Stat(t.Context(), "k", storage.StatOptions{})
		if err == nil || !strings.Contains(err.Error(), "no answer to a request for 1m0s") || time.Since(began) != time.Minute {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
		began = time.Now()
		_, err = s.Put(t.Context(), "k", storage.Block{Data: []byte("some data")}, storage.WriteOptions{Size: 9})
		if err == nil || !strings.Contains(err.Error(), "no answer to a request for 1m0s") || time.Since(began) != time.Minute {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
		if sent.Load() != 2 {
			t.Errorf("%d requests were sent", sent.Load())
		}
		deaf := open(trips(func(req *http.Request) (*http.Response, error) { // it never reads the body
			<-req.Context().Done()
			return nil, req.Context().Err()
		}))
		defer deaf.Close()
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		began = time.Now()
		_, err = deaf.Put(ctx, "k", storage.Block{Data: []byte("some data")}, storage.WriteOptions{Size: 9})
		if err == nil || !strings.Contains(err.Error(), "no answer to a request for 1m0s") || time.Since(began) != time.Minute {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
		works := open(trips(answered))
		defer works.Close()
		if info, err := works.Stat(t.Context(), "k", storage.StatOptions{}); err != nil || info.Size != 1 {
			t.Errorf("%+v, %v", info, err)
		}
		broken := open(trips(func(*http.Request) (*http.Response, error) { return nil, errors.New("out of order") }))
		defer broken.Close()
		if _, err := broken.Stat(t.Context(), "k", storage.StatOptions{}); !storage.Retryable(err) || !strings.Contains(err.Error(), "out of order") {
			t.Errorf("got %v", err)
		}
	})
}
