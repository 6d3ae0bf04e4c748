package bucket_test

import (
	"errors"
	"io/fs"
	"net/http"
	"testing"

	"s3sync/storage/bucket"
)

// Wherever an endpoint comes from, the store knows it.
func TestLocation(t *testing.T) {
	t.Setenv("AWS_ENDPOINT_URL_S3", "http://LocalHost:9000/")
	opts := bucket.Options{Bucket: "b", Prefix: "p/", AccessKey: "k", SecretKey: "s", Region: "eu-test-1"}
	for name, tt := range map[string]struct {
		change func(*bucket.Options)
		want   string
		alias  bool
	}{
		"environment": {func(*bucket.Options) {}, "localhost:9000", false},
		"option":      {func(o *bucket.Options) { o.EndpointURL = "http://127.0.0.1:1" }, "localhost:1", false},
		"access point": {func(o *bucket.Options) {
			o.Bucket = "arn:aws:s3:eu-west-1:123456789012:accesspoint/ap"
		}, "localhost:9000", true},
		"alias": {func(o *bucket.Options) { o.Bucket = "ap-hrzrlukc5m36ft7okagglf3gmwluquse1b-s3alias" }, "localhost:9000", true},
	} {
		t.Run(name, func(t *testing.T) {
			o := opts
			tt.change(&o)
			s, err := bucket.Open(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			got := s.Location()
			if got.Server != tt.want || got.Container != o.Bucket || got.Prefix != "p/" || got.Alias != tt.alias {
				t.Errorf("got %+v", got)
			}
		})
	}
}

// A full key is asked for as it stands.
func TestStatFull(t *testing.T) {
	f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/b/other/key" {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		object(w, r, "data", etag)
	})
	opts := f.options()
	opts.Prefix = "p/"
	s, err := bucket.Open(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	o, err := s.StatFull(t.Context(), "other/key")
	if err != nil || o.ETag != etag || o.Size != 4 || o.Key != "other/key" || o.ModTime.IsZero() {
		t.Errorf("got %+v, %v", o, err)
	}
	if _, err := s.StatFull(t.Context(), "p/other/key"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing: %v", err)
	}
}
