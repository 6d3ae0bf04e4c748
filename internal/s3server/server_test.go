package s3server_test

import (
	"io"
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"s3sync/internal/s3server"
)

func TestMain(m *testing.M) { os.Exit(s3server.Main(m)) }

func TestStart(t *testing.T) {
	t.Parallel()
	for _, kind := range s3server.Kinds() {
		for name, opts := range map[string]s3server.Options{"http": {}, "https": {TLS: true}} {
			t.Run(string(kind)+" "+name, func(t *testing.T) {
				t.Parallel()
				s := s3server.Start(t, kind, opts)
				bucket := s.Bucket(t)
				key := aws.String("a/b")
				_, err := s.Client().PutObject(t.Context(), &s3.PutObjectInput{
					Bucket: &bucket, Key: key, Body: strings.NewReader("hello"),
				})
				if err != nil {
					t.Fatal(err)
				}
				out, err := s.Client().GetObject(t.Context(), &s3.GetObjectInput{Bucket: &bucket, Key: key})
				if err != nil {
					t.Fatal(err)
				}
				defer out.Body.Close()
				if got, err := io.ReadAll(out.Body); string(got) != "hello" || err != nil {
					t.Errorf("read %q, %v", got, err)
				}
			})
		}
	}
}

func TestClose(t *testing.T) {
	for _, kind := range s3server.Kinds() {
		t.Run(string(kind), func(t *testing.T) {
			s := s3server.Start(t, kind, s3server.Options{})
			s.Close()
			_, err := s.Client().ListBuckets(t.Context(), &s3.ListBucketsInput{}, func(o *s3.Options) { o.RetryMaxAttempts = 1 })
			if err == nil {
				t.Error("the server answers after Close")
			}
		})
	}
}
