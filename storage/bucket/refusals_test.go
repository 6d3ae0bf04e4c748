package bucket_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"testing"

	"s3sync/storage"
	"s3sync/storage/bucket"
)

// looksGone are calls that find out that an object does not exist, or that count one that
// does not exist as done. Each returns an error unless the call took the object for gone.
func looksGone() map[string]func(context.Context, *bucket.Store) error {
	isGone := func(err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	all := map[string]func(context.Context, *bucket.Store) error{
		"Single": func(ctx context.Context, s *bucket.Store) error {
			for _, err := range s.Single("name").List(ctx, storage.ListOptions{}) {
				return err
			}
			return nil
		},
	}
	for _, operation := range []string{"HeadObject", "GetObject", "DeleteObject", "DeleteObjects", "CopyObject", "ListObjectsV2"} {
		request := requests()[operation]
		all[operation] = func(ctx context.Context, s *bucket.Store) error { return isGone(request(ctx, s)) }
	}
	return all
}

// TestForeignRefusals: a 404 that does not come from an S3 server does not mean that an
// object is gone. A proxy or an ingress without a server behind it sends such answers.
func TestForeignRefusals(t *testing.T) {
	for name, page := range map[string]string{
		"nothing": "", "text": "default backend - 404", "page": "<!DOCTYPE html>\n<html><body>Not found</body></html>",
	} {
		for operation, request := range looksGone() {
			t.Run(operation+"/"+name, func(t *testing.T) {
				gone := false
				f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
					if !gone {
						answerLikeS3(w, r)
						return
					}
					w.Header().Del("ETag")
					w.WriteHeader(http.StatusNotFound)
					_, _ = io.WriteString(w, page)
				})
				s := open(t, f.options())
				if _, err := keysOf(t.Context(), s, storage.Range{}); err != nil {
					t.Fatal(err)
				}
				gone = true
				if err := request(t.Context(), s); err == nil {
					t.Error("the object passes for one that does not exist")
				}
			})
		}
	}
}

// TestRefusalsOfAServer: a 404 of an S3 server means that the object is gone, whether the
// server names its requests or not.
func TestRefusalsOfAServer(t *testing.T) {
	for name, refuse := range map[string]http.HandlerFunc{
		"with request ID": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Amz-Request-Id", "R")
			w.WriteHeader(http.StatusNotFound)
		},
		"with a code": refusing(http.StatusNotFound, "NoSuchKey"),
	} {
		for _, operation := range []string{"HeadObject", "GetObject"} {
			t.Run(operation+"/"+name, func(t *testing.T) {
				s := open(t, newFake(t, refuse).options())
				if err := requests()[operation](t.Context(), s); !errors.Is(err, fs.ErrNotExist) {
					t.Error(err)
				}
			})
		}
	}
}

// TestProxyRefuses: what a proxy answers to CONNECT says nothing about the store.
func TestProxyRefuses(t *testing.T) {
	for status, wantKind := range map[int]error{
		http.StatusNotFound: storage.ErrUnusable, http.StatusForbidden: storage.ErrUnusable, http.StatusMethodNotAllowed: storage.ErrUnusable,
		http.StatusPreconditionFailed: storage.ErrUnusable, http.StatusProxyAuthRequired: storage.ErrUnusable,
		http.StatusUnauthorized: storage.ErrUnusable, http.StatusRequestedRangeNotSatisfiable: storage.ErrUnusable,
		http.StatusBadGateway: storage.ErrTransient, http.StatusServiceUnavailable: storage.ErrThrottled,
	} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
			defer proxy.Close()
			s := open(t, bucket.Options{
				Bucket: "b", EndpointURL: "https://server.invalid", AccessKey: "a", SecretKey: "s", HTTPSProxy: proxy.URL, MaxAttempts: 1,
			})
			for operation, request := range looksGone() {
				err := request(t.Context(), s)
				if !errors.Is(err, wantKind) {
					t.Errorf("%s: %v", operation, err)
				}
				for _, other := range []error{fs.ErrNotExist, fs.ErrPermission, storage.ErrCredentials, storage.ErrPrecondition, errors.ErrUnsupported} {
					if errors.Is(err, other) {
						t.Errorf("%s: %v is also %v", operation, err, other)
					}
				}
			}
		})
	}
}
