package bucket_test

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"s3sync/internal/faultproxy"
	"s3sync/internal/s3server"
	"s3sync/storage"
)

// TestNetworkFaults: requests to a real server that break on the way. Those that
// can be made again are; what is broken for good is told as temporary.
func TestNetworkFaults(t *testing.T) {
	data := bytes.Repeat([]byte("0123456789abcdef"), 64<<10) // 1 MiB
	put := func(ctx context.Context, s storage.Store) error {
		_, err := s.Put(ctx, "k", block(data), storage.WriteOptions{Size: int64(len(data))})
		return err
	}
	parts := func(ctx context.Context, s storage.Store) error {
		w, err := s.Create(ctx, "k", storage.WriteOptions{Size: int64(len(data))})
		if err != nil {
			return err
		}
		if err := w.WritePart(ctx, 1, 0, block(data)); err != nil {
			return errors.Join(err, w.Abort(ctx))
		}
		_, err = w.Commit(ctx)
		return err
	}
	read := func(ctx context.Context, s storage.Store) error {
		if err := put(ctx, s); err != nil {
			return err
		}
		r, err := s.Open(ctx, "k", storage.OpenOptions{})
		if err != nil {
			return err
		}
		p := make([]byte, len(data))
		if err = r.ReadAt(ctx, p, 0); err != nil {
			// What the pipeline does: the same once more.
			if !storage.Retryable(err) {
				return errors.Join(err, r.Close())
			}
			err = r.ReadAt(ctx, p, 0)
		}
		if err == nil && !bytes.Equal(p, data) {
			err = errors.New("other bytes were read")
		}
		return errors.Join(err, r.Close())
	}
	list := func(ctx context.Context, s storage.Store) error {
		if err := put(ctx, s); err != nil {
			return err
		}
		keys, err := keysOf(ctx, s, storage.Range{})
		if err == nil && len(keys) != 1 {
			err = errors.New("the object is not listed")
		}
		return err
	}
	for name, tt := range map[string]struct {
		rule string
		do   func(context.Context, storage.Store) error
		want error
	}{
		"upload is reset once":      {"PutObject nth=1 reset after=4096", put, nil},
		"upload is reset for good":  {"PutObject reset after=4096", put, storage.ErrTransient},
		"upload is damaged":         {"PutObject flip byte=5000", put, storage.ErrMismatch},
		"answer of upload is lost":  {"PutObject nth=1 lost", put, nil},
		"part is reset once":        {"UploadPart nth=1 reset after=4096", parts, nil},
		"part is damaged":           {"UploadPart flip byte=5000", parts, storage.ErrMismatch},
		"ETag of part is wrong":     {"UploadPart etag=bad", parts, storage.ErrMismatch},
		"download is reset once":    {"GetObject nth=1 reset after=4096", read, nil},
		"download is reset":         {"GetObject reset after=4096", read, storage.ErrTransient},
		"download is cut off once":  {"GetObject nth=1 truncate after=4096", read, nil},
		"listing is reset once":     {"LIST nth=1 reset after=100", list, nil},
		"listing is cut off":        {"LIST truncate-xml", list, storage.ErrTransient},
		"listing is cut off once":   {"LIST nth=1 truncate-xml", list, nil},
		"connection is closed once": {"LIST nth=1 close", list, nil},
	} {
		t.Run(name, func(t *testing.T) {
			server := s3server.Shared(t, s3server.VersityGW)
			proxy := faultproxy.New(t, server.Endpoint, tt.rule)
			opts := options(server, server.Bucket(t))
			opts.EndpointURL = proxy.URL
			err := tt.do(t.Context(), open(t, opts))
			if tt.want == nil {
				if err != nil {
					t.Error(err)
				}
			} else if !errors.Is(err, tt.want) || !storage.Retryable(err) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
			if uploads := server.OpenUploads(t, opts.Bucket, ""); len(uploads) != 0 {
				t.Errorf("uploads %q are left", uploads)
			}
		})
	}
}

// TestShortObject: a server that tells less than it has, with all headers in
// harmony, is believed by the first request and found out by the next.
func TestShortObject(t *testing.T) {
	server := s3server.Shared(t, s3server.VersityGW)
	proxy := faultproxy.New(t, server.Endpoint, "GetObject nth=2 shorten after=4")
	opts := options(server, server.Bucket(t))
	opts.EndpointURL = proxy.URL
	s := open(t, opts)
	if _, err := s.Put(t.Context(), "k", block([]byte(content)), storage.WriteOptions{Size: 20}); err != nil {
		t.Fatal(err)
	}
	r := reader(t, s, storage.OpenOptions{First: 8})
	_, err := readAt(t, r, 8, 8)
	if !storage.Retryable(err) {
		t.Errorf("got %v, want a failure that may pass", err)
	}
	if got, err := readAt(t, r, 8, 8); got != content[8:16] || err != nil {
		t.Errorf("again: %q, %v", got, err)
	}
}

// TestAbortLeavesNothing: on both servers, also with parts in it.
func TestAbortLeavesNothing(t *testing.T) {
	for _, kind := range s3server.Kinds() {
		t.Run(string(kind), func(t *testing.T) {
			server := s3server.Shared(t, kind)
			opts := options(server, server.Bucket(t))
			s := open(t, opts)
			w, err := s.Create(t.Context(), "a/b", storage.WriteOptions{Size: 4})
			if err != nil {
				t.Fatal(err)
			}
			if err := w.WritePart(t.Context(), 1, 0, block([]byte("data"))); err != nil {
				t.Fatal(err)
			}
			if got := server.OpenUploads(t, opts.Bucket, ""); len(got) != 1 {
				t.Errorf("uploads before: %q", got)
			}
			for range 2 {
				if err := w.Abort(t.Context()); err != nil {
					t.Error(err)
				}
			}
			if got := server.OpenUploads(t, opts.Bucket, ""); len(got) != 0 {
				t.Errorf("uploads %q are left", got)
			}
		})
	}
}
