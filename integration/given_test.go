package integration_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"s3sync"
	"s3sync/internal/s3server"
	"s3sync/storage"
)

// A program can provide the credentials and the transport: in every direction, with
// objects in parts, in runs that outlast the credentials.
func TestCredentialsAndTransportOfAProgram(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, srv *s3server.Server) {
		source, target := newBucket(t, srv), newBucket(t, srv)
		root := t.TempDir()
		source.put(t, "small", []byte("data"))
		source.putParts(t, "large", random(1, 5<<20), random(2, 1<<20))
		var asked, sent atomic.Int64
		given := func(b bucket) s3sync.Endpoint {
			e := b.at("")
			keys := s3sync.Credentials{AccessKey: e.AccessKey, SecretKey: e.SecretKey}
			e.AccessKey, e.SecretKey = "", ""
			e.Credentials = func(context.Context) (s3sync.Credentials, error) {
				asked.Add(1)
				keys.Expires = time.Now().Add(time.Second) // so soon that each request needs new ones
				return keys, nil
			}
			own := &http.Transport{}
			t.Cleanup(own.CloseIdleConnections)
			e.Transport = countingTransport{own, &sent}
			return e
		}
		for name, cfg := range map[string]*s3sync.Config{
			"down":   config(given(source), local(root)),
			"across": config(given(source), given(target)),
			"copy":   config(given(source), given(newBucket(t, srv))),
		} {
			asked.Store(0)
			sent.Store(0)
			// Requests that need new credentials at the same time share one answer of
			// the function.
			cfg.Transfer.Workers, cfg.Transfer.ParallelParts = 1, 1
			cfg.ServerSideCopy = name == "copy"
			run(t, cfg).succeeded(t, 2)
			if sent.Load() < 4 || asked.Load() < sent.Load() {
				t.Errorf("%s: %d requests, credentials were asked for %d times", name, sent.Load(), asked.Load())
			}
		}
		up := config(local(root), given(newBucket(t, srv)))
		up.Transfer.Threshold, up.Transfer.ChunkSize = 5<<20, 5<<20
		run(t, up).succeeded(t, 2)
	})
}

// What a program provides may fail: the server may reject its keys, its function may
// return none, its transport may fail for a while.
func TestCredentialsAndTransportFail(t *testing.T) {
	t.Parallel()
	srv := s3server.Shared(t, s3server.VersityGW)
	source := newBucket(t, srv)
	source.put(t, "key", []byte("data"))
	for name, tt := range map[string]struct {
		keys s3sync.Credentials
		err  error
		want string
	}{
		"refused": {keys: s3sync.Credentials{AccessKey: "nobody", SecretKey: "hunter2hunter2"}, want: "check the access key"},
		"none":    {err: errors.New("the vault is closed"), want: "no usable credentials: the vault is closed"},
	} {
		t.Run(name, func(t *testing.T) {
			e := source.at("")
			e.AccessKey, e.SecretKey = "", ""
			e.Credentials = func(context.Context) (s3sync.Credentials, error) { return tt.keys, tt.err }
			o := run(t, config(e, local(t.TempDir())))
			if !errors.Is(o.err, storage.ErrCredentials) || !strings.Contains(o.err.Error(), tt.want) || strings.Contains(o.err.Error()+o.log, "hunter2") {
				t.Errorf("got %v, want %q\n%s", o.err, tt.want, o.log)
			}
		})
	}
	t.Run("transport", func(t *testing.T) {
		own := &http.Transport{}
		t.Cleanup(own.CloseIdleConnections)
		var sent atomic.Int64
		e := source.at("")
		e.Transport = roundTripper(func(req *http.Request) (*http.Response, error) {
			if sent.Add(1)%3 == 1 {
				return nil, errors.New("out of order")
			}
			return own.RoundTrip(req)
		})
		run(t, config(e, local(t.TempDir()))).succeeded(t, 1)
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

type countingTransport struct {
	http.RoundTripper

	n *atomic.Int64
}

func (c countingTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	c.n.Add(1)
	return c.RoundTripper.RoundTrip(req)
}
