package integration_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"s3sync"
	"s3sync/internal/s3server"
)

// TestPartsAfterTheAbort: the server may still work on the interrupted request of a
// part while the upload is aborted. A part that it writes then does not remain.
func TestPartsAfterTheAbort(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, srv *s3server.Server) {
		root, target := t.TempDir(), newBucket(t, srv)
		write(t, root, "big", random(1, 6*s3sync.MiB))
		// After the abort, one server forgets an upload that it has written a part to,
		// unless there is another upload of the same key.
		other, err := target.Client().CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: &target.name, Key: aws.String("big")})
		if err != nil {
			t.Fatal(err)
		}
		front := newFront(t, srv.Endpoint, "UploadPart partNumber=2 status=400 code=InvalidArgument")
		begun, aborted, late := make(chan struct{}), make(chan struct{}), make(chan struct{})
		front.onRequest(func(w http.ResponseWriter, r *http.Request) bool {
			query := r.URL.Query()
			switch {
			case query.Get("partNumber") == "1":
				data, err := io.ReadAll(r.Body)
				if err != nil {
					t.Error(err)
				}
				close(begun)
				r = r.Clone(context.WithoutCancel(r.Context()))
				r.Body = io.NopCloser(&held{Reader: bytes.NewReader(data), at: len(data) - 1, until: aborted})
				front.Proxy.ServeHTTP(w, r)
				close(late)
			case query.Get("partNumber") == "2":
				<-begun
				return false
			case r.Method == http.MethodDelete:
				front.Proxy.ServeHTTP(w, r)
				select {
				case <-aborted:
				default:
					close(aborted)
				}
			default:
				return false
			}
			return true
		})
		o := run(t, smallParts(config(local(root), target.at(front.URL))))
		o.failed(t, "big", "InvalidArgument")
		select {
		case <-late:
		case <-time.After(10 * time.Second):
			t.Error("the late part never ended")
		}
		_, err = target.Client().AbortMultipartUpload(t.Context(), &s3.AbortMultipartUploadInput{Bucket: &target.name, Key: aws.String("big"), UploadId: other.UploadId})
		if err != nil {
			t.Fatal(err)
		}
		target.holds(t, nil, "big")
	})
}

// A held is a reader that stops before a byte until a channel is closed.
type held struct {
	*bytes.Reader

	at    int
	until <-chan struct{}
}

func (h *held) Read(p []byte) (int, error) {
	left := h.at - int(h.Size()) + h.Len()
	if left <= 0 {
		<-h.until
		return h.Reader.Read(p)
	}
	return h.Reader.Read(p[:min(len(p), left)])
}
