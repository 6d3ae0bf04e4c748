package faultproxy_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"s3sync/internal/faultproxy"
	"s3sync/internal/s3server"
)

func TestMain(m *testing.M) { os.Exit(s3server.Main(m)) }

// TestSignaturesStayValid: a real server accepts what comes through the proxy,
// for keys that need escaping, and refuses what was damaged.
func TestSignaturesStayValid(t *testing.T) {
	for _, kind := range s3server.Kinds() {
		t.Run(string(kind), func(t *testing.T) {
			server := s3server.Shared(t, kind)
			const damage = "PUT key=damaged flip byte=10"
			proxy := faultproxy.New(t, server.Endpoint, damage, "GET key=short truncate after=4096 times=1")
			client := s3.New(server.Client().Options(), func(o *s3.Options) {
				o.BaseEndpoint = aws.String(proxy.URL)
				o.RetryMaxAttempts = 1
			})
			bucket := aws.String(server.Bucket(t))
			data := bytes.Repeat([]byte("0123456789abcdef"), 4096)
			put := func(key string) error {
				_, err := client.PutObject(t.Context(), &s3.PutObjectInput{
					Bucket: bucket, Key: aws.String(key), Body: bytes.NewReader(data),
				})
				return err
			}
			get := func(key string) ([]byte, error) {
				out, err := client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: bucket, Key: aws.String(key)})
				if err != nil {
					return nil, err
				}
				defer out.Body.Close()
				return io.ReadAll(out.Body)
			}

			for _, key := range []string{"plain", "a b+c%20d&e=f", "é/日/😀", "x'()!*~", "short"} {
				if err := put(key); err != nil {
					t.Errorf("put %q: %v", key, err)
				}
			}
			if got, err := get("a b+c%20d&e=f"); err != nil || !bytes.Equal(got, data) {
				t.Errorf("got %d bytes, %v", len(got), err)
			}
			list, err := client.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: bucket, Prefix: aws.String("é/日")})
			if err != nil || len(list.Contents) != 1 {
				t.Errorf("list: %v", err)
			}

			err = put("damaged")
			if re, ok := errors.AsType[*smithyhttp.ResponseError](err); !ok || re.HTTPStatusCode() != http.StatusBadRequest {
				t.Errorf("the server took a damaged body: %v", err)
			}
			if got, err := get("short"); !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("got %d bytes, %v", len(got), err)
			}
			if n := proxy.Count("PutObject"); n != 6 || proxy.Hits(damage) != 1 {
				t.Errorf("%d requests, %d hits", n, proxy.Hits(damage))
			}
		})
	}
}
